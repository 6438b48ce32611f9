//! Bits until one repeats: see [`sp800_90b::collision`](super::sp800_90b), whose arithmetic this is.

use super::Sample;
use super::sp800_90b::collision::{lower, probability, times};

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let bits = sample.bits;
    let (count, threes) = times(bits.len(), |at| bits.get(at) != bits.get(at + 1));
    if count < 2 {
        return (0.0, 0.0);
    }
    let entropy = |share: f64| -probability(share).log2();
    (entropy(threes as f64 / count as f64), entropy(lower(threes, count).0))
}
