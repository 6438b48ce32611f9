//! Lanes of a circulant's column, turned by its shift, as vectors.

use fearless_simd::prelude::*;

use super::Entry;

/// What the checks of one block row work on.
pub(super) struct Row<'a, T> {
    pub(super) entries: &'a [Entry],
    pub(super) target: &'a [T],
    pub(super) posterior: &'a mut [T],
    /// Of this row alone.
    pub(super) messages: &'a mut [T],
    pub(super) failed: &'a mut [T],
}

/// Where a vector's worth of lanes lies in the columns of a block row.
pub(super) struct Places<const N: usize> {
    lanes: usize,
    lane: usize,
    /// How many lanes there are; fewer than the vector holds at the end of the circulant.
    count: usize,
    /// Of each entry: its column, and the first lane's place in it.
    columns: [usize; N],
    starts: [usize; N],
    whole: bool,
}

impl<const N: usize> Places<N> {
    #[inline(always)]
    pub(super) fn new<T>(row: &Row<T>, degree: usize, lane: usize, len: usize) -> Self {
        let lanes = row.target.len();
        let count = len.min(lanes - lane);
        let mut places = Self { lanes, lane, count, columns: [0; N], starts: [0; N], whole: count == len };
        let entries = &row.entries[..degree.min(N)];
        for (k, entry) in entries.iter().enumerate() {
            let start = lane + entry.shift as usize;
            places.starts[k] = if start >= lanes { start - lanes } else { start };
            places.columns[k] = entry.column as usize * lanes;
            places.whole &= places.starts[k] + len <= lanes;
        }
        places
    }

    /// Whether every column's lanes lie in one piece that fills a vector.
    #[inline(always)]
    pub(super) fn whole(&self) -> bool {
        self.whole
    }

    #[inline(always)]
    fn place<const WHOLE: bool>(&self, column: usize, start: usize) -> Place<WHOLE> {
        Place { column, start, lanes: self.lanes, count: self.count }
    }

    /// The lanes themselves.
    #[inline(always)]
    pub(super) fn straight<const WHOLE: bool>(&self) -> Place<WHOLE> {
        self.place(0, self.lane)
    }

    /// Those lanes of an entry's messages.
    #[inline(always)]
    pub(super) fn message<const WHOLE: bool>(&self, k: usize) -> Place<WHOLE> {
        self.place(k * self.lanes, self.lane)
    }

    /// The lanes of an entry's column that those checks meet.
    #[inline(always)]
    pub(super) fn turned<const WHOLE: bool>(&self, k: usize) -> Place<WHOLE> {
        self.place(self.columns[k], self.starts[k])
    }
}

/// Lanes `start..` of a column, round its end unless they lie `WHOLE`.
pub(super) struct Place<const WHOLE: bool> {
    column: usize,
    start: usize,
    lanes: usize,
    count: usize,
}

impl<const WHOLE: bool> Place<WHOLE> {
    /// The lanes; those that are not there read `T::default()`.
    #[inline(always)]
    pub(super) fn load<S: Simd, V>(self, simd: S, values: &[V::Element]) -> V
    where
        V: SimdBase<S, Element: Copy + Default>,
    {
        if WHOLE {
            let first = self.column + self.start;
            return V::from_slice(simd, &values[first..first + V::LEN]);
        }
        let column = &values[self.column..][..self.lanes];
        let mut vector = V::splat(simd, Default::default());
        let out = vector.as_mut_slice();
        let first = self.count.min(self.lanes - self.start);
        out[..first].copy_from_slice(&column[self.start..][..first]);
        out[first..self.count].copy_from_slice(&column[..self.count - first]);
        vector
    }

    /// Writes the lanes that are there.
    #[inline(always)]
    pub(super) fn store<S: Simd, V>(self, vector: V, values: &mut [V::Element])
    where
        V: SimdBase<S, Element: Copy>,
    {
        if WHOLE {
            let first = self.column + self.start;
            vector.store_slice(&mut values[first..first + V::LEN]);
            return;
        }
        let column = &mut values[self.column..][..self.lanes];
        let vector = vector.as_slice();
        let first = self.count.min(self.lanes - self.start);
        column[self.start..][..first].copy_from_slice(&vector[..first]);
        column[..self.count - first].copy_from_slice(&vector[first..self.count]);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Entry, Layout};
    use proptest::prelude::*;

    /// Layouts of every tail length of every vector width, with rows of degree 1 to 40.
    pub(in super::super) fn layouts() -> impl Strategy<Value = Layout> {
        let row = |lanes: u32| {
            let columns = prop::sample::subsequence((0..40u32).collect::<Vec<_>>(), 1..=40);
            (columns, any::<u64>()).prop_map(move |(columns, seed)| {
                let entry = |column| Entry { column, shift: (seed >> (column % 32)) as u32 % lanes };
                columns.into_iter().map(entry).collect()
            })
        };
        (1u32..150).prop_flat_map(move |lanes| {
            prop::collection::vec(row(lanes), 1..5)
                .prop_map(move |rows: Vec<Vec<Entry>>| Layout::new(lanes as usize, 40, &rows).unwrap())
        })
    }
}
