//! What the fit leaves: error vector, signal-to-noise ratio, phase noise.

use num_complex::Complex32;

use super::{
    fit::{BLOCK, Block, Fitted},
    measured,
    reference::Reference,
};
use crate::fingerprint::feature::{Measured, Missing};

/// The values of the table that come from the residual.
pub(super) struct Quality {
    pub(super) phase_noise: Measured,
    pub(super) evm: Measured,
    pub(super) magnitude: Measured,
    pub(super) phase: Measured,
    pub(super) snr: Measured,
}

/// One more pass over the burst. Standard errors are those of Gaussian errors, independent from sample to sample.
pub(super) fn measure(reference: &Reference, y: &[Complex32], fitted: &Fitted) -> Quality {
    let mut block = Block::new();
    let (mut power, mut along, mut across) = (0.0, 0.0, 0.0);
    let (mut excess, mut fourth, mut eighth) = (0.0, 0.0, 0.0);
    let p = &fitted.parameters;
    for from in (0..y.len()).step_by(BLOCK) {
        block.fill(reference, y, from, p, fitted.terms);
        for i in 0..BLOCK.min(y.len() - from) {
            let (model, rest) = (block.model(i), block.residual(i));
            let t = (from + i) as f64 - (y.len() - 1) as f64 / 2.0;
            let place = reference.used().start as f64 + (from + i) as f64 - p.delay + p.stretch * t;
            let ideal = reference.at(place).0;
            let own = ideal.norm_sqr();
            power += own;
            // Image, leakage, amplifier and noise are all error.
            let error = model + rest - ideal;
            if own > 0.0 {
                let turned = error * ideal.conj();
                along += turned.re * turned.re / own;
                across += turned.im * turned.im / own;
            }
            let turned = rest * model.conj();
            let square = model.norm_sqr().powi(2);
            excess += turned.im * turned.im - turned.re * turned.re;
            fourth += square;
            eighth += square * square;
        }
    }
    let samples = y.len() as f64;
    let part = |square: f64, degrees: f64| {
        let value = (square / power).sqrt();
        measured(value, value / (2.0 * degrees).sqrt())
    };
    // Noise is as strong along the burst as across it, phase noise is across alone.
    let variance = excess / fourth;
    let from_noise = fitted.noise / fourth.sqrt();
    let error = from_noise.hypot(variance * (2.0 * eighth).sqrt() / fourth);
    let phase_noise = if variance > 2.0 * from_noise {
        measured(variance.sqrt(), error / (2.0 * variance.sqrt()))
    } else {
        Err(Missing::BelowNoise)
    };
    let snr = 10.0 * (fitted.power / fitted.noise).log10();
    Quality {
        phase_noise,
        evm: part(along + across, 2.0 * samples),
        magnitude: part(along, samples),
        phase: part(across, samples),
        snr: measured(snr, 10.0 / std::f64::consts::LN_10 / samples.sqrt()),
    }
}
