//! Turn-on transient: the amplitude settles like an underdamped second-order loop, the frequency like an
//! oscillator that is pulled by the load and recovers exponentially. The forms are those commonly fitted to
//! recorded transients (Ureten and Serinken, Electronics Letters 35(8), 1999, for the use of them).

use std::f64::consts::TAU;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::{phasor, require};
use crate::Result;

/// A transmitter's transient from its first sample on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnOn {
    /// Undamped natural frequency of the envelope, Hz: the rise takes about a quarter of its period.
    pub natural_frequency: f64,
    /// Damping ratio ζ; below 1 the envelope overshoots by `exp(-πζ/√(1-ζ²))`.
    pub damping: f64,
    /// Frequency offset at the start, Hz.
    pub frequency_pull: f64,
    /// Time constant of its decay, s.
    pub settling: f64,
}

impl Default for TurnOn {
    fn default() -> Self {
        Self { natural_frequency: 100e3, damping: 0.5, frequency_pull: 2e3, settling: 20e-6 }
    }
}

impl TurnOn {
    /// Amplitude `t` s after the start: the unit step response
    /// `1 - e^{-ζωt}(cos ω_d t + ζω/ω_d sin ω_d t)`, and its limits for ζ ≥ 1.
    #[must_use]
    pub fn envelope(&self, t: f64) -> f64 {
        let (omega, zeta) = (TAU * self.natural_frequency, self.damping);
        let decay = (-zeta * omega * t).exp();
        if (zeta - 1.0).abs() < 1e-9 {
            1.0 - decay * (1.0 + omega * t)
        } else if zeta < 1.0 {
            let damped = omega * (1.0 - zeta * zeta).sqrt();
            1.0 - decay * ((damped * t).cos() + zeta * omega / damped * (damped * t).sin())
        } else {
            // Two real poles; written with exponentials that cannot overflow.
            let spread = (zeta * zeta - 1.0).sqrt();
            let (slow, fast) = (omega * (zeta - spread), omega * (zeta + spread));
            1.0 - (fast * (-slow * t).exp() - slow * (-fast * t).exp()) / (fast - slow)
        }
    }

    /// Phase `t` s after the start, rad: the integral of `2π · pull · e^{-t/τ}`.
    #[must_use]
    pub fn phase(&self, t: f64) -> f64 {
        TAU * self.frequency_pull * self.settling * -(-t / self.settling).exp_m1()
    }

    /// In place, `x[0]` being the start.
    pub fn apply(&self, x: &mut [Complex32], sample_rate: f64) {
        for (n, x) in x.iter_mut().enumerate() {
            let t = n as f64 / sample_rate;
            *x *= phasor(self.phase(t)) * self.envelope(t) as f32;
        }
    }

    /// Undoes [`Self::apply`] for the samples whose envelope is above `floor`; the others become zero.
    pub fn undo(&self, y: &mut [Complex32], sample_rate: f64, floor: f64) {
        for (n, y) in y.iter_mut().enumerate() {
            let t = n as f64 / sample_rate;
            let envelope = self.envelope(t);
            let gain = if envelope > floor { (1.0 / envelope) as f32 } else { 0.0 };
            *y *= phasor(-self.phase(t)) * gain;
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        for (field, value) in [
            ("natural_frequency", self.natural_frequency),
            ("damping", self.damping),
            ("settling", self.settling),
        ] {
            require(value.is_finite() && value > 0.0, field, "a positive number", value)?;
        }
        require(self.frequency_pull.is_finite(), "frequency_pull", "finite", self.frequency_pull)
    }
}
