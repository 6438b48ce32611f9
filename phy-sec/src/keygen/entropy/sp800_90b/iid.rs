//! Whether noise samples may be taken for independent and identically distributed: NIST SP 800-90B, section 5.
//!
//! Eleven statistics (nineteen with their lags) are ranked among those of 10,000 random orders of the same samples; two
//! chi-square tests and the length of the longest repeated substring look at what orders do not show. Passing them all lets
//! the standard take the most common value alone as the estimate. It is no proof of independence: it says that these tests
//! did not find any dependence.

mod chi_square;
mod longest_repeat;
mod permutation;
mod statistic;

use serde::Serialize;

use super::{Alphabet, Sequence, check, most_common};
use crate::{Error, Result};
pub use chi_square::ChiSquare;
pub use longest_repeat::LongestRepeat;
pub use permutation::Rank;

/// Below this probability under independence, a test has failed.
pub const SIGNIFICANCE: f64 = 0.001;

/// Binary samples are put together by eight, and the longest lag is 32 of those.
const LEAST: usize = 1000;

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Random orders to compare with; fewer than the standard's 10,000 find less.
    pub permutations: usize,
    /// Of the random orders.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { permutations: 10_000, seed: 1 }
    }
}

/// What the IID track says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How many samples.
    pub samples: usize,
    /// Width of a sample.
    pub bits_per_symbol: u32,
    /// Each statistic's place among random orders.
    pub permutation: Vec<Rank>,
    /// Whether neighbours are independent; `None` with too few samples for their alphabet. Where pairs are far fewer than
    /// pairs of values (10,000 samples of 8 bits), the standard's degrees of freedom are too few and independent samples fail.
    pub independence: Option<ChiSquare>,
    /// Whether each tenth of the samples has the same distribution; `None` likewise.
    pub goodness_of_fit: Option<ChiSquare>,
    /// The longest repeated substring.
    pub longest_repeat: LongestRepeat,
    /// Whether no test failed. A constant sequence does not pass.
    pub passes: bool,
    /// Bits per sample by the most common value alone: the lesser of that of the samples and that of their bits times the
    /// width. It counts only where `passes` holds.
    pub min_entropy: f64,
}

/// Runs all tests of section 5 on `samples`, values of `bits_per_symbol` bits, one a byte.
///
/// A statistic is done with as soon as its rank cannot fail any more, as in NIST's tool. The result depends on the seed and
/// not on the number of threads.
///
/// # Errors
/// [`Error::TooShort`] below 1,000 samples; [`Error::OutOfRange`] if `bits_per_symbol` is not within 1..=8, a sample does
/// not fit it, or there are more than 2^28 bits.
pub fn test(samples: &[u8], bits_per_symbol: u32, config: Config) -> Result<Report> {
    check(samples, bits_per_symbol)?;
    if samples.len() < LEAST {
        let got = samples.len();
        return Err(Error::TooShort { what: "IID tests", need: LEAST, unit: "samples", got });
    }
    let alphabet = Alphabet::of(samples);
    let sequence = Sequence::symbols(samples, &alphabet);
    let bits = Sequence::bits(samples, bits_per_symbol);
    let most_common = |sequence| most_common::estimate(sequence).min_entropy.unwrap_or(0.0);
    let constant = alphabet.size() < 2;
    let numbers: Vec<u8> = samples.iter().map(|&value| alphabet.number(value)).collect();
    let permutation = permutation::ranks(samples, &alphabet, config);
    let independence = if constant { None } else { chi_square::independence(&numbers, alphabet.size()) };
    let goodness_of_fit =
        if constant { None } else { chi_square::goodness_of_fit(&numbers, alphabet.size()) };
    let longest_repeat = longest_repeat::test(&sequence, &numbers);
    let passes = !constant
        && permutation.iter().all(|rank| rank.passes)
        && [&independence, &goodness_of_fit].into_iter().flatten().all(|test| test.passes)
        && longest_repeat.passes;
    let of_bits = if alphabet.size() > 2 { most_common(&bits) } else { f64::INFINITY };
    let min_entropy =
        if constant { 0.0 } else { most_common(&sequence).min(of_bits * f64::from(bits_per_symbol)) };
    Ok(Report {
        samples: samples.len(),
        bits_per_symbol,
        permutation,
        independence,
        goodness_of_fit,
        longest_repeat,
        passes,
        min_entropy,
    })
}

#[cfg(test)]
mod tests;
