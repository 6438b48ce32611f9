//! Polar codes: Alice says the bits of the transform that are least certain and a checksum, Bob decodes his bits towards
//! them along a list of paths, and asks for further bits of the transform where no path has the checksum.
//!
//! The transform of a frame of uniform bits is as many uniform bits. Given Bob's copy and all bits before it, most of them are
//! either all but certain or all but unknown, and the unknown ones are hardly more than the Shannon limit: what is said are those. One
//! message each way where the error rate is known and `rounds` is 0. A string that is no power of two long is shortened: the
//! places that are left are zeros that both ends know, and so are the last bits of the transform.
//!
//! Every bit that is said, the checksum's included, is a parity of the frame's bits, and each is counted. The places that Bob asks
//! for follow from how often he asked, not from the bits.
//!
//! Sources: Arıkan, Channel polarization, IEEE Trans. Inf. Theory 55(7), 2009, and Source polarization, ISIT 2010
//! (arXiv:1001.3087); Korada and Urbanke, Polar codes are optimal for lossy source coding, 2010, for side information; Jouguet
//! and Kunz-Jacques, High performance error correction for quantum key distribution using polar codes, Quantum Inf. Comput. 14,
//! 2014 (arXiv:1204.5882); Kiktenko, Malyshev and Fedorov, Blind information reconciliation with polar codes, IEEE Commun.
//! Lett. 25, 2021 (arXiv:2008.12299); Wang and Liu, A novel puncturing scheme for polar codes, IEEE Commun. Lett. 18(12), 2014, for
//! shortening.

mod construction;
mod discrete;
mod gaussian;
mod list;
mod transform;

use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::frames::Frames;
use super::{Ask, Progress, binary_entropy, frames};
use crate::bits::Bits;
use crate::keygen::{RawBits, ReconciledBits, within};
use crate::{Error, Result};
use list::{Known, List};
use transform::{checksum, transform};

/// Polar codes, decoded along a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Polar {
    /// Most bits of the string in a frame, 64 to 2^20. Longer frames say less.
    pub frame: u32,
    /// Paths that are followed, 1 to 64; with 1 and no checksum, successive cancellation.
    pub list: u32,
    /// Bits of the checksum: 0, 6, 11, 16 or 24.
    pub crc: u8,
    /// Bits that are said at first, the checksum included, over those that the error rate asks for; by default by the frame's
    /// length and the rounds.
    pub efficiency: Option<f64>,
    /// Most further questions about frames of which no path has the checksum, 0 to 100. 0 without a checksum.
    pub rounds: u32,
    /// Bits asked for in a further round, over those that the error rate asks for. Later rounds ask for more.
    pub step: f64,
}

impl Default for Polar {
    fn default() -> Self {
        Self { frame: 1 << 16, list: 8, crc: 16, efficiency: None, rounds: 30, step: 0.02 }
    }
}

impl Polar {
    pub(super) fn check(&self) -> Result<()> {
        within("frame", f64::from(self.frame), 64.0, f64::from(1 << 20), "within 64..=1048576")?;
        within("list", f64::from(self.list), 1.0, 64.0, "within 1..=64")?;
        within("efficiency", self.efficiency.unwrap_or(1.0), 0.5, 10.0, "within 0.5..=10")?;
        within("step", self.step, 1e-3, 1.0, "within 0.001..=1")?;
        within("rounds", f64::from(self.rounds), 0.0, 100.0, "within 0..=100")?;
        if ![0, 6, 11, 16, 24].contains(&self.crc) {
            let got = self.crc.to_string();
            return Err(Error::OutOfRange { field: "crc", rule: "0, 6, 11, 16 or 24", got });
        }
        Ok(())
    }
}

/// Bits to be said about each bit of payload, over the binary entropy of the error rate, with the default list and checksum.
///
/// Fitted to where half of the frames fail (error rates of 0.01 to 0.15, 1024 to 65,536 bits; docs/results/polar.md): a
/// share that falls off slowly with the length, because a list of eight makes up for less of what successive cancellation
/// loses as frames grow. What is asked for later starts a little below; where nothing is, the channel's dispersion comes
/// on top (Polyanskiy, Poor and Verdú, IEEE Trans. Inf. Theory 56(5), 2010), for one failure in about a thousand.
fn efficiency(payload: usize, error_rate: f64, asks: bool) -> f64 {
    let (q, n, h) = (error_rate, payload as f64, binary_entropy(error_rate));
    let behind = (h * (1.0 - h)).sqrt() * libm::pow(n, -0.1) / h;
    let dispersion = q * (1.0 - q) * libm::log2((1.0 - q) / q).powi(2);
    let deviation = (dispersion / n).sqrt() / h;
    if asks { 1.0 + 0.19 * behind } else { 1.0 + 0.22 * behind + 4.5 * deviation }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed { what: "polar message", place: "reconciliation".into(), reason: reason.into() }
}

/// What both ends derive from what both know.
struct Plan {
    frames: Frames,
    levels: u32,
    /// Bits of the transform, the least certain first; those that shortening makes zero are left out.
    order: Arc<Vec<u32>>,
    /// Those of them that are said at once, ascending.
    said: Vec<u32>,
    crc: u8,
}

impl Plan {
    fn new(config: &Polar, raw: &RawBits, error_rate: f64, seed: [u8; 32]) -> Self {
        // A rate of 0 would promise what nobody knows.
        let rate = error_rate.max(0.5 / raw.len() as f64).min(0.4999);
        let frames = Frames::new(raw.len(), config.frame as usize, seed);
        let payload = frames.payload;
        let levels = payload.next_power_of_two().trailing_zeros();
        let order = construction::shared(levels, payload, rate);
        let asks = config.rounds > 0 && config.crc > 0;
        let f = config.efficiency.unwrap_or_else(|| efficiency(payload, rate, asks));
        let due = (f * binary_entropy(rate) * payload as f64).ceil() as usize;
        let count = due.saturating_sub(usize::from(config.crc)).clamp(1, payload);
        let mut said = order[..count].to_vec();
        said.sort_unstable();
        // Of a frame that is said whole there is nothing to check.
        let crc = if count == payload { 0 } else { config.crc };
        Self { frames, levels, order, said, crc }
    }

    /// Bits of the first answer.
    fn first(&self) -> usize {
        self.frames.count * (self.said.len() + usize::from(self.crc))
    }

    /// The frame's bits, zeros where it carries none.
    fn frame(&self, raw: &RawBits, frame: usize) -> Zeroizing<Vec<u8>> {
        let mut bits = Zeroizing::new(vec![0u8; 1 << self.levels]);
        for (bit, place) in bits.iter_mut().zip(self.frames.carried(frame)) {
            *bit = u8::from(raw.bits.get(place).unwrap_or(false));
        }
        bits
    }
}

/// The end whose bits stay.
pub struct Alice {
    raw: RawBits,
    plan: Plan,
    /// The frames' transforms, once they were asked for.
    transforms: Vec<Zeroizing<Vec<u8>>>,
    leaked: usize,
}

impl Alice {
    pub(super) fn new(config: &Polar, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = Plan::new(config, &raw, error_rate, seed);
        Ok(Self { raw, plan, transforms: Vec::new(), leaked: 0 })
    }

    pub(super) fn answer(&mut self, ask: &Ask) -> Result<Bits> {
        let answer = match ask {
            Ask::Syndromes if self.transforms.is_empty() => self.first(),
            Ask::Syndromes => return Err(malformed("the syndromes were said already")),
            Ask::Reveal { places } => {
                let left = (4 * self.raw.len() + 1024).saturating_sub(self.leaked);
                frames::reveal(&self.transforms, places, left).map_err(malformed)?
            }
            _ => return Err(malformed("a question of another reconciler")),
        };
        self.leaked += answer.len();
        Ok(answer)
    }

    fn first(&mut self) -> Bits {
        let mut said = Bits::new();
        for frame in 0..self.plan.frames.count {
            let mut bits = self.plan.frame(&self.raw, frame);
            let sum = checksum(bits.iter().copied(), self.plan.crc);
            transform(&mut bits);
            said.extend(self.plan.said.iter().map(|&place| bits[place as usize] == 1));
            said.extend((0..self.plan.crc).map(|bit| sum >> bit & 1 == 1));
            self.transforms.push(bits);
        }
        said
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
    plan: Plan,
    config: Polar,
    error_rate: f64,
    frames: Vec<Frame>,
    asked: Option<Ask>,
    round: u32,
    leaked: usize,
}

/// What Bob knows of a frame.
struct Frame {
    /// Of each bit of the transform.
    known: Zeroizing<Vec<u8>>,
    /// How many of `Plan::order` that is.
    said: usize,
    sum: u32,
    decoded: Option<Zeroizing<Vec<u8>>>,
}

impl Bob {
    pub(super) fn new(config: &Polar, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = Plan::new(config, &raw, error_rate, seed);
        let config = config.clone();
        Ok(Self { raw, plan, config, error_rate, frames: vec![], asked: None, round: 0, leaked: 0 })
    }

    pub(super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(super) fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
        match (self.asked.take(), answer) {
            (None, None) => {
                self.leaked += self.plan.first();
                self.asked = Some(Ask::Syndromes);
                return Ok(Progress::Ask(Ask::Syndromes));
            }
            (Some(asked), Some(answer)) => self.learn(&asked, answer)?,
            (None, Some(_)) => return Err(malformed("nothing was asked for")),
            (Some(_), None) => return Err(malformed("no answer came")),
        }
        self.decode();
        let places = self.doubts();
        if places.is_empty() {
            return Ok(self.done());
        }
        self.leaked += places.len();
        self.asked = Some(Ask::Reveal { places: places.clone() });
        Ok(Progress::Ask(Ask::Reveal { places }))
    }

    fn learn(&mut self, asked: &Ask, answer: &Bits) -> Result<()> {
        let plan = &self.plan;
        let due = if let Ask::Reveal { places } = asked { places.len() } else { plan.first() };
        if answer.len() != due {
            return Err(malformed(format!("{due} bits were asked for, {} came", answer.len())));
        }
        if let Ask::Reveal { places } = asked {
            for (&[frame, place], bit) in places.iter().zip(answer.iter()) {
                let frame = &mut self.frames[frame as usize];
                frame.known[place as usize] = u8::from(bit);
                frame.said += 1;
            }
            return Ok(());
        }
        let mut bits = answer.iter();
        for _ in 0..plan.frames.count {
            let mut known = Zeroizing::new(vec![OPEN; 1 << plan.levels]);
            // What shortening leaves.
            known[plan.frames.payload..].fill(0);
            for (&place, bit) in plan.said.iter().zip(&mut bits) {
                known[place as usize] = u8::from(bit);
            }
            let sum = (0..plan.crc).zip(&mut bits).fold(0, |sum, (place, bit)| sum | u32::from(bit) << place);
            self.frames.push(Frame { known, said: plan.said.len(), sum, decoded: None });
        }
        Ok(())
    }

    fn decode(&mut self) {
        if self.frames.iter().all(|frame| frame.decoded.is_some()) {
            return;
        }
        let rate = self.error_rate.clamp(1e-4, 0.499);
        let evidence = libm::log((1.0 - rate) / rate) as f32;
        let mut list = List::new(self.plan.levels, self.config.list as usize);
        for (index, frame) in self.frames.iter_mut().enumerate() {
            if frame.decoded.is_some() {
                continue;
            }
            let carried = self.plan.frames.carried(index).count();
            let bits = self.plan.frame(&self.raw, index);
            let ratio = |(place, &bit): (usize, &u8)| match (place < carried, bit) {
                (false, _) => SURE,
                (true, 1) => -evidence,
                (true, _) => evidence,
            };
            let channel = Zeroizing::new(bits.iter().enumerate().map(ratio).collect::<Vec<f32>>());
            let known = |&state: &u8| match state {
                0 => Known::Zero,
                1 => Known::One,
                _ => Known::Open,
            };
            let known: Vec<Known> = frame.known.iter().map(known).collect();
            let crc = self.plan.crc;
            let right = |bits: &[u8]| checksum(bits.iter().copied(), crc) == frame.sum;
            frame.decoded = list.decode(&channel, &known, right);
        }
    }

    /// What to ask of the frames that did not decode: nothing if all did, or if all that they carry was said.
    fn doubts(&mut self) -> Vec<[u32; 2]> {
        if self.round >= self.config.rounds {
            return Vec::new();
        }
        let payload = self.plan.frames.payload as f64;
        let due = self.config.step * payload * binary_entropy(self.error_rate);
        // A rate that was told far too low must not make the steps tiny, and each is a quarter more than the one before: the
        // number of rounds grows with the logarithm of what is missing.
        let count =
            (due.max(payload / 256.0).max(4.0) * 1.25f64.powi(self.round.min(100) as i32)).ceil() as usize;
        self.round += 1;
        let mut ask = Vec::new();
        for (index, frame) in self.frames.iter().enumerate().filter(|(_, frame)| frame.decoded.is_none()) {
            let next = self.plan.order[frame.said..].iter().take(count);
            ask.extend(next.map(|&place| [index as u32, place]));
        }
        ask
    }

    fn done(&mut self) -> Progress {
        let mut bits = mem::take(&mut self.raw.bits);
        let mut uncorrected = 0;
        for (index, frame) in self.frames.iter().enumerate() {
            let Some(decoded) = &frame.decoded else {
                uncorrected += 1;
                continue;
            };
            for (&bit, place) in decoded.iter().zip(self.plan.frames.carried(index)) {
                bits.set(place, bit == 1);
            }
        }
        Progress::Done(ReconciledBits { bits, leaked: self.leaked, uncorrected })
    }
}

/// What is not known of a bit.
const OPEN: u8 = 2;
/// What is known for sure, as a log-likelihood ratio.
const SURE: f32 = 50.0;

#[cfg(test)]
mod tests;
