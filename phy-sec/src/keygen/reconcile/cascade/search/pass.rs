//! The passes: when one begins, and what is known of its blocks.

use super::super::Schedule;
use super::super::answer::{Question, Sums, asked_blocks};
use super::super::lanes::Lanes;
use super::super::order::Orders;
use super::super::tree::Node;
use super::due::{bucket, put};
use super::{Active, Asked, Pass, Searcher, State};

impl<L: Lanes> Searcher<L> {
    /// Opens the next pass that can find anything.
    pub(super) fn next_pass(&mut self, orders: &mut Orders) -> Option<Question<L>> {
        let bits = self.bits.len();
        if self.passes.len() > self.plan.blocks.len() {
            for (lane, to_go) in self.streak.iter_mut().enumerate() {
                if self.live.has(lane) {
                    *to_go = if self.found.has(lane) { self.plan.streak } else { *to_go - 1 };
                    if *to_go == 0 {
                        self.live &= !L::only(lane, true);
                    }
                }
            }
        }
        self.found = L::NONE;
        let index = self.plan.next(self.passes.len(), bits);
        while self.passes.len() < index {
            self.inferred.add(self.live);
            self.passes.push(None);
        }
        let block = self.plan.block(index, bits).filter(|_| self.live != L::NONE)?;
        let order = orders.get(index);
        let sums = Sums::new(&self.bits, &order);
        let mut states = self.spare.pop().unwrap_or_default();
        states.clear();
        states.resize(2 * bits, State { known: L::NONE, odd: L::NONE });
        self.passes.push(Some(Pass { order, block: block as u32, sums, states }));
        for _ in 0..asked_blocks(index, block, bits) {
            self.leaked.add(self.live);
        }
        self.messages.add(self.live);
        self.asked = Asked::Pass;
        Some(Question::Pass { pass: index, lanes: self.live })
    }

    /// Takes Alice's parities of the last pass's blocks.
    pub(super) fn learn_pass(&mut self, answer: &[L]) {
        let bits = self.bits.len();
        let index = self.passes.len() - 1;
        let mut total = L::NONE;
        if index > 0
            && let Some(first) = &self.passes[0]
        {
            let blocks = 0..bits.div_ceil(first.block as usize);
            let odd = |block| first.states[Node::block(block, first.block as usize, bits).id as usize].odd;
            total = blocks.fold(L::NONE, |total, block| total ^ odd(block));
            self.inferred.add(self.live);
        }
        let Some(pass) = &mut self.passes[index] else { return };
        let block = pass.block as usize;
        for number in 0..bits.div_ceil(block) {
            let node = Node::block(number, block, bits);
            let state = &mut pass.states[node.id as usize];
            state.known = self.live;
            state.odd = match answer.get(number) {
                Some(&hers) => (pass.sums.parity(node.start, node.len) ^ hers) & self.live,
                // The last block: what is odd altogether, less what is odd in the others.
                None => total & self.live,
            };
            total ^= state.odd;
            if state.odd != L::NONE {
                let active = Active { pass: index as u32, node, lanes: state.odd, fresh: L::NONE };
                if self.schedule == Schedule::Smallest {
                    put(&mut self.due, bucket(&self.plan, index, node), active);
                } else {
                    self.work.push(active);
                }
            }
        }
    }
}
