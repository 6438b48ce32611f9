//! Are there as many ones as zeros in each block? Section 2.2.

use serde::{Deserialize, Serialize};

use super::{
    Config, MAX_BITS, Measured, Value, blocks,
    sequence::{Sequence, windows},
    special::igamc,
    within_range,
};
use crate::Result;

/// The block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockFrequency {
    /// Bits of a block, 20 to 2^28. The standard recommends more than a hundredth of the sequence; 128 is its tool's default.
    pub block: usize,
}

impl Default for BlockFrequency {
    fn default() -> Self {
        Self { block: 128 }
    }
}

impl BlockFrequency {
    pub(super) fn check(self) -> Result<()> {
        within_range("block_frequency.block", self.block, 20..=MAX_BITS, "within 20..=2^28")
    }
}

pub(super) fn need(config: &Config) -> usize {
    config.block_frequency.block.max(100)
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let m = config.block_frequency.block;
    // In whole numbers, because a sum of thousands of squares of halves is exact in them.
    let sum: u128 = blocks(sequence.len(), m)
        .map(|block| {
            let ones: u64 =
                windows(sequence.words(), block).map(|(word, _)| u64::from(word.count_ones())).sum();
            u128::from((2 * ones).abs_diff(m as u64)).pow(2)
        })
        .sum();
    let chi_squared = sum as f64 / m as f64;
    let count = (sequence.len() / m) as f64;
    Ok(vec![Value::only(chi_squared, igamc(count / 2.0, chi_squared / 2.0))])
}
