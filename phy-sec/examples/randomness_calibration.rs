//! How often the SP 800-22 tests raise their hand at bits of a good generator: what a report's false alarms are worth.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example randomness_calibration -- 1000 1000000
//! ```
//!
//! Prints, over so many sequences of so many bits of ChaCha8, once with the standard's rounded class probabilities and once
//! with exact ones: for each test the share of its p-values below 0.01 and the least p-value of uniformity over its rows; for
//! reports of one sequence each, the share with anything conspicuous.

use phy_sec::bits::Bits;
use phy_sec::keygen::randomness::{Config, TestReport, report};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> phy_sec::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let mut argument = |default: usize| arguments.next().unwrap_or(default);
    // Whole words, so that a sequence is a piece of the list of words.
    let (sequences, words) = (argument(100), argument(1_000_000) / 64);
    let length = 64 * words;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let bits =
        Bits::from_words((0..sequences * words).map(|_| rng.next_u64()).collect(), sequences * length)?;
    for exact in [false, true] {
        let config = Config { exact, parallel: true, ..Config::default() };
        let whole = report(&bits, sequences, &config)?;
        println!("{sequences} sequences of {length} bits, exact = {exact}: {}", whole.verdict);
        println!(
            "| test | sequences | p-values | below 0.01 | least uniformity |\n| --- | --- | --- | --- | --- |"
        );
        for TestReport { test, applicable, rows, .. } in &whole.tests {
            let p: Vec<f64> = rows.iter().flat_map(|row| row.p_values.iter().copied()).collect();
            let low = p.iter().filter(|p| **p < 0.01).count() as f64 / p.len().max(1) as f64;
            let uniformity = rows.iter().filter_map(|row| row.uniformity).fold(1.0, f64::min);
            println!("| {} | {applicable} | {} | {low:.4} | {uniformity:.5} |", test.name(), p.len());
        }
        let mut alarms = 0;
        for one in bits.words().chunks_exact(words) {
            let one = Bits::from_words(one.to_vec(), length)?;
            alarms += usize::from(!report(&one, 1, &config)?.conspicuous.is_empty());
        }
        println!("reports of one sequence with anything conspicuous: {alarms} of {sequences}\n");
    }
    Ok(())
}
