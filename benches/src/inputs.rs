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

/// 802.11n's matrix of n = 1944 and rate 1/2: shifts of 81 x 81 circulants, -1 where there is none
/// (IEEE 802.11-2012, table F-1; `wifi1944_r12_base.i32`).
#[rustfmt::skip]
pub const WIFI_1944: [[i32; 24]; 12] = {
    const O: i32 = -1;
    [
        [57, O, O, O, 50, O, 11, O, 50, O, 79, O, 1, 0, O, O, O, O, O, O, O, O, O, O],
        [3, O, 28, O, 0, O, O, O, 55, 7, O, O, O, 0, 0, O, O, O, O, O, O, O, O, O],
        [30, O, O, O, 24, 37, O, O, 56, 14, O, O, O, O, 0, 0, O, O, O, O, O, O, O, O],
        [62, 53, O, O, 53, O, O, 3, 35, O, O, O, O, O, O, 0, 0, O, O, O, O, O, O, O],
        [40, O, O, 20, 66, O, O, 22, 28, O, O, O, O, O, O, O, 0, 0, O, O, O, O, O, O],
        [0, O, O, O, 8, O, 42, O, 50, O, O, 8, O, O, O, O, O, 0, 0, O, O, O, O, O],
        [69, 79, 79, O, O, O, 56, O, 52, O, O, O, 0, O, O, O, O, O, 0, 0, O, O, O, O],
        [65, O, O, O, 38, 57, O, O, 72, O, 27, O, O, O, O, O, O, O, O, 0, 0, O, O, O],
        [64, O, O, O, 14, 52, O, O, 30, O, O, 32, O, O, O, O, O, O, O, O, 0, 0, O, O],
        [O, 45, O, 70, 0, O, O, O, 77, 9, O, O, O, O, O, O, O, O, O, O, O, 0, 0, O],
        [2, 56, O, 57, 35, O, O, O, O, O, 12, O, O, O, O, O, O, O, O, O, O, O, 0, 0],
        [24, O, 61, O, 60, O, O, 27, 51, O, O, 16, 1, O, O, O, O, O, O, O, O, O, O, 0],
    ]
};

/// 2048 random codewords of [`WIFI_1944`], `[frame, bit]` (`ldpc_cw.u8`).
pub fn wifi_codewords() -> Vec<u8> {
    const Z: usize = 81;
    let mut words = Vec::with_capacity(2048 * 24 * Z);
    for frame in 0..2048u64 {
        let mut x: Vec<u8> = (0..972).map(|k| (word(50, frame * 972 + k) & 1) as u8).collect();
        x.resize(24 * Z, 0);
        // Block `column`, turned by `shift`, at check `lane` of its row.
        let at =
            |x: &[u8], column: usize, shift: i32, lane: usize| x[column * Z + (lane + shift as usize) % Z];
        let sums: Vec<u8> = (0..12 * Z)
            .map(|check| {
                let (row, lane) = (&WIFI_1944[check / Z][..12], check % Z);
                let terms = row.iter().enumerate().filter(|(_, shift)| **shift >= 0);
                terms.fold(0, |sum, (column, shift)| sum ^ at(&x, column, *shift, lane))
            })
            .collect();
        // All rows together leave the first parity block; then the double diagonal is solved downwards.
        for lane in 0..Z {
            x[12 * Z + lane] = (0..12).fold(0, |sum, row| sum ^ sums[row * Z + lane]);
        }
        for row in 0..11 {
            for lane in 0..Z {
                let mut next = sums[row * Z + lane];
                if row > 0 {
                    next ^= x[(12 + row) * Z + lane];
                }
                if WIFI_1944[row][12] >= 0 {
                    next ^= at(&x, 12, WIFI_1944[row][12], lane);
                }
                x[(13 + row) * Z + lane] = next;
            }
        }
        words.extend(x);
    }
    words
}

/// Log-likelihood ratios of [`wifi_codewords`] at Eb/N0 = 2 dB, times 4, as bytes (`ldpc_llr.i8`).
pub fn wifi_llr(codewords: &[u8]) -> Vec<i8> {
    if let Some(bytes) = read("ldpc_llr.i8", codewords.len()) {
        return bytes.into_iter().map(|byte| byte as i8).collect();
    }
    let sigma = (1.0 / 10f64.powf(0.2)).sqrt();
    let llr = |(k, bit): (usize, &u8)| {
        let y = 1.0 - 2.0 * f64::from(*bit) + sigma * gauss(51, k as u64);
        (f64::from((2.0 * y / sigma.powi(2)) as f32) * 4.0).round_ties_even().clamp(-127.0, 127.0) as i8
    };
    codewords.iter().enumerate().map(llr).collect()
}

/// 1024 frames of 1944 random bits (`rec_alice.u8`), and a copy with bit errors of the given rate (`rec_bob_q*.u8`).
pub fn wifi_reconcile(rate: f64) -> (Vec<u8>, Vec<u8>) {
    let alice: Vec<u8> = (0..1024 * 1944).map(|k| (word(52, k) & 1) as u8).collect();
    let wrong = |k: usize| u8::from(((word(53, k as u64) >> 11) as f64 * 2f64.powi(-53)) < rate);
    let bob = alice.iter().enumerate().map(|(k, bit)| bit ^ wrong(k)).collect();
    (alice, bob)
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
