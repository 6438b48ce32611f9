//! Frames one after the other to frames side by side, and back: bytes of a matrix turned, eight by eight.

/// `[frame, bit]` to `[bit, frame]`.
///
/// # Panics
/// Unless `out` is as long as `frames`, a multiple of `bits`.
pub fn side_by_side(frames: &[u8], bits: usize, out: &mut [u8]) {
    assert_eq!((frames.len(), frames.len() % bits.max(1)), (out.len(), 0));
    turn(frames, frames.len() / bits.max(1), bits, out);
}

/// `[bit, frame]` to `[frame, bit]`.
///
/// # Panics
/// Unless `frames` is as long as `values`, a multiple of `bits`.
pub fn apart(values: &[u8], bits: usize, frames: &mut [u8]) {
    assert_eq!((values.len(), values.len() % bits.max(1)), (frames.len(), 0));
    turn(values, bits, values.len() / bits.max(1), frames);
}

/// `[row, column]` to `[column, row]`.
fn turn(x: &[u8], rows: usize, columns: usize, out: &mut [u8]) {
    let whole = (rows / 8 * 8, columns / 8 * 8);
    for column in (0..whole.1).step_by(8) {
        for row in (0..whole.0).step_by(8) {
            let mut block = [0u64; 8];
            for (k, word) in block.iter_mut().enumerate() {
                let bytes = x[(row + k) * columns + column..].first_chunk::<8>();
                *word = bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
            }
            for (k, word) in turn_block(block).into_iter().enumerate() {
                out[(column + k) * rows + row..][..8].copy_from_slice(&word.to_le_bytes());
            }
        }
    }
    for row in 0..rows {
        let rest = if row < whole.0 { whole.1 } else { 0 };
        (rest..columns).for_each(|column| out[column * rows + row] = x[row * columns + column]);
    }
}

/// Swaps halves, then quarters, then bytes across the diagonal.
fn turn_block(mut block: [u64; 8]) -> [u64; 8] {
    for (step, mask) in
        [(4, 0x0000_0000_ffff_ffffu64), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)]
    {
        for k in (0..8).filter(|k| k & step == 0) {
            let swap = (block[k] >> (8 * step) ^ block[k + step]) & mask;
            block[k + step] ^= swap;
            block[k] ^= swap << (8 * step);
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn turns_every_size(rows in 1usize..40, columns in 1usize..40) {
            let x: Vec<u8> = (0..rows * columns).map(|k| (k * 37 % 251) as u8).collect();
            let mut out = vec![0; x.len()];
            side_by_side(&x, columns, &mut out);
            for row in 0..rows {
                for column in 0..columns {
                    prop_assert_eq!(out[column * rows + row], x[row * columns + column]);
                }
            }
            let mut back = vec![0; x.len()];
            apart(&out, columns, &mut back);
            prop_assert_eq!(back, x);
        }
    }
}
