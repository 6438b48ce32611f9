//! The random walk of a sequence: a step up for a one, a step down for a zero.

use super::{NotApplicable, sequence::Sequence};

/// What eight steps do: where they end, and how far they come to either side, relative to where they start.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) sum: i8,
    pub(super) least: i8,
    pub(super) most: i8,
}

/// For every byte, least significant bit first.
pub(super) const STEPS: [Steps; 256] = {
    let mut table = [Steps { sum: 0, least: 0, most: 0 }; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut k, mut steps) = (0, Steps { sum: 0, least: 8, most: -8 });
        while k < 8 {
            steps.sum += if byte >> k & 1 == 1 { 1 } else { -1 };
            if steps.sum < steps.least {
                steps.least = steps.sum;
            }
            if steps.sum > steps.most {
                steps.most = steps.sum;
            }
            k += 1;
        }
        table[byte] = steps;
        byte += 1;
    }
    table
};

/// Farthest place whose visits are counted by cycle.
pub(super) const NEAR: i64 = 4;
/// Farthest place whose visits are counted at all.
pub(super) const FAR: i64 = 9;

/// The visits of a walk to the places around its start, over the cycles from one return to the start to the next. The end
/// of the sequence ends the last cycle.
pub(super) struct Walk {
    /// Cycles.
    pub(super) cycles: usize,
    /// `[place][k]`: cycles with `k` visits, the last class with as many or more; places -4..=4.
    pub(super) by_cycle: [[u32; 6]; 2 * NEAR as usize + 1],
    /// `[place]`: visits; places -9..=9.
    pub(super) visits: [u32; 2 * FAR as usize + 1],
}

impl Walk {
    pub(super) fn new(sequence: &Sequence<'_>) -> Self {
        let mut walk = Walk { cycles: 0, by_cycle: Default::default(), visits: Default::default() };
        let n = sequence.len();
        let mut place = 0i64;
        let mut before = walk.visits;
        for (index, byte) in sequence.words().iter().flat_map(|word| word.to_le_bytes()).enumerate() {
            let length = n.saturating_sub(8 * index).min(8);
            // Too far out to come near within eight steps.
            if length == 8 && place.abs() > FAR + 8 {
                place += i64::from(STEPS[usize::from(byte)].sum);
                continue;
            }
            for k in 0..length {
                place += if byte >> k & 1 == 1 { 1 } else { -1 };
                if place.abs() <= FAR {
                    walk.visits[(place + FAR) as usize] += 1;
                    if place == 0 {
                        walk.close(&mut before);
                    }
                }
            }
        }
        if place != 0 {
            walk.close(&mut before);
        }
        walk
    }

    /// Ends a cycle; `before` are the visits up to its start.
    fn close(&mut self, before: &mut [u32; 2 * FAR as usize + 1]) {
        self.cycles += 1;
        let near = (FAR - NEAR) as usize;
        for (index, classes) in self.by_cycle.iter_mut().enumerate() {
            let visits = (self.visits[near + index] - before[near + index]) as usize;
            classes[visits.min(5)] += 1;
        }
        *before = self.visits;
    }

    /// Whether there are as many cycles as the two excursion tests ask for in `n` bits (sections 2.14.4 and 3.14).
    pub(super) fn enough(&self, n: usize) -> Result<(), NotApplicable> {
        let (need, got) = (((0.005 * (n as f64).sqrt()).ceil() as usize).max(500), self.cycles);
        if got < need { Err(NotApplicable { need, unit: "cycles", got }) } else { Ok(()) }
    }
}

/// The states that a test looks at, -`far`..=`far` without the start.
pub(super) fn states(far: i64) -> impl Iterator<Item = i64> {
    (-far..=far).filter(|state| *state != 0)
}
