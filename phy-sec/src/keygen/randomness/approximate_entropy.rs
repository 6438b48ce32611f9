//! Does a pattern tell the bit that follows it? Section 2.12.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::{
    Config, Measured, Value,
    sequence::{Sequence, ring_patterns, shorten},
    special::igamc,
    within_range,
};
use crate::Result;

/// The pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApproximateEntropy {
    /// Bits of a pattern, 1 to 20; the sequence must be longer than `2^(length + 6)`.
    pub length: usize,
}

impl Default for ApproximateEntropy {
    fn default() -> Self {
        Self { length: 10 }
    }
}

impl ApproximateEntropy {
    pub(super) fn check(self) -> Result<()> {
        within_range("approximate_entropy.length", self.length, 1..=20, "within 1..=20")
    }
}

/// Section 2.12.7: `length < ⌊log2 n⌋ - 5`.
pub(super) fn need(config: &Config) -> usize {
    64 << config.approximate_entropy.length
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let m = config.approximate_entropy.length;
    let n = sequence.len() as f64;
    let phi = |counts: &[u32]| -> f64 {
        let share = counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / n);
        share.map(|share| share * share.ln()).sum()
    };
    let longer = ring_patterns(sequence, m as u32 + 1);
    let entropy = phi(&shorten(&longer)) - phi(&longer);
    let statistic = (2.0 * n * (LN_2 - entropy)).max(0.0);
    Ok(vec![Value::only(statistic, igamc(2f64.powi(m as i32 - 1), statistic / 2.0))])
}
