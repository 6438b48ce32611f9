//! Does a word that cannot overlap itself occur as often as it should? Section 2.7, every such word.

use serde::{Deserialize, Serialize};

use super::{
    Config, Measured, Value, blocks,
    sequence::{Sequence, count_patterns},
    special::igamc,
    within_range,
};
use crate::Result;

/// The words, and the blocks that they are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NonOverlapping {
    /// Bits of a word, 2 to 16; the standard recommends 9 or 10.
    pub length: usize,
    /// Blocks that the sequence is cut into, 1 to 100.
    pub blocks: usize,
}

impl Default for NonOverlapping {
    fn default() -> Self {
        Self { length: 9, blocks: 8 }
    }
}

impl NonOverlapping {
    pub(super) fn check(self) -> Result<()> {
        within_range("non_overlapping.length", self.length, 2..=16, "within 2..=16")?;
        within_range("non_overlapping.blocks", self.blocks, 1..=100, "within 1..=100")
    }
}

/// The standard names no least length; the normal approximation of a count wants five of them expected in a block.
pub(super) fn need(config: &Config) -> usize {
    let NonOverlapping { length, blocks } = config.non_overlapping;
    blocks * ((5 << length) + length - 1)
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let NonOverlapping { length: m, blocks: count } = config.non_overlapping;
    let block = sequence.len() / count;
    let places = (block + 1).saturating_sub(m);
    let inverse = 2f64.powi(-(m as i32));
    let mean = places as f64 * inverse;
    let variance = block as f64 * inverse * (1.0 - (2 * m - 1) as f64 * inverse);
    // A word that cannot overlap itself has no two occurrences that share a bit: all that are there count.
    let mut tables = vec![vec![0; 1 << m]; count];
    for (range, table) in blocks(sequence.len(), block).zip(&mut tables) {
        count_patterns(sequence.words(), range.start..range.start + places, m as u32, table);
    }
    let value = |word: usize| {
        let place = word.reverse_bits() >> (usize::BITS as usize - m);
        let sum: f64 = tables.iter().map(|table| (f64::from(table[place]) - mean).powi(2)).sum();
        let statistic = sum / variance;
        let p = igamc(count as f64 / 2.0, statistic / 2.0);
        Value { label: format!("{word:0m$b}"), statistic, p_value: p }
    };
    Ok(words(m).map(value).collect())
}

/// The words of `m` bits no beginning of which is also an end, in ascending order; first bit most significant.
fn words(m: usize) -> impl Iterator<Item = usize> {
    (0..1usize << m).filter(move |word| (1..m).all(|k| word >> k != word & ((1 << (m - k)) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Their numbers (OEIS A003000), and the ends of the standard's own list for 9 bits.
    #[test]
    fn templates() {
        let numbers: Vec<_> = (2..=12).map(|m| words(m).count()).collect();
        assert_eq!(numbers, [2, 4, 6, 12, 20, 40, 74, 148, 284, 568, 1116]);
        assert_eq!(words(3).collect::<Vec<_>>(), [0b001, 0b011, 0b100, 0b110]);
        let nine: Vec<_> = words(9).collect();
        assert_eq!(nine[..4], [0b1, 0b11, 0b101, 0b111]);
        assert_eq!(nine[144..], [0b1_1111_1000, 0b1_1111_1010, 0b1_1111_1100, 0b1_1111_1110]);
    }
}
