//! Reed-Solomon codes: as BCH codes, but of symbols, for errors that come in clumps.
//!
//! A symbol is `m` bits of the string that follow each other; it does not matter how many of them are wrong. For bits whose
//! errors are independent this is the dearest method of all.

use serde::{Deserialize, Serialize};

use super::algebraic::{self, needed, plan, side};
use crate::Result;
use crate::keygen::{RawBits, within};

/// Reed-Solomon codes of length `2^m - 1` over `m`-bit symbols.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReedSolomon {
    /// Bits of a symbol, 3 to 12.
    pub m: u32,
    /// Wrong symbols of a frame that are corrected; by default as many as `failure` asks for where errors are independent.
    pub errors: Option<u32>,
    /// Probability that a frame of the string has more wrong symbols than are corrected, 1e-12 to 0.5.
    pub failure: f64,
}

impl Default for ReedSolomon {
    fn default() -> Self {
        Self { m: 8, errors: None, failure: 1e-3 }
    }
}

impl ReedSolomon {
    pub(super) fn check(&self) -> Result<()> {
        within("m", f64::from(self.m), 3.0, 12.0, "within 3..=12")?;
        algebraic::check(self.m, self.errors, self.failure)
    }

    fn plan(
        &self,
        raw: &RawBits,
        error_rate: f64,
        seed: [u8; 32],
    ) -> Result<algebraic::Plan<algebraic::ReedSolomon>> {
        self.check()?;
        plan(raw.len(), seed, (1 << self.m) - 1, self.m, |payload, count| {
            let rate = 1.0 - libm::exp(f64::from(self.m) * libm::log1p(-error_rate.min(0.5)));
            let due = || needed(payload, rate, self.failure / count as f64);
            let errors = self.errors.map_or_else(due, |errors| errors as usize);
            algebraic::ReedSolomon::new(self.m, errors.clamp(1, (1 << (self.m - 1)) - 1))
        })
    }
}

/// The end whose bits stay.
pub type Alice = side::Alice<algebraic::ReedSolomon>;
/// The end that corrects its bits.
pub type Bob = side::Bob<algebraic::ReedSolomon>;

impl Alice {
    pub(super) fn new(config: &ReedSolomon, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = config.plan(&raw, error_rate, seed)?;
        Ok(Self::with(raw, plan))
    }
}

impl Bob {
    pub(super) fn new(config: &ReedSolomon, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = config.plan(&raw, error_rate, seed)?;
        Ok(Self::with(raw, plan))
    }
}
