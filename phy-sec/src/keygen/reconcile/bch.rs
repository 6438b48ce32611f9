//! BCH codes: Alice says the syndrome of each frame, and Bob corrects as many errors as the code was chosen for.
//!
//! One message each way, a decoder without chance, and a failure whose probability is a binomial law's. The price: two to three
//! times the Shannon limit. For short strings and low error rates, as in fuzzy commitment of fingerprints and PUFs.

use serde::{Deserialize, Serialize};

use super::algebraic::{self, needed, plan, side};
use crate::Result;
use crate::keygen::{RawBits, within};

/// BCH codes of length `2^m - 1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bch {
    /// Sets the most bits of a frame, `2^m - 1`: 4 to 13.
    pub m: u32,
    /// Errors of a frame that are corrected; by default as many as `failure` asks for.
    pub errors: Option<u32>,
    /// Probability that a frame of the string has more errors than are corrected, 1e-12 to 0.5.
    pub failure: f64,
}

impl Default for Bch {
    fn default() -> Self {
        Self { m: 10, errors: None, failure: 1e-3 }
    }
}

impl Bch {
    pub(super) fn check(&self) -> Result<()> {
        within("m", f64::from(self.m), 4.0, 13.0, "within 4..=13")?;
        algebraic::check(self.m, self.errors, self.failure)
    }

    fn plan(
        &self,
        raw: &RawBits,
        error_rate: f64,
        seed: [u8; 32],
    ) -> Result<algebraic::Plan<algebraic::Bch>> {
        self.check()?;
        plan(raw.len(), seed, (1 << self.m) - 1, 1, |payload, count| {
            let due = || needed(payload, error_rate, self.failure / count as f64);
            // More than the code can leave nothing to tell: then as many as it can, and the rest is a failure that is seen.
            // A short string is worth a short code.
            let m = (usize::BITS - payload.leading_zeros()).clamp(4, self.m);
            algebraic::Bch::up_to(m, self.errors.map_or_else(due, |errors| errors as usize))
        })
    }
}

/// The end whose bits stay.
pub type Alice = side::Alice<algebraic::Bch>;
/// The end that corrects its bits.
pub type Bob = side::Bob<algebraic::Bch>;

impl Alice {
    pub(super) fn new(config: &Bch, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = config.plan(&raw, error_rate, seed)?;
        Ok(Self::with(raw, plan))
    }
}

impl Bob {
    pub(super) fn new(config: &Bch, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = config.plan(&raw, error_rate, seed)?;
        Ok(Self::with(raw, plan))
    }
}
