//! Overlapping frames, changed in frequency and put together again without a trace where nothing was changed.

use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::Single;

/// What is done to the bins of a frame, bin 0 at the centre frequency and ascending around the circle. Returns how many were set to zero.
pub(super) type Change = Arc<dyn Fn(&mut [Complex32]) -> usize + Send + Sync>;

/// Frames of `size` samples that overlap by half, under the root of the periodic Hann window on the way in and out: its squares add up to one.
#[derive(Clone)]
pub(super) struct Frames {
    change: Change,
    window: Vec<f32>,
    forward: Arc<dyn Fft<f32>>,
    backward: Arc<dyn Fft<f32>>,
    /// The samples of the next frame that are there: half of it zeros before the first sample.
    held: Vec<Complex32>,
    /// The second half of the last frame's output.
    tail: Vec<Complex32>,
    /// Samples in that are not yet out.
    owed: usize,
    /// Outputs that still lie before the first sample.
    before: usize,
    zeroed: u64,
    seen: u64,
}

impl Frames {
    /// - `size`: even
    pub(super) fn new(size: usize, change: Change) -> Self {
        let mut planner = FftPlanner::new();
        let turn = std::f64::consts::PI / size as f64;
        Self {
            change,
            window: (0..size).map(|n| (turn * n as f64).sin() as f32).collect(),
            forward: planner.plan_fft_forward(size),
            backward: planner.plan_fft_inverse(size),
            held: vec![Complex32::ZERO; size / 2],
            tail: vec![Complex32::ZERO; size / 2],
            owed: 0,
            before: size / 2,
            zeroed: 0,
            seen: 0,
        }
    }

    fn take(&mut self, x: Complex32, out: &mut Vec<Complex32>) {
        self.held.push(x);
        let size = self.window.len();
        if self.held.len() < size {
            return;
        }
        let mut frame: Vec<Complex32> = self.held.iter().zip(&self.window).map(|(x, w)| x * w).collect();
        self.forward.process(&mut frame);
        self.zeroed += (self.change)(&mut frame) as u64;
        self.seen += size as u64;
        self.backward.process(&mut frame);
        let scale = 1.0 / size as f32;
        frame.iter_mut().zip(&self.window).for_each(|(x, w)| *x *= w * scale);
        for (x, tail) in frame.iter().zip(&self.tail) {
            if self.before > 0 {
                self.before -= 1;
            } else if self.owed > 0 {
                self.owed -= 1;
                out.push(x + tail);
            }
        }
        self.tail.copy_from_slice(&frame[size / 2..]);
        self.held.drain(..size / 2);
    }
}

impl Single for Frames {
    fn push(&mut self, x: &mut dyn Iterator<Item = Complex32>, out: &mut Vec<Complex32>) {
        for x in x {
            self.owed += 1;
            self.take(x, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<Complex32>) {
        while self.owed > 0 {
            self.take(Complex32::ZERO, out);
        }
        let size = self.window.len();
        self.held = vec![Complex32::ZERO; size / 2];
        self.tail = vec![Complex32::ZERO; size / 2];
        self.before = size / 2;
    }

    fn zeroed(&self) -> Option<(u64, u64)> {
        Some((self.zeroed, self.seen))
    }
}
