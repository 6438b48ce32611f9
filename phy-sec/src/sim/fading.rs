//! Multipath fading: a tapped delay line whose taps are Rayleigh or Rician processes.
//!
//! Each scattered tap is Clarke's isotropic field written as a sum of `N` plane waves,
//! `h(t) = Σ a_n · exp(j·2π·f_d·cos(α_n)·t)`, with arrival angles `α_n = 2π(n + u)/N` (one random rotation
//! `u`) and independent amplitudes `a_n ~ CN(0, 1/N)`. Unlike the sums with fixed amplitudes (Jakes 1974;
//! Xiao, Zheng and Beaulieu, IEEE Trans. Wireless Commun. 5(12), 2006) it is exactly complex Gaussian for any
//! `N`, and because equal spacing is the trapezoidal rule on a periodic integrand, its autocorrelation is
//! `J0(2π·f_d·τ)` to double precision as long as `2π·f_d·τ` stays a little below `N` (the error is `2·J_N`).
//!
//! `N` is chosen so that this holds over the whole simulated duration, up to [`MOST_WAVES`]. Beyond that the
//! angles are jittered, each within its own `2π/N`: the autocorrelation is then J0 on average over draws, and
//! in one draw within about `2x/N^{3/2}` of it at `x = 2π·f_d·τ`, never worse than `1/√N` (0.02).
//!
//! A Rician tap adds a constant wave of random phase at `0.7·f_d`, the line-of-sight Doppler shift of
//! TR 38.901 section 7.7.2. Static channels (`doppler = 0`) keep one draw for ever.

use std::f64::consts::{PI, TAU};

use ndarray::Array2;
use num_complex::{Complex32, Complex64};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::interpolate::delayed;
use super::profile::{Profile, Tap};
use super::{angle, finite, gaussian, rate, require};
use crate::Result;

/// Most plane waves in one tap, whatever the duration.
pub const MOST_WAVES: usize = 2048;

/// The Doppler shift of the constant part over the maximum Doppler shift (TR 38.901 section 7.7.2).
pub const LINE_OF_SIGHT_DOPPLER: f64 = 0.7;

/// One complex gain that changes with time, of unit mean power.
#[derive(Debug, Clone)]
pub struct Process {
    /// Angular Doppler shifts, rad/s, and complex amplitudes of the waves; the constant part, if any, is last.
    omega: Vec<f64>,
    amplitude: Vec<Complex64>,
    scattered: usize,
    scattered_power: f64,
}

impl Process {
    /// A process with maximum Doppler shift `doppler` (Hz, not negative) that will be looked at over
    /// `duration` s, with `k_factor` times as much constant as scattered power (linear; 0 is Rayleigh).
    pub fn new(doppler: f64, duration: f64, k_factor: f64, rng: &mut ChaCha8Rng) -> Self {
        // J_N(x) falls off within a few N^{1/3} below x = N (A&S 9.3.23).
        let x = TAU * doppler * duration.abs();
        let wanted = (x + 10.0 * x.cbrt() + 32.0).ceil() as usize; // saturates
        let waves = if doppler > 0.0 { wanted.clamp(64, MOST_WAVES) } else { 1 };
        let jitter = wanted > MOST_WAVES;
        let rotation: f64 = rng.random();
        let scattered_power = 1.0 / (1.0 + k_factor);
        let scale = (scattered_power / waves as f64).sqrt();
        let mut omega: Vec<f64> = (0..waves)
            .map(|n| {
                let place = n as f64 + rotation + if jitter { rng.random() } else { 0.0 };
                TAU * doppler * (TAU * place / waves as f64).cos()
            })
            .collect();
        let mut amplitude: Vec<_> = (0..waves).map(|_| scale * gaussian(rng)).collect();
        if k_factor > 0.0 {
            omega.push(TAU * doppler * LINE_OF_SIGHT_DOPPLER);
            amplitude.push(Complex64::from_polar((1.0 - scattered_power).sqrt(), angle(rng)));
        }
        Self { omega, amplitude, scattered: waves, scattered_power }
    }

    /// The process at another place: its scattered part has correlation `rho` (real, within ±1) with this
    /// one's at every time, its constant part is the same.
    #[must_use]
    pub fn correlated(&self, rho: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut other = self.clone();
        let scale = (self.scattered_power / self.scattered as f64).sqrt() * (1.0 - rho * rho).max(0.0).sqrt();
        for amplitude in &mut other.amplitude[..self.scattered] {
            *amplitude = rho * *amplitude + scale * gaussian(rng);
        }
        other
    }

    /// The gain at time `t`, s.
    #[must_use]
    pub fn at(&self, t: f64) -> Complex64 {
        self.omega.iter().zip(&self.amplitude).map(|(omega, a)| a * Complex64::cis(omega * t)).sum()
    }

    /// The gains at `start + n · step`, s, for `n` in `0..count`.
    #[must_use]
    pub fn series(&self, start: f64, step: f64, count: usize) -> Vec<Complex64> {
        // One rotation per wave and step; the real and imaginary parts apart so that the loop vectorizes.
        let turn: Vec<_> = self.omega.iter().map(|omega| Complex64::cis(omega * step)).collect();
        let wave: Vec<_> = self
            .omega
            .iter()
            .zip(&self.amplitude)
            .map(|(omega, a)| a * Complex64::cis(omega * start))
            .collect();
        let (turn_re, turn_im): (Vec<f64>, Vec<f64>) = turn.iter().map(|z| (z.re, z.im)).unzip();
        let (mut re, mut im): (Vec<f64>, Vec<f64>) = wave.iter().map(|z| (z.re, z.im)).unzip();
        (0..count)
            .map(|_| {
                let (mut sum_re, mut sum_im) = ([0.0; 4], [0.0; 4]);
                let waves = re.chunks_mut(4).zip(im.chunks_mut(4));
                for ((re, im), (c, s)) in waves.zip(turn_re.chunks(4).zip(turn_im.chunks(4))) {
                    for i in 0..re.len().min(im.len()).min(c.len()).min(s.len()) {
                        sum_re[i] += re[i];
                        sum_im[i] += im[i];
                        (re[i], im[i]) = (re[i] * c[i] - im[i] * s[i], re[i] * s[i] + im[i] * c[i]);
                    }
                }
                Complex64::new(sum_re.iter().sum(), sum_im.iter().sum())
            })
            .collect()
    }
}

/// A multipath channel's statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FadingConfig {
    /// The paths.
    pub profile: Profile,
    /// RMS delay spread, s.
    pub delay_spread: f64,
    /// Maximum Doppler shift `speed / wavelength`, Hz; 0 is a static channel.
    pub doppler: f64,
    /// K-factor of the first path in place of the profile's, dB.
    pub k_factor_db: Option<f64>,
}

impl Default for FadingConfig {
    /// TDL-B with 100 ns (nominal, Table 7.7.3-1) and 5 Hz: walking pace at 2.4 GHz is 10 Hz.
    fn default() -> Self {
        Self { profile: Profile::TdlB, delay_spread: 100e-9, doppler: 5.0, k_factor_db: None }
    }
}

/// One draw of a multipath channel, of unit mean power over draws.
#[derive(Debug, Clone)]
pub struct TappedDelayLine {
    taps: Vec<(Tap, Process)>,
    doppler: f64,
}

impl TappedDelayLine {
    /// Draws a channel that will be looked at over `duration` s.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a configuration or a duration that makes no sense.
    pub fn new(config: &FadingConfig, duration: f64, rng: &mut ChaCha8Rng) -> Result<Self> {
        let ok = config.doppler.is_finite() && config.doppler >= 0.0;
        require(ok, "doppler", "a number of Hz, 0 or more", config.doppler)?;
        require(
            duration.is_finite() && duration >= 0.0,
            "duration",
            "a number of seconds, 0 or more",
            duration,
        )?;
        let taps = config.profile.taps(config.delay_spread, config.k_factor_db)?;
        let taps = taps
            .into_iter()
            .map(|tap| (tap, Process::new(config.doppler, duration, tap.k_factor, rng)))
            .collect();
        Ok(Self { taps, doppler: config.doppler })
    }

    /// The channel at another place, see [`Process::correlated`].
    #[must_use]
    pub fn correlated(&self, rho: f64, rng: &mut ChaCha8Rng) -> Self {
        let taps = self.taps.iter().map(|(tap, process)| (*tap, process.correlated(rho, rng))).collect();
        Self { taps, doppler: self.doppler }
    }

    /// The paths.
    pub fn taps(&self) -> impl Iterator<Item = &Tap> {
        self.taps.iter().map(|(tap, _)| tap)
    }

    /// Gains of the paths at `start + n · step`, s: `[time, tap]`.
    #[must_use]
    pub fn gains(&self, start: f64, step: f64, count: usize) -> Array2<Complex64> {
        let mut gains = Array2::zeros((count, self.taps.len()));
        for ((tap, process), mut column) in self.taps.iter().zip(gains.columns_mut()) {
            let scale = tap.power.sqrt();
            for (gain, h) in column.iter_mut().zip(process.series(start, step, count)) {
                *gain = scale * h;
            }
        }
        gains
    }

    /// Transfer function `H(f, t) = Σ g_l(t) · exp(-j·2π·f·τ_l)` at `frequencies` (Hz from the carrier) and
    /// times `start + n · step`, s: `[time, frequency]`.
    #[must_use]
    pub fn response(&self, frequencies: &[f64], start: f64, step: f64, count: usize) -> Array2<Complex64> {
        let turns = Array2::from_shape_fn((self.taps.len(), frequencies.len()), |(l, f)| {
            Complex64::cis(-TAU * frequencies[f] * self.taps[l].0.delay)
        });
        self.gains(start, step, count).dot(&turns)
    }

    /// Sends `x` through the channel from time `start` (s) on.
    ///
    /// Fractional path delays are interpolated with a windowed sinc (content within ±0.4 of the sample
    /// rate), path gains are sampled 64 times per Doppler period and interpolated cubically (-90 dB). The
    /// output has the length of `x`: the echoes after its end are cut.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a bad rate or start, [`crate::Error::NotFinite`] for bad samples.
    pub fn apply(&self, x: &[Complex32], sample_rate: f64, start: f64) -> Result<Vec<Complex32>> {
        rate(sample_rate)?;
        require(start.is_finite(), "start", "finite", start)?;
        finite("samples", x)?;
        let coarse = if self.doppler > 0.0 { 1.0 / (64.0 * self.doppler) } else { f64::INFINITY };
        let step = coarse.min(x.len() as f64 / sample_rate).max(1.0 / sample_rate);
        let count = (x.len() as f64 / sample_rate / step).ceil() as usize + 4;
        let mut y = vec![Complex64::ZERO; x.len()];
        for (tap, process) in &self.taps {
            // Node k of the grid lies at `start + (k - 1) · step`: one node before, two after each sample.
            let nodes = process.series(start - step, step, count);
            let scale = tap.power.sqrt();
            for (n, (y, x)) in y.iter_mut().zip(delayed(x, tap.delay * sample_rate)).enumerate() {
                let t = n as f64 / sample_rate / step;
                let k = (t as usize).min(count - 4);
                let g = scale * cubic(&nodes[k..k + 4], t - k as f64);
                *y += g * Complex64::new(f64::from(x.re), f64::from(x.im));
            }
        }
        Ok(y.into_iter().map(|y| Complex32::new(y.re as f32, y.im as f32)).collect())
    }
}

/// The cubic through four equidistant nodes at -1, 0, 1, 2, read at `t` in `[0, 1]` (Lagrange).
fn cubic(p: &[Complex64], t: f64) -> Complex64 {
    p[0] * (-t * (t - 1.0) * (t - 2.0) / 6.0)
        + p[1] * ((t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0)
        + p[2] * (-(t + 1.0) * t * (t - 2.0) / 2.0)
        + p[3] * ((t + 1.0) * t * (t - 1.0) / 6.0)
}

/// Clarke's Doppler spectrum `1 / (π·f_d·√(1 - (f/f_d)²))` per Hz, zero outside of ±`doppler`.
#[must_use]
pub fn doppler_spectrum(frequency: f64, doppler: f64) -> f64 {
    let x = frequency / doppler;
    if x.abs() < 1.0 { 1.0 / (PI * doppler * (1.0 - x * x).sqrt()) } else { 0.0 }
}

#[cfg(test)]
mod tests;
