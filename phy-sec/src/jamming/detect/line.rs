//! A carrier in white noise of unknown power: the strongest bin's share of the window's power, Fisher's test, exact for any
//! number of samples (Fisher, Proc. R. Soc. Lond. A 125, 1929, pp. 54-59; for the bins of complex samples Siegel, J. Amer.
//! Statist. Assoc. 75, 1980, pp. 345-348). Against the clairvoyant detector it loses what the search over bins costs, and up
//! to 3.9 dB where the carrier falls between two bins; [`super::Chirp`] looks between them.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::window::{Statistic, WindowDetector};
use crate::{Backend, Error, Result};

/// The strongest bin's share of the power.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Line {}

/// The longest window in one transform.
const LONGEST: usize = 1 << 20;

impl Line {
    /// Probability that white noise in `samples` samples has a bin with the share `share` of the power, at least.
    pub fn pfa(samples: usize, share: f64) -> f64 {
        let n = samples as f64;
        if share * n <= 1.0 {
            return 1.0;
        }
        // Alternating, and only of use where its first terms fall: below a half it is exact in double precision.
        let (mut sum, mut sign) = (0.0, 1.0);
        for j in 1..=samples {
            let j = j as f64;
            let left = 1.0 - j * share;
            if left <= 0.0 {
                break;
            }
            let log = ln_gamma(n + 1.0) - ln_gamma(j + 1.0) - ln_gamma(n - j + 1.0) + (n - 1.0) * left.ln();
            let term = log.exp();
            sum += sign * term;
            sign = -sign;
            if term < 1e-17 {
                break;
            }
        }
        sum.clamp(0.0, 1.0)
    }
}

impl WindowDetector for Line {
    const DEFAULT: Self = Line {};

    fn check(&self, samples: usize) -> Result<()> {
        if samples > LONGEST {
            let rule = "at most 1048576 for a line";
            return Err(Error::OutOfRange { field: "samples", rule, got: samples.to_string() });
        }
        if samples < 4 {
            return Err(Error::TooShort { what: "line", need: 4, unit: "samples", got: samples });
        }
        Ok(())
    }

    fn statistic(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
        let mut transform = kernels::fft::Batch::new(backend, samples, kernels::fft::Direction::Forward)?;
        let mut spectrum = vec![Complex32::ZERO; samples];
        Ok(Box::new(move |x: &[Complex32]| {
            if transform.process(x, &mut spectrum).is_err() {
                unreachable!("one spectrum in and out");
            }
            let (max, sum) = peak(&spectrum);
            max / sum
        }))
    }

    fn exact(&self, samples: usize, pfa: f64) -> Option<f64> {
        if pfa > 0.5 {
            return None;
        }
        // From the share of which noise is sure to have one, to all of it.
        let (mut low, mut high) = (pfa.ln().abs().min(1.0) / samples as f64, 1.0);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            // Far below the threshold the terms cancel: the bound of the first one says enough there.
            let first = (samples as f64).ln() + (samples as f64 - 1.0) * (1.0 - middle).ln();
            let above = first < 1.5 && Line::pfa(samples, middle) <= pfa;
            *(if above { &mut high } else { &mut low }) = middle;
        }
        Some(high)
    }
}

/// The largest power and the sum of all.
pub(super) fn peak(spectrum: &[Complex32]) -> (f64, f64) {
    let (mut max, mut sum) = ([0f32; 8], 0f64);
    for part in spectrum.chunks(1024) {
        let mut sums = [0f32; 8];
        for x in part.chunks(8) {
            for ((max, sum), x) in max.iter_mut().zip(&mut sums).zip(x) {
                let power = x.re * x.re + x.im * x.im;
                *max = if power > *max { power } else { *max };
                *sum += power;
            }
        }
        sum += f64::from(sums.iter().sum::<f32>());
    }
    (max.into_iter().fold(0f32, f32::max).into(), sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bins: the larger share of two exponentials is uniform on a half to 1, `P(g > x) = 2(1 - x)`.
    #[test]
    fn law_in_closed_form() {
        for share in [0.6, 0.75, 0.9] {
            assert!((Line::pfa(2, share) - 2.0 * (1.0 - share)).abs() < 1e-12);
        }
        // Fisher 1929, table I (n = 10, 5 %): 0.44495.
        let got = Line {}.exact(10, 0.05).unwrap();
        assert!((got - 0.44495).abs() < 1e-5, "{got}");
        for samples in [4usize, 100, 1024, 100_000] {
            for pfa in [0.3, 1e-3, 1e-9] {
                let back = Line::pfa(samples, Line {}.exact(samples, pfa).unwrap());
                assert!((back / pfa - 1.0).abs() < 1e-6, "{samples}: {back} for {pfa}");
            }
        }
    }
}
