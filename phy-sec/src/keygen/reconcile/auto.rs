//! The reconciler that says the least of those that ask few enough questions, by length and error rate.
//!
//! What each method says, how often it fails and how many questions it asks was measured on a grid (`figures.rs`, the table of
//! docs/results/reconcilers.md) and is interpolated in the logarithms of both; outside the grid its edge counts. A string that fails
//! is lost altogether, so that the expected cost is what is said, plus the string's length times the chance of failure.
//!
//! Both ends know the length and agreed on the error rate, so both choose alike.

mod figures;

use serde::{Deserialize, Serialize};

use super::{AliceSide, Ask, BobSide, Progress, Reconciler, binary_entropy};
use crate::Result;
use crate::bits::Bits;
use crate::keygen::{RawBits, ReconciledBits, within};
use figures::{CURVES, Curve, LENGTHS, RATES};

/// The choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auto {
    /// Most questions that may be expected, 1 to 1e6; where no method asks as few, the one that asks the fewest.
    pub questions: f64,
}

impl Default for Auto {
    fn default() -> Self {
        Self { questions: 100.0 }
    }
}

/// A choice, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The reconciler.
    pub reconcile: Reconciler,
    /// What is expected of it.
    #[serde(flatten)]
    pub expected: Expected,
}

/// What is expected of a method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Expected {
    /// Bits said about the string.
    pub leaked: f64,
    /// Probability that the string does not come out right.
    pub failure: f64,
    /// Questions.
    pub questions: f64,
    /// Bits that it costs altogether: what is said, and the whole string where it fails.
    pub cost: f64,
}

impl Auto {
    pub(super) fn check(&self) -> Result<()> {
        within("questions", self.questions, 1.0, 1e6, "within 1..=1000000")
    }

    /// As [`Self::choose`], checked, and in the words of configuration.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for `questions` or an error rate outside its range.
    pub fn expected(&self, bits: usize, error_rate: f64) -> Result<Choice> {
        self.check()?;
        within("error rate", error_rate, 0.0, 0.5, "within 0..=0.5")?;
        let (reconcile, expected) = self.choose(bits, error_rate);
        Ok(Choice { reconcile, expected })
    }

    /// The reconciler for strings of `bits` bits that differ at `error_rate`, and what is expected of it.
    #[must_use]
    pub fn choose(&self, bits: usize, error_rate: f64) -> (Reconciler, Expected) {
        let all = || CURVES.iter().map(|curve| (curve, curve.expected(bits, error_rate)));
        let few = all().filter(|(_, expected)| expected.questions <= self.questions);
        let least = few.min_by(|a, b| a.1.cost.total_cmp(&b.1.cost));
        let (curve, expected) = least
            .or_else(|| all().min_by(|a, b| a.1.questions.total_cmp(&b.1.questions)))
            .unwrap_or_else(|| (&CURVES[0], CURVES[0].expected(bits, error_rate)));
        ((curve.method)(), expected)
    }
}

impl Curve {
    /// Bilinear in the logarithms, between the four figures around.
    fn expected(&self, bits: usize, error_rate: f64) -> Expected {
        let (row, down) = place(&LENGTHS, bits as f64);
        let (column, right) = place(&RATES, error_rate);
        let value = |pick: fn(&[f64; 3]) -> f64| {
            let at = |row: usize, column: usize| pick(&self.figures[row][column]);
            let across = |row| (1.0 - right) * at(row, column) + right * at(row, column + 1);
            (1.0 - down) * across(row) + down * across(row + 1)
        };
        let n = bits as f64;
        let (efficiency, failure, questions) = (value(|f| f[0]), value(|f| f[1]), value(|f| f[2]));
        // A rate of 0 promises nothing.
        let leaked = efficiency * n * binary_entropy(error_rate.clamp(0.5 / n.max(1.0), 0.5));
        Expected { leaked, failure, questions, cost: leaked + failure * n }
    }
}

/// The grid's step that `value` lies in, and how far along.
fn place<const N: usize>(grid: &[f64; N], value: f64) -> (usize, f64) {
    let step = grid.partition_point(|&edge| edge <= value).clamp(1, N - 1) - 1;
    let (low, high) = (grid[step], grid[step + 1]);
    let share = (libm::log(value.max(1e-12)) - libm::log(low)) / (libm::log(high) - libm::log(low));
    (step, share.clamp(0.0, 1.0))
}

/// The end whose bits stay.
pub struct Alice(Box<AliceSide>);

impl Alice {
    pub(super) fn new(config: &Auto, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let (method, _) = config.choose(raw.len(), error_rate);
        method.alice(raw, error_rate, seed).map(|side| Self(Box::new(side)))
    }

    pub(super) fn answer(&mut self, ask: &Ask) -> Result<Bits> {
        self.0.answer(ask)
    }

    pub(super) fn leaked(&self) -> usize {
        self.0.leaked()
    }

    pub(super) fn finish(self) -> ReconciledBits {
        self.0.finish()
    }
}

/// The end that corrects its bits.
pub struct Bob(Box<BobSide>);

impl Bob {
    pub(super) fn new(config: &Auto, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let (method, _) = config.choose(raw.len(), error_rate);
        method.bob(raw, error_rate, seed).map(|side| Self(Box::new(side)))
    }

    pub(super) fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
        self.0.next(answer)
    }

    pub(super) fn leaked(&self) -> usize {
        self.0.leaked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the length, the rate and the patience: no fixed method that is patient enough costs less within the figures, and on
    /// the grid's points the figures are the measured ones.
    #[test]
    fn no_fixed_method_is_expected_to_cost_less() {
        for questions in [1.0, 3.0, 30.0, 100.0, 1e6] {
            let auto = Auto { questions };
            for bits in [64, 256, 700, 1024, 5000, 16_384, 40_000, 65_536, 1 << 20] {
                for rate in [0.001, 0.01, 0.013, 0.03, 0.05, 0.08, 0.11, 0.15, 0.3] {
                    let (method, chosen) = auto.choose(bits, rate);
                    assert!(method.check().is_ok());
                    for curve in CURVES {
                        let fixed = curve.expected(bits, rate);
                        let fits = fixed.questions <= questions;
                        assert!(
                            !fits || chosen.questions <= questions && chosen.cost <= fixed.cost,
                            "{bits} {rate}"
                        );
                        assert!(fits || chosen.questions <= questions || chosen.questions <= fixed.questions);
                    }
                }
            }
        }
        for curve in CURVES {
            for (row, &bits) in LENGTHS.iter().enumerate() {
                for (column, &rate) in RATES.iter().enumerate() {
                    let [efficiency, failure, questions] = curve.figures[row][column];
                    let got = curve.expected(bits as usize, rate);
                    assert!((got.leaked / (efficiency * bits * binary_entropy(rate)) - 1.0).abs() < 1e-9);
                    assert!(
                        (got.failure - failure).abs() < 1e-9
                            && (got.questions / questions - 1.0).abs() < 1e-9
                    );
                }
            }
        }
    }

    /// One question leaves codes that need no second; patience leaves the method that says the least.
    #[test]
    fn patience_decides() {
        let name = |questions, bits, rate| {
            serde_json::to_value(Auto { questions }.choose(bits, rate).0).unwrap()["method"].clone()
        };
        assert_eq!(name(1.0, 1000, 0.02), "bch");
        assert_eq!(name(10.0, 1 << 20, 0.05), "ldpc");
        assert_eq!(name(1e6, 10_000, 0.05), "cascade");
    }
}
