//! The share of the more frequent bit. SP 800-90B, section 6.3.1.

use super::{Sample, Z};

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let n = sample.bits.len();
    if n < 2 {
        return (0.0, 0.0);
    }
    let ones = sample.bits.count_ones();
    let p = ones.max(n - ones) as f64 / n as f64;
    let above = (p + Z * (p * (1.0 - p) / (n - 1) as f64).sqrt()).min(1.0);
    (-p.log2(), -above.log2())
}
