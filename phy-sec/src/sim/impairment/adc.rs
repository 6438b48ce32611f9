//! Analog-to-digital conversion: clipping at full scale and uniform mid-rise quantization of I and of Q.
//!
//! A full-scale sine per branch has `6.02·bits + 1.76` dB of signal over quantization noise
//! (Bennett, BSTJ 27(3), 1948; Walden, IEEE JSAC 17(4), 1999).

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::require;
use crate::Result;

/// A pair of converters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adc {
    /// Resolution, 1 to 24 bits.
    pub bits: u32,
    /// Input at which each branch clips.
    pub full_scale: f32,
}

impl Default for Adc {
    fn default() -> Self {
        Self { bits: 12, full_scale: 1.0 }
    }
}

impl Adc {
    /// Distance between two levels; what is not clipped moves by at most half of it.
    #[must_use]
    pub fn step(&self) -> f32 {
        2.0 * self.full_scale / (1u32 << self.bits) as f32
    }

    /// In place; levels lie at `±(k + ½) · step`.
    pub fn apply(&self, x: &mut [Complex32]) {
        let (step, top) = (f64::from(self.step()), f64::from(1u32 << (self.bits - 1)));
        let convert = |v: f32| {
            let level = (f64::from(v) / step).floor().clamp(-top, top - 1.0);
            ((level + 0.5) * step) as f32
        };
        for x in x {
            *x = Complex32::new(convert(x.re), convert(x.im));
        }
    }

    /// How many of `x`'s real and imaginary parts lie outside of full scale.
    #[must_use]
    pub fn clipped(&self, x: &[Complex32]) -> usize {
        x.iter().flat_map(|x| [x.re, x.im]).filter(|v| v.abs() > self.full_scale).count()
    }

    pub(super) fn check(&self) -> Result<()> {
        require((1..=24).contains(&self.bits), "bits", "within 1 and 24", self.bits)?;
        let ok = self.full_scale.is_finite() && self.full_scale > 0.0;
        require(ok, "full_scale", "a positive number", self.full_scale)
    }
}
