//! The two ends of a sketch: one question, one answer, and no more.

use std::mem;

use zeroize::Zeroizing;

use super::{Code, Plan};
use crate::bits::Bits;
use crate::keygen::reconcile::{Ask, Progress};
use crate::keygen::{RawBits, ReconciledBits};
use crate::{Error, Result};

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed { what: "sketch message", place: "reconciliation".into(), reason: reason.into() }
}

impl<C: Code> Plan<C> {
    /// Bits of the answer.
    fn said(&self) -> usize {
        self.frames.count * self.code.checks() * self.code.symbol_bits() as usize
    }

    /// The places of the string's bits in the symbols that `frame` carries.
    fn bits(&self, frame: usize, length: usize) -> impl Iterator<Item = impl Iterator<Item = usize>> {
        let width = self.code.symbol_bits() as usize;
        self.frames
            .carried(frame)
            .map(move |symbol| (symbol * width..(symbol + 1) * width).filter(move |&bit| bit < length))
    }

    fn word(&self, raw: &Bits, frame: usize) -> Zeroizing<Vec<u16>> {
        let symbol = |places: &mut dyn Iterator<Item = usize>| {
            places.fold(0, |symbol, place| symbol << 1 | u16::from(raw.get(place).unwrap_or(false)))
        };
        let mut word = Zeroizing::new(Vec::with_capacity(self.frames.payload));
        self.bits(frame, raw.len()).for_each(|mut places| word.push(symbol(&mut places)));
        word
    }
}

/// The end whose bits stay.
pub struct Alice<C> {
    raw: RawBits,
    plan: Plan<C>,
    leaked: usize,
}

impl<C: Code> Alice<C> {
    pub(in super::super) fn with(raw: RawBits, plan: Plan<C>) -> Self {
        Self { raw, plan, leaked: 0 }
    }

    pub(in super::super) fn answer(&mut self, ask: &Ask) -> Result<Bits> {
        match ask {
            Ask::Syndromes if self.leaked == 0 => {}
            Ask::Syndromes => return Err(malformed("the syndromes were said already")),
            _ => return Err(malformed("a question of another reconciler")),
        }
        let width = self.plan.code.symbol_bits();
        let mut said = Bits::new();
        for frame in 0..self.plan.frames.count {
            let syndrome = self.plan.code.syndrome(&self.plan.word(&self.raw.bits, frame));
            said.extend(syndrome.iter().flat_map(|symbol| (0..width).map(move |bit| symbol >> bit & 1 == 1)));
        }
        self.leaked += said.len();
        Ok(said)
    }

    pub(in super::super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(in super::super) fn finish(mut self) -> ReconciledBits {
        ReconciledBits { bits: mem::take(&mut self.raw.bits), leaked: self.leaked, uncorrected: 0 }
    }
}

/// The end that corrects its bits.
pub struct Bob<C> {
    raw: RawBits,
    plan: Plan<C>,
    leaked: usize,
}

impl<C: Code> Bob<C> {
    pub(in super::super) fn with(raw: RawBits, plan: Plan<C>) -> Self {
        Self { raw, plan, leaked: 0 }
    }

    pub(in super::super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(in super::super) fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
        match (self.leaked, answer) {
            (0, None) => {
                self.leaked = self.plan.said();
                Ok(Progress::Ask(Ask::Syndromes))
            }
            (0, Some(_)) => Err(malformed("nothing was asked for")),
            (_, None) => Err(malformed("no answer came")),
            (due, Some(answer)) if answer.len() != due => {
                Err(malformed(format!("{due} bits were asked for, {} came", answer.len())))
            }
            (_, Some(answer)) => {
                let mut said = answer.iter();
                let (mut bits, mut uncorrected) = (mem::take(&mut self.raw.bits), 0);
                let (checks, width) = (self.plan.code.checks(), self.plan.code.symbol_bits() as usize);
                for frame in 0..self.plan.frames.count {
                    let word = self.plan.word(&bits, frame);
                    let mut syndrome = self.plan.code.syndrome(&word);
                    for (symbol, _) in syndrome.iter_mut().zip(0..checks) {
                        (0..width).zip(&mut said).for_each(|(bit, said)| *symbol ^= u16::from(said) << bit);
                    }
                    let Some(errors) = self.plan.code.errors(&syndrome, word.len()) else {
                        uncorrected += 1;
                        continue;
                    };
                    for (symbol, by) in errors {
                        let places: Vec<usize> =
                            self.plan.bits(frame, bits.len()).nth(symbol).into_iter().flatten().collect();
                        for (shift, place) in places.iter().rev().enumerate() {
                            if by >> shift & 1 == 1 {
                                bits.flip(*place);
                            }
                        }
                    }
                }
                Ok(Progress::Done(ReconciledBits { bits, leaked: self.leaked, uncorrected }))
            }
        }
    }
}
