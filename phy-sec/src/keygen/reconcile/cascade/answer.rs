//! Alice's side of many frames: she answers.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::lanes::{Lanes, Tally};
use super::malformed;
use super::order::{Order, Orders};
use super::plan::Plan;
use crate::Result;

/// A question, with the frames that ask it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Question<L> {
    /// The parities of all blocks of the next pass; the last one's follows from the first pass after that.
    Pass {
        /// Counted from 0.
        pass: usize,
        lanes: L,
    },
    /// The parities of some ranges.
    Ranges(Vec<Range<L>>),
}

/// Places `start..start + len` of a pass's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range<L> {
    pub(crate) pass: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
    pub(crate) lanes: L,
}

/// Bits in a pass's order, summed up: the parity of any range is the difference of two entries.
pub(crate) struct Sums<L: Lanes>(Vec<L>);

impl<L: Lanes> Sums<L> {
    pub(crate) fn new(bits: &[L], order: &Order) -> Self {
        let mut sum = L::NONE;
        let mut sums = Vec::with_capacity(bits.len() + 1);
        sums.push(sum);
        sums.extend(order.bit.iter().map(|&bit| {
            sum ^= bits[bit as usize];
            sum
        }));
        Self(sums)
    }

    /// The parity of a range, which lies inside.
    #[inline]
    pub(crate) fn parity(&self, start: u32, len: u32) -> L {
        self.0[start as usize] ^ self.0[(start + len) as usize]
    }
}

impl<L: Lanes> Drop for Sums<L> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// How many blocks of a pass are asked for: the sum of all blocks' parities is known from the first pass.
pub(crate) fn asked_blocks(pass: usize, block: usize, bits: usize) -> usize {
    bits.div_ceil(block) - usize::from(pass > 0)
}

/// Alice's end of up to [`Lanes::LANES`] frames of one length.
pub(crate) struct Answerer<L: Lanes> {
    plan: Plan,
    /// `[bit]`, the same bit of all frames in a word.
    bits: Vec<L>,
    frames: L,
    /// Empty for a pass that is left out.
    passes: Vec<Sums<L>>,
    leaked: Tally<L>,
    asked: usize,
}

impl<L: Lanes> Answerer<L> {
    pub(crate) fn new(plan: Plan, bits: Vec<L>, frames: usize) -> Self {
        let frames = L::first(frames);
        Self { plan, bits, frames, passes: Vec::new(), leaked: Tally::default(), asked: 0 }
    }

    /// One word a block or range; frames that did not ask read zero.
    pub(crate) fn answer(&mut self, question: &Question<L>, orders: &mut Orders) -> Result<Vec<L>> {
        let bits = self.bits.len();
        let count = match question {
            Question::Pass { pass, .. } => {
                let block =
                    self.plan.block(*pass, bits).filter(|_| self.plan.next(self.passes.len(), bits) == *pass);
                let block = block.ok_or_else(|| malformed(format!("pass {pass} is not the next")))?;
                asked_blocks(*pass, block, bits)
            }
            Question::Ranges(ranges) => ranges.len(),
        };
        // The ledger counts whatever is said; this bounds the work that a hostile Bob can ask for. Honest ones stay
        // below two parities a bit even where the error rate leaves nothing to gain.
        let most = (4 * bits + 1024) * self.frames.count();
        if count > most.saturating_sub(self.asked) {
            return Err(malformed("far more parities are asked for than there are bits"));
        }
        let answer: Vec<L> = match question {
            Question::Pass { pass, lanes } => {
                let lanes = *lanes & self.frames;
                let block = self.plan.block(*pass, bits).unwrap_or(bits);
                self.passes.resize_with(*pass, || Sums(Vec::new()));
                self.passes.push(Sums::new(&self.bits, &orders.get(*pass)));
                let sums = &self.passes[*pass];
                let starts = (0..asked_blocks(*pass, block, bits)).map(|index| index * block);
                starts
                    .map(|start| {
                        self.leaked.add(lanes);
                        sums.parity(start as u32, block.min(bits - start) as u32) & lanes
                    })
                    .collect()
            }
            Question::Ranges(ranges) => {
                let inside = |range: &Range<L>| {
                    let sums = self.passes.get(range.pass as usize).map_or(0, |sums| sums.0.len());
                    range.len > 0 && range.start as usize + (range.len as usize) < sums
                };
                if !ranges.iter().all(inside) {
                    return Err(malformed("a range lies outside the passes"));
                }
                let parity = |range: &Range<L>| {
                    let lanes = range.lanes & self.frames;
                    self.leaked.add(lanes);
                    self.passes[range.pass as usize].parity(range.start, range.len) & lanes
                };
                ranges.iter().map(parity).collect()
            }
        };
        self.asked += count;
        Ok(answer)
    }

    pub(crate) fn leaked(&self, lane: usize) -> usize {
        self.leaked.get(lane)
    }
}

impl<L: Lanes> Drop for Answerer<L> {
    fn drop(&mut self) {
        self.bits.as_mut_slice().zeroize();
    }
}
