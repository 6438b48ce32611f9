//! The common prefixes of the sorted suffixes of a string of bits that is a string of symbols, from the order of the symbols'
//! suffixes.
//!
//! Suffixes that start at the same bit of a symbol are in order as soon as those of the symbols are, and there are an eighth
//! as many of these. So two suffixes are compared by their first 112 bits, then by rank if both start at the same bit, and
//! only otherwise bit by bit, which is over soon: what repeats in a recording repeats in whole samples.

use std::mem;
use std::ops::Range;

use super::bit_string::BitString;

/// Bits that choose a bucket: at least those of a symbol.
const BUCKET: u32 = 16;
/// Bits that are compared as numbers at first.
const KEY: u32 = 48;
/// Common bits that are looked for pair by pair. Longer stretches are found in order of place, where each is one shorter
/// than the one before at least.
const NEAR: usize = KEY as usize + 256;
const NONE: u32 = u32::MAX;
/// The place in an entry.
const PLACE: u64 = 0xffff_ffff;

/// Tells `push`, for each suffix of `bits` but the first in ascending order, how many bits it has in common with the one
/// before.
///
/// - `width`: bits of a symbol, 2 to 8
/// - `order`: places of the symbols' suffixes in ascending order
///
/// Returns `false`, with nothing told, where comparing bit by bit takes too long: long runs of one bit.
pub(super) fn common_prefixes(
    bits: &BitString,
    width: u32,
    order: &[u32],
    mut push: impl FnMut(u32),
) -> bool {
    let n = bits.len();
    let mut sorted = Sorted::new(bits, width, order);
    let mut common = vec![0u32; n];
    // The suffix before each of those that have much in common with it, by place.
    let mut before: Vec<u32> = Vec::new();
    let mut last: Option<(u64, usize)> = None;
    for bucket in 0..1usize << BUCKET {
        let Some(range) = sorted.sort(bucket) else { return false };
        for index in range {
            let key = (bucket as u64) << 32 | sorted.entries[index] >> 32;
            let place = sorted.place(index);
            if let Some((other_key, other)) = last {
                let most = n - place.max(other);
                let alike = (key ^ other_key).leading_zeros() as usize - (64 - KEY as usize);
                common[index] = if alike < KEY as usize {
                    alike.min(most) as u32
                } else {
                    match common_bits(bits, place, other, KEY as usize, NEAR) {
                        NEAR => {
                            before.resize(n, NONE);
                            before[place] = other as u32;
                            NONE
                        }
                        near => near as u32,
                    }
                };
            }
            last = Some((key, place));
        }
    }
    // Karkkainen, Manzini and Puglisi, CPM 2009.
    let mut length = NEAR;
    for (place, before) in before.iter_mut().enumerate() {
        if *before == NONE {
            length = NEAR;
        } else {
            length = common_bits(bits, place, *before as usize, (length - 1).max(NEAR), usize::MAX);
            *before = length as u32;
        }
    }
    for (index, &common) in common.iter().enumerate().skip(1) {
        push(if common == NONE { before[sorted.place(index)] } else { common });
    }
    true
}

/// How many bits the suffixes at two places have in common, `most` at most, if the first `from` are known to be alike.
fn common_bits(bits: &BitString, a: usize, b: usize, from: usize, most: usize) -> usize {
    let most = most.min(bits.len() - a.max(b));
    let mut length = from;
    while length < most {
        let differ = bits.window(a + length) ^ bits.window(b + length);
        length += differ.leading_zeros() as usize;
        if differ != 0 {
            break;
        }
    }
    length.min(most)
}

/// The suffixes, bucket by bucket.
struct Sorted<'a> {
    bits: &'a BitString,
    width: usize,
    /// Of each symbol's suffix; the empty one is the first.
    rank: Vec<u32>,
    starts: Vec<u32>,
    /// The 32 bits after those of the bucket, and the place.
    entries: Vec<u64>,
    scratch: Vec<u64>,
    longer: Vec<(u64, u64)>,
    /// Words that may yet be compared.
    left: usize,
}

impl<'a> Sorted<'a> {
    fn new(bits: &'a BitString, width: u32, order: &[u32]) -> Self {
        let mut rank = vec![0; order.len() + 1];
        order.iter().enumerate().for_each(|(k, &place)| rank[place as usize] = k as u32 + 1);
        let bucket = |key: u64| (key >> (64 - BUCKET)) as usize;
        let mut starts = vec![0u32; (1 << BUCKET) + 1];
        bits.each_window(|_, key| starts[bucket(key) + 1] += 1);
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![0u64; bits.len()];
        bits.each_window(|place, key| {
            let slot = &mut next[bucket(key)];
            entries[*slot as usize] = key << BUCKET >> 32 << 32 | place as u64;
            *slot += 1;
        });
        Self {
            bits,
            width: width as usize,
            rank,
            starts,
            entries,
            scratch: Vec::new(),
            longer: Vec::new(),
            left: 4 * bits.len() + 1024,
        }
    }

    fn place(&self, index: usize) -> usize {
        (self.entries[index] & PLACE) as usize
    }

    /// Puts a bucket in order. `None` if that takes too long.
    fn sort(&mut self, bucket: usize) -> Option<Range<usize>> {
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        self.entries[range.clone()].sort_unstable();
        let mut first = range.start;
        while first < range.end {
            let key = self.entries[first] >> 32;
            let alike =
                self.entries[first..range.end].iter().take_while(|&&entry| entry >> 32 == key).count();
            if alike > 1 {
                self.sort_alike(first, alike)?;
            }
            first += alike;
        }
        Some(range)
    }

    /// Puts the `count` entries from `first` on, whose keys are alike, in order: by the next 64 bits, and where these are
    /// alike, by merging. `None` if that takes too long.
    fn sort_alike(&mut self, first: usize, count: usize) -> Option<()> {
        let mut longer = mem::take(&mut self.longer);
        longer.clear();
        longer.extend((first..first + count).map(|index| {
            let entry = self.entries[index];
            (self.bits.window((entry & PLACE) as usize + KEY as usize), entry)
        }));
        longer.sort_unstable();
        for (index, &(_, entry)) in longer.iter().enumerate() {
            self.entries[first + index] = entry;
        }
        let mut at = first;
        for group in longer.chunk_by(|a, b| a.0 == b.0) {
            self.merge(at, group.len())?;
            at += group.len();
        }
        self.longer = longer;
        Some(())
    }

    /// Puts the `count` entries from `first` on, whose keys are alike, in order. `None` if that takes too long.
    fn merge(&mut self, first: usize, count: usize) -> Option<()> {
        let half = count / 2;
        if half == 0 {
            return Some(());
        }
        self.merge(first, half)?;
        self.merge(first + half, count - half)?;
        let end = first + count;
        // What repeats over and over is in order already, or turned round.
        if self.is_less(self.place(first + half - 1), self.place(first + half))? {
            return Some(());
        }
        if self.is_less(self.place(end - 1), self.place(first))? {
            self.entries[first..end].rotate_left(half);
            return Some(());
        }
        let mut scratch = mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(&self.entries[first..first + half]);
        let (mut left, mut right, mut out) = (0, first + half, first);
        while left < half && right < end {
            let place = (scratch[left] & PLACE) as usize;
            let turned = self.is_less(self.place(right), place)?;
            self.entries[out] = if turned { self.entries[right] } else { scratch[left] };
            (left, right) = if turned { (left, right + 1) } else { (left + 1, right) };
            out += 1;
        }
        self.entries[out..][..half - left].copy_from_slice(&scratch[left..]);
        self.scratch = scratch;
        Some(())
    }

    /// Whether the suffix at `a` is below that at `b`, whose keys are alike. `None` if finding out takes too long.
    fn is_less(&mut self, a: usize, b: usize) -> Option<bool> {
        let (symbol, other) = (a / self.width, b / self.width);
        if a - symbol * self.width == b - other * self.width {
            return Some(self.rank[symbol + 1] < self.rank[other + 1]);
        }
        let most = KEY as usize + 64 * self.left;
        let common = common_bits(self.bits, a, b, KEY as usize, most);
        self.left = self.left.saturating_sub(1 + common.saturating_sub(KEY as usize) / 64);
        match self.left {
            0 => None,
            _ if common == self.bits.len() - a.max(b) => Some(a > b),
            _ => Some(self.bits.get(a + common) < self.bits.get(b + common)),
        }
    }
}
