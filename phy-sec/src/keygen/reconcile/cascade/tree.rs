//! Ranges of a pass's order that a binary search visits, and how they are numbered.

/// A range of places. A block of `len` places has `2 len - 1` ranges, numbered parents first from twice the block's
/// start, so that a pass of `n` bits takes `2 n` numbers whatever its block length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Node {
    /// Block `index` of blocks of `block` places in `bits`.
    pub(crate) fn block(index: usize, block: usize, bits: usize) -> Self {
        let start = index * block;
        Self { id: 2 * start as u32, start: start as u32, len: block.min(bits - start) as u32 }
    }

    #[inline]
    pub(crate) fn left(self) -> Self {
        Self { id: self.id + 1, start: self.start, len: self.len / 2 }
    }

    #[inline]
    pub(crate) fn right(self) -> Self {
        let left = self.len / 2;
        Self { id: self.id + 2 * left, start: self.start + left, len: self.len - left }
    }

    /// The half that holds `place`.
    #[inline]
    pub(crate) fn half(self, place: u32) -> Self {
        if place < self.start + self.len / 2 { self.left() } else { self.right() }
    }
}
