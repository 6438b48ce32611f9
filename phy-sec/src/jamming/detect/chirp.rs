//! A sweep, or a carrier, in white noise of unknown power: the window is unwound at each of many sweep rates, and the
//! strongest frequency's share of the power looked at. The generalised likelihood ratio over start frequency and rate on a
//! grid that costs at most about 1 dB in rate and 1 dB in frequency (Abatzoglou, IEEE Trans. Aerosp. Electron. Syst. 22(6),
//! 1986, pp. 708-715).
//!
//! Each cell's law is that of [`super::Line`]'s bins; the largest of some 10^5 dependent ones has the law of an extreme value,
//! which calibration fits.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{
    line::peak,
    window::{Statistic, WindowDetector},
};
use crate::{Backend, Error, Result};

/// The strongest cell of rate and frequency. The statistic is `-(n - 1) ln(1 - share)`: a unit exponential in each cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chirp {
    /// The fastest sweep looked for, in bands (sample rates) per window, both ways, 0..=8. With 0 it finds carriers only.
    pub span: f64,
}

impl Default for Chirp {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Rates apart, in bands per window times the window's length: between two of them, the phase at the window's ends is off by
/// π/2.
const STEP: f64 = 4.0;

impl Chirp {
    /// Rates on each side of 0.
    fn rates(&self, samples: usize) -> i64 {
        (self.span * samples as f64 / STEP).ceil() as i64
    }
}

impl WindowDetector for Chirp {
    const DEFAULT: Self = Chirp { span: 1.0 };

    fn check(&self, samples: usize) -> Result<()> {
        if !(0.0..=8.0).contains(&self.span) {
            let got = self.span.to_string();
            return Err(Error::OutOfRange { field: "span", rule: "within 0..=8", got });
        }
        if samples > 1 << 14 {
            let rule = "at most 16384 for a sweep";
            return Err(Error::OutOfRange { field: "samples", rule, got: samples.to_string() });
        }
        if samples < 16 {
            return Err(Error::TooShort { what: "chirp", need: 16, unit: "samples", got: samples });
        }
        Ok(())
    }

    fn statistic(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
        let n = samples as f64;
        let rates = self.rates(samples);
        // Padded to twice the window, so that no frequency is more than a quarter of a bin away from a cell.
        let size = 2 * samples;
        let mut transform = kernels::fft::Batch::new(backend, size, kernels::fft::Direction::Forward)?;
        // From one rate to the next the window is turned by the same phases.
        let turn = |rate: f64| -> Vec<Complex32> {
            let phase = |i: usize| {
                let t = i as f64 - n / 2.0;
                (-0.5 * rate * STEP / (n * n) * t * t).rem_euclid(1.0) * std::f64::consts::TAU
            };
            (0..samples).map(|i| Complex32::cis(phase(i) as f32)).collect()
        };
        let (first, next) = (turn(-rates as f64), turn(1.0));
        let mut unwound = vec![Complex32::ZERO; size];
        let mut spectrum = vec![Complex32::ZERO; size];
        Ok(Box::new(move |x: &[Complex32]| {
            let power: f64 = x.iter().map(|x| f64::from(x.norm_sqr())).sum();
            unwound[..samples].iter_mut().zip(x).zip(&first).for_each(|((u, x), w)| *u = x * w);
            let mut max = 0.0f64;
            for _ in -rates..=rates {
                if transform.process(&unwound, &mut spectrum).is_err() {
                    unreachable!("one spectrum in and out");
                }
                max = max.max(peak(&spectrum).0);
                unwound[..samples].iter_mut().zip(&next).for_each(|(u, w)| *u *= w);
            }
            if power == 0.0 {
                return f64::NAN;
            }
            let share = max / (n * power);
            -(n - 1.0) * (1.0 - share.min(1.0 - 1e-7)).ln()
        }))
    }

    fn extreme(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    /// A sweep at any rate within the span loses at most about 2 dB against its own energy.
    #[test]
    fn unwinds_every_rate() {
        let n = 256usize;
        let mut statistic = Chirp::DEFAULT.statistic(n, &Backend::default()).unwrap();
        let mut rng = sim::rng(1);
        for trial in 0..40 {
            let rate = (trial as f64 / 20.0 - 1.0) * 0.97 / n as f64;
            let offset = 0.0137 * trial as f64;
            let mut x = sim::noise(&mut rng, n, 1.0);
            let amplitude = 10f32.powf(-2.0 / 20.0);
            for (i, x) in x.iter_mut().enumerate() {
                let t = i as f64;
                let phase = (offset * t + 0.5 * rate * t * t).rem_euclid(1.0) * std::f64::consts::TAU;
                *x += Complex32::from_polar(amplitude, phase as f32);
            }
            // 256 samples at -2 dB: 22 dB, a share of 0.39; noise's largest of all cells is about 11.
            let got = statistic(&x);
            assert!(got > 40.0, "rate {rate}: {got}");
        }
    }
}
