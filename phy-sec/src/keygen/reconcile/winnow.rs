//! Winnow: parities of blocks of shuffled bits, Hamming syndromes of those that are odd, and a bit dropped for every bit that
//! was said.
//!
//! In each pass Alice says the parity of every block of `2^m` bits, and both drop its first bit; Bob names the blocks whose
//! parity is not his, and Alice says the `m` bits of the Hamming syndrome of the `2^m - 1` that are left: he corrects one error,
//! and both drop the `m` bits whose places are powers of two. What is said of dropped bits tells nothing of the others
//! (privacy maintenance), and three questions in a row never depend on one another: few messages, no trace-back. The blocks of later passes are
//! longer; which ones they are is planned by what a pass leaves of the errors (`plan.rs`).
//!
//! When the last pass is over, Bob goes back through them: from the kept bits and what was said of each block follow the
//! bits that were dropped. So the string comes out whole, and the ledger counts what was said; dropping was to keep later
//! parities from telling of the same bits twice, and the key's length is the same as if dropped bits stayed dropped.
//!
//! The blocks that Bob names tell where the two strings differ, as Cascade's questions do.
//!
//! Source: Buttler, Lamoreaux, Torgerson, Nickel, Donahue and Peterson, Fast, efficient error reconciliation for quantum
//! cryptography, Phys. Rev. A 67, 052303, 2003 (arXiv:quant-ph/0203096).

mod plan;

use std::mem;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

use super::frames::below;
use super::{Ask, Progress};
use crate::bits::Bits;
use crate::keygen::{RawBits, ReconciledBits, within};
use crate::{Error, Result};

/// Winnow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Winnow {
    /// The length of each pass's blocks, as powers of two, 3 to 12 and at most 64 of them; by default by the error rate.
    pub passes: Option<Vec<u32>>,
    /// Errors that may be left on average, 1e-9 to 1: sets the passes where they are not given.
    pub failure: f64,
}

impl Default for Winnow {
    fn default() -> Self {
        Self { passes: None, failure: 1e-3 }
    }
}

impl Winnow {
    pub(super) fn check(&self) -> Result<()> {
        within("failure", self.failure, 1e-9, 1.0, "within 1e-9..=1")?;
        if let Some(passes) = &self.passes {
            within("passes", passes.len() as f64, 1.0, 64.0, "1 to 64 of them")?;
            for &m in passes {
                within("passes", f64::from(m), 3.0, 12.0, "within 3..=12")?;
            }
        }
        Ok(())
    }

    fn passes(&self, bits: usize, error_rate: f64) -> Vec<u32> {
        self.passes.clone().unwrap_or_else(|| plan::passes(bits, error_rate, self.failure))
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed { what: "Winnow message", place: "reconciliation".into(), reason: reason.into() }
}

/// The bits that still count, and how they are cut into blocks: the same at both ends.
struct Sieve {
    passes: Vec<u32>,
    /// The next pass.
    next: usize,
    /// Places in the string, in the order of the pass.
    order: Vec<u32>,
    rng: Box<ChaCha20Rng>,
}

impl Sieve {
    fn new(config: &Winnow, bits: usize, error_rate: f64, seed: [u8; 32]) -> Self {
        let passes = config.passes(bits, error_rate);
        Self {
            passes,
            next: 0,
            order: (0..bits as u32).collect(),
            rng: Box::new(ChaCha20Rng::from_seed(seed)),
        }
    }

    /// Shuffles for the next pass. Returns its exponent; the last block is what is left, of a shortened code.
    fn shuffle(&mut self) -> Option<u32> {
        let m = *self.passes.get(self.next)?;
        self.next += 1;
        for last in (1..self.order.len()).rev() {
            self.order.swap(last, below(&mut self.rng, last + 1));
        }
        Some(m)
    }

    fn blocks(&self, m: u32) -> std::slice::Chunks<'_, u32> {
        self.order.chunks(1 << m)
    }

    /// Drops what was said: of every block its first bit, of the `odd` ones (ascending) also the powers of two.
    fn drop(&mut self, m: u32, odd: &[u32]) {
        let mut odd = odd.iter().peekable();
        let mut kept = Vec::with_capacity(self.order.len());
        for (index, block) in self.blocks(m).enumerate() {
            let is_odd = odd.next_if(|&&block| block as usize == index).is_some();
            let stays = |place: usize| place != 0 && !(is_odd && place.is_power_of_two());
            kept.extend(block.iter().enumerate().filter(|(place, _)| stays(*place)).map(|(_, &bit)| bit));
        }
        self.order = kept;
    }
}

fn at(bits: &Bits, place: u32) -> bool {
    bits.get(place as usize).unwrap_or(false)
}

fn parity(bits: &Bits, block: &[u32]) -> bool {
    block.iter().fold(false, |parity, &place| parity ^ at(bits, place))
}

/// Bits of a block's syndrome: as many as there are powers of two among its places.
fn width(block: &[u32]) -> u32 {
    usize::BITS - block.len().saturating_sub(1).leading_zeros()
}

/// The exclusive or of the places, 1 and up, of the ones.
fn syndrome(bits: &Bits, block: &[u32]) -> usize {
    let ones = block.iter().enumerate().skip(1).filter(|(_, place)| at(bits, **place));
    ones.fold(0, |sum, (index, _)| sum ^ index)
}

/// The end whose bits stay.
pub struct Alice {
    raw: RawBits,
    sieve: Sieve,
    /// The exponent of the pass whose parities were said, and whether its syndromes were, too.
    open: Option<(u32, bool)>,
    leaked: usize,
}

impl Alice {
    pub(super) fn new(config: &Winnow, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let sieve = Sieve::new(config, raw.len(), error_rate, seed);
        Ok(Self { raw, sieve, open: None, leaked: 0 })
    }

    pub(super) fn answer(&mut self, ask: &Ask) -> Result<Bits> {
        let said: Bits = match ask {
            Ask::Pass { pass } => {
                if usize::from(*pass) != self.sieve.next {
                    return Err(malformed("a pass out of turn"));
                }
                if let Some((m, false)) = self.open.take() {
                    self.sieve.drop(m, &[]);
                }
                let Some(m) = self.sieve.shuffle() else { return Err(malformed("there are no more passes")) };
                self.open = Some((m, false));
                self.sieve.blocks(m).map(|block| parity(&self.raw.bits, block)).collect()
            }
            Ask::Blocks { blocks } => {
                let Some((m, false)) = self.open else { return Err(malformed("syndromes out of turn")) };
                let count = self.sieve.blocks(m).len();
                let ascends = blocks.windows(2).all(|pair| pair[0] < pair[1]);
                if !ascends || blocks.last().is_some_and(|&last| last as usize >= count) {
                    return Err(malformed("blocks that do not ascend, or lie outside the string"));
                }
                let mut said = Bits::new();
                for block in blocks.iter().filter_map(|&index| self.sieve.blocks(m).nth(index as usize)) {
                    let sum = syndrome(&self.raw.bits, block);
                    said.extend((0..width(block)).map(|bit| sum >> bit & 1 == 1));
                }
                self.sieve.drop(m, blocks);
                self.open = Some((m, true));
                said
            }
            _ => return Err(malformed("a question of another reconciler")),
        };
        self.leaked += said.len();
        Ok(said)
    }

    pub(super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(super) fn finish(mut self) -> ReconciledBits {
        ReconciledBits { bits: mem::take(&mut self.raw.bits), leaked: self.leaked, uncorrected: 0 }
    }
}

/// What was said of a pass, for the way back.
struct Said {
    m: u32,
    /// The blocks' places.
    order: Vec<u32>,
    parities: Bits,
    /// The odd blocks, ascending, and Alice's syndromes of them.
    odd: Vec<u32>,
    syndromes: Vec<u16>,
}

impl Said {
    fn blocks(&self) -> std::slice::Chunks<'_, u32> {
        self.order.chunks(1 << self.m)
    }

    /// Bits that the syndromes of these blocks say.
    fn due(&self, odd: &[u32]) -> usize {
        odd.iter()
            .filter_map(|&index| self.blocks().nth(index as usize))
            .map(|block| width(block) as usize)
            .sum()
    }
}

/// The end that corrects its bits.
pub struct Bob {
    raw: RawBits,
    sieve: Sieve,
    passes: Vec<Said>,
    asked: Option<Ask>,
    leaked: usize,
}

impl Bob {
    pub(super) fn new(config: &Winnow, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let sieve = Sieve::new(config, raw.len(), error_rate, seed);
        Ok(Self { raw, sieve, passes: Vec::new(), asked: None, leaked: 0 })
    }

    pub(super) fn leaked(&self) -> usize {
        self.leaked
    }

    pub(super) fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
        match (self.asked.take(), answer) {
            (None, None) if self.passes.is_empty() => {}
            (Some(Ask::Blocks { blocks }), Some(answer)) => self.correct(blocks, answer)?,
            (Some(_), Some(answer)) => {
                let odd = self.compare(answer)?;
                if !odd.is_empty() {
                    self.leaked += self.passes.last().map_or(0, |pass| pass.due(&odd));
                    return Ok(self.ask(Ask::Blocks { blocks: odd }));
                }
                if let Some(pass) = self.passes.last() {
                    self.sieve.drop(pass.m, &[]);
                }
            }
            (None, _) => return Err(malformed("nothing was asked for")),
            (Some(_), None) => return Err(malformed("no answer came")),
        }
        let pass = self.sieve.next;
        let Some(m) = self.sieve.shuffle() else { return Ok(self.done()) };
        let (blocks, order) = (self.sieve.blocks(m).len(), self.sieve.order.clone());
        self.passes.push(Said { m, order, parities: Bits::new(), odd: vec![], syndromes: vec![] });
        self.leaked += blocks;
        Ok(self.ask(Ask::Pass { pass: pass as u8 }))
    }

    fn ask(&mut self, ask: Ask) -> Progress {
        self.asked = Some(ask.clone());
        Progress::Ask(ask)
    }

    /// The blocks whose parity is not Alice's.
    fn compare(&mut self, parities: &Bits) -> Result<Vec<u32>> {
        let Some(pass) = self.passes.last_mut() else { return Ok(Vec::new()) };
        let due = pass.blocks().len();
        if parities.len() != due {
            return Err(malformed(format!("{due} bits were asked for, {} came", parities.len())));
        }
        pass.parities = parities.clone();
        let blocks = pass.blocks().zip(parities.iter()).enumerate();
        let odd = blocks.filter(|(_, (block, theirs))| parity(&self.raw.bits, block) != *theirs);
        Ok(odd.map(|(index, _)| index as u32).collect())
    }

    fn correct(&mut self, odd: Vec<u32>, answer: &Bits) -> Result<()> {
        let Some(pass) = self.passes.last_mut() else { return Ok(()) };
        let due = pass.due(&odd);
        if answer.len() != due {
            return Err(malformed(format!("{due} bits were asked for, {} came", answer.len())));
        }
        let mut said = answer.iter();
        for &index in &odd {
            let block = pass.order.chunks(1 << pass.m).nth(index as usize).unwrap_or_default();
            let places = (0..width(block)).zip(&mut said);
            let theirs = places.fold(0, |sum, (place, bit)| sum | usize::from(bit) << place);
            // Where nothing differs, the error is the bit that is dropped.
            let wrong = theirs ^ syndrome(&self.raw.bits, block);
            if wrong > 0 && wrong < block.len() {
                self.raw.bits.flip(block[wrong] as usize);
            }
            pass.syndromes.push(theirs as u16);
        }
        self.sieve.drop(pass.m, &odd);
        pass.odd = odd;
        Ok(())
    }

    /// The dropped bits, from the kept ones: last pass first.
    fn done(&mut self) -> Progress {
        let bits = &mut self.raw.bits;
        for pass in self.passes.iter().rev() {
            let mut odd = pass.odd.iter().zip(&pass.syndromes).peekable();
            let blocks = pass.blocks().zip(pass.parities.iter());
            for (index, (block, theirs)) in blocks.enumerate() {
                if let Some((_, &sum)) = odd.next_if(|(odd, _)| **odd as usize == index) {
                    let wrong = usize::from(sum) ^ syndrome(bits, block);
                    let wrong = (0..width(block)).filter(|bit| wrong >> bit & 1 == 1);
                    wrong.for_each(|bit| bits.flip(block[1 << bit] as usize));
                }
                if parity(bits, block) != theirs {
                    bits.flip(block[0] as usize);
                }
            }
        }
        let bits = mem::take(bits);
        Progress::Done(ReconciledBits { bits, leaked: self.leaked, uncorrected: 0 })
    }
}

#[cfg(test)]
mod tests;
