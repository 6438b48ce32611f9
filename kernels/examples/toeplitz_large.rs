//! Hashes a key of the largest sizes that privacy amplification meets, and checks rows of the hash against the definition.
//!
//! `cargo run --release -p phy-sec-kernels --example toeplitz_large -- 27` for 2^27 bits to half as many.

use std::time::Instant;

use kernels::{Backend, toeplitz::Toeplitz};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exponent: u32 = std::env::args().nth(1).map_or(Ok(27), |text| text.parse())?;
    if !(8..=32).contains(&exponent) {
        return Err("the exponent must be within 8..=32".into());
    }
    let (n_in, n_out) = (1usize << exponent, 1usize << (exponent - 1));
    let mut state = 1u64;
    let mut word = || {
        // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let key: Vec<u64> = (0..n_in / 64).map(|_| word()).collect();
    let seed: Vec<u64> = (0..(n_in + n_out - 1).div_ceil(64)).map(|_| word()).collect();

    let begin = Instant::now();
    let hash = Toeplitz::new(&seed, n_in, n_out, Backend::default())?;
    let prepared = begin.elapsed();
    let mut out = vec![0; n_out / 64];
    let begin = Instant::now();
    hash.hash(&key, &mut out)?;
    let hashed = begin.elapsed();

    let bit = |words: &[u64], index: usize| words[index / 64] >> (index % 64) & 1;
    let rows = 50;
    for _ in 0..rows {
        let row = (word() % n_out as u64) as usize;
        let want = (0..n_in).fold(0, |sum, j| sum ^ (bit(&seed, row + n_in - 1 - j) & bit(&key, j)));
        assert_eq!(bit(&out, row), want, "row {row}");
    }
    let rate = |time: std::time::Duration| n_in as f64 / 1e6 / time.as_secs_f64();
    println!(
        "2^{exponent} -> 2^{} bits: {rows} rows as defined; {:.0} Mbit/s with the seed's own transform, {:.0} for a further key",
        exponent - 1,
        rate(prepared + hashed),
        rate(hashed)
    );
    Ok(())
}
