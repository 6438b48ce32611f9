//! A string dealt out to frames of one length.
//!
//! Errors come in clumps, where a code wants them spread: which bit goes where is drawn from the public seed, after the
//! strings are fixed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use crate::bits::Bits;

/// A number below `n`, the same whatever the library's version.
pub(super) fn below(rng: &mut ChaCha20Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// A uniform order of `bits` places.
pub(super) fn order(bits: usize, seed: [u8; 32]) -> Vec<u32> {
    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut order: Vec<u32> = (0..bits as u32).collect();
    for last in (1..bits).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// The bits at `places`, `[frame, place]` each, of which at most `left` may be asked for still; or what is wrong with the question.
pub(super) fn reveal(
    frames: &[Zeroizing<Vec<u8>>],
    places: &[[u32; 2]],
    left: usize,
) -> Result<Bits, &'static str> {
    // The ledger counts whatever is said, this bounds the work.
    if places.len() > left {
        return Err("far more bits are asked for than there are");
    }
    let bit =
        |&[frame, place]: &[u32; 2]| frames.get(frame as usize)?.get(place as usize).map(|&bit| bit == 1);
    let bits: Option<Bits> = places.iter().map(bit).collect();
    bits.ok_or("a place lies outside the frames")
}

/// Where the string's bits go.
pub(super) struct Frames {
    /// How many.
    pub(super) count: usize,
    /// Bits of the string in each; the last one may carry a few less.
    pub(super) payload: usize,
    order: Vec<u32>,
}

impl Frames {
    /// As few frames as can be, of at most `most` bits each, as equal as can be.
    pub(super) fn new(bits: usize, most: usize, seed: [u8; 32]) -> Self {
        let count = bits.div_ceil(most).max(1);
        Self { count, payload: bits.div_ceil(count), order: order(bits, seed) }
    }

    /// The string's bits that `frame` carries, in order.
    pub(super) fn carried(&self, frame: usize) -> impl Iterator<Item = usize> {
        let start = (frame * self.payload).min(self.order.len());
        let end = (start + self.payload).min(self.order.len());
        self.order[start..end].iter().map(|&bit| bit as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_carried_once() {
        for (bits, most) in [(1, 256), (1000, 256), (1024, 256), (1025, 256), (13, 4)] {
            let frames = Frames::new(bits, most, [3; 32]);
            assert!(frames.payload <= most && frames.count == bits.div_ceil(most));
            let mut all: Vec<usize> = (0..frames.count).flat_map(|frame| frames.carried(frame)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..bits).collect::<Vec<_>>());
        }
    }
}
