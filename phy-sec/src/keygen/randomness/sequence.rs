//! One bit sequence under test, with what several tests need of it, computed once.

use std::{ops::Range, sync::OnceLock};

use super::{dft::Split, walk::Walk};
use crate::bits::Bits;

/// The transform of sequences of one length; planning one of an awkward length costs as much as several runs of it.
#[derive(Default)]
pub(super) struct Plan(OnceLock<Split>);

impl Plan {
    /// Of `size` points, which is the same at every call.
    pub(super) fn get(&self, size: usize) -> &Split {
        self.0.get_or_init(|| Split::new(size))
    }
}

/// What every test takes.
pub(super) struct Sequence<'a> {
    bits: &'a Bits,
    plan: &'a Plan,
    walk: OnceLock<Walk>,
}

impl<'a> Sequence<'a> {
    pub(super) fn new(bits: &'a Bits, plan: &'a Plan) -> Self {
        Self { bits, plan, walk: OnceLock::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Packed, first bit least significant; zeros behind the last.
    pub(super) fn words(&self) -> &[u64] {
        self.bits.words()
    }

    pub(super) fn plan(&self) -> &Plan {
        self.plan
    }

    /// Its random walk, for the two excursion tests.
    pub(super) fn walk(&self) -> &Walk {
        self.walk.get_or_init(|| Walk::new(self))
    }

    pub(super) fn bit(&self, at: usize) -> bool {
        window(self.words(), at) & 1 == 1
    }

    pub(super) fn ones(&self) -> usize {
        self.bits.count_ones()
    }
}

/// The 64 bits from bit `at` on, the first one least significant; zeros past the end.
pub(super) fn window(words: &[u64], at: usize) -> u64 {
    let (word, shift) = (at / 64, at % 64);
    let low = words.get(word).map_or(0, |word| word >> shift);
    // Two shifts, because one by 64 is not defined.
    let high = words.get(word + 1).map_or(0, |word| word << 1 << (63 - shift));
    low | high
}

/// The bits of `range` as windows of up to 64, each with its number of bits; what is above them is zero.
pub(super) fn windows(words: &[u64], range: Range<usize>) -> impl Iterator<Item = (u64, u32)> + '_ {
    let end = range.end;
    range.step_by(64).map(move |at| {
        let length = (end - at).min(64) as u32;
        (window(words, at) & low_mask(length), length)
    })
}

/// The `n` least significant bits, `n` at most 64.
pub(super) fn low_mask(n: u32) -> u64 {
    u64::MAX.checked_shr(64 - n).unwrap_or(0)
}

/// Adds to `counts`, which holds `2^m`, how often each pattern of `m` bits starts at one of the places `range`;
/// the pattern's first bit is the index's least significant one. `m` is at most 32.
pub(super) fn count_patterns(words: &[u64], range: Range<usize>, m: u32, counts: &mut [u32]) {
    const STEP: usize = 32; // places that a window of 64 bits serves
    let mask = counts.len() - 1;
    debug_assert!(counts.len() == 1 << m && m <= 32);
    let mut at = range.start;
    while at + STEP <= range.end {
        let bits = window(words, at);
        for k in 0..STEP {
            counts[(bits >> k) as usize & mask] += 1;
        }
        at += STEP;
    }
    let bits = window(words, at);
    for k in 0..range.end - at {
        counts[(bits >> k) as usize & mask] += 1;
    }
}

/// How often each pattern of `m` bits occurs in the sequence closed to a ring.
pub(super) fn ring_patterns(sequence: &Sequence<'_>, m: u32) -> Vec<u32> {
    let n = sequence.len();
    let mut counts = vec![0; 1 << m];
    // Places whose pattern lies within the sequence, then those that reach around.
    let inner = (n + 1).saturating_sub(m.max(1) as usize);
    count_patterns(sequence.words(), 0..inner, m, &mut counts);
    for at in inner..n {
        let pattern = (0..m as usize).fold(0, |pattern, k| {
            let bit = window(sequence.words(), (at + k) % n) & 1;
            pattern | (bit as usize) << k
        });
        counts[pattern] += 1;
    }
    counts
}

/// From the counts of patterns of `m` bits in a ring to those of `m - 1`.
pub(super) fn shorten(counts: &[u32]) -> Vec<u32> {
    let (zero, one) = counts.split_at(counts.len() / 2);
    zero.iter().zip(one).map(|(a, b)| a + b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the definition: every place, bit by bit.
        #[test]
        fn patterns_are_counted(bits in prop::collection::vec(any::<bool>(), 1..=300), m in 1u32..=8) {
            let packed: Bits = bits.iter().copied().collect();
            let plan = Plan::default();
            let sequence = Sequence::new(&packed, &plan);
            let mut want = vec![0u32; 1 << m];
            for at in 0..bits.len() {
                let pattern = (0..m as usize).map(|k| usize::from(bits[(at + k) % bits.len()]) << k).sum::<usize>();
                want[pattern] += 1;
            }
            let got = ring_patterns(&sequence, m);
            prop_assert_eq!(&got, &want);
            prop_assert_eq!(shorten(&got), ring_patterns(&sequence, m - 1));
        }

        #[test]
        fn windows_are_the_bits(bits in prop::collection::vec(any::<bool>(), 0..=300), cut in (0usize..=300, 0usize..=300)) {
            let packed: Bits = bits.iter().copied().collect();
            let (start, end) = (cut.0.min(bits.len()), cut.1.min(bits.len()));
            let got: Vec<bool> = windows(packed.words(), start..end)
                .flat_map(|(word, n)| {
                    assert_eq!(word & !low_mask(n), 0);
                    (0..n).map(move |k| word >> k & 1 == 1)
                })
                .collect();
            prop_assert_eq!(got, if start < end { bits[start..end].to_vec() } else { vec![] });
        }
    }
}
