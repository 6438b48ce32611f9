//! Noise whitening: a receiver's filters colour its noise, and every detector that takes noise for white then alarms.
//!
//! The whitening filter is the prediction-error filter of the noise (Levinson and Durbin; Hayes, Statistical Digital Signal
//! Processing and Modeling, 1996, section 5.2). It is learned from noise alone, for one sample rate and gain, on the first
//! half, and judged on the second: it is used only where a window shows that the noise is coloured, and that the filter makes it white.

use std::collections::BTreeMap;

use kernels::fir::{Fir, Taps};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use crate::{Backend, Error, Result};

/// What was decided about a noise recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whitening {
    /// It is white: a filter would only add errors of its own.
    NotNeeded,
    /// It is coloured, and white after the filter.
    Used,
    /// It is coloured, and a filter of this order does not make it white: thresholds for white noise do not hold for it.
    Fails,
}

/// A filter learned from noise, and what was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitener {
    taps: Vec<Complex32>,
    decision: Whitening,
    excess: [f64; 2],
    gain_db: f64,
}

/// From here on a correlation counts: it moves the sum of squared correlations of a window by so many of its deviations.
const COUNTS: f64 = 0.25;

impl Whitener {
    /// Learns from `noise`, a recording without signals, of at least 40 windows and 40 times the order.
    ///
    /// - `order`: of the filter, 1..=256
    /// - `window`: samples that the detectors look at a time: what no window of this length shows does not count
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TooShort`], [`Error::NotFinite`]; [`Error::OutOfRange`] for noise without power.
    pub fn learn(noise: &[Complex32], order: usize, window: usize, backend: &Backend) -> Result<Self> {
        if !(1..=256).contains(&order) {
            return Err(Error::OutOfRange { field: "order", rule: "within 1..=256", got: order.to_string() });
        }
        let (need, got) = (order.max(window).saturating_mul(40), noise.len());
        if got < need {
            return Err(Error::TooShort { what: "whitening", need, unit: "samples", got });
        }
        if let Some(index) = noise.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "noise", index });
        }
        let (first, second) = noise.split_at(got / 2);
        let lags = autocorrelation(first, order, backend);
        if !(lags[0].re > 0.0) {
            return Err(Error::OutOfRange {
                field: "noise",
                rule: "louder than digital silence",
                got: "0".into(),
            });
        }
        let (taps, left) = levinson(&lags);
        let before = excess(second, 2 * order, window, backend);
        let mut whitener = Whitener {
            taps: taps.iter().map(|tap| Complex32::new(tap.re as f32, tap.im as f32)).collect(),
            decision: Whitening::Used,
            excess: [before, 0.0],
            gain_db: -10.0 * left.log10(),
        };
        let after = excess(&whitener.filter(second, backend)?, 2 * order, window, backend);
        whitener.excess[1] = after;
        whitener.decision = if before < COUNTS {
            Whitening::NotNeeded
        } else if after < COUNTS {
            Whitening::Used
        } else {
            Whitening::Fails
        };
        Ok(whitener)
    }

    /// What was decided.
    pub fn decision(&self) -> Whitening {
        self.decision
    }

    /// How far the noise's correlations move the sum of their squares over a window, in deviations of that sum under white
    /// noise: as it came, and through the filter. Below 0.25 does not count.
    pub fn excess(&self) -> [f64; 2] {
        self.excess
    }

    /// How much of the noise the filter predicts, dB: 0 for white noise.
    pub fn prediction_gain_db(&self) -> f64 {
        self.gain_db
    }

    /// `x` whitened, shorter by the order, where that was decided; as it is otherwise.
    ///
    /// # Errors
    /// [`Error::TooShort`] unless `x` is longer than the order.
    pub fn apply(&self, x: &[Complex32], backend: &Backend) -> Result<Vec<Complex32>> {
        if self.decision == Whitening::Used { self.filter(x, backend) } else { Ok(x.to_vec()) }
    }

    fn filter(&self, x: &[Complex32], backend: &Backend) -> Result<Vec<Complex32>> {
        let order = self.taps.len() - 1;
        if x.len() <= order {
            return Err(Error::TooShort {
                what: "whitening",
                need: order + 1,
                unit: "samples",
                got: x.len(),
            });
        }
        let mut out = vec![Complex32::ZERO; x.len()];
        Fir::new(backend, Taps::Complex(self.taps.clone()))?.push(x, &mut out)?;
        out.drain(..order);
        Ok(out)
    }
}

/// Whiteners by the setting of the radio: noise is another colour at another sample rate.
#[derive(Debug, Clone, Default)]
pub struct Whiteners {
    order: usize,
    window: usize,
    learned: BTreeMap<(u64, u64), Whitener>,
}

impl Whiteners {
    /// - `order`, `window`: of every one, as [`Whitener::learn`] has them
    pub fn new(order: usize, window: usize) -> Self {
        Whiteners { order, window, learned: BTreeMap::new() }
    }

    /// Learns, or learns anew, for one setting.
    ///
    /// - `sample_rate`: Hz; `gain_db`: as the radio has it
    ///
    /// # Errors
    /// As [`Whitener::learn`].
    pub fn learn(
        &mut self,
        sample_rate: f64,
        gain_db: f64,
        noise: &[Complex32],
        backend: &Backend,
    ) -> Result<&Whitener> {
        let whitener = Whitener::learn(noise, self.order, self.window, backend)?;
        let entry = self.learned.entry((sample_rate.to_bits(), gain_db.to_bits()));
        Ok(entry.insert_entry(whitener).into_mut())
    }

    /// That of one setting, if it was learned.
    pub fn get(&self, sample_rate: f64, gain_db: f64) -> Option<&Whitener> {
        self.learned.get(&(sample_rate.to_bits(), gain_db.to_bits()))
    }
}

fn autocorrelation(x: &[Complex32], order: usize, backend: &Backend) -> Vec<Complex64> {
    let lag = |l| kernels::correlate::autocorrelation(backend, x, l);
    (0..=order).map(lag).map(|r| Complex64::new(r.re.into(), r.im.into())).collect()
}

/// The prediction-error filter of autocorrelations `r[0..=order]`, 1 first, and the share of the power that it leaves.
fn levinson(r: &[Complex64]) -> (Vec<Complex64>, f64) {
    let mut taps = vec![Complex64::ONE];
    let mut error = r[0].re;
    for m in 1..r.len() {
        let ahead: Complex64 = taps.iter().enumerate().map(|(k, tap)| tap * r[m - k]).sum();
        let reflection = -ahead / error;
        taps.push(Complex64::ZERO);
        let reversed: Vec<_> = taps.iter().rev().map(Complex64::conj).collect();
        taps.iter_mut().zip(reversed).for_each(|(tap, back)| *tap += reflection * back);
        error *= 1.0 - reflection.norm_sqr();
        if !(error > r[0].re * 1e-12) {
            break;
        }
    }
    (taps, (error / r[0].re).max(1e-12))
}

/// `2n Σ |r_l|²/r_0²` is chi-square with two degrees of freedom for each lag under white noise (Box and Pierce, J. Amer.
/// Statist. Assoc. 65, 1970, pp. 1509-1526, for complex samples): by how many deviations `2 sqrt(lags)` the correlations of
/// `x`, less what white noise shows in it, move that in a window.
fn excess(x: &[Complex32], lags: usize, window: usize, backend: &Backend) -> f64 {
    let r = autocorrelation(x, lags, backend);
    let n = x.len() as f64;
    let squares: f64 = r[1..].iter().map(|value| value.norm_sqr() / r[0].re.powi(2)).sum();
    let excess = window as f64 * (squares - lags as f64 / n) / (lags as f64).sqrt();
    if excess.is_finite() { excess } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    fn coloured(n: usize, seed: u64) -> Vec<Complex32> {
        // One pole off the real axis: r[1]/r[0] is the pole.
        let pole = Complex32::from_polar(0.7, 1.0);
        let mut last = Complex32::ZERO;
        let noise = sim::noise(&mut sim::rng(seed), n + 100, 1.0).into_iter();
        noise
            .map(|w| {
                last = last * pole + w;
                last
            })
            .skip(100)
            .collect()
    }

    #[test]
    fn a_pole_is_found_and_taken_out() {
        let backend = Backend::default();
        let whitener = Whitener::learn(&coloured(100_000, 1), 8, 1000, &backend).unwrap();
        assert_eq!(whitener.decision(), Whitening::Used);
        // One minus the squared pole is left: 2.9 dB.
        assert!((whitener.prediction_gain_db() - 2.924).abs() < 0.1, "{}", whitener.prediction_gain_db());
        assert!((whitener.taps[1] + Complex32::from_polar(0.7, 1.0)).norm() < 0.02);
        let other = whitener.apply(&coloured(50_000, 2), &backend).unwrap();
        assert_eq!(other.len(), 50_000 - 8);
        assert!(whitener.excess()[0] > 50.0 && whitener.excess()[1] < 0.25, "{:?}", whitener.excess());
    }

    #[test]
    fn white_noise_is_left_alone_and_what_a_short_filter_can_not_do_is_said() {
        let backend = Backend::default();
        let white = Whitener::learn(&sim::noise(&mut sim::rng(3), 20_000, 1.0), 8, 200, &backend).unwrap();
        assert_eq!(white.decision(), Whitening::NotNeeded);
        let x = sim::noise(&mut sim::rng(4), 100, 1.0);
        assert_eq!(white.apply(&x, &backend).unwrap(), x);
        // A sharp band edge (noise twice over, slowed down by two and kept at its zeros) has no short inverse.
        let base = sim::noise(&mut sim::rng(5), 40_031, 1.0);
        let narrow: Vec<_> = base.windows(32).map(|w| w.iter().sum::<Complex32>()).collect();
        let whitener = Whitener::learn(&narrow, 2, 1000, &backend).unwrap();
        assert_eq!(whitener.decision(), Whitening::Fails);
        assert!(Whitener::learn(&x, 8, 10, &backend).is_err());
        assert!(Whitener::learn(&[Complex32::ZERO; 400], 8, 10, &backend).is_err());
    }

    #[test]
    fn every_setting_has_its_own() {
        let backend = Backend::default();
        let mut whiteners = Whiteners::new(4, 100);
        whiteners.learn(1e6, 20.0, &coloured(10_000, 6), &backend).unwrap();
        whiteners.learn(2e6, 20.0, &sim::noise(&mut sim::rng(7), 10_000, 1.0), &backend).unwrap();
        assert_eq!(whiteners.get(1e6, 20.0).unwrap().decision(), Whitening::Used);
        assert_eq!(whiteners.get(2e6, 20.0).unwrap().decision(), Whitening::NotNeeded);
        assert!(whiteners.get(1e6, 30.0).is_none());
    }
}
