//! Which code, cut how: from the length of the string and the error rate, the same at both ends.
//!
//! A frame of `bits = payload + punctured + shortened` bits has `checks` checks. The syndrome of a frame whose
//! punctured bits were uniformly random and private would say `checks - punctured` bits about the payload (Elkouss,
//! Martinez-Mateo and Martin, ISIT 2010; Secure rate-adaptive reconciliation, ISITA 2010; arXiv:1007.1616). Here Alice needs
//! no private randomness: she sets each punctured bit so that the check which is spent on it comes out 0, and does not send
//! that check. What travels is `checks - punctured` bits, each a parity of the payload, and each is counted. Revealing a
//! punctured bit later is sending the parity that was withheld: one bit more.

use std::sync::Arc;

use super::code::{Code, Puncture, lanes};
use super::degrees::{ENSEMBLES, Ensemble};
use super::{Ldpc, Protocol, graph};
use crate::keygen::reconcile::binary_entropy;
use crate::keygen::reconcile::frames::below;

/// How the string is cut into frames of a code.
pub(super) struct Plan {
    pub(super) code: Arc<Code>,
    pub(super) frames: usize,
    /// Bits of the string in each frame.
    pub(super) payload: usize,
    pub(super) punctures: Vec<Puncture>,
    /// Where the payload is, ascending.
    pub(super) places: Vec<u32>,
    /// Checks that are sent, ascending.
    pub(super) sent: Vec<u32>,
}

/// Bits to be said about each bit of payload, over the binary entropy of the error rate.
///
/// A frame of `n` bits has more errors than on average by a share that grows with `sqrt(V / n)`, `V` the dispersion of
/// the channel (Polyanskiy, Poor and Verdú, IEEE Trans. Inf. Theory 56(5), 2010). The factors are those with which the
/// codes were measured to fail once in about a thousand frames, or where revealing more is possible, in about every other.
pub(super) fn efficiency(payload: usize, error_rate: f64, protocol: Protocol) -> f64 {
    let q = error_rate;
    let dispersion = q * (1.0 - q) * ((1.0 - q) / q).log2().powi(2);
    let deviation = (dispersion / payload as f64).sqrt() / binary_entropy(q);
    match protocol {
        Protocol::Fixed => 1.035 + 5.0 * deviation,
        Protocol::Blind | Protocol::Symmetric => 1.03 + 1.5 * deviation,
    }
}

impl Plan {
    pub(super) fn new(config: &Ldpc, bits: usize, error_rate: f64) -> Self {
        let frames = bits.div_ceil(config.frame as usize);
        let payload = bits.div_ceil(frames);
        let f = config.efficiency.unwrap_or_else(|| efficiency(payload, error_rate, config.protocol));
        let leak = (f * binary_entropy(error_rate)).clamp(1.0 / payload as f64, 1.0);
        // The highest rate whose syndrome says enough; below the lowest one, bits are shortened instead.
        let enough = |ensemble: &&&Ensemble| 1.0 - ensemble.rate >= leak;
        let ensemble: &'static Ensemble = ENSEMBLES
            .iter()
            .filter(|e| enough(&e))
            .max_by(|a, b| a.rate.total_cmp(&b.rate))
            .unwrap_or(&ENSEMBLES[0]);
        let share = 1.0 - ensemble.rate;
        let length = if leak <= share { (1.0 - leak) / ensemble.rate } else { leak / share };
        let length = ((payload as f64 * length).ceil() as usize).max(payload).max(16);
        let code = Code::shared(ensemble, length.next_multiple_of(lanes(length)), config.code);
        let spare = code.bits - payload;
        let said = (leak * payload as f64).ceil() as usize;
        let punctures = code.punctures(code.checks().saturating_sub(said).min(spare), config.code);
        let mut free = vec![true; code.bits];
        punctures.iter().for_each(|puncture| free[puncture.bit as usize] = false);
        let mut sent = vec![true; code.checks()];
        punctures.iter().for_each(|puncture| sent[puncture.check as usize] = false);
        let chosen = |flags: Vec<bool>| -> Vec<u32> {
            flags.iter().enumerate().filter(|(_, flag)| **flag).map(|(index, _)| index as u32).collect()
        };
        // What is too much is shortened: anywhere.
        let mut places = chosen(free);
        let mut rng = graph::generator(config.code, 3);
        let shortened = places.len() - payload;
        for last in (payload..places.len()).rev() {
            places.swap(last, below(&mut rng, last + 1));
        }
        places.truncate(places.len() - shortened);
        places.sort_unstable();
        Self { code, frames, payload, punctures, places, sent: chosen(sent) }
    }
}
