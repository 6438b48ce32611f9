//! Wald's sequential test: frame after frame until the evidence is enough for one side.

use num_complex::Complex32;
use serde::Serialize;

use super::{Difference, out};
use crate::Result;

/// Where a sequential test stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not enough yet.
    Open,
    /// The frames are the reference's sender's.
    Same,
    /// They are another one's.
    Other,
}

/// Log-likelihood ratio of *another sender* over *the same*, summed over pairs of frames, between two bounds.
///
/// Every pair must be a new pair of estimates: a reference that is used again makes the sums dependent.
///
/// Source: Wald, Ann. Math. Stat. 16(2), 1945.
#[derive(Debug, Clone)]
pub struct Sequential {
    test: Difference,
    /// Bounds of the sum: below the first the same, above the second another.
    bounds: (f64, f64),
    sum: f64,
    frames: u64,
    outcome: Outcome,
}

impl Sequential {
    /// - `test`: the powers; its `pfa` is the probability of calling the same sender another one
    /// - `miss`: probability of calling another one the same, above 0 and below 1
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`].
    pub fn new(test: Difference, miss: f64) -> Result<Self> {
        test.check()?;
        if !(miss > 0.0 && miss + test.pfa < 1.0) {
            return Err(out("miss", "above 0, and below 1 together with pfa", miss));
        }
        let bounds = ((miss / (1.0 - test.pfa)).ln(), ((1.0 - miss) / test.pfa).ln());
        Ok(Self { test, bounds, sum: 0.0, frames: 0, outcome: Outcome::Open })
    }

    /// The next pair of estimates. Once decided, it stays so until [`Sequential::reset`].
    ///
    /// # Errors
    /// Those of [`Difference::test`], and then nothing is taken.
    pub fn push(&mut self, a: &[Complex32], b: &[Complex32]) -> Result<Outcome> {
        let statistic = self.test.statistic(a, b)?;
        if self.outcome == Outcome::Open {
            let (same, other) = self.test.scales();
            let shape = a.len() as f64 - if self.test.free_phase { 0.5 } else { 0.0 };
            self.sum += shape * (same / other).ln() + statistic * (1.0 / same - 1.0 / other);
            self.frames += 1;
            self.outcome = match self.sum {
                sum if sum <= self.bounds.0 => Outcome::Same,
                sum if sum >= self.bounds.1 => Outcome::Other,
                _ => Outcome::Open,
            };
        }
        Ok(self.outcome)
    }

    /// Pairs that were counted.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The sum and its bounds.
    #[must_use]
    pub fn evidence(&self) -> (f64, (f64, f64)) {
        (self.sum, self.bounds)
    }

    /// Starts afresh.
    pub fn reset(&mut self) {
        (self.sum, self.frames, self.outcome) = (0.0, 0, Outcome::Open);
    }
}
