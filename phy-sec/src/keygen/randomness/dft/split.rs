//! A long Fourier transform as many short ones: planning it takes no time, its parts stay in the cache, and it needs one
//! buffer of its length. The lines come in rows, which is all that counting them asks for.
//!
//! Source: Bailey, FFTs in external or hierarchical memory, J. Supercomputing 4, 1990 (the four-step method).

use std::{f64::consts::TAU, ops::Range, sync::Arc};

use num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// Rows that are gathered at a time: two cache lines of each column.
const STRIP: usize = 8;

/// A transform of `rows · columns` points: element `columns · i + j` in, line `row + rows · column` out.
pub(in super::super) struct Split {
    pub(super) rows: usize,
    pub(super) columns: usize,
    over_rows: Arc<dyn Fft<f64>>,
    over_columns: Arc<dyn Fft<f64>>,
}

impl Split {
    /// Of `size` points, at least 1, in the most even split that there is. A prime has none, and takes its time.
    pub(in super::super) fn new(size: usize) -> Self {
        let rows = (1..=size.isqrt()).rev().find(|rows| size.is_multiple_of(*rows)).unwrap_or(1);
        let columns = size / rows;
        let mut planner = FftPlanner::new();
        Self {
            rows,
            columns,
            over_rows: planner.plan_fft_forward(rows),
            over_columns: planner.plan_fft_forward(columns),
        }
    }

    /// The first half of the work on elements that `element` gives: `[column, row]`.
    pub(super) fn first(&self, element: impl Fn(usize) -> Complex64) -> Vec<Complex64> {
        let (rows, columns) = (self.rows, self.columns);
        let mut scratch = vec![Complex64::ZERO; self.over_rows.get_inplace_scratch_len()];
        let mut half = Vec::with_capacity(rows * columns);
        for column in 0..columns {
            half.extend((0..rows).map(|row| element(columns * row + column)));
            let lines = &mut half[column * rows..];
            self.over_rows.process_with_scratch(lines, &mut scratch);
            // Powers of the column's root of unity, four at a time because each waits for the one before.
            let root = |power: usize| {
                let angle = -TAU * (column * power) as f64 / (rows * columns) as f64;
                Complex64::from_polar(1.0, angle)
            };
            let (mut turns, step) = ([0, 1, 2, 3].map(root), root(4));
            for lines in lines.chunks_mut(4) {
                for (line, turn) in lines.iter_mut().zip(&mut turns) {
                    *line *= *turn;
                    *turn *= step;
                }
            }
        }
        half
    }

    /// The second half: calls `each` with every row of `wanted`, its lines, and those of row `-row` (modulo `rows`).
    pub(super) fn second(
        &self,
        half: &[Complex64],
        wanted: Range<usize>,
        mut each: impl FnMut(usize, &[Complex64], &[Complex64]),
    ) {
        let (rows, columns) = (self.rows, self.columns);
        let mut scratch = vec![Complex64::ZERO; self.over_columns.get_inplace_scratch_len()];
        let strip = STRIP.min(rows);
        let (mut lines, mut mirrored) =
            (vec![Complex64::ZERO; strip * columns], vec![Complex64::ZERO; strip * columns]);
        for start in wanted.clone().step_by(strip) {
            let count = strip.min(wanted.end - start);
            for (column, half) in half.chunks_exact(rows).enumerate() {
                for k in 0..count {
                    lines[k * columns + column] = half[start + k];
                    mirrored[k * columns + column] = half[(rows - start - k) % rows];
                }
            }
            for buffer in [&mut lines, &mut mirrored] {
                self.over_columns.process_with_scratch(&mut buffer[..count * columns], &mut scratch);
            }
            let pairs = lines.chunks_exact(columns).zip(mirrored.chunks_exact(columns));
            for (k, (lines, mirrored)) in pairs.take(count).enumerate() {
                each(start + k, lines, mirrored);
            }
        }
    }
}
