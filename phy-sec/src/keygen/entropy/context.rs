//! Each bit given all that its surroundings tell: the bit before in its lane, how many samples were dropped between
//! them, and the bit at the same time in the most similar of the earlier lanes.
//!
//! Which samples were kept is public, and not innocent: a slow series passes through the guard band to change its
//! sign, so that two bits with nothing dropped between them are alike. The estimate is therefore conditional on the
//! list of kept samples. Given the public part `g` of the surroundings, the adversary is granted the likeliest outcome
//! over all secret parts `s`,
//!
//! `H = -log2 Σ_g P(g) max_{s, b} P(b | s, g)`,
//!
//! which bounds the average min-entropy (Dodis et al. 2008) of any chain of this order from below. Probabilities are
//! taken at the upper end of their confidence intervals.
//!
//! The tree of most similar lanes is Chow and Liu's (IEEE Trans. Inf. Theory 14(3), 1968), in the order of the lanes.

use zeroize::Zeroize;

use super::{Sample, upper};

/// Dropped samples since the bit before: none, a few, many; or there is no bit before.
const GAPS: usize = 4;
/// The most similar lane's sample at that time: dropped, kept; or there is no earlier lane.
const NEIGHBOURS: usize = 3;

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    // [gap][neighbour's state][bit before][neighbour's bit][bit]
    let mut counts = [[[[[0.0f64; 2]; 2]; 2]; NEIGHBOURS]; GAPS];
    walk(sample, |surroundings, bit| {
        let gap = match surroundings.gap {
            None => 3,
            Some(0..=1) => 0,
            Some(2..=4) => 1,
            Some(_) => 2,
        };
        let (state, neighbour) = match surroundings.neighbour {
            Neighbour::Dropped => (0, false),
            Neighbour::Kept(bit) => (1, bit),
            Neighbour::None => (2, false),
        };
        counts[gap][state][usize::from(surroundings.before)][usize::from(neighbour)][usize::from(bit)] += 1.0;
    });
    guessed(counts.iter().flatten().map(|public| public.iter().flatten()))
}

/// What is known around a bit.
pub(super) struct Surroundings {
    /// How many samples later than the bit before in its lane it was measured; `None` for the first.
    pub(super) gap: Option<u32>,
    /// The bit before; false for the first.
    pub(super) before: bool,
    /// Of the most similar of the earlier lanes.
    pub(super) neighbour: Neighbour,
}

/// A lane's sample at the time of a bit.
pub(super) enum Neighbour {
    /// There is no earlier lane.
    None,
    /// The sample was dropped.
    Dropped,
    /// The bit, inverted if that lane mostly disagrees.
    Kept(bool),
}

/// Visits every bit with its surroundings.
pub(super) fn walk(sample: &Sample<'_>, mut visit: impl FnMut(Surroundings, bool)) {
    let grid = Grid::new(sample);
    for lane in 0..sample.lanes.len() {
        let parent = grid.parent(lane);
        let mut before: Option<(u32, bool)> = None;
        for index in sample.lanes[lane].clone() {
            let (place, bit) = (sample.place[index], sample.bits.get(index).unwrap_or(false));
            let neighbour = match parent {
                None => Neighbour::None,
                Some((parent, inverted)) => match grid.get(parent, place) {
                    None => Neighbour::Dropped,
                    Some(bit) => Neighbour::Kept(bit != inverted),
                },
            };
            let gap = before.map(|(last, _)| place.saturating_sub(last));
            visit(Surroundings { gap, before: before.is_some_and(|(_, bit)| bit), neighbour }, bit);
            before = Some((place, bit));
        }
    }
}

/// Min-entropy per bit, point and bound, from `[zeros, ones]` seen in each secret part of each public part.
pub(super) fn guessed<'a, S>(publics: impl Iterator<Item = S> + Clone) -> (f64, f64)
where
    S: Iterator<Item = &'a [f64; 2]>,
{
    let total: f64 = publics.clone().flatten().flatten().sum();
    if total < 2.0 {
        return (0.0, 0.0);
    }
    let entropy = |probability: &dyn Fn(f64, f64) -> f64| {
        let mut sum = 0.0;
        for secrets in publics.clone() {
            let (mut weight, mut best) = (0.0, 0.0f64);
            for outcomes in secrets {
                let trials = outcomes[0] + outcomes[1];
                if trials > 0.0 {
                    weight += trials;
                    best = best.max(probability(outcomes[0].max(outcomes[1]), trials));
                }
            }
            sum += weight / total * best;
        }
        -f64::log2(sum)
    };
    (entropy(&|hits, trials| hits / trials), entropy(&|hits, trials| upper(hits, trials)))
}

/// The bits by lane and time.
struct Grid {
    columns: usize,
    /// 0, 1, or 2 where the sample was dropped.
    cells: Vec<u8>,
}

/// They are secret.
impl Drop for Grid {
    fn drop(&mut self) {
        self.cells.zeroize();
    }
}

impl Grid {
    fn new(sample: &Sample<'_>) -> Self {
        let columns = sample.place.iter().max().map_or(0, |&place| place as usize + 1);
        // A single lane has no neighbours, however long it is.
        let lanes = if sample.lanes.len() > 1 { sample.lanes.len() } else { 0 };
        let mut cells = vec![2; lanes * columns];
        for lane in 0..lanes {
            for index in sample.lanes[lane].clone() {
                cells[lane * columns + sample.place[index] as usize] =
                    u8::from(sample.bits.get(index).unwrap_or(false));
            }
        }
        Self { columns, cells }
    }

    fn get(&self, lane: usize, place: u32) -> Option<bool> {
        match self.cells[lane * self.columns + place as usize] {
            2 => None,
            bit => Some(bit == 1),
        }
    }

    fn lane(&self, lane: usize) -> &[u8] {
        &self.cells[lane * self.columns..(lane + 1) * self.columns]
    }

    /// The earlier lane that agrees, or disagrees, the most; and whether it disagrees.
    fn parent(&self, lane: usize) -> Option<(usize, bool)> {
        let excess = |other: usize| -> i64 {
            let pairs = self.lane(lane).iter().zip(self.lane(other));
            pairs
                .map(|(&a, &b)| {
                    if a == 2 || b == 2 {
                        0
                    } else if a == b {
                        1
                    } else {
                        -1
                    }
                })
                .sum()
        };
        let best = (0..lane).map(|other| (other, excess(other))).max_by_key(|(_, excess)| excess.abs())?;
        Some((best.0, best.1 < 0))
    }
}
