//! I/Q imbalance: the two branches of a direct-conversion radio differ in gain and are not at 90°.
//!
//! With gain ratio `g` and phase error `φ`, both on the Q branch (Schenk, RF Imperfections in High-rate
//! Wireless Systems, Springer 2008, chapter 5):
//! - the modulator sends `x_I cos ωt - g x_Q sin(ωt + φ)`, whose envelope is `y = x_I + j·g·e^{jφ}·x_Q`, so
//!   `y = μ x + ν x*` with `μ = (1 + g e^{jφ})/2`, `ν = (1 - g e^{jφ})/2`;
//! - the demodulator mixes with `-2g sin(ωt + φ)`, so `y = x_I + j·g·(x_Q cos φ - x_I sin φ)`, which is
//!   `μ = (1 + g e^{-jφ})/2`, `ν = (1 - g e^{jφ})/2`.
//!
//! In both the image is weaker than the signal by the image rejection ratio
//! `(1 + 2g cos φ + g²) / (1 - 2g cos φ + g²)`.

use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::super::require;
use crate::Result;

/// Gain and phase of the Q branch against the I branch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IqImbalance {
    /// `20 log10 g`, dB.
    pub gain_db: f64,
    /// φ, rad.
    pub phase: f64,
}

impl IqImbalance {
    fn gain(self) -> f64 {
        10f64.powf(self.gain_db / 20.0)
    }

    /// What a modulator with this imbalance does.
    #[must_use]
    pub fn transmitter(self) -> WidelyLinear {
        let q = Complex64::from_polar(self.gain(), self.phase);
        WidelyLinear { direct: (1.0 + q) / 2.0, image: (1.0 - q) / 2.0 }
    }

    /// What a demodulator with this imbalance does.
    #[must_use]
    pub fn receiver(self) -> WidelyLinear {
        let q = Complex64::from_polar(self.gain(), self.phase);
        WidelyLinear { direct: (1.0 + q.conj()) / 2.0, image: (1.0 - q) / 2.0 }
    }

    /// Power of the signal over that of its image, dB; infinite for a perfect radio.
    #[must_use]
    pub fn image_rejection_db(self) -> f64 {
        let g = self.gain();
        let cross = 2.0 * g * self.phase.cos();
        10.0 * ((1.0 + cross + g * g) / (1.0 - cross + g * g)).log10()
    }

    pub(super) fn check(self, field: &'static str) -> Result<()> {
        require(self.gain_db.abs() <= 40.0, field, "of a gain_db within -40 and 40", self.gain_db)?;
        let most = std::f64::consts::FRAC_PI_4;
        require(self.phase.abs() <= most, field, "of a phase within -π/4 and π/4", self.phase)
    }
}

/// `y = direct · x + image · x*`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WidelyLinear {
    /// Factor of the signal.
    pub direct: Complex64,
    /// Factor of its conjugate.
    pub image: Complex64,
}

impl WidelyLinear {
    /// In place.
    pub fn apply(&self, x: &mut [Complex32]) {
        for x in x {
            let z = Complex64::new(f64::from(x.re), f64::from(x.im));
            let y = self.direct * z + self.image * z.conj();
            *x = Complex32::new(y.re as f32, y.im as f32);
        }
    }

    /// What undoes it: `x = (direct* · y - image · y*) / (|direct|² - |image|²)`.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let scale = self.direct.norm_sqr() - self.image.norm_sqr();
        Self { direct: self.direct.conj() / scale, image: -self.image / scale }
    }
}
