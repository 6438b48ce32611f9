//! I/Q imbalance, blind: the second moment that a proper signal does not have.
//!
//! A modulator with gain ratio `g` and phase error `φ` turns a proper signal (`E[x²] = 0`) into `y = μx + νx*`, whence
//!
//! ```text
//! ρ = E[y²] / E|y|² = 2μν / (|μ|² + |ν|²) = (1 - g²e^{2jφ}) / (1 + g²)
//! ```
//!
//! (Anttila, Valkama and Renfors, IEEE Trans. Veh. Technol. 57(4), 2008). The channel turns `ρ` by an unknown phase, so only
//! its size tells of the transmitter: the image ratio `|ν/μ|`. Where the channel's phase is known, [`Improperness::gain_db`]
//! and [`Improperness::phase`] are the two parts.
//!
//! A real-valued constellation, on-off keying or a bare carrier is improper by itself and cannot show an imbalance.

use num_complex::Complex64;

use super::{Measured, Missing, Segment, measured};

/// Image over signal, dB (amplitude squared).
pub const NAMES: &[&str] = &["image_ratio_db"];

/// Above this size of ρ, the modulation is improper by itself: an imbalance would have to be 15 degrees or 2.3 dB.
const IMPROPER: f64 = 0.26;

/// `ρ = E[x²] / E|x|²` with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Improperness {
    /// ρ.
    pub rho: Complex64,
    /// One sigma of each of its two parts.
    pub standard_error: f64,
}

impl Improperness {
    /// Gain of Q over I in dB, if the channel turns nothing: `g² = |1 - ρ|² / (1 - |ρ|²)`.
    pub fn gain_db(&self) -> f64 {
        10.0 * ((1.0 - self.rho).norm_sqr() / (1.0 - self.rho.norm_sqr())).log10()
    }

    /// Phase error in rad, if the channel turns nothing: `2φ = arg(1 - ρ(1 + g²))`.
    pub fn phase(&self) -> f64 {
        let gain = (1.0 - self.rho).norm_sqr() / (1.0 - self.rho.norm_sqr());
        0.5 * (1.0 - self.rho * (1.0 + gain)).arg()
    }

    /// `|ν/μ|` of the imbalance: `|ρ| = 2t / (1 + t²)` solved for `t`.
    pub fn image_ratio(&self) -> f64 {
        let size = self.rho.norm().min(1.0);
        if size == 0.0 { 0.0 } else { size / (1.0 + (1.0 - size * size).sqrt()) }
    }
}

/// ρ of `x` (carrier at zero), noise of power `noise_power` taken out of the denominator; errors from the scatter of 16 parts.
///
/// `None` without any power above the noise.
pub fn improperness(x: &[Complex64], noise_power: f64) -> Option<Improperness> {
    let size = x.len().div_ceil(16).max(1);
    let power = x.iter().map(|x| x.norm_sqr()).sum::<f64>() / x.len().max(1) as f64;
    let signal = power - noise_power;
    if !(signal > 0.0) {
        return None;
    }
    let parts: Vec<Complex64> =
        x.chunks(size).map(|part| part.iter().map(|x| x * x).sum::<Complex64>()).collect();
    let mean = parts.iter().sum::<Complex64>() / parts.len() as f64;
    let n = parts.len() as f64;
    // Half of the complex variance falls on each part.
    let variance = parts.iter().map(|p| (p - mean).norm_sqr()).sum::<f64>() / (n - 1.0).max(1.0) / 2.0;
    let scale = x.len() as f64 * signal;
    Some(Improperness { rho: mean * n / scale, standard_error: (n * variance).sqrt() / scale })
}

/// The image ratio, if the modulation is proper and the image stands out.
pub fn measure(segment: &Segment) -> [Measured; 1] {
    [image(segment)]
}

fn image(segment: &Segment) -> Measured {
    if segment.keyed || segment.carrier.tone {
        return Err(Missing::NotIdentifiable);
    }
    let noise = segment.noise_power;
    let found = improperness(&segment.baseband(), noise).ok_or(Missing::BelowNoise)?;
    let size = found.rho.norm();
    if size > IMPROPER {
        return Err(Missing::NotIdentifiable);
    }
    if size < 2.0 * found.standard_error {
        return Err(Missing::BelowNoise);
    }
    let db = 20.0 * found.image_ratio().log10();
    measured(db, 20.0 / std::f64::consts::LN_10 * found.standard_error / size)
}
