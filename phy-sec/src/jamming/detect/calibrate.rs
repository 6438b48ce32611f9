//! Thresholds of statistics whose law under noise has no usable formula: quantiles of a seeded sample of that law, for the
//! very number of samples at hand. Asymptotic formulas are not used: that of Zeng and Liang for MME, asked for 0.1, gives
//! 0.007 with four antennas and 1,000 samples.

use std::collections::BTreeMap;

use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::{Detector, window::Null};
use crate::{Backend, Error, Result};

/// Samples of laws under noise, drawn once for each detector and window length, and the thresholds they give.
///
/// With `trials` draws a threshold for `pfa` has a true false-alarm probability of `pfa` with a relative standard deviation
/// of `1/sqrt(pfa · trials)`: 5 % at 1e-3 with the default 400,000.
#[derive(Debug, Clone)]
pub struct Calibration {
    trials: usize,
    seed: u64,
    samples: BTreeMap<String, Vec<f64>>,
}

impl Default for Calibration {
    fn default() -> Self {
        Calibration { trials: 400_000, seed: 1, samples: BTreeMap::new() }
    }
}

/// Draws by one generator.
const CHUNK: usize = 1024;

impl Calibration {
    /// - `trials`: draws for each law, 1,000..=10,000,000
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(trials: usize, seed: u64) -> Result<Self> {
        if !(1_000..=10_000_000).contains(&trials) {
            let rule = "within 1000..=10000000";
            return Err(Error::OutOfRange { field: "trials", rule, got: trials.to_string() });
        }
        Ok(Calibration { trials, seed, samples: BTreeMap::new() })
    }

    pub(super) fn threshold(&mut self, detector: &Detector, samples: usize, pfa: f64) -> Result<f64> {
        let key = format!("{detector:?} {samples}");
        let null = || detector.null(samples, &Backend::default());
        if detector.extreme() { self.extreme(&key, pfa, null) } else { self.quantile(&key, pfa, null) }
    }

    /// The same where the draws are largest values of very many with exponential tails: a Gumbel law fitted by maximum
    /// likelihood to a hundredth of the trials, at least 1,000. Then `pfa` may be as small as one likes, with a relative
    /// deviation of about `-ln(pfa)/sqrt(draws)`: 10 % at 1e-3 with 4,000 draws.
    fn extreme(&mut self, key: &str, pfa: f64, null: impl Fn() -> Result<Null> + Sync) -> Result<f64> {
        if !self.samples.contains_key(key) {
            let drawn = draw((self.trials / 100).max(1000), self.seed, null)?;
            self.samples.insert(key.to_owned(), drawn);
        }
        let drawn = &self.samples[key];
        let (n, mean) = (drawn.len() as f64, drawn.iter().sum::<f64>() / drawn.len() as f64);
        // The scale solves `scale = mean - Σ x e^(-x/scale) / Σ e^(-x/scale)`.
        let weighted = |scale: f64| {
            let (mut top, mut sum) = (0.0, 0.0);
            for x in drawn {
                let weight = (-(x - mean) / scale).exp();
                top += x * weight;
                sum += weight;
            }
            (mean - top / sum, sum)
        };
        let deviation = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-12);
        let (mut low, mut high) = (0.2 * deviation, 2.0 * deviation);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            *(if weighted(middle).0 > middle { &mut low } else { &mut high }) = middle;
        }
        let scale = 0.5 * (low + high);
        let location = mean - scale * (weighted(scale).1 / n).ln();
        Ok(location - scale * (-(-pfa).ln_1p()).ln())
    }

    /// What draws of `null` reach with probability `pfa`; drawn once for each `key`.
    pub(super) fn quantile(
        &mut self,
        key: &str,
        pfa: f64,
        null: impl Fn() -> Result<Null> + Sync,
    ) -> Result<f64> {
        if !(pfa * self.trials as f64 >= 20.0 && pfa <= 0.9) {
            return Err(Error::OutOfRange {
                field: "pfa",
                rule: "at least 20 over the trials of the calibration, and at most 0.9",
                got: pfa.to_string(),
            });
        }
        if !self.samples.contains_key(key) {
            let drawn = draw(self.trials, self.seed, null)?;
            self.samples.insert(key.to_owned(), drawn);
        }
        let sorted = &self.samples[key];
        // A further draw reaches the k-th largest of T with probability k/(T+1).
        let place = pfa * (sorted.len() + 1) as f64 - 1.0;
        let (low, share) = (place.floor().max(0.0) as usize, place.max(0.0).fract());
        let next = sorted[(low + 1).min(sorted.len() - 1)];
        Ok(sorted[low] + share * (next - sorted[low]))
    }
}

/// `trials` draws, largest first.
fn draw(trials: usize, seed: u64, null: impl Fn() -> Result<Null> + Sync) -> Result<Vec<f64>> {
    let chunks: Vec<Vec<f64>> = (0..trials.div_ceil(CHUNK))
        .into_par_iter()
        .map_init(&null, |null, chunk| {
            let null = match null {
                Ok(null) => null,
                // The one that follows reports it.
                Err(_) => return Vec::new(),
            };
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(chunk as u64);
            (0..CHUNK.min(trials - chunk * CHUNK)).map(|_| null(&mut rng)).collect()
        })
        .collect();
    drop(null()?);
    let mut drawn = chunks.concat();
    drawn.par_sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(drawn)
}

/// A window of unit white noise, written over for every draw.
pub(super) struct Noise(Vec<Complex32>);

impl Noise {
    pub(super) fn new(samples: usize) -> Self {
        Noise(vec![Complex32::ZERO; samples])
    }

    pub(super) fn draw(&mut self, rng: &mut ChaCha8Rng) -> &[Complex32] {
        let scale = std::f32::consts::FRAC_1_SQRT_2;
        self.0.iter_mut().for_each(|x| {
            let (re, im): (f32, f32) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
            *x = Complex32::new(re * scale, im * scale);
        });
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest of 10,000 exponentials: the threshold is known, and so is its error.
    #[test]
    fn an_extreme_value_is_extrapolated() {
        let mut calibration = Calibration::new(400_000, 3).unwrap();
        let null = || -> Result<Null> { Ok(Box::new(|rng| -(-(1.0 - rng.random::<f64>()).ln() / 1e4).ln())) };
        for pfa in [0.1f64, 1e-3, 1e-6] {
            let got = calibration.extreme("largest", pfa, null).unwrap();
            let want = -(-(-pfa).ln_1p() / 1e4).ln();
            assert!((got - want).abs() < 4.0 * (1.0 - pfa.ln()) / 4000f64.sqrt(), "{pfa}: {got} {want}");
        }
    }

    /// Draws of an exponential: the threshold is -ln(Pfa) within four deviations.
    #[test]
    fn quantiles_of_a_known_law() {
        let mut calibration = Calibration::new(100_000, 3).unwrap();
        let null = || -> Result<Null> { Ok(Box::new(|rng| -(1.0 - rng.random::<f64>()).ln())) };
        for pfa in [0.5f64, 0.1, 0.01, 1e-3] {
            let got = calibration.quantile("exponential", pfa, null).unwrap();
            let sigma = (pfa * (1.0 - pfa) / 1e5).sqrt() / pfa;
            assert!((got + pfa.ln()).abs() < 4.0 * sigma, "{pfa}: {got}");
        }
        assert_eq!(calibration.samples.len(), 1);
        assert!(calibration.quantile("exponential", 1e-4, null).is_err());
        let error = Calibration::new(10, 1).unwrap_err();
        assert_eq!(error.to_string(), "trials must be within 1000..=10000000, got 10");
    }
}
