//! Noise whitening: a receiver's filters colour its noise, and every detector that takes noise for white then alarms.
//!
//! The whitening filter is the prediction-error filter of the noise (Levinson and Durbin; Hayes, Statistical Digital Signal
//! Processing and Modeling, 1996, section 5.2). It is learned from noise alone, for one sample rate and gain, on the first
//! half, and judged on the second: it is used only where the noise is coloured and the filter makes it white.

use std::collections::BTreeMap;

use kernels::fir::{Fir, Taps};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};
use statrs::function::gamma::gamma_ur;

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
    /// Probability of a correlation like the second half's under white noise, before and after the filter.
    p_values: [f64; 2],
    gain_db: f64,
}

/// Below this a recording is not white.
const NOT_WHITE: f64 = 1e-3;

impl Whitener {
    /// Learns from `noise`, a recording without signals, whose length is at least 40 times `order`.
    ///
    /// - `order`: of the filter, 1..=256
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TooShort`], [`Error::NotFinite`]; [`Error::OutOfRange`] for noise without power.
    pub fn learn(noise: &[Complex32], order: usize, backend: &Backend) -> Result<Self> {
        if !(1..=256).contains(&order) {
            return Err(Error::OutOfRange { field: "order", rule: "within 1..=256", got: order.to_string() });
        }
        let (need, got) = (40 * order, noise.len());
        if got < need {
            return Err(Error::TooShort { what: "whitening", need, unit: "samples", got });
        }
        if let Some(index) = noise.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "noise", index });
        }
        let (first, second) = noise.split_at(got / 2);
        let lags = autocorrelation(first, order, backend);
        if !(lags[0].re > 0.0) {
            return Err(Error::OutOfRange { field: "noise", rule: "louder than digital silence", got: "0".into() });
        }
        let (taps, left) = levinson(&lags);
        let before = portmanteau(second, 2 * order, backend);
        let mut whitener = Whitener {
            taps: taps.iter().map(|tap| Complex32::new(tap.re as f32, tap.im as f32)).collect(),
            decision: Whitening::Used,
            p_values: [before, 0.0],
            gain_db: -10.0 * left.log10(),
        };
        let after = portmanteau(&whitener.filter(second, backend)?, 2 * order, backend);
        whitener.p_values[1] = after;
        whitener.decision = if before >= NOT_WHITE {
            Whitening::NotNeeded
        } else if after >= NOT_WHITE {
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

    /// Probability of correlations like those of the second half under white noise: as it came, and through the filter.
    pub fn p_values(&self) -> [f64; 2] {
        self.p_values
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
            return Err(Error::TooShort { what: "whitening", need: order + 1, unit: "samples", got: x.len() });
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
    learned: BTreeMap<(u64, u64), Whitener>,
}

impl Whiteners {
    /// - `order`: of every filter
    pub fn new(order: usize) -> Self {
        Whiteners { order, learned: BTreeMap::new() }
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
        let whitener = Whitener::learn(noise, self.order, backend)?;
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

/// Probability of the correlations of `x` at lags up to `lags` under white noise: `2 Σ |r|²/var` is chi-square with two
/// degrees of freedom for each lag (Ljung and Box, Biometrika 65(2), 1978, pp. 297-303, for complex samples).
fn portmanteau(x: &[Complex32], lags: usize, backend: &Backend) -> f64 {
    let r = autocorrelation(x, lags, backend);
    let n = x.len() as f64;
    let sum: f64 = r[1..]
        .iter()
        .enumerate()
        .map(|(l, value)| value.norm_sqr() / r[0].re.powi(2) * n * (n + 1.0) / (n - 1.0 - l as f64))
        .sum();
    if sum.is_finite() { gamma_ur(lags as f64, sum.max(1e-300)) } else { 0.0 }
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
        noise.map(|w| { last = last * pole + w; last }).skip(100).collect()
    }

    #[test]
    fn a_pole_is_found_and_taken_out() {
        let backend = Backend::default();
        let whitener = Whitener::learn(&coloured(100_000, 1), 8, &backend).unwrap();
        assert_eq!(whitener.decision(), Whitening::Used);
        // One minus the squared pole is left: 2.9 dB.
        assert!((whitener.prediction_gain_db() - 2.924).abs() < 0.1, "{}", whitener.prediction_gain_db());
        assert!((whitener.taps[1] + Complex32::from_polar(0.7, 1.0)).norm() < 0.02);
        let other = whitener.apply(&coloured(50_000, 2), &backend).unwrap();
        assert_eq!(other.len(), 50_000 - 8);
        assert!(portmanteau(&other, 16, &backend) > 1e-3);
        assert!(portmanteau(&coloured(50_000, 2), 16, &backend) < 1e-12);
    }

    #[test]
    fn white_noise_is_left_alone_and_what_a_short_filter_can_not_do_is_said() {
        let backend = Backend::default();
        let white = Whitener::learn(&sim::noise(&mut sim::rng(3), 20_000, 1.0), 8, &backend).unwrap();
        assert_eq!(white.decision(), Whitening::NotNeeded);
        let x = sim::noise(&mut sim::rng(4), 100, 1.0);
        assert_eq!(white.apply(&x, &backend).unwrap(), x);
        // A sharp band edge (noise twice over, slowed down by two and kept at its zeros) has no short inverse.
        let base = sim::noise(&mut sim::rng(5), 40_031, 1.0);
        let narrow: Vec<_> = base.windows(32).map(|w| w.iter().sum::<Complex32>()).collect();
        let whitener = Whitener::learn(&narrow, 2, &backend).unwrap();
        assert_eq!(whitener.decision(), Whitening::Fails);
        assert!(Whitener::learn(&x, 8, &backend).is_err());
        assert!(Whitener::learn(&[Complex32::ZERO; 400], 8, &backend).is_err());
    }

    #[test]
    fn every_setting_has_its_own() {
        let backend = Backend::default();
        let mut whiteners = Whiteners::new(4);
        whiteners.learn(1e6, 20.0, &coloured(10_000, 6), &backend).unwrap();
        whiteners.learn(2e6, 20.0, &sim::noise(&mut sim::rng(7), 10_000, 1.0), &backend).unwrap();
        assert_eq!(whiteners.get(1e6, 20.0).unwrap().decision(), Whitening::Used);
        assert_eq!(whiteners.get(2e6, 20.0).unwrap().decision(), Whitening::NotNeeded);
        assert!(whiteners.get(1e6, 30.0).is_none());
    }
}
