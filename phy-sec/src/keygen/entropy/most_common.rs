//! The share of the more frequent bit. SP 800-90B, section 6.3.1.

use super::Sample;
use super::sp800_90b::upper;

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let n = sample.bits.len();
    if n < 2 {
        return (0.0, 0.0);
    }
    let ones = sample.bits.count_ones();
    let p = ones.max(n - ones) as f64 / n as f64;
    (-p.log2(), -upper(p, n).log2())
}
