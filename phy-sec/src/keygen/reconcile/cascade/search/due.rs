//! What is to be searched next under [`Schedule::Smallest`](super::super::Schedule::Smallest).

use std::mem;

use super::super::lanes::Lanes;
use super::super::plan::Plan;
use super::super::tree::Node;
use super::{Active, Searcher};
use crate::Result;

impl<L: Lanes> Searcher<L> {
    /// Where no search is under way, starts those that are due first: disjoint ones, so that no error is looked for
    /// twice.
    pub(super) fn begin(&mut self) -> Result<()> {
        loop {
            let mut idle = self.waiting.iter().fold(self.live, |idle, active| idle & !active.lanes);
            let mut started = false;
            for bucket in 0..self.due.len() {
                // Not the end: a search that needed no question leaves its frame idle again.
                if idle == L::NONE {
                    break;
                }
                if self.due[bucket].is_empty() {
                    continue;
                }
                let mut here = L::NONE;
                let mut entries = mem::take(&mut self.due[bucket]);
                for entry in &mut entries {
                    let lanes = entry.lanes & idle;
                    if lanes == L::NONE {
                        continue;
                    }
                    entry.lanes &= !idle;
                    let Some(pass) = &self.passes[entry.pass as usize] else { continue };
                    let mut odd = lanes & pass.states[entry.node.id as usize].odd;
                    if self.plan.reuse && entry.node.len > 1 {
                        odd &= !pass.states[entry.node.left().id as usize].known;
                    }
                    if odd != L::NONE {
                        here |= odd;
                        self.follow(Active { lanes: odd, ..*entry })?;
                    }
                }
                entries.retain(|entry| entry.lanes != L::NONE);
                // A correction may have put more here meanwhile.
                entries.append(&mut self.due[bucket]);
                self.due[bucket] = entries;
                idle &= !here;
                started |= here != L::NONE;
            }
            if !started {
                return Ok(());
            }
        }
    }
}

/// What comes first has the lower number: passes in order; with reuse, short ranges before long ones.
pub(super) fn bucket(plan: &Plan, pass: usize, node: Node) -> usize {
    if plan.reuse {
        let class = node.len.next_power_of_two().trailing_zeros() as usize;
        class * plan.blocks.len() + pass
    } else {
        pass
    }
}

pub(super) fn put<L>(due: &mut Vec<Vec<Active<L>>>, bucket: usize, active: Active<L>) {
    if due.len() <= bucket {
        due.resize_with(bucket + 1, Vec::new);
    }
    due[bucket].push(active);
}
