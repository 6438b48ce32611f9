//! Bursts made from the definition of the model, and their Cramér-Rao bound: independent of what is tested, and slow.

use std::f64::consts::{PI, TAU};

use num_complex::{Complex32, Complex64};

/// Parameters of the model, in the units of the table of impairments.
pub(crate) const NAMES: [&str; 8] =
    ["cfo", "delay", "cfo_drift", "sfo_ppm", "iq_offset_i", "iq_offset_q", "iq_gain_db", "iq_phase"];

/// What a burst has gone through: [`NAMES`], then real and imaginary part of the gain.
pub(crate) type Truth = [f64; 10];

/// A waveform, which part of it is looked at, its rate.
pub(crate) struct Scene {
    pub(crate) samples: Vec<Complex32>,
    pub(crate) used: std::ops::Range<usize>,
    pub(crate) sample_rate: f64,
}

impl Scene {
    /// Noise-shaped QPSK, four samples a symbol: a raised cosine of roll-off 1/2 cut off by a cosine's square at five symbols.
    pub(crate) fn qpsk(samples: usize, sample_rate: f64, mut bit: impl FnMut() -> bool) -> Scene {
        let symbols = samples / 4 - 10;
        let mut x = vec![Complex64::ZERO; samples];
        for symbol in 0..symbols {
            let mut sign = || if bit() { 1.0 } else { -1.0 };
            let point = Complex64::new(sign(), sign());
            for i in -20..=20i32 {
                let t = f64::from(i) / 4.0;
                let sinc = if i == 0 { 1.0 } else { (PI * t).sin() / (PI * t) };
                let cosine = 1.0 - t * t;
                let roll = if cosine.abs() < 1e-9 { PI / 4.0 } else { (PI * t / 2.0).cos() / cosine };
                x[(4 * symbol + 20).wrapping_add_signed(i as isize)] +=
                    point * sinc * roll * (PI * t / 10.0).cos().powi(2);
            }
        }
        let samples = x.iter().map(|x| Complex32::new(x.re as f32, x.im as f32)).collect::<Vec<_>>();
        Scene { used: 0..samples.len(), samples, sample_rate }
    }

    fn rms(&self) -> f64 {
        let power = self.samples[self.used.clone()].iter().map(|s| f64::from(s.norm_sqr())).sum::<f64>();
        (power / self.used.len() as f64).sqrt()
    }

    /// What is received at the places of the part that is looked at.
    pub(crate) fn received(&self, truth: &Truth) -> Vec<Complex64> {
        let [cfo, delay, drift, ppm, offset_i, offset_q, gain_db, phase, re, im] = *truth;
        let q = Complex64::from_polar(10f64.powf(gain_db / 20.0), phase);
        let image = (1.0 - q) / (1.0 + q);
        let offset = Complex64::new(offset_i, offset_q) * self.rms();
        let middle = (self.used.start + self.used.end - 1) as f64 / 2.0;
        self.used
            .clone()
            .map(|n| {
                let t = n as f64 - middle;
                let place = n as f64 - delay * self.sample_rate + ppm * 1e-6 * t;
                let s = self.between(place);
                let seconds = t / self.sample_rate;
                let turns = cfo * seconds + 0.5 * drift * seconds * seconds;
                Complex64::new(re, im) * Complex64::cis(TAU * turns.fract()) * (s + image * s.conj() + offset)
            })
            .collect()
    }

    /// `Σ s[k] sinc(place - k)`.
    fn between(&self, place: f64) -> Complex64 {
        let nearest = place.round();
        let off = place - nearest;
        if off.abs() < 1e-9 {
            let s =
                self.samples.get(nearest as usize).filter(|_| nearest >= 0.0).copied().unwrap_or_default();
            return Complex64::new(s.re.into(), s.im.into());
        }
        // sin(π(place - k)) is that of the fraction, with the sign of (-1)^(nearest - k).
        let sine = (PI * off).sin() / PI;
        let mut sum = Complex64::ZERO;
        for (k, s) in self.samples.iter().enumerate() {
            let sign = if (nearest as i64 - k as i64) % 2 == 0 { 1.0 } else { -1.0 };
            sum += Complex64::new(s.re.into(), s.im.into()) * (sign / (place - k as f64));
        }
        sum * sine
    }

    /// Smallest standard deviations of unbiased estimates of [`NAMES`], all ten unknown, in noise of `variance` a sample: the
    /// Fisher information from differences of [`Self::received`].
    pub(crate) fn bound(&self, truth: &Truth, variance: f64) -> [f64; 8] {
        // About a thousandth of what the burst's middle would have to change by.
        let length = self.used.len() as f64 / self.sample_rate;
        let steps = [
            1e-3 / length,
            1e-3 / self.sample_rate,
            1e-2 / length / length,
            1e3 / self.used.len() as f64,
            1e-3,
            1e-3,
            1e-2,
            1e-3,
            1e-3,
            1e-3,
        ];
        let columns: Vec<Vec<Complex64>> = (0..10)
            .map(|i| {
                let moved = |sign: f64| {
                    let mut truth = *truth;
                    truth[i] += sign * steps[i];
                    self.received(&truth)
                };
                // In units of the step, so that the matrix is balanced.
                moved(1.0).iter().zip(moved(-1.0)).map(|(a, b)| (a - b) / 2.0).collect()
            })
            .collect();
        let mut rows: Vec<Vec<f64>> = (0..10)
            .map(|i| {
                let dot = |j: usize| -> f64 {
                    columns[i].iter().zip(&columns[j]).map(|(a, b)| (a.conj() * b).re).sum::<f64>() * 2.0
                        / variance
                };
                (0..10).map(dot).chain((0..10).map(|j| f64::from(u8::from(i == j)))).collect()
            })
            .collect();
        // Gauss-Jordan; the matrix is positive definite.
        for i in 0..10 {
            let pivot = rows[i][i];
            rows[i].iter_mut().for_each(|v| *v /= pivot);
            let row = rows[i].clone();
            for (_, other) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
                let factor = other[i];
                other.iter_mut().zip(&row).for_each(|(o, r)| *o -= factor * r);
            }
        }
        std::array::from_fn(|i| rows[i][10 + i].sqrt() * steps[i])
    }
}
