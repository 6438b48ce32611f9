//! Are there as many overlapping runs of ones as there should be? Section 2.8.

use serde::{Deserialize, Serialize};

use super::{
    Config, Measured, Value, blocks, chi_squared,
    sequence::{Sequence, low_mask, window},
    special::igamc,
    within_range,
};
use crate::{Error, Result};

/// Classes of a block: 0 to 4 occurrences, and more.
const CLASSES: usize = 6;

/// The word of ones, and the block that it is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overlapping {
    /// Bits of the word, 2 to 12; the standard recommends 9 or 10.
    pub length: usize,
    /// Bits of a block, such that half an occurrence to eight are expected in it.
    pub block: usize,
}

impl Default for Overlapping {
    fn default() -> Self {
        Self { length: 9, block: 1032 }
    }
}

impl Overlapping {
    pub(super) fn check(self) -> Result<()> {
        within_range("overlapping.length", self.length, 2..=12, "within 2..=12")?;
        // (block - length + 1) / 2^length within 0.5..=8
        let places = self.block.saturating_add(1).saturating_sub(self.length);
        if (1 << (self.length - 1)..=8 << self.length).contains(&places) {
            return Ok(());
        }
        Err(Error::OutOfRange {
            field: "overlapping.block",
            rule: "so long that the word is expected in it 0.5 to 8 times",
            got: self.block.to_string(),
        })
    }

    /// That a block falls into each class, in the limit of long words (section 3.8: Chrysaphinou and Papastavridis, Probab.
    /// Theory Relat. Fields 79, 1988). The standard's example and its tool use it.
    fn limit(self) -> [f64; CLASSES] {
        let eta = (self.block - self.length + 1) as f64 / 2f64.powi(self.length as i32 + 1);
        let mut p = [0.0; CLASSES];
        for (u, p) in p[..CLASSES - 1].iter_mut().enumerate() {
            // e^-η 2^-u Σ_{l=1..u} C(u-1, l-1) η^l / l!
            let (mut term, mut sum) = (eta, if u == 0 { 1.0 } else { 0.0 });
            for l in 1..=u {
                sum += term;
                term *= (u - l) as f64 / l as f64 * eta / (l + 1) as f64;
            }
            *p = (-eta).exp() * 2f64.powi(-(u as i32)) * sum;
        }
        p[CLASSES - 1] = 1.0 - p.iter().sum::<f64>();
        p
    }

    /// The same exactly, by recursion over the bits: the length of the run of ones that is open, and what was counted so far.
    fn exact(self) -> [f64; CLASSES] {
        let m = self.length;
        let mut now = vec![[0.0; CLASSES]; m + 1];
        now[0][0] = 1.0;
        for _ in 0..self.block {
            let mut next = vec![[0.0; CLASSES]; m + 1];
            for (run, counted) in now.iter().enumerate() {
                let longer = (run + 1).min(m);
                for (class, p) in counted.iter().enumerate() {
                    next[0][class] += 0.5 * p;
                    next[longer][(class + usize::from(longer == m)).min(CLASSES - 1)] += 0.5 * p;
                }
            }
            now = next;
        }
        std::array::from_fn(|class| now.iter().map(|counted| counted[class]).sum())
    }
}

pub(super) fn need(_: &Config) -> usize {
    1_000_000
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let Overlapping { length: m, block } = config.overlapping;
    let step = 65 - m; // places that a window of 64 bits serves
    let mut counts = [0; CLASSES];
    for range in blocks(sequence.len(), block) {
        let places = range.start..range.end + 1 - m;
        let mut found = 0;
        for at in places.clone().step_by(step) {
            let bits = window(sequence.words(), at);
            let starts = (1..m).fold(bits, |starts, k| starts & bits >> k);
            found += (starts & low_mask(step.min(places.end - at) as u32)).count_ones();
        }
        counts[(found as usize).min(CLASSES - 1)] += 1;
    }
    // The limit is close for the standard's own parameters only.
    let limit = !config.exact && config.overlapping == Overlapping::default();
    let probabilities = if limit { config.overlapping.limit() } else { config.overlapping.exact() };
    let statistic = chi_squared(&counts, &probabilities);
    Ok(vec![Value::only(statistic, igamc((CLASSES - 1) as f64 / 2.0, statistic / 2.0))])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recursion gives the digits of section 3.8, the limit those that stood there before (and in example 2.8.8).
    #[test]
    fn probabilities() {
        let default = Overlapping::default();
        let exact = [0.364091, 0.185659, 0.139381, 0.100571, 0.0704323, 0.139865];
        let limit = [0.367879, 0.183940, 0.137955, 0.099634, 0.069935, 0.140657];
        for (got, want) in [(default.exact(), exact), (default.limit(), limit)] {
            assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 6e-7), "{got:?} {want:?}");
        }
        // Section 2.8.4's: words of 2 bits in blocks of 10.
        let want = [0.324652, 0.182617, 0.142670, 0.106645, 0.077147, 0.166269];
        let got = Overlapping { length: 2, block: 10 }.limit();
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1.1e-6), "{got:?} {want:?}");
    }
}
