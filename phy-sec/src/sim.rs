//! The simulator: seeded scenes for tests, the demo and notebooks.
//!
//! Everything is a function of its configuration and of a generator made by [`rng`]: the same seed gives
//! the same samples on one platform; another one's sine and logarithm may round differently. Configurations are `serde` structs whose unknown fields are errors.
//!
//! | Module | What it makes |
//! | --- | --- |
//! | [`fading`], [`profile`] | Rayleigh and Rician fading with Clarke's Doppler spectrum, 3GPP tapped delay lines |
//! | [`link`] | what Alice, Bob and Eve measure of one reciprocal channel |
//! | [`waveform`] | 802.11 OFDM, an NR-like comb, PSK/QAM, GFSK, LoRa, OOK |
//! | [`impairment`] | what a real transmitter and receiver do to them |
//! | [`adversary`] | somebody on the line between two ends, who tampers with messages; somebody who injects probes |
//! | [`jammer`] | eleven kinds of jammers, mixed in at a stated ratio |

use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::{Error, Result};

pub mod adversary;
pub mod fading;
pub mod impairment;
mod interpolate;
pub mod jammer;
pub mod link;
pub mod profile;
pub mod waveform;

pub use interpolate::resample;

/// The simulator's generator: ChaCha with eight rounds, seeded by `seed`.
///
/// Its stream is fixed by the algorithm (unlike `StdRng`), so a seed printed in a report stays meaningful.
#[must_use]
pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// `n` samples of circular white Gaussian noise with `E|x|² = power` (linear; 0 if `power` is negative or NaN).
pub fn noise(rng: &mut ChaCha8Rng, n: usize, power: f64) -> Vec<Complex32> {
    let sigma = power.max(0.0).sqrt();
    (0..n)
        .map(|_| {
            let z = sigma * gaussian(rng);
            Complex32::new(z.re as f32, z.im as f32)
        })
        .collect()
}

/// Mean power of `x`, `Σ|x|² / n`, summed in double precision; 0 for an empty slice.
#[must_use]
pub fn power(x: &[Complex32]) -> f64 {
    if x.is_empty() {
        return 0.0;
    }
    x.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / x.len() as f64
}

/// `10^(db / 10)`: a power ratio from decibels.
#[must_use]
pub fn from_db(db: f64) -> f64 {
    10f64.powf(db / 10.0)
}

/// Bessel function of the first kind and order zero: the correlation of an isotropic scatter field, over
/// time `J0(2π·f_d·τ)` and over distance `J0(2π·d/λ)` (Clarke, BSTJ 47(6), 1968). From the `libm` crate
/// (FreeBSD msun), below 1e-15 absolute error for moderate arguments.
#[must_use]
pub fn j0(x: f64) -> f64 {
    libm::j0(x)
}

/// One circular complex Gaussian value of unit power.
fn gaussian(rng: &mut ChaCha8Rng) -> Complex64 {
    let (re, im): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
    Complex64::new(re, im) * std::f64::consts::FRAC_1_SQRT_2
}

/// A uniform angle in `[0, 2π)`.
fn angle(rng: &mut ChaCha8Rng) -> f64 {
    rng.random_range(0.0..std::f64::consts::TAU)
}

/// A unit phasor in single precision, the phase reduced in double precision first.
fn phasor(phase: f64) -> Complex32 {
    let (sin, cos) = phase.rem_euclid(std::f64::consts::TAU).sin_cos();
    Complex32::new(cos as f32, sin as f32)
}

/// The values of a `bool` condition on a parameter, as the crate's error.
fn require(ok: bool, field: &'static str, rule: &'static str, got: impl std::fmt::Display) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: got.to_string() }) }
}

/// Rejects samples that are not numbers.
fn finite(what: &'static str, x: &[Complex32]) -> Result<()> {
    match x.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index }),
        None => Ok(()),
    }
}

/// Rejects a sample rate that is not a positive number.
fn rate(sample_rate: f64) -> Result<()> {
    require(
        sample_rate.is_finite() && sample_rate > 0.0,
        "sample_rate",
        "a positive number of Hz",
        sample_rate,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fixed() {
        let (mut a, mut b) = (rng(7), rng(7));
        assert_eq!(noise(&mut a, 100, 1.0), noise(&mut b, 100, 1.0));
        assert_ne!(noise(&mut rng(7), 100, 1.0), noise(&mut rng(8), 100, 1.0));
    }

    /// Power, circularity `E[x²] = 0`, whiteness and the fourth moment `E|x|⁴ = 2` within 4.5 sigma.
    #[test]
    fn noise_is_white_circular_gaussian() {
        let n = 1 << 17;
        let x = noise(&mut rng(1), n, 0.25);
        let sigma = 1.0 / (n as f64).sqrt();
        assert!((power(&x) / 0.25 - 1.0).abs() < 4.5 * sigma);
        let mean = |f: &dyn Fn(usize) -> Complex32| (0..n - 1).map(f).sum::<Complex32>() / n as f32 / 0.25;
        assert!(f64::from(mean(&|i| x[i] * x[i]).norm()) < 4.5 * 1.42 * sigma);
        assert!(f64::from(mean(&|i| x[i] * x[i + 1].conj()).norm()) < 4.5 * sigma);
        let fourth = x.iter().map(|x| f64::from(x.norm_sqr()).powi(2)).sum::<f64>() / n as f64 / 0.0625;
        assert!((fourth - 2.0).abs() < 4.5 * 20f64.sqrt() * sigma, "{fourth}");
        assert_eq!(power(&noise(&mut rng(1), 10, -1.0)), 0.0);
        assert_eq!(power(&[]), 0.0);
    }

    /// Abramowitz and Stegun, Table 9.1, and the first zero.
    #[test]
    fn j0_agrees_with_the_table() {
        for (x, want) in [
            (0.0, 1.0),
            (1.0, 0.765_197_686_557_966_6),
            (2.5, -0.048_383_776_468_198),
            (5.0, -0.177_596_771_314_338_3),
            (10.0, -0.245_935_764_451_348_3),
            (2.404_825_557_695_773, 0.0),
        ] {
            assert!((j0(x) - want).abs() < 1e-14, "J0({x}) = {}, the table says {want}", j0(x));
            assert_eq!(j0(x), j0(-x));
        }
    }
}
