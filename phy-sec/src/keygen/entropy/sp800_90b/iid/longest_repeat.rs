//! Whether the longest repeated substring is longer than chance allows. SP 800-90B, section 5.2.5.

use serde::Serialize;

use super::super::Sequence;
use super::SIGNIFICANCE;

/// The longest repeated substring.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LongestRepeat {
    /// Its length in symbols.
    pub length: usize,
    /// Probability that two symbols are alike.
    pub collision: f64,
    /// Probability that independent samples repeat as much.
    pub p_value: f64,
    /// Whether that is at least 0.001.
    pub passes: bool,
}

pub(super) fn test(sequence: &Sequence, symbols: &[u8]) -> LongestRepeat {
    let mut counts = [0u32; 256];
    symbols.iter().for_each(|&symbol| counts[usize::from(symbol)] += 1);
    let n = symbols.len() as f64;
    let collision: f64 = counts.iter().map(|&count| (f64::from(count) / n).powi(2)).sum();
    let length = sequence.profile().longest();
    let places = n - length as f64 + 1.0;
    let pairs = places * (places - 1.0) / 2.0;
    // 1 - (1 - p)^pairs, without losing a small p.
    let p_value = -(pairs * (-collision.powf(length as f64)).ln_1p()).exp_m1();
    LongestRepeat { length, collision, p_value, passes: p_value >= SIGNIFICANCE }
}
