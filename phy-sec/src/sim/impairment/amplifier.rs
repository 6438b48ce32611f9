//! Memoryless power amplifiers: output amplitude and phase shift as functions of the input amplitude.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::require;
use crate::{Error, Result};

/// A power amplifier. Amplitudes are relative to full scale 1; scale the signal for another back-off.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub enum Amplifier {
    /// A perfect one.
    #[default]
    Linear,
    /// `A(r) = r - third · r³`, held at its maximum from `r = 1/√(3·third)` on. No phase shift. The odd-order
    /// baseband polynomial of order three; the input-referred intercept of two tones lies at `r² = 1/third`.
    Cubic {
        /// Third-order coefficient, 0 or more.
        third: f64,
    },
    /// `A(r) = r / (1 + (r/saturation)^{2p})^{1/2p}`, no phase shift: solid-state amplifiers
    /// (Rapp, 2nd European Conf. Satellite Communications, 1991).
    Rapp {
        /// Output amplitude at saturation.
        saturation: f64,
        /// `p`: how sharp the knee is, 2 to 3 in practice.
        smoothness: f64,
    },
    /// `A(r) = a·r/(1 + b·r²)`, `Φ(r) = c·r²/(1 + d·r²)`: travelling-wave tubes
    /// (Saleh, IEEE Trans. Commun. 29(11), 1981; his Table I has a = 2.1587, b = 1.1517, c = 4.0033, d = 9.1040).
    Saleh {
        /// a.
        amplitude_gain: f64,
        /// b.
        amplitude_compression: f64,
        /// c, rad.
        phase_gain: f64,
        /// d.
        phase_compression: f64,
    },
}

impl Amplifier {
    /// Saleh's own fit to a travelling-wave tube, Table I of his paper.
    pub const SALEH_1981: Self = Self::Saleh {
        amplitude_gain: 2.1587,
        amplitude_compression: 1.1517,
        phase_gain: 4.0033,
        phase_compression: 9.1040,
    };

    /// Output amplitude for input amplitude `r` (0 or more): AM/AM.
    #[must_use]
    pub fn amplitude(&self, r: f64) -> f64 {
        match *self {
            Self::Linear => r,
            Self::Cubic { third } => {
                let knee = if third > 0.0 { 1.0 / (3.0 * third).sqrt() } else { f64::INFINITY };
                let r = r.min(knee);
                r - third * r.powi(3)
            }
            Self::Rapp { saturation, smoothness } => {
                let p = 2.0 * smoothness;
                // The smaller over the larger: neither power overflows, and the larger amplitude goes to `saturation`.
                let (low, high) = (r.min(saturation), r.max(saturation));
                low / (1.0 + (low / high).powf(p)).powf(1.0 / p)
            }
            Self::Saleh { amplitude_gain, amplitude_compression, .. } => {
                amplitude_gain * r / (1.0 + amplitude_compression * r * r)
            }
        }
    }

    /// Phase shift for input amplitude `r`, rad: AM/PM.
    #[must_use]
    pub fn phase(&self, r: f64) -> f64 {
        match *self {
            Self::Linear | Self::Cubic { .. } | Self::Rapp { .. } => 0.0,
            Self::Saleh { phase_gain, phase_compression, .. } => {
                phase_gain * r * r / (1.0 + phase_compression * r * r)
            }
        }
    }

    /// Input amplitude for output amplitude `a`, below saturation; `None` where no input gives it.
    #[must_use]
    pub fn inverse_amplitude(&self, a: f64) -> Option<f64> {
        match *self {
            Self::Linear => Some(a),
            Self::Cubic { third: 0.0 } => Some(a),
            Self::Cubic { third } => {
                // r³ - r/third + a/third = 0 has three real roots below the knee; the middle one is ours
                // (Viète's trigonometric form of Cardano's solution).
                let knee = 1.0 / (3.0 * third).sqrt();
                let cos = -a / (2.0 * third * knee.powi(3));
                (cos.abs() <= 1.0)
                    .then(|| 2.0 * knee * ((cos.acos() + 4.0 * std::f64::consts::PI) / 3.0).cos())
            }
            Self::Rapp { saturation, smoothness } => {
                let p = 2.0 * smoothness;
                (a < saturation).then(|| a / (1.0 - (a / saturation).powf(p)).powf(1.0 / p))
            }
            Self::Saleh { amplitude_gain, amplitude_compression, .. } => {
                let root = amplitude_gain * amplitude_gain - 4.0 * amplitude_compression * a * a;
                // The smaller root, in the form that does not cancel for small `a`.
                (root >= 0.0).then(|| 2.0 * a / (amplitude_gain + root.sqrt()))
            }
        }
    }

    /// In place.
    pub fn apply(&self, x: &mut [Complex32]) {
        if *self == Self::Linear {
            return;
        }
        for x in x {
            let (r, angle) = (f64::from(x.norm()), f64::from(x.arg()));
            *x = polar(self.amplitude(r), angle + self.phase(r));
        }
    }

    /// Undoes [`Self::apply`] where the amplifier was not saturated: an ideal predistorter.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an amplitude that this amplifier cannot put out.
    pub fn undo(&self, y: &mut [Complex32]) -> Result<()> {
        for y in y {
            let a = f64::from(y.norm());
            let r = self.inverse_amplitude(a).ok_or_else(|| Error::OutOfRange {
                field: "amplitude",
                rule: "below the amplifier's saturation",
                got: a.to_string(),
            })?;
            *y = polar(r, f64::from(y.arg()) - self.phase(r));
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<()> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        match *self {
            Self::Linear => Ok(()),
            Self::Cubic { third } => require(not_negative(third), "third", "a number of 0 or more", third),
            Self::Rapp { saturation, smoothness } => {
                require(positive(saturation), "saturation", "a positive number", saturation)?;
                require((0.1..=100.0).contains(&smoothness), "smoothness", "within 0.1 and 100", smoothness)
            }
            Self::Saleh {
                amplitude_gain: a,
                amplitude_compression: b,
                phase_gain: c,
                phase_compression: d,
            } => {
                require(positive(a), "amplitude_gain", "a positive number", a)?;
                require(not_negative(b), "amplitude_compression", "a number of 0 or more", b)?;
                require(c.is_finite(), "phase_gain", "finite", c)?;
                require(not_negative(d), "phase_compression", "a number of 0 or more", d)
            }
        }
    }
}

fn polar(r: f64, angle: f64) -> Complex32 {
    let (sin, cos) = angle.sin_cos();
    Complex32::new((r * cos) as f32, (r * sin) as f32)
}
