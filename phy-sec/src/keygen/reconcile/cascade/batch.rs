//! Many frames of one length at once, one message a round for all of them.
//!
//! All frames share the public shuffles. Those are uniform and drawn after the strings are fixed, so to each frame alone
//! they are what shuffles of its own would be: the same chance of failure, the same number of parities said. What is
//! shared is luck: frames whose errors lie in the same places fail together. Nothing that is said about one frame
//! tells about another.

use serde::{Deserialize, Serialize};

use super::answer::{Answerer, Question};
use super::order::{Orders, Side};
use super::search::{Counts, Searcher};
use super::{Cascade, malformed};
use crate::bits::Bits;
use crate::keygen::reconcile::usable;
use crate::keygen::{RawBits, ReconciledBits};
use crate::{Error, Result};

/// Frames in a word.
const GROUP: usize = 64;

/// What Bob asks about all frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ask(Vec<Option<Question<u64>>>);

/// What Alice answers: for each group of 64 frames a word for each block or range asked for, a bit a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answer(Vec<Vec<u64>>);

/// What Bob has to say next.
#[derive(Debug)]
pub enum Progress {
    /// A question to Alice.
    Ask(Ask),
    /// There is nothing left to ask. The frames, in the order in which they came.
    Done(Vec<ReconciledBits>),
}

/// The end whose bits stay.
pub struct Alice {
    frames: Vec<RawBits>,
    groups: Vec<Answerer<u64>>,
    orders: Orders,
}

impl Alice {
    /// Takes frames of one length, whose bits differ from Bob's at the given rate. Both sides take the same public `seed`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a rate outside 0..=0.5, [`Error::TooShort`] without bits, [`Error::Shape`] for frames of
    /// different lengths.
    pub fn new(config: &Cascade, frames: Vec<RawBits>, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let bits = common_length(&frames, error_rate)?;
        let plan = config.variant.plan(bits, error_rate);
        let groups =
            frames.chunks(GROUP).map(|group| Answerer::new(plan.clone(), gather(group, bits), group.len()));
        Ok(Self { groups: groups.collect(), frames, orders: Orders::new(seed, bits, Side::Alice) })
    }

    /// Answers a question, and counts each bit of the answer.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a question that no honest Bob asks.
    pub fn answer(&mut self, ask: &Ask) -> Result<Answer> {
        if ask.0.len() != self.groups.len() {
            return Err(malformed("the question is about another number of frames"));
        }
        let answer = |(group, question): (&mut Answerer<u64>, &Option<Question<u64>>)| match question {
            Some(question) => group.answer(question, &mut self.orders),
            None => Ok(Vec::new()),
        };
        self.groups.iter_mut().zip(&ask.0).map(answer).collect::<Result<_>>().map(Answer)
    }

    /// The frames and what was said about each.
    #[must_use]
    pub fn finish(mut self) -> Vec<ReconciledBits> {
        let leaked = |frame: usize| self.groups[frame / GROUP].leaked(frame % GROUP);
        let bits = |frame: &mut RawBits| std::mem::take(&mut frame.bits);
        let frames = self.frames.iter_mut().enumerate();
        frames
            .map(|(index, frame)| ReconciledBits { bits: bits(frame), leaked: leaked(index), uncorrected: 0 })
            .collect()
    }
}

/// The end that corrects its bits.
pub struct Bob {
    frames: usize,
    groups: Vec<(Searcher<u64>, bool)>,
    orders: Orders,
}

impl Bob {
    /// As [`Alice::new`].
    ///
    /// # Errors
    /// As [`Alice::new`].
    pub fn new(config: &Cascade, frames: Vec<RawBits>, error_rate: f64, seed: [u8; 32]) -> Result<Self> {
        let bits = common_length(&frames, error_rate)?;
        let plan = config.variant.plan(bits, error_rate);
        let search = |group: &[RawBits]| {
            Searcher::new(plan.clone(), config.schedule, gather(group, bits), group.len())
        };
        let groups = frames.chunks(GROUP).map(|group| (search(group), false)).collect();
        Ok(Self { frames: frames.len(), groups, orders: Orders::new(seed, bits, Side::Bob) })
    }

    /// Takes Alice's answer to the last question (`None` at first) and says what comes next.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an answer that does not fit the question.
    pub fn next(&mut self, answer: Option<&Answer>) -> Result<Progress> {
        if answer.is_some_and(|answer| answer.0.len() != self.groups.len()) {
            return Err(malformed("the answer is about another number of frames"));
        }
        let mut questions = Vec::with_capacity(self.groups.len());
        for (index, (group, done)) in self.groups.iter_mut().enumerate() {
            let answer = answer.map_or(&[][..], |answer| &answer.0[index]);
            let question = if *done { None } else { group.next(answer, &mut self.orders)? };
            *done = question.is_none();
            questions.push(question);
        }
        if questions.iter().any(Option::is_some) {
            return Ok(Progress::Ask(Ask(questions)));
        }
        let mut frames = Vec::with_capacity(self.frames);
        for (group, _) in &self.groups {
            let count = GROUP.min(self.frames - frames.len());
            let bits = scatter(group.bits(), count)?.into_iter().enumerate();
            frames.extend(bits.map(|(lane, bits)| ReconciledBits {
                bits,
                leaked: group.counts(lane).leaked,
                uncorrected: 0,
            }));
        }
        Ok(Progress::Done(frames))
    }

    /// What the questions of each frame come to so far.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        (0..self.frames).map(|frame| self.groups[frame / GROUP].0.counts(frame % GROUP)).collect()
    }
}

/// What comes of both ends in one process.
#[derive(Debug)]
pub struct Outcome {
    /// Alice's frames.
    pub alice: Vec<ReconciledBits>,
    /// Bob's, corrected.
    pub bob: Vec<ReconciledBits>,
    /// Of each frame.
    pub counts: Vec<Counts>,
}

/// Both ends in one process, message by message: for evaluation, and for whoever holds both strings. 64 frames at a
/// time, so that their working set stays in the cache; the shuffles are made once at each end.
///
/// # Errors
/// As [`Alice::new`]; [`Error::Shape`] too for another number of frames, or other lengths, at the two ends.
pub fn reconcile(
    config: &Cascade,
    alice: Vec<RawBits>,
    bob: Vec<RawBits>,
    error_rate: f64,
    seed: [u8; 32],
) -> Result<Outcome> {
    let bits = common_length(&alice, error_rate)?;
    let shape = |frames: usize, bits: usize| format!("[{frames}, {bits}]");
    let other = common_length(&bob, error_rate)?;
    if (alice.len(), bits) != (bob.len(), other) {
        let (need, got) = (shape(alice.len(), bits), shape(bob.len(), other));
        return Err(Error::Shape { what: "Bob's frames", need, got });
    }
    let mut orders = [Side::Alice, Side::Bob].map(|side| Orders::new(seed, bits, side));
    let mut outcome = Outcome { alice: Vec::new(), bob: Vec::new(), counts: Vec::new() };
    let mut before: Option<Bob> = None;
    let (mut alice, mut bob) = (alice.into_iter(), bob.into_iter());
    while alice.len() > 0 {
        let group = |frames: &mut std::vec::IntoIter<RawBits>| frames.take(GROUP).collect();
        let mut a = Alice::new(config, group(&mut alice), error_rate, seed)?;
        let mut b = Bob::new(config, group(&mut bob), error_rate, seed)?;
        std::mem::swap(&mut a.orders, &mut orders[0]);
        std::mem::swap(&mut b.orders, &mut orders[1]);
        if let Some(before) = &mut before {
            b.groups[0].0.inherit(&mut before.groups[0].0);
        }
        let mut answer = None;
        let corrected = loop {
            match b.next(answer.as_ref())? {
                Progress::Ask(ask) => answer = Some(a.answer(&ask)?),
                Progress::Done(frames) => break frames,
            }
        };
        outcome.counts.extend(b.counts());
        std::mem::swap(&mut a.orders, &mut orders[0]);
        std::mem::swap(&mut b.orders, &mut orders[1]);
        outcome.alice.extend(a.finish());
        outcome.bob.extend(corrected);
        before = Some(b);
    }
    Ok(outcome)
}

/// The length of all frames.
fn common_length(frames: &[RawBits], error_rate: f64) -> Result<usize> {
    let Some(first) = frames.first() else {
        return Err(Error::TooShort { what: "reconciliation", need: 1, unit: "frames", got: 0 });
    };
    usable(first, error_rate)?;
    let bits = first.len();
    if let Some(other) = frames.iter().find(|frame| frame.len() != bits) {
        let (need, got) = (format!("[{bits}]"), format!("[{}]", other.len()));
        return Err(Error::Shape { what: "each frame", need, got });
    }
    Ok(bits)
}

/// The same bit of up to 64 frames in a word.
fn gather(frames: &[RawBits], bits: usize) -> Vec<u64> {
    let mut words = vec![0; bits];
    for (block, words) in words.chunks_mut(64).enumerate() {
        let mut square = [0; 64];
        for (row, frame) in square.iter_mut().zip(frames) {
            *row = frame.bits.words()[block];
        }
        transpose(&mut square);
        words.copy_from_slice(&square[..words.len()]);
    }
    words
}

/// The frames out of the words that hold a bit of each.
fn scatter(words: &[u64], frames: usize) -> Result<Vec<Bits>> {
    let mut packed = vec![Vec::with_capacity(words.len().div_ceil(64)); frames];
    for words in words.chunks(64) {
        let mut square = [0; 64];
        square[..words.len()].copy_from_slice(words);
        transpose(&mut square);
        for (frame, row) in packed.iter_mut().zip(square) {
            frame.push(row);
        }
    }
    packed.into_iter().map(|frame| Bits::from_words(frame, words.len())).collect()
}

/// Bit `j` of row `i` to bit `i` of row `j`: halves are exchanged, then halves of halves.
fn transpose(rows: &mut [u64; 64]) {
    let (mut step, mut mask) = (32, 0x0000_0000_FFFF_FFFFu64);
    while step > 0 {
        for low in (0..64).filter(|row| row & step == 0) {
            let exchange = (rows[low] >> step ^ rows[low + step]) & mask;
            rows[low] ^= exchange << step;
            rows[low + step] ^= exchange;
        }
        step /= 2;
        mask ^= mask << step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_change_places() {
        let mut rows: [u64; 64] =
            std::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(i as u32));
        let before = rows;
        transpose(&mut rows);
        for (i, row) in before.iter().enumerate() {
            for (j, column) in rows.iter().enumerate() {
                assert_eq!(row >> j & 1, column >> i & 1, "{i} {j}");
            }
        }
    }
}
