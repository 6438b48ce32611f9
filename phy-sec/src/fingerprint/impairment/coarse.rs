//! Where the burst is, to a sample, and its carrier, to a fraction of one over its length.
//!
//! The delay: correlation in pieces of 16 samples, of which the powers are added, so that a carrier offset of up to a thirty-second
//! of the sample rate costs less than 4 dB. The carrier: the greatest line of the product with the reference (Rife and Boorstyn, IEEE
//! Trans. Inf. Theory 20(5), 1974).

use std::{f64::consts::TAU, ops::RangeInclusive, sync::Arc};

use num_complex::{Complex32, Complex64};
use rustfft::{Fft, FftPlanner};

use super::reference::{Reference, wide};

/// Samples that are added coherently.
const PIECE: usize = 16;

/// Buffers of the search.
pub(super) struct Coarse {
    fft: Arc<dyn Fft<f32>>,
    product: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

/// Where the fit begins.
pub(super) struct Guess {
    /// Place of the first fitted sample.
    pub(super) start: usize,
    /// Cycles per sample.
    pub(super) frequency: f64,
    /// In the middle of what is fitted.
    pub(super) gain: Complex64,
}

impl Coarse {
    pub(super) fn new(reference: &Reference) -> Coarse {
        // Twice the length: between two lines at most 0.9 dB are lost.
        let size = (2 * reference.used().len()).next_power_of_two();
        let fft = FftPlanner::new().plan_fft_forward(size);
        let scratch = vec![Complex32::ZERO; fft.get_inplace_scratch_len()];
        Coarse { product: vec![Complex32::ZERO; size], scratch, fft }
    }

    /// The best of `starts`; all of it inside `x`.
    pub(super) fn find(
        &mut self,
        reference: &Reference,
        x: &[Complex32],
        starts: RangeInclusive<usize>,
    ) -> Guess {
        let s = &reference.samples()[reference.used()];
        let window = |start: usize| &x[start..start + s.len()];
        let mut best = (f32::NEG_INFINITY, *starts.start());
        for start in starts {
            let y = window(start);
            let energy: f32 = y.iter().map(|y| y.norm_sqr()).sum();
            let piece = |(y, s): (&[Complex32], &[Complex32])| {
                let sum = y.iter().zip(s).fold(Complex32::ZERO, |sum, (y, s)| sum + y * s.conj());
                sum.norm_sqr()
            };
            let power: f32 = y.chunks(PIECE).zip(s.chunks(PIECE)).map(piece).sum();
            // A window of silence has no correlation at all.
            let rho = power / energy.max(f32::MIN_POSITIVE);
            if rho > best.0 {
                best = (rho, start);
            }
        }
        let start = best.1;
        let y = window(start);
        self.product.fill(Complex32::ZERO);
        self.product.iter_mut().zip(y.iter().zip(s)).for_each(|(p, (y, s))| *p = y * s.conj());
        self.fft.process_with_scratch(&mut self.product, &mut self.scratch);
        let size = self.product.len();
        let power = |bin: usize| f64::from(self.product[bin % size].norm_sqr());
        let top = (0..size).max_by(|&a, &b| power(a).total_cmp(&power(b))).unwrap_or(0);
        // The vertex of a parabola through the amplitudes beside the greatest.
        let [left, middle, right] = [top + size - 1, top, top + 1].map(|bin| power(bin).sqrt());
        let bend = left - 2.0 * middle + right;
        let part = if bend < 0.0 { 0.5 * (left - right) / bend } else { 0.0 };
        let cycles = (top as f64 + part.clamp(-0.5, 0.5)) / size as f64;
        let frequency = if cycles > 0.5 { cycles - 1.0 } else { cycles };
        let middle = (y.len() - 1) as f64 / 2.0;
        let sum: Complex64 = y
            .iter()
            .zip(s)
            .enumerate()
            .map(|(n, (y, s))| {
                wide(*y) * wide(*s).conj() * Complex64::cis(-TAU * frequency * (n as f64 - middle))
            })
            .sum();
        let energy: f64 = s.iter().map(|s| wide(*s).norm_sqr()).sum();
        Guess { start, frequency, gain: sum / energy }
    }
}
