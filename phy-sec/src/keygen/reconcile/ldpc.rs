//! LDPC syndromes: Alice says parities of frames of her bits, Bob decodes his bits towards them, and asks for single
//! bits of the frames that do not come out.
//!
//! One message each way where the error rate is known and the frames are long. What a frame's syndrome says, and how it is
//! adapted to the error rate, is in `plan.rs`; where the codes come from, in `degrees.rs` and `graph.rs`.
//!
//! The places that Bob asks for depend on where the two strings differ and on what Alice said, not on the bits themselves.
//!
//! Sources: Elkouss et al., Efficient reconciliation protocol for discrete-variable QKD, ISIT 2009 (arXiv:0901.2140);
//! Martinez-Mateo, Elkouss and Martin, Blind reconciliation, Quantum Inf. Comput. 12, 2012 (arXiv:1205.5729); Kiktenko et
//! al., Symmetric blind information reconciliation, Phys. Rev. Applied 8, 044017, 2017 (arXiv:1612.03673).

mod code;
mod decode;
mod degrees;
mod graph;
mod plan;

use std::mem;

use kernels::Backend;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Ask, Progress, frames};
use crate::bits::Bits;
use crate::keygen::{RawBits, ReconciledBits, within};
use crate::{Error, Result};
use decode::{Frame, SURE, decode};
use plan::Plan;

/// LDPC codes, and what is done with frames that do not decode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ldpc {
    /// What happens to a frame that does not decode.
    pub protocol: Protocol,
    /// How Bob decodes.
    pub decoder: Decoder,
    /// Most bits of the string in a frame, 256 to 2^20. Longer frames say less, and need longer to decode.
    pub frame: u32,
    /// Bits that the syndrome says, over those that the error rate asks for; by default by the frame's length and the
    /// protocol.
    pub efficiency: Option<f64>,
    /// Bits asked for in a further round, over those that the error rate asks for. Later rounds ask for more.
    pub step: f64,
    /// Most sweeps of an attempt to decode.
    pub sweeps: u32,
    /// Seed of the codes. Both ends build the same ones.
    pub code: u64,
}

impl Default for Ldpc {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            decoder: Decoder::default(),
            frame: 1 << 20,
            efficiency: None,
            step: 0.02,
            sweeps: 100,
            code: 1,
        }
    }
}

/// What happens to a frame that does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Nothing more is said; verification will fail.
    Fixed,
    /// Punctured bits are revealed until it decodes or none are left (Martinez-Mateo et al. 2012).
    Blind,
    /// The bits that the decoder is least sure of are revealed until it decodes (Kiktenko et al. 2017).
    #[default]
    Symmetric,
}

/// How Bob decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// Sum-product in floating point: corrects the most.
    #[default]
    SumProduct,
    /// Normalised min-sum in 8 bits: several times as fast.
    MinSum,
}

impl Ldpc {
    pub(super) fn check(&self) -> Result<()> {
        within("frame", f64::from(self.frame), 256.0, f64::from(1 << 20), "within 256..=1048576")?;
        within("step", self.step, 1e-3, 1.0, "within 0.001..=1")?;
        within("sweeps", f64::from(self.sweeps), 1.0, 1e4, "within 1..=10000")?;
        within("efficiency", self.efficiency.unwrap_or(1.0), 0.5, 10.0, "within 0.5..=10")
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed { what: "LDPC message", place: "reconciliation".into(), reason: reason.into() }
}

/// What both ends derive from what both know.
struct Cut {
    plan: Plan,
    order: Vec<u32>,
}

impl Cut {
    fn new(config: &Ldpc, raw: &RawBits, error_rate: f64, seed: [u8; 32]) -> Self {
        // A rate of 0 would promise what nobody knows.
        let rate = error_rate.max(0.5 / raw.len() as f64);
        Self { plan: Plan::new(config, raw.len(), rate), order: frames::order(raw.len(), seed) }
    }

    /// Place in the frame, and bit of the string, of every bit that `frame` carries.
    fn carried(&self, frame: usize) -> impl Iterator<Item = (usize, usize)> {
        let bits = self.order.iter().skip(frame * self.plan.payload).take(self.plan.payload);
        self.plan.places.iter().zip(bits).map(|(&place, &bit)| (place as usize, bit as usize))
    }
}

/// The end whose bits stay.
pub struct Alice {
    raw: RawBits,
    cut: Cut,
    /// The frames, once their syndromes were asked for.
    frames: Vec<Zeroizing<Vec<u8>>>,
    leaked: usize,
}

impl Alice {
    pub(super) fn new(config: &Ldpc, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let cut = Cut::new(config, &raw, error_rate, seed);
        Ok(Self { raw, cut, frames: Vec::new(), leaked: 0 })
    }

    pub(super) fn answer(&mut self, ask: &Ask) -> Result<Bits> {
        let answer = match ask {
            Ask::Syndromes if self.frames.is_empty() => self.syndromes()?,
            Ask::Syndromes => return Err(malformed("the syndromes were said already")),
            Ask::Reveal { places } => {
                let left = (4 * self.raw.len() + 1024).saturating_sub(self.leaked);
                frames::reveal(&self.frames, places, left).map_err(malformed)?
            }
            _ => return Err(malformed("a question of another reconciler")),
        };
        self.leaked += answer.len();
        Ok(answer)
    }

    fn syndromes(&mut self) -> Result<Bits> {
        let plan = &self.cut.plan;
        let layout = plan.code.layout(1)?;
        let mut said = Bits::new();
        let mut syndrome = vec![0; plan.code.checks()];
        for frame in 0..plan.frames {
            let mut bits = Zeroizing::new(vec![0u8; plan.code.bits]);
            for (place, bit) in self.cut.carried(frame) {
                bits[place] = u8::from(self.raw.bits.get(bit).unwrap_or(false));
            }
            layout.syndrome(&bits, &mut syndrome);
            for puncture in &plan.punctures {
                bits[puncture.bit as usize] = syndrome[puncture.check as usize];
            }
            layout.syndrome(&bits, &mut syndrome);
            said.extend(plan.sent.iter().map(|&check| syndrome[check as usize] == 1));
            self.frames.push(bits);
        }
        Ok(said)
    }

    pub(super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(super) fn finish(mut self) -> ReconciledBits {
        ReconciledBits { bits: mem::take(&mut self.raw.bits), leaked: self.leaked, uncorrected: 0 }
    }
}

/// The end that corrects its bits.
pub struct Bob {
    raw: RawBits,
    cut: Cut,
    config: Ldpc,
    error_rate: f64,
    frames: Vec<Frame>,
    /// What the channel and Alice say of each frame's bits.
    known: Vec<Zeroizing<Vec<f32>>>,
    /// Bits said about each frame.
    said: Vec<usize>,
    asked: Option<Ask>,
    round: u32,
    leaked: usize,
}

impl Bob {
    pub(super) fn new(config: &Ldpc, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let cut = Cut::new(config, &raw, error_rate, seed);
        // Surer than this of a bit is nobody whose sample was finite.
        let error_rate = error_rate.clamp(1e-4, 0.499);
        let evidence = ((1.0 - error_rate) / error_rate).ln() as f32;
        let mut known = Vec::with_capacity(cut.plan.frames);
        for frame in 0..cut.plan.frames {
            let mut values = Zeroizing::new(vec![SURE; cut.plan.code.bits]);
            cut.plan.punctures.iter().for_each(|puncture| values[puncture.bit as usize] = 0.0);
            for (place, bit) in cut.carried(frame) {
                values[place] = if raw.bits.get(bit) == Some(true) { -evidence } else { evidence };
            }
            known.push(values);
        }
        let said = vec![cut.plan.sent.len(); cut.plan.frames];
        let config = config.clone();
        Ok(Self {
            raw,
            cut,
            config,
            error_rate,
            frames: vec![],
            known,
            said,
            asked: None,
            round: 0,
            leaked: 0,
        })
    }

    pub(super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(super) fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
        match (self.asked.take(), answer) {
            (None, None) => return Ok(self.ask(Ask::Syndromes)),
            (Some(asked), Some(answer)) => self.learn(&asked, answer)?,
            (None, Some(_)) => return Err(malformed("nothing was asked for")),
            (Some(_), None) => return Err(malformed("no answer came")),
        }
        for (frame, known) in self.frames.iter_mut().zip(&self.known) {
            if frame.decoded.is_none() {
                frame.values.copy_from_slice(known);
            }
        }
        let Ldpc { decoder, sweeps, .. } = self.config;
        decode(&self.cut.plan.code, decoder, sweeps, &mut self.frames, &Backend::default())?;
        let places = self.doubts();
        if places.is_empty() { Ok(self.done()) } else { Ok(self.ask(Ask::Reveal { places })) }
    }

    fn ask(&mut self, ask: Ask) -> Progress {
        self.leaked += match &ask {
            Ask::Reveal { places } => places.len(),
            _ => self.cut.plan.sent.len() * self.cut.plan.frames,
        };
        self.asked = Some(ask.clone());
        Progress::Ask(ask)
    }

    fn learn(&mut self, asked: &Ask, answer: &Bits) -> Result<()> {
        let plan = &self.cut.plan;
        let due = match asked {
            Ask::Reveal { places } => places.len(),
            _ => plan.sent.len() * plan.frames,
        };
        if answer.len() != due {
            return Err(malformed(format!("{due} bits were asked for, {} came", answer.len())));
        }
        if let Ask::Reveal { places } = asked {
            for (&[frame, place], bit) in places.iter().zip(answer.iter()) {
                self.known[frame as usize][place as usize] = if bit { -SURE } else { SURE };
                self.said[frame as usize] += 1;
            }
            return Ok(());
        }
        let mut bits = answer.iter();
        for _ in 0..plan.frames {
            let mut syndrome = vec![0; plan.code.checks()];
            for (&check, bit) in plan.sent.iter().zip(&mut bits) {
                syndrome[check as usize] = u8::from(bit);
            }
            let values = Zeroizing::new(vec![0.0; plan.code.bits]);
            self.frames.push(Frame { values, syndrome, decoded: None });
        }
        Ok(())
    }

    /// What to ask of the frames that did not decode: nothing if all did, or if as much as they carry was said.
    fn doubts(&mut self) -> Vec<[u32; 2]> {
        let plan = &self.cut.plan;
        let due = self.config.step * plan.payload as f64 * super::binary_entropy(self.error_rate);
        // A rate that was told far too low must not make the steps tiny, and each is a quarter more than the one before:
        // the number of rounds grows with the logarithm of what is missing.
        let due = due.max(plan.payload as f64 / 256.0).max(4.0);
        let count = (due * 1.25f64.powi(self.round.min(100) as i32)).ceil() as usize;
        self.round += 1;
        let mut ask = Vec::new();
        let frames = self.frames.iter().zip(&self.known).zip(&self.said).enumerate();
        for (index, ((frame, known), &said)) in frames {
            if frame.decoded.is_some() || said >= plan.payload {
                continue;
            }
            let open = |place: &u32| known[*place as usize].abs() < SURE;
            let mut places: Vec<u32> = match self.config.protocol {
                Protocol::Fixed => Vec::new(),
                Protocol::Blind => {
                    plan.punctures.iter().rev().map(|puncture| puncture.bit).filter(open).collect()
                }
                Protocol::Symmetric => (0..plan.code.bits as u32).filter(open).collect(),
            };
            if self.config.protocol == Protocol::Symmetric && places.len() > count {
                let doubt = |place: &u32| frame.values[*place as usize].abs();
                places.select_nth_unstable_by(count, |a, b| doubt(a).total_cmp(&doubt(b)).then(a.cmp(b)));
            }
            places.truncate(count);
            ask.extend(places.into_iter().map(|place| [index as u32, place]));
        }
        ask
    }

    fn done(&mut self) -> Progress {
        let mut bits = mem::take(&mut self.raw.bits);
        for (index, frame) in self.frames.iter().enumerate() {
            for (place, bit) in self.cut.carried(index) {
                if let Some(decoded) = &frame.decoded {
                    bits.set(bit, decoded[place] == 1);
                }
            }
        }
        let uncorrected = self.frames.iter().filter(|frame| frame.decoded.is_none()).count();
        Progress::Done(ReconciledBits { bits, leaked: self.leaked, uncorrected })
    }
}

#[cfg(test)]
mod tests;
