//! Toeplitz matrix times vector in three half-size products instead of four (the transpose of Karatsuba's
//! trick; Fan and Hasan, IEEE Trans. Computers 56(2), 2007):
//!
//! ```text
//! | T1 T0 | | v0 |   | P0 + P2 |   P0 = (T0 + T1) v1
//! | T2 T1 | | v1 | = | P1 + P2 |   P1 = (T1 + T2) v0,  P2 = T1 (v0 + v1)
//! ```

use zeroize::Zeroizing;

use super::clmul::Multiplier;

/// Blocks of at most this many words are multiplied directly.
const DIRECT: usize = 32;

/// `out[w] = word (v.len() + w) of t · v`, with `t` of `v.len() + out.len()` words.
pub(super) fn product(multiplier: Multiplier, t: &[u64], v: &[u64], out: &mut [u64]) {
    out.fill(0);
    let largest = square_size(v.len().min(out.len()));
    let mut scratch = Zeroizing::new(vec![0; 5 * largest]);
    rectangle(multiplier, t, v, out, &mut scratch);
}

/// The largest square of `DIRECT` times a power of two that fits, or `fits` itself when that is small.
fn square_size(fits: usize) -> usize {
    if fits < 2 * DIRECT { fits } else { DIRECT << (fits / DIRECT).ilog2() }
}

/// What a product costs, in direct blocks of `DIRECT` by `DIRECT` words.
#[cfg(target_arch = "x86_64")]
pub(super) fn blocks(rows: usize, columns: usize) -> f64 {
    let size = square_size(rows.min(columns));
    if size < DIRECT {
        return (rows * columns) as f64 / (DIRECT * DIRECT) as f64;
    }
    let squares = (rows as f64 / size as f64) * (columns as f64 / size as f64);
    squares * 3f64.powf((size as f64 / DIRECT as f64).log2())
}

/// Adds the product of any shape: squares first, then the strips to their right and below.
fn rectangle(multiplier: Multiplier, t: &[u64], v: &[u64], out: &mut [u64], scratch: &mut [u64]) {
    let (rows, columns) = (out.len(), v.len());
    debug_assert_eq!(t.len(), rows + columns);
    let size = square_size(rows.min(columns));
    if size < 2 * DIRECT {
        if size > 0 {
            multiplier.block(t, v, out);
        }
        return;
    }
    // The block of rows r.. and columns c..: its own seed begins at word `columns + r - (c's end)`.
    let whole = |length: usize| length / size * size;
    for r in (0..whole(rows)).step_by(size) {
        for c in (0..whole(columns)).step_by(size) {
            let (sum, scratch) = scratch.split_at_mut(size);
            square(multiplier, &t[columns + r - c - size..][..2 * size], &v[c..c + size], sum, scratch);
            add(&mut out[r..r + size], sum);
        }
    }
    let (done_rows, done_columns) = (whole(rows), whole(columns));
    let right = &t[..columns - done_columns + done_rows];
    rectangle(multiplier, right, &v[done_columns..], &mut out[..done_rows], scratch);
    rectangle(multiplier, &t[done_rows..], v, &mut out[done_rows..], scratch);
}

/// `out = word (N + w) of t · v` for `N = v.len()`, a power of two times `DIRECT`; `scratch`: 4 N words.
fn square(multiplier: Multiplier, t: &[u64], v: &[u64], out: &mut [u64], scratch: &mut [u64]) {
    let size = v.len();
    if size <= DIRECT {
        out.fill(0);
        return multiplier.block(t, v, out);
    }
    let half = size / 2;
    let (both, scratch) = scratch.split_at_mut(half);
    let (sums, scratch) = scratch.split_at_mut(size);
    let (v0, v1) = v.split_at(half);
    let (upper, lower) = out.split_at_mut(half);
    // Words of t from the bottom: T0 = t[0..], T1 = t[half..], T2 = t[size..], each of `size` words.
    sums[..half].iter_mut().zip(v0).zip(v1).for_each(|((sum, a), b)| *sum = a ^ b);
    square(multiplier, &t[half..half + size], &sums[..half], both, scratch);
    sums.iter_mut().zip(t).zip(&t[half..]).for_each(|((sum, a), b)| *sum = a ^ b);
    square(multiplier, sums, v1, upper, scratch);
    sums.iter_mut().zip(&t[half..]).zip(&t[size..]).for_each(|((sum, a), b)| *sum = a ^ b);
    square(multiplier, sums, v0, lower, scratch);
    add(upper, both);
    add(lower, both);
}

fn add(out: &mut [u64], x: &[u64]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out ^= x);
}
