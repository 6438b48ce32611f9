//! The fifteen tests of NIST SP 800-22 Rev. 1a: is there something to see in these bits?
//!
//! Passing them is a diagnostic and never a proof of entropy: every bit of a good generator's output passes and is known
//! to whoever knows its seed. What a key may be made of is the [ledger](super::Ledger)'s business, which asks none of these.
//!
//! ```
//! use phy_sec::{bits::Bits, keygen::randomness::{self, Config, Outcome, Test}};
//!
//! let alternating: Bits = (0..1000).map(|k| k % 2 == 0).collect();
//! let config = Config::default();
//! let Outcome::Values(values) = randomness::test(Test::Runs, &alternating, &config)? else { unreachable!() };
//! assert!(values[0].p_value < 1e-9);
//! // A test that does not apply to so few bits says so.
//! let outcome = randomness::test(Test::Universal, &alternating, &config)?;
//! assert_eq!(outcome.to_string(), "not applicable: needs 387840 bits, got 1000");
//!
//! println!("{}", randomness::report(&alternating, 1, &config)?.verdict);
//! # Ok::<(), phy_sec::Error>(())
//! ```
//!
//! A test is a file with `need` and `measure`, its `mod` line, and its row in the table.
//!
//! Source: Rukhin et al., A Statistical Test Suite for Random and Pseudorandom Number Generators for Cryptographic
//! Applications, NIST Special Publication 800-22 Revision 1a, 2010. Sections that files name are sections of it.

mod approximate_entropy;
mod block_frequency;
mod cumulative_sums;
mod dft;
mod format;
mod linear_complexity;
mod longest_run;
mod monobit;
mod non_overlapping;
mod overlapping;
mod random_excursions;
mod random_excursions_variant;
mod rank;
mod report;
mod runs;
mod sequence;
mod serial;
mod special;
mod universal;
mod walk;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    ops::{Range, RangeInclusive},
};

use serde::{Deserialize, Serialize};

pub use approximate_entropy::ApproximateEntropy;
pub use block_frequency::BlockFrequency;
pub use format::{Format, parse};
pub use linear_complexity::LinearComplexity;
pub use non_overlapping::NonOverlapping;
pub use overlapping::Overlapping;
pub use report::{CAVEAT, Report, Row, TestReport, report};
pub use serial::Serial;
pub use universal::Universal;

use super::within;
use crate::bits::Bits;
use crate::{Error, Result};
use sequence::{Plan, Sequence};

/// Bits of the longest sequence that is taken: the spectrum of more takes more than 2 GiB of memory.
pub const MAX_BITS: usize = 1 << 28;

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $test:ident $module:ident,)*) => {
        /// A test, in the standard's order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Test {
            $($(#[$doc])* #[serde(rename = $name)] $test,)*
        }

        impl Test {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$test),*];

            /// Its name in configuration and reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$test => $name,)* }
            }

            /// Bits of the shortest sequence that it applies to.
            #[must_use]
            pub fn need(self, config: &Config) -> usize {
                match self { $(Self::$test => $module::need(config),)* }
            }

            fn measure(self, sequence: &Sequence<'_>, config: &Config) -> Measured {
                match self { $(Self::$test => $module::measure(sequence, config),)* }
            }
        }
    };
}

table! {
    /// As many ones as zeros.
    "monobit" Monobit monobit,
    /// As many ones as zeros in each block.
    "block_frequency" BlockFrequency block_frequency,
    /// How often the bit changes.
    "runs" Runs runs,
    /// The longest run of ones in each block.
    "longest_run" LongestRun longest_run,
    /// Linear dependence, in matrices of 32 by 32.
    "rank" Rank rank,
    /// Lines in the spectrum.
    "dft" Dft dft,
    /// Every word that cannot overlap itself.
    "non_overlapping" NonOverlapping non_overlapping,
    /// Runs of ones that may overlap.
    "overlapping" Overlapping overlapping,
    /// Maurer's: the distance between equal blocks.
    "universal" Universal universal,
    /// The shortest shift register that makes each block.
    "linear_complexity" LinearComplexity linear_complexity,
    /// Every pattern as often as every other.
    "serial" Serial serial,
    /// What a pattern tells about the next bit.
    "approximate_entropy" ApproximateEntropy approximate_entropy,
    /// How far the random walk strays.
    "cumulative_sums" CumulativeSums cumulative_sums,
    /// How often each cycle of the walk visits the places around its start.
    "random_excursions" RandomExcursions random_excursions,
    /// How often the whole walk visits them.
    "random_excursions_variant" RandomExcursionsVariant random_excursions_variant,
}

/// Which tests, and their parameters. What is left out is the standard's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Level of significance: a sequence of truly random bits fails each test with this probability.
    pub alpha: f64,
    /// Which tests.
    pub tests: Vec<Test>,
    /// Take exact class probabilities where the standard rounds them or takes a limit (`longest_run`, `overlapping`,
    /// `linear_complexity`). Its figures come without; over thousands of sequences the rounding shows.
    pub exact: bool,
    /// Use every thread of rayon's pool. The answer is the same.
    pub parallel: bool,
    /// Of `block_frequency`.
    pub block_frequency: BlockFrequency,
    /// Of `non_overlapping`.
    pub non_overlapping: NonOverlapping,
    /// Of `overlapping`.
    pub overlapping: Overlapping,
    /// Of `universal`.
    pub universal: Universal,
    /// Of `linear_complexity`.
    pub linear_complexity: LinearComplexity,
    /// Of `serial`.
    pub serial: Serial,
    /// Of `approximate_entropy`.
    pub approximate_entropy: ApproximateEntropy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            tests: Test::ALL.to_vec(),
            exact: false,
            parallel: false,
            block_frequency: Default::default(),
            non_overlapping: Default::default(),
            overlapping: Default::default(),
            universal: Default::default(),
            linear_complexity: Default::default(),
            serial: Default::default(),
            approximate_entropy: Default::default(),
        }
    }
}

impl Config {
    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        within("alpha", self.alpha, 1e-6, 0.1, "within 1e-6..=0.1")?;
        self.block_frequency.check()?;
        self.non_overlapping.check()?;
        self.overlapping.check()?;
        self.universal.check()?;
        self.linear_complexity.check()?;
        self.serial.check()?;
        self.approximate_entropy.check()
    }
}

/// One statistic and what is to be made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Which one, where a test has several: the template, the direction, the state. Empty where it has one.
    pub label: String,
    /// The quantity that the standard computes on the way: a chi-squared, a count, a normalised difference.
    pub statistic: f64,
    /// Probability that truly random bits give a statistic at least as extreme.
    pub p_value: f64,
}

impl Value {
    fn new(label: impl Into<String>, statistic: f64, p_value: f64) -> Self {
        Self { label: label.into(), statistic, p_value }
    }

    fn only(statistic: f64, p_value: f64) -> Self {
        Self::new("", statistic, p_value)
    }
}

/// Why a test says nothing about a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NotApplicable {
    /// The least that it takes.
    pub need: usize,
    /// Of what: bits, or cycles of the random walk.
    pub unit: &'static str,
    /// How many there are.
    pub got: usize,
}

impl fmt::Display for NotApplicable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not applicable: needs {} {}, got {}", self.need, self.unit, self.got)
    }
}

/// What a test makes of a sequence.
type Measured = std::result::Result<Vec<Value>, NotApplicable>;

/// What a test says of a sequence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All its p-values: 148 of `non_overlapping`, 18 of `random_excursions_variant`, 8 of `random_excursions`, 2 of
    /// `serial` and of `cumulative_sums`, one of each other test.
    Values(Vec<Value>),
    /// The sequence is too short for it, or its walk returns too seldom. No p-value.
    NotApplicable(NotApplicable),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotApplicable(why) => why.fmt(f),
            Self::Values(values) => {
                for (index, Value { label, statistic, p_value }) in values.iter().enumerate() {
                    let (line, gap) =
                        (if index > 0 { "\n" } else { "" }, if label.is_empty() { "" } else { " " });
                    write!(f, "{line}{label}{gap}statistic {statistic:.6} p {p_value:.6}")?;
                }
                Ok(())
            }
        }
    }
}

/// Runs one test on one sequence.
///
/// # Errors
/// [`Error::OutOfRange`] for a parameter, and for more than [`MAX_BITS`] bits. Too few bits are an outcome.
pub fn test(test: Test, bits: &Bits, config: &Config) -> Result<Outcome> {
    config.check()?;
    let plan = Plan::default();
    let sequence = checked(bits, &plan)?;
    Ok(match outcome(test, &sequence, config) {
        Ok(values) => Outcome::Values(values),
        Err(why) => Outcome::NotApplicable(why),
    })
}

fn checked<'a>(bits: &'a Bits, plan: &'a Plan) -> Result<Sequence<'a>> {
    if bits.len() > MAX_BITS {
        let got = bits.len().to_string();
        return Err(Error::OutOfRange { field: "bits of a sequence", rule: "at most 2^28", got });
    }
    Ok(Sequence::new(bits, plan))
}

/// Nothing is computed, and nothing allocated, before the length is known to suffice.
fn outcome(test: Test, sequence: &Sequence<'_>, config: &Config) -> Measured {
    let (need, got) = (test.need(config), sequence.len());
    if got < need {
        return Err(NotApplicable { need, unit: "bits", got });
    }
    test.measure(sequence, config)
}

/// The whole blocks of `size` bits in `n`; what is left over at the end is not looked at.
fn blocks(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n / size).map(move |index| index * size..(index + 1) * size)
}

/// Pearson's statistic of counted classes.
fn chi_squared(counts: &[u32], probabilities: &[f64]) -> f64 {
    let all = f64::from(counts.iter().sum::<u32>());
    let term = |(&count, &p): (&u32, &f64)| (f64::from(count) - all * p).powi(2) / (all * p);
    counts.iter().zip(probabilities).map(term).sum()
}

fn within_range(
    field: &'static str,
    value: usize,
    range: RangeInclusive<usize>,
    rule: &'static str,
) -> Result<()> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(Error::OutOfRange { field, rule, got: value.to_string() })
    }
}
