//! Cascade: Bob asks for the parities of blocks of shuffled bits, finds one error in each odd block by binary search,
//! and every correction reopens the blocks of the other passes that hold the corrected bit.
//!
//! Questions of one level of all binary searches that are under way go out in one message. A parity that is known or
//! follows from known ones is not asked for: the right half follows from the range and its left half, and the last
//! block of every later pass from the sum of all parities of the first. The options with reuse go on from the smallest
//! known odd range that holds a corrected bit, in any pass, and not from its whole block.
//!
//! One engine serves a single frame ([`Alice`], [`Bob`]: a session) and many at once ([`batch`]): a word holds the same
//! bit of up to 64 frames, and one operation serves them all. What a frame asks and learns does not depend on its
//! neighbours.
//!
//! The positions that Bob asks for tell where the two strings differ. For errors that fall on zeros and ones
//! alike, as those of sign quantization do by symmetry, that says nothing about the bits.
//!
//! Sources: Brassard and Salvail, Secret-key reconciliation by public discussion, EUROCRYPT '93; the variants, and the
//! names of their parameters, are those of Martinez-Mateo, Pacher, Peev, Ciurana and Martin, Demystifying the
//! information reconciliation protocol Cascade, Quantum Inf. Comput. 15, 2015 (arXiv:1407.3257).

mod answer;
pub mod batch;
mod lanes;
mod order;
mod plan;
mod search;
#[cfg(test)]
mod tests;
mod tree;

use std::mem;

use serde::{Deserialize, Serialize};

use super::{Ask, Progress};
use crate::bits::Bits;
use crate::keygen::{RawBits, ReconciledBits};
use crate::{Error, Result};
use answer::{Answerer, Question, Range};
use order::{Orders, Side};
pub use plan::Variant;
pub use search::Counts;
use search::Searcher;

/// Which Cascade.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cascade {
    /// Number of passes and growth of the blocks.
    pub variant: Variant,
    /// Which odd blocks are searched at the same time.
    pub schedule: Schedule,
}

/// Which odd blocks are searched at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The smallest: those of the earliest pass that has any; with reuse, the shortest known odd ranges of one pass.
    /// They are disjoint, so that no error is looked for twice: the least is said, in more messages.
    #[default]
    Smallest,
    /// All, whatever their pass: two searches may close in on the same error. Fewer messages.
    All,
    /// All, exactly as cascade-cpp does it, to be compared with its figures: a correction does not reopen blocks of
    /// its own pass, and BICONF's random halves reopen none at all. [`Counts`] says what it counts differently.
    CascadeCpp,
}

impl Schedule {
    /// The name of every schedule, as configuration spells it.
    pub const ALL: &'static [&'static str] = &["smallest", "all", "cascade_cpp"];
}

impl Cascade {
    pub(super) fn check(&self) -> Result<()> {
        Ok(())
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed { what: "Cascade message", place: "reconciliation".into(), reason: reason.into() }
}

/// A frame's bits, one a word.
fn spread(raw: &RawBits) -> Vec<u8> {
    raw.bits.iter().map(u8::from).collect()
}

/// The end whose bits stay.
pub struct Alice {
    raw: RawBits,
    frame: Answerer<u8>,
    orders: Orders,
}

impl Alice {
    pub(super) fn new(config: &Cascade, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = config.variant.plan(raw.len(), error_rate);
        let orders = Orders::new(seed, raw.len(), Side::Alice);
        Ok(Self { frame: Answerer::new(plan, spread(&raw), 1), raw, orders })
    }

    pub(super) fn answer(&mut self, ask: &Ask) -> Result<Bits> {
        let question = match ask {
            Ask::Pass { pass } => Question::Pass { pass: usize::from(*pass), lanes: 1 },
            Ask::Ranges { ranges } => {
                let range = |&[pass, start, len]: &[u32; 3]| Range { pass, start, len, lanes: 1 };
                Question::Ranges(ranges.iter().map(range).collect())
            }
            _ => return Err(malformed("a question of another reconciler")),
        };
        let answer = self.frame.answer(&question, &mut self.orders)?;
        Ok(answer.into_iter().map(|parity| parity == 1).collect())
    }

    pub(super) fn leaked(&self) -> usize {
        self.frame.leaked(0)
    }

    pub(super) fn finish(mut self) -> ReconciledBits {
        ReconciledBits { bits: mem::take(&mut self.raw.bits), leaked: self.leaked(), uncorrected: 0 }
    }
}

/// The end that corrects its bits.
pub struct Bob {
    frame: Box<Searcher<u8>>,
    orders: Orders,
}

impl Bob {
    pub(super) fn new(config: &Cascade, raw: RawBits, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let plan = config.variant.plan(raw.len(), error_rate);
        let orders = Orders::new(seed, raw.len(), Side::Bob);
        Ok(Self { frame: Box::new(Searcher::new(plan, config.schedule, spread(&raw), 1)), orders })
    }

    pub(super) fn leaked(&self) -> usize {
        self.frame.counts(0).leaked
    }

    pub(super) fn next(&mut self, answer: Option<&Bits>) -> Result<Progress> {
        let answer: Vec<u8> = answer.into_iter().flat_map(Bits::iter).map(u8::from).collect();
        Ok(match self.frame.next(&answer, &mut self.orders)? {
            Some(Question::Pass { pass, .. }) => Progress::Ask(Ask::Pass { pass: pass as u8 }),
            Some(Question::Ranges(ranges)) => {
                let word = |range: &Range<u8>| [range.pass, range.start, range.len];
                Progress::Ask(Ask::Ranges { ranges: ranges.iter().map(word).collect() })
            }
            None => {
                let bits = self.frame.bits().iter().map(|&bit| bit == 1).collect();
                Progress::Done(ReconciledBits { bits, leaked: self.leaked(), uncorrected: 0 })
            }
        })
    }
}
