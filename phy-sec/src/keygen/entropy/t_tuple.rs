//! The most frequent pattern of each length that occurs at least 35 times. SP 800-90B, section 6.3.5.

use std::collections::HashMap;

use super::Sample;
use super::sp800_90b::upper;

/// The standard's cut-off.
const OFTEN: usize = 35;
/// Longer patterns that still repeat 35 times are long runs, which the shorter ones have given away.
const LONGEST: usize = 128;

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let n = sample.bits.len();
    let mut greatest = 0.0f64;
    for t in 1..=LONGEST.min(n) {
        let often = most_frequent(sample, t);
        if often < OFTEN {
            break;
        }
        greatest = greatest.max((often as f64 / (n - t + 1) as f64).powf(1.0 / t as f64));
    }
    if greatest == 0.0 {
        return (0.0, 0.0);
    }
    (-greatest.log2(), -upper(greatest, n).log2())
}

/// How often the most frequent pattern of `t` bits occurs, overlaps counted.
fn most_frequent(sample: &Sample<'_>, t: usize) -> usize {
    let mask = if t == 128 { u128::MAX } else { (1 << t) - 1 };
    let mut window = 0u128;
    let windows = sample.bits.iter().enumerate().filter_map(|(k, bit)| {
        window = (window << 1 | u128::from(bit)) & mask;
        (k + 1 >= t).then_some(window)
    });
    if t <= 16 {
        let mut counts = vec![0; 1 << t];
        windows.for_each(|window| counts[window as usize] += 1);
        return counts.into_iter().max().unwrap_or(0);
    }
    let mut counts = HashMap::new();
    let mut most = 0;
    for window in windows {
        let count = counts.entry(window).or_insert(0);
        *count += 1;
        most = most.max(*count);
    }
    most
}
