//! Many frames side by side: bit `i` of a word belongs to frame `i`, so that one operation serves them all.

use std::fmt::Debug;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Not};

use zeroize::DefaultIsZeroes;

/// A word with a bit for each frame. `u8` carries the single frame of a session, `u64` those of a batch.
pub(crate) trait Lanes:
    Copy
    + Eq
    + Debug
    + Default
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
    + BitAndAssign
    + BitOrAssign
    + BitXorAssign
    + DefaultIsZeroes
{
    /// How many frames there is room for.
    const LANES: usize;
    /// No frame.
    const NONE: Self;
    /// The first `count` frames.
    fn first(count: usize) -> Self;
    /// Frame `lane` alone, if `bit`.
    fn only(lane: usize, bit: bool) -> Self;
    /// Whether frame `lane` is among them.
    fn has(self, lane: usize) -> bool;
    /// How many frames.
    fn count(self) -> usize;
}

macro_rules! lanes {
    ($($word:ty)*) => {$(
        impl Lanes for $word {
            const LANES: usize = <$word>::BITS as usize;
            const NONE: Self = 0;

            fn first(count: usize) -> Self {
                if count == 0 { 0 } else { <$word>::MAX >> (Self::LANES - count.min(Self::LANES)) }
            }

            fn only(lane: usize, bit: bool) -> Self {
                <$word>::from(bit) << lane
            }

            fn has(self, lane: usize) -> bool {
                self >> lane & 1 == 1
            }

            fn count(self) -> usize {
                self.count_ones() as usize
            }
        }
    )*};
}

lanes!(u8 u64);

/// A counter for each frame, bit `p` of all of them in word `p`: counting costs two operations on average.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally<L> {
    planes: Vec<L>,
}

impl<L: Lanes> Tally<L> {
    /// One more in each of `lanes`.
    #[inline]
    pub(crate) fn add(&mut self, mut lanes: L) {
        for plane in &mut self.planes {
            let carry = *plane & lanes;
            *plane ^= lanes;
            lanes = carry;
            if lanes == L::NONE {
                return;
            }
        }
        if lanes != L::NONE {
            self.planes.push(lanes);
        }
    }

    /// The count of one frame.
    pub(crate) fn get(&self, lane: usize) -> usize {
        self.planes.iter().rev().fold(0, |sum, plane| sum << 1 | usize::from(plane.has(lane)))
    }
}
