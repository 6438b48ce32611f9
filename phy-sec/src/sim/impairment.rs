//! What real radios do to a signal: the raw material of fingerprints.
//!
//! The order is that of the hardware. Transmitter: I/Q imbalance of the modulator, carrier leakage, phase
//! noise and carrier frequency offset, power amplifier, turn-on transient. Receiver: sampling clock, I/Q
//! imbalance of the demodulator, converter. Noise and fading belong between the two: call
//! [`Impairments::transmit`], the channel, [`Impairments::receive`]; [`Impairments::apply`] does both at once.
//!
//! Each part can be used by itself and undone: the inverse of the formula stands beside it.

use std::f64::consts::TAU;

use num_complex::Complex32;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{finite, phasor, rate, require, resample};
use crate::Result;

mod adc;
mod amplifier;
mod iq;
mod turn_on;

pub use adc::Adc;
pub use amplifier::Amplifier;
pub use iq::{IqImbalance, WidelyLinear};
pub use turn_on::TurnOn;

/// One transmitter and receiver pair. The default is a perfect one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impairments {
    /// Imbalance of the transmitter's modulator.
    pub tx_iq: IqImbalance,
    /// Carrier leakage (local oscillator feedthrough) of the modulator, added to the signal; full scale 1.
    pub iq_offset: Complex32,
    /// Full width at half maximum of the oscillators' Lorentzian line, Hz.
    pub phase_noise_linewidth: f64,
    /// Carrier frequency of the transmitter minus that of the receiver, Hz.
    pub cfo: f64,
    /// Power amplifier.
    pub amplifier: Amplifier,
    /// Transient from the first sample on.
    pub turn_on: Option<TurnOn>,
    /// Sampling clock of the transmitter relative to the receiver's, parts per million; positive shortens.
    pub sfo_ppm: f64,
    /// Imbalance of the receiver's demodulator.
    pub rx_iq: IqImbalance,
    /// Analog-to-digital converter.
    pub adc: Option<Adc>,
}

impl Impairments {
    /// Transmitter, then receiver, in place; the length changes if `sfo_ppm` is not 0.
    ///
    /// # Errors
    /// As [`Self::transmit`] and [`Self::receive`].
    pub fn apply(&self, x: &mut Vec<Complex32>, sample_rate: f64, rng: &mut ChaCha8Rng) -> Result<()> {
        self.transmit(x, sample_rate, rng)?;
        self.receive(x)
    }

    /// The transmitter's part: imbalance, leakage, phase noise and offset, amplifier, transient.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the field, [`crate::Error::NotFinite`] for bad samples.
    pub fn transmit(&self, x: &mut [Complex32], sample_rate: f64, rng: &mut ChaCha8Rng) -> Result<()> {
        rate(sample_rate)?;
        finite("samples", x)?;
        self.check()?;
        if self.tx_iq != IqImbalance::default() {
            self.tx_iq.transmitter().apply(x);
        }
        for x in &mut *x {
            *x += self.iq_offset;
        }
        if self.phase_noise_linewidth > 0.0 {
            let phase = phase_noise(rng, x.len(), self.phase_noise_linewidth, sample_rate);
            rotate(x, &phase, 1.0);
        }
        if self.cfo != 0.0 {
            shift(x, self.cfo, sample_rate);
        }
        self.amplifier.apply(x);
        if let Some(turn_on) = &self.turn_on {
            turn_on.apply(x, sample_rate);
        }
        Ok(())
    }

    /// The receiver's part: sampling clock, imbalance, converter.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the field, [`crate::Error::NotFinite`] for bad samples.
    pub fn receive(&self, x: &mut Vec<Complex32>) -> Result<()> {
        finite("samples", x)?;
        self.check()?;
        if self.sfo_ppm != 0.0 {
            *x = resample(x, 1.0 + self.sfo_ppm * 1e-6)?;
        }
        if self.rx_iq != IqImbalance::default() {
            self.rx_iq.receiver().apply(x);
        }
        if let Some(adc) = &self.adc {
            adc.apply(x);
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        self.tx_iq.check("tx_iq")?;
        self.rx_iq.check("rx_iq")?;
        require(self.iq_offset.is_finite(), "iq_offset", "finite", self.iq_offset)?;
        require(self.cfo.is_finite(), "cfo", "finite", self.cfo)?;
        require(self.sfo_ppm.abs() <= 1e5, "sfo_ppm", "within -100000 and 100000", self.sfo_ppm)?;
        let width = self.phase_noise_linewidth;
        require(
            width.is_finite() && width >= 0.0,
            "phase_noise_linewidth",
            "a number of Hz, 0 or more",
            width,
        )?;
        self.amplifier.check()?;
        self.turn_on.as_ref().map_or(Ok(()), TurnOn::check)?;
        self.adc.as_ref().map_or(Ok(()), Adc::check)
    }
}

/// Moves `x` up by `frequency` (Hz): `x[n] · exp(j·2π·frequency·n / sample_rate)`. Undone by `-frequency`.
///
/// The phase is reduced to one turn in double precision, so that it does not drift.
pub fn shift(x: &mut [Complex32], frequency: f64, sample_rate: f64) {
    let cycles = frequency / sample_rate;
    for (n, x) in x.iter_mut().enumerate() {
        *x *= phasor(TAU * (cycles * n as f64).fract());
    }
}

/// Phase of a free-running oscillator, rad: a Wiener process whose increments have variance
/// `2π·linewidth / sample_rate`, so that the line is a Lorentzian of that full width at half maximum
/// (Demir, Mehrotra and Roychowdhury, IEEE Trans. Circuits Syst. I 47(5), 2000). It starts at 0.
pub fn phase_noise(rng: &mut ChaCha8Rng, n: usize, linewidth: f64, sample_rate: f64) -> Vec<f64> {
    let sigma = (TAU * linewidth.max(0.0) / sample_rate).sqrt();
    let mut phase = 0.0;
    (0..n)
        .map(|_| {
            let now = phase;
            let step: f64 = rng.sample(StandardNormal);
            phase += sigma * step;
            now
        })
        .collect()
}

/// Turns each sample by `sign · phase[n]`, rad; `sign = -1` undoes what `sign = 1` did.
pub fn rotate(x: &mut [Complex32], phase: &[f64], sign: f64) {
    for (x, phase) in x.iter_mut().zip(phase) {
        *x *= phasor(sign * phase);
    }
}

#[cfg(test)]
mod tests;
