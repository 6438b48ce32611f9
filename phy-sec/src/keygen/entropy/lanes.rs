//! Each bit given the one before in its lane and the bit at the same time in the most similar of the earlier lanes: what
//! neighbouring subcarriers tell about each other, whatever was said in public.
//!
//! As [`super::context`], whose conditional counterpart it is, with nothing public but the place in the tree of lanes: whether
//! there is a bit before, and whether there is an earlier lane. Surroundings too rare to tell anything of are given away: the
//! adversary knows those bits.

use super::Sample;
use super::context::{Neighbour, guessed, walk};

/// Trials below which the interval of a probability reaches from near nothing to near certainty.
const RARE: f64 = 30.0;

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    // [first of its lane, has an earlier lane][bit before][neighbour's bit, or dropped][bit]
    let mut counts = [[[[0.0f64; 2]; 3]; 2]; 4];
    walk(sample, |surroundings, bit| {
        let (lane, neighbour) = match surroundings.neighbour {
            Neighbour::None => (0, 0),
            Neighbour::Kept(bit) => (1, usize::from(bit)),
            Neighbour::Dropped => (1, 2),
        };
        let public = 2 * usize::from(surroundings.gap.is_none()) + lane;
        counts[public][usize::from(surroundings.before)][neighbour][usize::from(bit)] += 1.0;
    });
    // The rare ones are a part of their own, whose outcome is certain.
    let mut given_away = [[[[0.0f64; 2]; 3]; 2]; 1];
    for outcomes in counts.iter_mut().flatten().flatten() {
        let trials = outcomes[0] + outcomes[1];
        if trials < RARE {
            given_away[0][0][0][0] += trials;
            *outcomes = [0.0; 2];
        }
    }
    guessed(counts.iter().chain(&given_away).map(|public| public.iter().flatten()))
}
