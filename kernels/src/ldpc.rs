//! Sweeps of belief propagation over a sparse parity-check matrix, for syndromes of any value.
//!
//! A [`Layout`] is a small matrix of circulants. Its lanes are what the vectors run over: the rows of one circulant of a
//! long quasi-cyclic code, or, with all shifts 0, the frames of a batch that share one unstructured matrix. Both are
//! the same loop. A sweep visits the block rows in order and updates the posteriors after each (the layered schedule:
//! Hocevar, SiPS 2004, pp. 107-112), which takes half the sweeps of the flooding schedule.
//!
//! | Sweep | Messages | Where |
//! | --- | --- | --- |
//! | [`sum_product`] | `f32` log-likelihood ratios | long codes close to their threshold |
//! | [`min_sum`] | 8 bits, saturating | many frames a second |
//! | [`flooding`] | `f64`, no SIMD | what the others are held against |
//!
//! Positive log-likelihood ratios mean "0 is likelier".

pub mod flooding;
mod lanes;
pub mod min_sum;
pub mod sum_product;
mod turn;

use crate::{Error, Result};
pub use turn::{apart, side_by_side};

/// Most entries of a block row: the vectors of one check stay in the first-level cache.
pub const MAX_DEGREE: usize = 64;

/// One circulant: an identity matrix turned by `shift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Block column.
    pub column: u32,
    /// Check `i` of the block row meets bit `(i + shift) mod lanes` of the block column.
    pub shift: u32,
}

/// A matrix of circulants, block row by block row. No block row names a block column twice.
#[derive(Debug, Clone)]
pub struct Layout {
    lanes: usize,
    columns: usize,
    /// Where each block row's entries begin, and where the last one's end.
    starts: Vec<usize>,
    entries: Vec<Entry>,
}

impl Layout {
    /// - `lanes`: size of the circulants, or number of frames side by side
    /// - `columns`: block columns
    /// - `rows`: the entries of each block row
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for no lanes, a row without entries or with more than [`MAX_DEGREE`], a column or shift that
    /// is not there, or a column twice in a row.
    pub fn new(lanes: usize, columns: usize, rows: &[Vec<Entry>]) -> Result<Self> {
        let wrong = |field, rule, got: usize| Err(Error::OutOfRange { field, rule, got: got.to_string() });
        if lanes == 0 || u32::try_from(lanes).is_err() {
            return wrong("lanes", "within 1..=2^32-1", lanes);
        }
        let (mut starts, mut entries) = (vec![0], Vec::new());
        let mut last_row = vec![usize::MAX; columns];
        for (index, row) in rows.iter().enumerate() {
            if row.is_empty() || row.len() > MAX_DEGREE {
                return wrong("entries of a block row", "within 1..=64 in number", row.len());
            }
            for entry in row {
                match last_row.get_mut(entry.column as usize) {
                    None => return wrong("column", "below the number of columns", entry.column as usize),
                    Some(row) if *row == index => {
                        return wrong("column", "once in a block row", entry.column as usize);
                    }
                    Some(row) => *row = index,
                }
                if entry.shift as usize >= lanes {
                    return wrong("shift", "below the number of lanes", entry.shift as usize);
                }
            }
            entries.extend(row);
            starts.push(entries.len());
        }
        Ok(Self { lanes, columns, starts, entries })
    }

    /// Size of the circulants.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Bits, over all lanes: the length of the posteriors.
    pub fn bits(&self) -> usize {
        self.columns * self.lanes
    }

    /// Checks, over all lanes: the length of the syndrome.
    pub fn checks(&self) -> usize {
        (self.starts.len() - 1) * self.lanes
    }

    /// Ones of the matrix, over all lanes: the length of the messages.
    pub fn edges(&self) -> usize {
        self.entries.len() * self.lanes
    }

    /// Each block row's entries, and the first one's number.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[Entry])> {
        self.starts.windows(2).map(|pair| (pair[0], &self.entries[pair[0]..pair[1]]))
    }

    /// The parity of every check.
    ///
    /// - `bits`: 0 or 1 each, `[block column, lane]`
    /// - `syndrome`: is overwritten, `[block row, lane]`
    ///
    /// # Panics
    /// Unless the lengths are [`Layout::bits`] and [`Layout::checks`].
    pub fn syndrome(&self, bits: &[u8], syndrome: &mut [u8]) {
        assert_eq!((bits.len(), syndrome.len()), (self.bits(), self.checks()));
        syndrome.fill(0);
        for (out, (_, row)) in syndrome.chunks_exact_mut(self.lanes).zip(self.rows()) {
            for entry in row {
                let column = &bits[entry.column as usize * self.lanes..][..self.lanes];
                let (head, tail) = column.split_at(entry.shift as usize);
                out.iter_mut().zip(tail.iter().chain(head)).for_each(|(out, bit)| *out ^= bit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_layout() {
        let entry = |column, shift| Entry { column, shift };
        for (lanes, rows, says) in [
            (0, vec![], "lanes must be within 1..=2^32-1, got 0"),
            (4, vec![vec![]], "entries of a block row must be within 1..=64 in number, got 0"),
            (4, vec![vec![entry(2, 0)]], "column must be below the number of columns, got 2"),
            (4, vec![vec![entry(1, 4)]], "shift must be below the number of lanes, got 4"),
            (4, vec![vec![entry(1, 0), entry(1, 1)]], "column must be once in a block row, got 1"),
        ] {
            assert_eq!(Layout::new(lanes, 2, &rows).unwrap_err().to_string(), says);
        }
    }

    /// Written out: H = [I turned by 1 | I], three lanes.
    #[test]
    fn syndrome_of_a_small_matrix() {
        let row = vec![Entry { column: 0, shift: 1 }, Entry { column: 1, shift: 0 }];
        let layout = Layout::new(3, 2, &[row]).unwrap();
        let mut syndrome = [9; 3];
        layout.syndrome(&[1, 0, 0, 0, 1, 0], &mut syndrome);
        assert_eq!(syndrome, [0, 1, 1]);
        assert_eq!((layout.bits(), layout.checks(), layout.edges()), (6, 3, 6));
    }
}
