//! The peers harness's inputs: SplitMix64 in counter mode, so that any program can make the same bits.

use std::{env, fs, path::PathBuf};

use num_complex::{Complex32, Complex64};
use phy_sec::bits::Bits;

/// Where the harness keeps its files.
fn folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from);
    set("PEERS_INPUTS")
        .or_else(|| set("PEERS_HOME").map(|home| home.join("inputs")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/phy-sec-peers/inputs")))
}

/// The first `bytes` bytes of an input file; `None` where it is absent or shorter.
fn read(name: &str, bytes: usize) -> Option<Vec<u8>> {
    let mut file = fs::read(folder()?.join(name)).ok()?;
    file.truncate(bytes);
    (file.len() == bytes).then_some(file)
}

/// Bytes as values, whatever their alignment.
fn aligned<T: bytemuck::Pod>(bytes: &[u8]) -> Vec<T> {
    let mut values = vec![T::zeroed(); bytes.len() / size_of::<T>()];
    bytemuck::cast_slice_mut::<T, u8>(&mut values).copy_from_slice(bytes);
    values
}

/// Word `i` of stream `seed`.
pub fn word(seed: u64, i: u64) -> u64 {
    let z =
        seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Near-normal number `k` of stream `seed`, unit variance: eight 16-bit lanes of two words.
pub fn gauss(seed: u64, k: u64) -> f64 {
    let lanes = |w: u64| (w & 0xFFFF) + (w >> 16 & 0xFFFF) + (w >> 32 & 0xFFFF) + (w >> 48);
    let sum = lanes(word(seed, 2 * k)) + lanes(word(seed, 2 * k + 1));
    (sum as f64 - 262_140.0) * (1.0 / (8.0 * (65536.0f64.powi(2) - 1.0) / 12.0).sqrt())
}

/// Complex near-normal sample `n` of stream `seed`, unit power.
pub fn complex_gauss(seed: u64, n: u64) -> Complex64 {
    let root = 0.5f64.sqrt();
    Complex64::new(gauss(seed, 2 * n) * root, gauss(seed, 2 * n + 1) * root)
}

fn narrow(x: Complex64) -> Complex32 {
    Complex32::new(x.re as f32, x.im as f32)
}

fn complex(name: &str, count: usize, make: impl Fn(u64) -> Complex64) -> Vec<Complex32> {
    match read(name, 8 * count) {
        Some(bytes) => aligned(&bytes),
        None => (0..count as u64).map(|n| narrow(make(n))).collect(),
    }
}

fn words(name: &str, seed: u64, count: usize) -> Vec<u64> {
    match read(name, 8 * count) {
        Some(bytes) => aligned(&bytes),
        None => (0..count as u64).map(|i| word(seed, i)).collect(),
    }
}

/// The first `count` samples of unit-power noise, 2^24 at most (`x24.c64`).
pub fn noise(count: usize) -> Vec<Complex32> {
    complex("x24.c64", count, |n| complex_gauss(2, n))
}

/// 128 complex taps (`taps128.c64`).
pub fn taps() -> Vec<Complex32> {
    complex("taps128.c64", 128, |n| complex_gauss(3, n) / 128f64.sqrt())
}

/// The 1024 taps of a 64-channel prototype: a sinc under a Hann window that sums to 1 (`pfb_proto.f32`).
pub fn prototype() -> Vec<f32> {
    if let Some(bytes) = read("pfb_proto.f32", 4096) {
        return aligned(&bytes);
    }
    let taps: Vec<f64> = (0..1024)
        .map(|n| {
            let t = (f64::from(n) - 511.5) / 64.0 * std::f64::consts::PI;
            let window = 0.5 - 0.5 * (std::f64::consts::TAU * f64::from(n) / 1023.0).cos();
            t.sin() / t * window // never at t = 0
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| (tap / sum) as f32).collect()
}

/// The template of 1024 samples (`tmpl1024.c64`).
pub fn template() -> Vec<Complex32> {
    complex("tmpl1024.c64", 1024, |n| complex_gauss(4, n))
}

/// 2^22 samples of noise with half the template at ten places (`xcorr22.c64`).
pub fn planted() -> Vec<Complex32> {
    const COUNT: usize = 1 << 22;
    if let Some(bytes) = read("xcorr22.c64", 8 * COUNT) {
        return aligned(&bytes);
    }
    let (mut x, template) = (noise(COUNT), template());
    for place in planted_places() {
        for (x, t) in x[place..].iter_mut().zip(&template) {
            *x += t * 0.5;
        }
    }
    x
}

/// Where [`planted`] holds the template.
pub fn planted_places() -> Vec<usize> {
    (0..10).map(|i| (word(5, i) % ((1 << 22) - 1024)) as usize).collect()
}

/// 2^24 raw samples, little-endian `i16` pairs (`iq24.cs16`).
pub fn raw_cs16() -> Vec<u8> {
    raw("iq24.cs16", 4)
}

/// 2^24 raw samples, `u8` pairs (`iq24.cu8`).
pub fn raw_cu8() -> Vec<u8> {
    raw("iq24.cu8", 2)
}

fn raw(name: &str, width: usize) -> Vec<u8> {
    let bytes = width << 24;
    read(name, bytes)
        .unwrap_or_else(|| (0..bytes as u64 / 8).flat_map(|i| word(40, i).to_le_bytes()).collect())
}

/// `n` key bits, 2^20 at most, a multiple of 64 (`pa_key.u64`).
pub fn key(n: usize) -> Vec<u64> {
    words("pa_key.u64", 60, n / 64)
}

/// `n` seed bits, 3 · 2^19 at most, a multiple of 64 (`pa_seed.u64`).
pub fn seed(n: usize) -> Vec<u64> {
    words("pa_seed.u64", 61, n / 64)
}

/// The first `n` random bits, 10^7 at most (`sts_10x1M.u8`, a byte for each).
pub fn random_bits(n: usize) -> Bits {
    match read("sts_10x1M.u8", n) {
        Some(bytes) => bytes.into_iter().map(|byte| byte == 1).collect(),
        None => (0..n as u64).map(|i| word(70, i / 64) >> (i % 64) & 1 == 1).collect(),
    }
}

/// `count` keys of `n` bits, and the same with 5 % errors (`cas_alice.u8`, `cas_bob.u8`).
pub fn keys(n: usize, count: usize) -> (Vec<Bits>, Vec<Bits>) {
    let total = n * count;
    let wrong = |i| ((word(55, i) >> 11) as f64) * 2f64.powi(-53) < 0.05;
    let alice: Vec<u8> = read("cas_alice.u8", total)
        .unwrap_or_else(|| (0..total as u64).map(|i| (word(54, i) & 1) as u8).collect());
    let bob: Vec<u8> = read("cas_bob.u8", total)
        .unwrap_or_else(|| alice.iter().zip(0..).map(|(bit, i)| bit ^ u8::from(wrong(i))).collect());
    let frames =
        |bits: Vec<u8>| bits.chunks(n).map(|frame| frame.iter().map(|&bit| bit == 1).collect()).collect();
    (frames(alice), frames(bob))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the harness's `gen_inputs.py` gives for the same words.
    #[test]
    fn the_same_bits() {
        assert_eq!([word(60, 0), word(60, 1)], [0x91a6_4f2d_2e04_d295, 0x01d8_b0a1_48bf_c1f0]);
        assert_eq!([gauss(2, 1000), gauss(2, 1001)], [1.0171571940286515, -1.0389475462046898]);
        assert_eq!(narrow(complex_gauss(3, 5)), Complex32::new(0.17411424, 0.10019233));
    }
}
