//! Does every pattern occur as often as every other? Section 2.11.

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
pub struct Serial {
    /// Bits of a pattern, 2 to 24; the sequence must be longer than `2^(length + 3)`.
    pub length: usize,
}

impl Default for Serial {
    fn default() -> Self {
        Self { length: 16 }
    }
}

impl Serial {
    pub(super) fn check(self) -> Result<()> {
        within_range("serial.length", self.length, 2..=24, "within 2..=24")
    }
}

/// Section 2.11.7: `length < ⌊log2 n⌋ - 2`.
pub(super) fn need(config: &Config) -> usize {
    8 << config.serial.length
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let m = config.serial.length;
    let n = sequence.len() as i128;
    // One count serves all three lengths. n ψ² in whole numbers: the squares are large and their differences small.
    let mut counts = ring_patterns(sequence, m as u32);
    let scaled = [m, m - 1, m - 2].map(|m| {
        if counts.len() > 1 << m {
            counts = shorten(&counts);
        }
        let squares: u64 = counts.iter().map(|&count| u64::from(count).pow(2)).sum();
        (i128::from(squares) << m) - n * n
    });
    let first = (scaled[0] - scaled[1]) as f64 / n as f64;
    let second = (scaled[0] - 2 * scaled[1] + scaled[2]) as f64 / n as f64;
    let size = 2f64.powi(m as i32);
    Ok(vec![
        Value::new("first difference", first, igamc(size / 4.0, first / 2.0)),
        Value::new("second difference", second, igamc(size / 8.0, second / 2.0)),
    ])
}
