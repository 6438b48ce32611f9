//! Binary symmetric channels of which the receiver knows which one it was: exactly what comes of a binary symmetric channel after a
//! few steps of the transform, as long as there are few enough.
//!
//! Channels of nearly one error rate become one with their mean, which tells less than they did, never more (degrading: Tal
//! and Vardy, How to construct polar codes, IEEE Trans. Inf. Theory 59(10), 2013; here into fixed bins).

use std::collections::BTreeMap;

/// Probability and error rate, at most a half, of each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture(Vec<(f64, f64)>);

impl Mixture {
    pub(super) fn new(error_rate: f64) -> Self {
        Self(vec![(1.0, error_rate.min(1.0 - error_rate))])
    }

    /// Merges what is nearly alike: four bins an octave of the error rate, or of its distance from a half.
    fn of(parts: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut bins: BTreeMap<(bool, u64), (f64, f64)> = BTreeMap::new();
        for (weight, rate) in parts.filter(|part| part.0 > 0.0) {
            let octave = |x: f64| x.to_bits() >> 50;
            let bin = if rate < 0.25 { (false, octave(rate)) } else { (true, octave(0.5 - rate)) };
            let bin = bins.entry(bin).or_default();
            bin.0 += weight;
            bin.1 += weight * rate;
        }
        Self(bins.into_values().map(|(weight, wrong)| (weight, wrong / weight)).collect())
    }

    /// Of the parity of two bits.
    pub(super) fn parity(&self, other: &Self) -> Self {
        Self::of(self.pairs(other).map(|((v, p), (w, q))| (v * w, p + q - 2.0 * p * q)))
    }

    /// Of one bit seen twice: the two copies agree, or they do not.
    pub(super) fn both(&self, other: &Self) -> Self {
        Self::of(self.pairs(other).flat_map(|((v, p), (w, q))| {
            let alike = p * q + (1.0 - p) * (1.0 - q);
            let (first, second) = (p * (1.0 - q), q * (1.0 - p));
            let differ = first + second;
            let rate = if differ > 0.0 { first.min(second) / differ } else { 0.5 };
            [(v * w * alike, p * q / alike), (v * w * differ, rate)]
        }))
    }

    fn pairs(&self, other: &Self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
        self.0.iter().flat_map(|&a| other.0.iter().map(move |&b| (a, b)))
    }

    /// The error rate of whoever decides by it.
    #[cfg(test)]
    pub(super) fn error_rate(&self) -> f64 {
        self.0.iter().map(|(weight, rate)| weight * rate).sum()
    }

    /// The capacity, and what it lacks to 1: both, because one of them may be tiny.
    pub(super) fn capacity(&self) -> (f64, f64) {
        let (mut capacity, mut missing) = (0.0, 0.0);
        for &(weight, rate) in &self.0 {
            let gap = 1.0 - 2.0 * rate;
            let entropy = if rate > 0.0 {
                -(rate * libm::log2(rate) + (1.0 - rate) * libm::log1p(-rate) / std::f64::consts::LN_2)
            } else {
                0.0
            };
            missing += weight * entropy;
            // Near a half the entropy is 1 to all digits: the first term of its series is left.
            capacity +=
                weight * if gap < 1e-4 { gap * gap / (2.0 * std::f64::consts::LN_2) } else { 1.0 - entropy };
        }
        (capacity, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, for a rate of 0.1: the parity is wrong with 0.18; of two copies, 0.82 agree and are wrong with 0.01/0.82, the others
    /// say nothing. A step loses no capacity altogether.
    #[test]
    fn one_step_is_exact() {
        let channel = Mixture::new(0.1);
        assert!((channel.parity(&channel).error_rate() - 0.18).abs() < 1e-15);
        let both = channel.both(&channel);
        assert_eq!(both.0.len(), 2);
        assert!((both.error_rate() - 0.1).abs() < 1e-15 && (both.0[0].1 - 0.01 / 0.82).abs() < 1e-15);
        let sum = channel.parity(&channel).capacity().0 + both.capacity().0;
        assert!((sum - 2.0 * channel.capacity().0).abs() < 1e-12);
    }

    /// Merging takes capacity, a little, and never gives any.
    #[test]
    fn merging_degrades() {
        let mut nodes = vec![Mixture::new(0.05)];
        for step in 1..=6 {
            nodes = nodes.iter().flat_map(|node| [node.parity(node), node.both(node)]).collect();
            let mean = nodes.iter().map(|node| node.capacity().0).sum::<f64>() / nodes.len() as f64;
            let whole = Mixture::new(0.05).capacity().0;
            assert!(mean <= whole + 1e-12 && mean > whole - 0.001, "step {step}: {mean} of {whole}");
        }
    }
}
