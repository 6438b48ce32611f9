//! TM-CFAR: the level is the mean of the training cells without the weakest and the loudest.
//!
//! One look: the order statistics of exponentials are sums of independent exponentials, so the probability is a product,
//! `Pfa = Π_j 1/(1 + α c_j)` with `c_j` the share of the j-th spacing in the level (Gandhi and Kassam, IEEE Trans. Aerosp.
//! Electron. Syst. 24(4), 1988, pp. 427-445). Several looks have no closed form: there the level's density is that of a
//! seeded sample, and the tail of the cell under test over it is exact, so the relative error at 1e-3 is about 1 %.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma};
use serde::{Deserialize, Serialize};

use super::{gamma::solve, ordered_statistic::Level};
use crate::{Error, Result};

/// The mean of the training cells without the weakest and the loudest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrimmedMean {
    /// Share of the training cells left out below, from 0 on.
    pub low: f64,
    /// Share left out above; `low + high` stays below 1.
    pub high: f64,
}

impl Default for TrimmedMean {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Cells drawn for the density of several looks, at most; samples of the level, at most.
const CELLS: usize = 1 << 20;
const SAMPLES: usize = 1 << 16;

impl TrimmedMean {
    pub(super) const DEFAULT: Self = TrimmedMean { low: 0.125, high: 0.25 };

    /// Ranks kept, from 0.
    fn kept(&self, training: usize) -> std::ops::Range<usize> {
        let n = training as f64;
        let high = training - ((self.high * n) as usize).min(training - 1);
        ((self.low * n) as usize).min(high - 1)..high
    }

    pub(super) fn pfa(&self, looks: usize, training: usize, multiplier: f64) -> f64 {
        if looks == 1 {
            self.product(training, multiplier)
        } else {
            self.sampled(looks, training).pfa(multiplier)
        }
    }

    pub(super) fn multiplier(&self, looks: usize, training: usize, pfa: f64) -> Result<f64> {
        if !(self.low >= 0.0 && self.high >= 0.0 && self.low + self.high < 1.0) {
            let got = format!("{} and {}", self.low, self.high);
            return Err(Error::OutOfRange { field: "low, high", rule: "0 or more, together below 1", got });
        }
        if looks == 1 {
            return Ok(solve(pfa, |multiplier| self.product(training, multiplier)));
        }
        Ok(self.sampled(looks, training).multiplier(pfa))
    }

    pub(super) fn level(&self, training: &mut [f64]) -> f64 {
        let kept = self.kept(training.len());
        training.sort_unstable_by(f64::total_cmp);
        let kept = &training[kept];
        kept.iter().sum::<f64>() / kept.len() as f64
    }

    fn product(&self, training: usize, multiplier: f64) -> f64 {
        let kept = self.kept(training);
        let count = kept.len() as f64;
        let log: f64 = (0..kept.end)
            .map(|j| {
                let above = (kept.end - j.max(kept.start)) as f64;
                -(multiplier * above / count / (training - j) as f64).ln_1p()
            })
            .sum();
        log.exp()
    }

    fn sampled(&self, looks: usize, training: usize) -> Level {
        let mut rng = ChaCha8Rng::seed_from_u64(0x746d);
        let samples = (CELLS / training).clamp(1 << 10, SAMPLES);
        let gamma = Gamma::new(looks as f64, 1.0 / looks as f64).expect("looks are 1 or more");
        let mut cells = vec![0.0; training];
        let mut levels: Vec<f64> = (0..samples)
            .map(|_| {
                cells.iter_mut().for_each(|cell| *cell = gamma.sample(&mut rng));
                self.level(&mut cells)
            })
            .collect();
        // A few hundred groups of like levels: the tail is nearly straight within one.
        levels.sort_unstable_by(f64::total_cmp);
        let group = samples.div_ceil(1024);
        Level::of(
            looks,
            levels
                .chunks(group)
                .map(|group| (group.iter().sum::<f64>() / group.len() as f64, group.len() as f64)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jamming::detect::{CellAveraging, OrderedStatistic};

    /// Nothing trimmed is cell averaging; everything below one rank and above it trimmed is that rank.
    #[test]
    fn its_ends_are_the_other_methods() {
        for multiplier in [0.7, 4.0, 20.0] {
            let all = TrimmedMean { low: 0.0, high: 0.0 }.product(16, multiplier);
            let mean = CellAveraging {}.pfa(1, 16, multiplier);
            assert!((all / mean - 1.0).abs() < 1e-12, "{all} {mean}");
            let one = TrimmedMean { low: 0.6875, high: 0.25 }.product(16, multiplier);
            let rank = OrderedStatistic { rank: 0.75 }.pfa(1, 16, multiplier);
            assert!((one / rank - 1.0).abs() < 1e-12, "{one} {rank}");
        }
        // Several looks, nothing trimmed: the sampled density against the F distribution.
        let (looks, training) = (4, 16);
        let want = CellAveraging {}.multiplier(looks, training, 1e-3).unwrap();
        let got = TrimmedMean { low: 0.0, high: 0.0 }.sampled(looks, training).pfa(want);
        assert!((got / 1e-3 - 1.0).abs() < 0.04, "{got}");
    }

    #[test]
    fn trims_both_ends() {
        let method = TrimmedMean { low: 0.25, high: 0.25 };
        assert_eq!(method.level(&mut [9e9, 2.0, 4.0, 0.0]), 3.0);
        assert_eq!(method.level(&mut [5.0]), 5.0);
        assert!(TrimmedMean { low: 0.5, high: 0.5 }.multiplier(1, 16, 0.1).is_err());
    }
}
