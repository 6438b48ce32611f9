//! Which bits of the transform are worth saying: how much is known of each, given all before it.
//!
//! The first steps of the transform are followed in what the channel really gives, a mixture of binary symmetric channels
//! (`discrete.rs`); from then on a node is the Gaussian channel of the same capacity (`gaussian.rs`). A binary symmetric channel
//! is far from Gaussian: taken for one from the start, as many again of the frames of 4096 bits fail. From two such steps on,
//! nothing more is won.
//!
//! Both ends compute this and must come to the same order, so that only operations whose result does not depend on the
//! platform are used: IEEE 754 arithmetic and `libm`.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::discrete::Mixture;
use super::gaussian;

/// Steps that are followed exactly.
const EXACT: u32 = 5;

/// What is known of a bit.
#[derive(Clone)]
enum Knowledge {
    Sure,
    Discrete(Rc<Mixture>),
    /// By `ln m`.
    Gaussian(f64),
}

impl Knowledge {
    /// As the capacity alone tells.
    fn gaussian(self) -> Self {
        match self {
            Self::Discrete(mixture) => {
                let (capacity, missing) = mixture.capacity();
                Self::Gaussian(gaussian::of_capacity(capacity.max(1e-300), missing.max(1e-300)))
            }
            other => other,
        }
    }

    fn parity(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Sure, known) | (known, Self::Sure) => known.clone(),
            (Self::Discrete(a), Self::Discrete(b)) => Self::Discrete(Rc::new(a.parity(b))),
            (Self::Gaussian(a), Self::Gaussian(b)) => Self::Gaussian(gaussian::parity(*a, *b)),
            (a, b) => a.clone().gaussian().parity(&b.clone().gaussian()),
        }
    }

    fn both(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Sure, _) | (_, Self::Sure) => Self::Sure,
            (Self::Discrete(a), Self::Discrete(b)) => Self::Discrete(Rc::new(a.both(b))),
            (Self::Gaussian(a), Self::Gaussian(b)) => Self::Gaussian(gaussian::both(*a, *b)),
            (a, b) => a.clone().gaussian().both(&b.clone().gaussian()),
        }
    }
}

/// The bits of the transform of length `2^levels`, the least certain first, where the ends' first `open` bits differ with
/// probability `error_rate` and the others are known to be 0. Then the bits of the transform from `open` on are 0, too, and are left out.
pub(super) fn order(levels: u32, open: usize, error_rate: f64) -> Vec<u32> {
    sorted(&certainties(levels, open, error_rate))
}

/// As [`order`]. The last few are kept, because strings of one length and rate come one after the other, at both ends; all that is
/// kept follows from what is public.
pub(super) fn shared(levels: u32, open: usize, error_rate: f64) -> Arc<Vec<u32>> {
    type Key = (u32, usize, u64);
    static KEPT: Mutex<Vec<(Key, Arc<Vec<u32>>)>> = Mutex::new(Vec::new());
    let key = (levels, open, error_rate.to_bits());
    let known = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, order)) = known().iter().find(|(of, _)| *of == key) {
        return Arc::clone(order);
    }
    let order = Arc::new(order(levels, open, error_rate));
    let mut known = known();
    known.truncate(7);
    known.insert(0, (key, Arc::clone(&order)));
    order
}

/// As [`order`], for a Gaussian channel with noise of variance `2/m` on bits of ±1.
#[cfg(test)]
pub(super) fn gaussian_order(levels: u32, m: f64) -> Vec<u32> {
    sorted(&through(levels, 1 << levels, Knowledge::Gaussian(m.ln())))
}

fn sorted(certain: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..certain.len() as u32).collect();
    let by = |index: u32| certain[index as usize];
    order.sort_by(|&a, &b| by(a).total_cmp(&by(b)).then(a.cmp(&b)));
    order
}

/// `ln m` of each of the first `open` bits of the transform.
fn certainties(levels: u32, open: usize, error_rate: f64) -> Vec<f64> {
    through(levels, open, Knowledge::Discrete(Rc::new(Mixture::new(error_rate))))
}

fn through(levels: u32, open: usize, channel: Knowledge) -> Vec<f64> {
    let length = 1usize << levels;
    let open = open.min(length);
    let mut leaves = Vec::with_capacity(length);
    descend(&Node { open, first: channel, rest: Knowledge::Sure }, length, EXACT, &mut leaves);
    leaves.truncate(open);
    leaves
}

/// The bits of a subtree: as much is known of each of the first `open` ones, and as much of each of the others.
struct Node {
    open: usize,
    first: Knowledge,
    rest: Knowledge,
}

fn descend(node: &Node, length: usize, exact: u32, leaves: &mut Vec<f64>) {
    if length == 1 {
        let knowledge = if node.open > 0 { &node.first } else { &node.rest };
        leaves.push(match knowledge.clone().gaussian() {
            Knowledge::Gaussian(mean) => mean,
            _ => f64::INFINITY,
        });
        return;
    }
    let (half, Node { open, first, rest }) = (length / 2, node);
    // Where the border falls, folded onto the half: it stays a single one.
    let (open, low, high) = if *open >= half {
        (open - half, [first, first], [first, rest])
    } else {
        (*open, [first, rest], [rest, rest])
    };
    for combine in [Knowledge::parity, Knowledge::both] {
        let (mut first, mut rest) = (combine(low[0], low[1]), combine(high[0], high[1]));
        if exact <= 1 {
            (first, rest) = (first.gaussian(), rest.gaussian());
        }
        descend(&Node { open, first, rest }, half, exact.saturating_sub(1), leaves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of the eight bits of the binary erasure channel's transform holds for every channel: bits are ordered by the
    /// partial order of polar codes (Schürch, ISIT 2016), which leaves 3 and 4 open.
    #[test]
    fn short_orders_are_the_known_ones() {
        let order = order(3, 8, 0.11);
        assert_eq!((&order[..3], &order[5..]), (&[0, 1, 2][..], &[5, 6, 7][..]), "{order:?}");
    }

    /// What is known beforehand is at the end, whatever the border, and helps all others.
    #[test]
    fn shortening_leaves_out_the_last_bits() {
        let whole = certainties(6, 64, 0.05);
        for open in 1..64 {
            let short = certainties(6, open, 0.05);
            assert_eq!(short.len(), open);
            assert!(short.iter().all(|mean| mean.is_finite()));
            assert!(short.iter().zip(&whole).all(|(short, whole)| *short > whole - 0.05), "{open}");
        }
    }

    /// Part of the protocol: both ends must come to the same order.
    #[test]
    fn orders_do_not_change() {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for (levels, open, rate) in [(8, 256, 0.03), (10, 700, 0.11), (12, 4096, 0.01)] {
            order(levels, open, rate).iter().for_each(|index| hash.update(index.to_le_bytes()));
        }
        let digest: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "a6017ea7f5b9c076");
    }
}
