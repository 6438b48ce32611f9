//! Bob's side of many frames: he asks, infers, and corrects.
//!
//! For every range of every pass a bit says whether Alice's parity is known, and another whether Bob's differs from
//! it. A correction turns the second for every range that holds the bit. A range's left half is asked for; its right
//! half follows. So the known ranges of a block are a tree, and each bit lies in one smallest known range of each pass.

mod due;
mod pass;

use std::mem;
use std::sync::Arc;

use zeroize::Zeroize;

use super::answer::{Question, Range, Sums, asked_blocks};
use super::lanes::{Lanes, Tally};
use super::order::{Order, Orders};
use super::plan::Plan;
use super::tree::Node;
use super::{Schedule, malformed};
use crate::Result;
use due::{bucket, put};

/// What is known of a range.
#[derive(Clone, Copy, Default)]
struct State<L> {
    /// Frames that know Alice's parity; of a right half, frames that have asked for the left one.
    known: L,
    /// Frames whose parity differs from Alice's; while hers is unknown, from their own at the start of the pass.
    odd: L,
}

/// A pass.
struct Pass<L: Lanes> {
    order: Arc<Order>,
    block: u32,
    /// Bob's own parities at the start of the pass.
    sums: Sums<L>,
    /// By [`Node::id`].
    states: Vec<State<L>>,
}

/// Frames that look for an error in a range that is odd, as far as they know.
#[derive(Clone, Copy)]
struct Active<L> {
    pass: u32,
    node: Node,
    lanes: L,
    /// Those of them that ask for its left half, while others wait for the same answer.
    fresh: L,
}

/// What the questions of one frame come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Parities heard: bits said about the string.
    pub leaked: usize,
    /// Messages that held a question of this frame.
    pub messages: usize,
    /// Under [`Schedule::CascadeCpp`]: times that a search waited for an answer which another one had asked for.
    /// cascade-cpp asks again, and counts it.
    pub repeated: usize,
    /// Parities of whole blocks that followed from the first pass. cascade-cpp asks for them.
    pub inferred: usize,
}

enum Asked {
    Nothing,
    Pass,
    Ranges,
}

/// Bob's end of up to [`Lanes::LANES`] frames of one length.
pub(crate) struct Searcher<L: Lanes> {
    plan: Plan,
    schedule: Schedule,
    /// `[bit]`, the same bit of all frames in a word.
    bits: Vec<L>,
    /// `[bit]`: frames in which the bit alone is known, and right.
    sure: Vec<L>,
    frames: L,
    /// Frames that are not done.
    live: L,
    passes: Vec<Option<Pass<L>>>,
    /// Memory for the states of passes to come.
    spare: Vec<Vec<State<L>>>,
    asked: Asked,
    waiting: Vec<Active<L>>,
    work: Vec<Active<L>>,
    /// What may be odd and is not searched yet, by [`bucket`].
    due: Vec<Vec<Active<L>>>,
    /// Frames that corrected something in this pass.
    found: L,
    /// Passes to go in a streak, by frame.
    streak: Vec<usize>,
    corrected: usize,
    /// Places found wrong by the search that is being followed; empty in between.
    errors: Vec<(u32, L)>,
    /// Halves that it has still to go into; empty in between.
    others: Vec<(Node, L)>,
    leaked: Tally<L>,
    messages: Tally<L>,
    repeated: Tally<L>,
    inferred: Tally<L>,
}

impl<L: Lanes> Searcher<L> {
    pub(crate) fn new(plan: Plan, schedule: Schedule, bits: Vec<L>, frames: usize) -> Self {
        let streak = vec![plan.streak; frames];
        Self {
            plan,
            schedule,
            sure: vec![L::NONE; bits.len()],
            bits,
            frames: L::first(frames),
            live: L::first(frames),
            passes: Vec::new(),
            spare: Vec::new(),
            asked: Asked::Nothing,
            waiting: Vec::new(),
            work: Vec::new(),
            due: Vec::new(),
            found: L::NONE,
            streak,
            corrected: 0,
            errors: Vec::new(),
            others: Vec::new(),
            leaked: Tally::default(),
            messages: Tally::default(),
            repeated: Tally::default(),
            inferred: Tally::default(),
        }
    }

    /// Takes the memory that `done` worked in, whose pages are there already.
    pub(crate) fn inherit(&mut self, done: &mut Self) {
        self.spare = mem::take(&mut done.spare);
        self.spare.extend(done.passes.drain(..).flatten().map(|pass| pass.states));
    }

    pub(crate) fn counts(&self, lane: usize) -> Counts {
        Counts {
            leaked: self.leaked.get(lane),
            messages: self.messages.get(lane),
            repeated: self.repeated.get(lane),
            inferred: self.inferred.get(lane),
        }
    }

    pub(crate) fn bits(&self) -> &[L] {
        &self.bits
    }

    /// Takes the answer to the last question and says the next; `None` at the end.
    pub(crate) fn next(&mut self, answer: &[L], orders: &mut Orders) -> Result<Option<Question<L>>> {
        let asked =
            match self.asked {
                Asked::Nothing => 0,
                Asked::Pass => self.passes.last().and_then(Option::as_ref).map_or(0, |pass| {
                    asked_blocks(self.passes.len() - 1, pass.block as usize, self.bits.len())
                }),
                Asked::Ranges => self.waiting.iter().filter(|active| active.fresh != L::NONE).count(),
            };
        if answer.len() != asked {
            return Err(malformed(format!("{asked} parities were asked for, {} came", answer.len())));
        }
        match mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Nothing => {}
            Asked::Pass => self.learn_pass(answer),
            Asked::Ranges => self.learn_ranges(answer),
        }
        self.follow_all()?;
        if self.schedule == Schedule::Smallest {
            self.begin()?;
        }
        if !self.waiting.is_empty() {
            return Ok(Some(self.ask_ranges()));
        }
        Ok(self.next_pass(orders))
    }

    fn ask_ranges(&mut self) -> Question<L> {
        let mut heard = L::NONE;
        let mut ranges = Vec::with_capacity(self.waiting.len());
        for active in &self.waiting {
            if active.fresh != L::NONE {
                let left = active.node.left();
                ranges.push(Range {
                    pass: active.pass,
                    start: left.start,
                    len: left.len,
                    lanes: active.fresh,
                });
                self.leaked.add(active.fresh);
                heard |= active.fresh;
            }
        }
        self.messages.add(heard);
        self.asked = Asked::Ranges;
        Question::Ranges(ranges)
    }

    /// Takes Alice's parities of the ranges asked for.
    fn learn_ranges(&mut self, answer: &[L]) {
        let mut answer = answer.iter();
        for active in &self.waiting {
            if active.fresh == L::NONE {
                continue;
            }
            let (Some(pass), Some(&hers)) = (&mut self.passes[active.pass as usize], answer.next()) else {
                continue;
            };
            let (fresh, node) = (active.fresh, active.node);
            let (left, right) = (node.left(), node.right());
            let whole = pass.states[node.id as usize].odd;
            let state = &mut pass.states[left.id as usize];
            state.odd ^= (pass.sums.parity(left.start, left.len) ^ hers) & fresh;
            state.known |= fresh;
            let half = state.odd;
            let state = &mut pass.states[right.id as usize];
            state.odd = state.odd & !fresh | (whole ^ half) & fresh;
            if left.len == 1 {
                self.sure[pass.order.bit[left.start as usize] as usize] |= fresh & !half;
            }
            if right.len == 1 {
                self.sure[pass.order.bit[right.start as usize] as usize] |= fresh & !state.odd;
            }
        }
        self.work.append(&mut self.waiting);
    }

    /// Follows every search as far as the known parities lead, those too that corrections set off.
    fn follow_all(&mut self) -> Result<()> {
        let mut index = 0;
        while index < self.work.len() {
            self.follow(self.work[index])?;
            index += 1;
        }
        self.work.clear();
        Ok(())
    }

    /// Follows one search, of several frames, that part where they find different halves odd.
    fn follow(&mut self, active: Active<L>) -> Result<()> {
        let (mut node, mut lanes) = (active.node, active.lanes);
        let mut others = mem::take(&mut self.others);
        let mut errors = mem::take(&mut self.errors);
        let Some(pass) = &mut self.passes[active.pass as usize] else { return Ok(()) };
        // What came of an answer counts even where another search has made the whole range even since: an odd half is odd.
        let mut answered = active.fresh != L::NONE;
        loop {
            if !mem::take(&mut answered) {
                lanes &= pass.states[node.id as usize].odd;
            }
            if lanes != L::NONE && node.len == 1 {
                errors.push((node.start, lanes));
                lanes = L::NONE;
            }
            if lanes != L::NONE {
                let (left, right) = (node.left(), node.right());
                let mut state = pass.states[left.id as usize];
                let mut open = lanes & !state.known;
                // Of two halves that are odd together, one a single bit that is known to be right: the other is odd.
                if node.len <= 3 && open != L::NONE && self.schedule != Schedule::CascadeCpp {
                    let sure = |half: Node| match half.len {
                        1 => self.sure[pass.order.bit[half.start as usize] as usize],
                        _ => L::NONE,
                    };
                    let in_right = open & sure(left);
                    let in_left = open & sure(right) & !in_right;
                    let either = in_left | in_right;
                    if either != L::NONE {
                        state.known |= either;
                        state.odd = state.odd & !either | in_left;
                        pass.states[left.id as usize] = state;
                        let other = &mut pass.states[right.id as usize];
                        other.known |= either;
                        other.odd = other.odd & !either | in_right;
                        open &= !either;
                    }
                }
                if open != L::NONE {
                    let asked = &mut pass.states[right.id as usize].known;
                    let fresh = open & !*asked;
                    *asked |= fresh;
                    if self.schedule == Schedule::CascadeCpp {
                        self.repeated.add(open & !fresh);
                        self.waiting.push(Active { pass: active.pass, node, lanes: open, fresh });
                    } else if fresh != L::NONE {
                        // Whoever asked first goes on for the others.
                        self.waiting.push(Active { pass: active.pass, node, lanes: fresh, fresh });
                    }
                }
                let closed = lanes & state.known;
                let (in_left, in_right) = (closed & state.odd, closed & !state.odd);
                if in_left != L::NONE {
                    if in_right != L::NONE {
                        others.push((right, in_right));
                    }
                    (node, lanes) = (left, in_left);
                } else {
                    (node, lanes) = (right, in_right);
                }
            }
            if lanes == L::NONE {
                match others.pop() {
                    Some(other) => (node, lanes) = other,
                    None => break,
                }
            }
        }
        for &(place, lanes) in &errors {
            self.correct(active.pass as usize, place, lanes)?;
        }
        errors.clear();
        self.errors = errors;
        self.others = others;
        Ok(())
    }

    /// Inverts the bit at `place` of a pass's order in `lanes`, everywhere.
    fn correct(&mut self, source: usize, place: u32, lanes: L) -> Result<()> {
        // True parities lead to true errors only. False ones that contradict one another would lead around in circles.
        self.corrected += lanes.count();
        if self.corrected > self.bits.len() * self.frames.count() {
            return Err(malformed("the parities contradict one another"));
        }
        let Some(found) = &self.passes[source] else { return Ok(()) };
        let bit = found.order.bit[place as usize] as usize;
        self.bits[bit] ^= lanes;
        self.sure[bit] |= lanes;
        self.found |= lanes;
        let bits = self.bits.len();
        let count = self.passes.len();
        for (index, pass) in self.passes.iter_mut().enumerate() {
            let Some(pass) = pass else { continue };
            let place = pass.order.place[bit];
            let mut node = Node::block((place / pass.block) as usize, pass.block as usize, bits);
            // Frames whose smallest known range that holds the bit has not been come to.
            let mut rest = lanes;
            loop {
                let state = &mut pass.states[node.id as usize];
                state.odd ^= lanes;
                let odd = state.odd;
                let further = if !self.plan.reuse || node.len == 1 {
                    L::NONE
                } else {
                    pass.states[node.left().id as usize].known & rest
                };
                let here = match self.schedule {
                    Schedule::CascadeCpp if index == source || count > self.plan.blocks.len() => L::NONE,
                    // It looks whether the block is odd when its turn comes, not now.
                    Schedule::CascadeCpp => rest & !further,
                    Schedule::All | Schedule::Smallest => odd & rest & !further,
                };
                rest = further;
                if here != L::NONE {
                    let active = Active { pass: index as u32, node, lanes: here, fresh: L::NONE };
                    if self.schedule == Schedule::Smallest {
                        put(&mut self.due, bucket(&self.plan, index, node), active);
                    } else {
                        self.work.push(active);
                    }
                }
                if node.len == 1 {
                    break;
                }
                node = node.half(place);
            }
        }
        Ok(())
    }
}

impl<L: Lanes> Drop for Searcher<L> {
    fn drop(&mut self) {
        self.bits.as_mut_slice().zeroize();
    }
}
