//! Bits in a row, packed so that a word holds them in the order of reading: the first in its most significant place.

/// Packed bits; those past the end are zero.
#[derive(Debug, Clone)]
pub(crate) struct BitString {
    words: Vec<u64>,
    len: usize,
}

impl BitString {
    /// The lowest `width` bits of each symbol, most significant first.
    pub(crate) fn new(symbols: impl ExactSizeIterator<Item = u8>, width: u32) -> Self {
        let len = symbols.len() * width as usize;
        let mut words = Vec::with_capacity(len.div_ceil(64));
        let (mut word, mut used) = (0u64, 0);
        for symbol in symbols {
            let symbol = u64::from(symbol);
            used += width;
            if used < 64 {
                word |= symbol << (64 - used);
            } else {
                let spill = used - 64;
                words.push(word | symbol >> spill);
                word = if spill == 0 { 0 } else { symbol << (64 - spill) };
                used = spill;
            }
        }
        if used > 0 {
            words.push(word);
        }
        Self { words, len }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bit `index`; zero past the end.
    pub(crate) fn get(&self, index: usize) -> u64 {
        self.words.get(index / 64).map_or(0, |word| word >> (63 - index % 64) & 1)
    }

    pub(crate) fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The 64 bits from `index` on.
    pub(crate) fn window(&self, index: usize) -> u64 {
        let (word, shift) = (index / 64, index % 64);
        let at = |word: usize| self.words.get(word).copied().unwrap_or(0);
        if shift == 0 { at(word) } else { at(word) << shift | at(word + 1) >> (64 - shift) }
    }

    /// Tells `tell` every place, in order, with the 64 bits from it on.
    pub(crate) fn each_window(&self, mut tell: impl FnMut(usize, u64)) {
        for (k, &word) in self.words.iter().enumerate() {
            let pair = u128::from(word) << 64 | u128::from(self.words.get(k + 1).copied().unwrap_or(0));
            let from = k * 64;
            (from..self.len.min(from + 64))
                .for_each(|place| tell(place, (pair << (place - from) >> 64) as u64));
        }
    }

    /// Word `word` of the string delayed by `by` bits, with zeros before its start.
    pub(crate) fn delayed(&self, word: usize, by: usize) -> u64 {
        let at = |back: usize| word.checked_sub(back).and_then(|k| self.words.get(k)).copied().unwrap_or(0);
        let (back, shift) = (by / 64, by % 64);
        if shift == 0 { at(back) } else { at(back) >> shift | at(back + 1) << (64 - shift) }
    }

    /// The bits of word `word` from bit `from` of the whole string on, up to its end, as a mask.
    pub(crate) fn valid(&self, word: usize, from: usize) -> u64 {
        let start = word * 64;
        let low = from.saturating_sub(start).min(64) as u32;
        let high = self.len.saturating_sub(start).min(64) as u32;
        let head = |n: u32| if n == 0 { 0 } else { u64::MAX << (64 - n) };
        head(high) & !head(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_delays_are_bits_in_order() {
        for width in 1..=8u32 {
            let symbols: Vec<u8> =
                (0..61u32).map(|k| (k * 73 + 11) as u8 & (0xff >> (8 - width)) as u8).collect();
            let bits: Vec<u64> =
                symbols.iter().flat_map(|&s| (0..width).rev().map(move |k| u64::from(s) >> k & 1)).collect();
            let string = BitString::new(symbols.iter().copied(), width);
            assert_eq!(string.len(), bits.len());
            let bit =
                |index: i64| usize::try_from(index).ok().and_then(|k| bits.get(k)).copied().unwrap_or(0);
            for (start, &first) in bits.iter().enumerate() {
                let want = (0..64).fold(0, |word, k| word << 1 | bit((start + k) as i64));
                assert_eq!(string.window(start), want);
                assert_eq!(string.get(start), first);
            }
            for word in 0..string.words().len() {
                for by in [0usize, 1, 63, 64, 65, 128] {
                    let want = (0..64).fold(0, |w, k| w << 1 | bit((word * 64 + k) as i64 - by as i64));
                    assert_eq!(string.delayed(word, by), want, "{word} {by}");
                }
            }
        }
    }
}
