//! Filtering by FFT in overlapping blocks (overlap-save; Stockham 1966; Oppenheim and Schafer, section 8.7):
//! for long filters, with a block of delay. The definition is [`crate::fir::scalar`].
//!
//! Blocks lie on a grid of absolute samples, so that cutting the stream anywhere changes nothing. Large
//! pushes are shared, block by block, among the threads of the current rayon pool. There is no GPU version: a GPU
//! backend runs on the processor. The scalar backend sums directly, on the same blocks.

use std::sync::Arc;

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::Complex32;
use rayon::prelude::*;
use rustfft::{Fft, FftDirection};

use crate::{
    Backend,
    error::{Error, Result},
    fft,
    fir::{self, MAX_TAPS, Taps},
};

/// One block of overlap-save: transforms, the filter's spectrum, no state.
#[derive(Clone)]
pub(crate) struct Block {
    size: usize,
    taps: usize,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    /// The definition.
    Scalar(Taps),
    Lanes(Transforms),
}

#[derive(Clone)]
struct Transforms {
    level: Level,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// Divided by the size: the transforms are unscaled.
    spectrum: Vec<Complex32>,
}

/// One thread's working memory.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) samples: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Block {
    /// `size`: of the transform, more than `taps`.
    pub(crate) fn new(backend: &Backend, taps: &[Complex32], size: usize) -> Self {
        let engine = match backend {
            Backend::Scalar => Engine::Scalar(taps.to_vec().into()),
            Backend::Simd(level) => Engine::Lanes(Transforms::new(*level, taps, size)),
            Backend::Gpu(_) => Engine::Lanes(Transforms::new(Level::new(), taps, size)),
        };
        Block { size, taps: taps.len(), engine }
    }

    /// Input samples of a block.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Output samples of a block, and the distance of one block from the next.
    pub(crate) fn step(&self) -> usize {
        self.size() - self.taps + 1
    }

    pub(crate) fn room(&self) -> Room {
        let scratch = match &self.engine {
            Engine::Scalar(_) => 0,
            Engine::Lanes(Transforms { forward, inverse, .. }) => {
                forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len())
            }
        };
        Room { samples: vec![Complex32::ZERO; self.size()], scratch: vec![Complex32::ZERO; scratch] }
    }

    /// Filters `size` samples; the last `step` results are those of the linear convolution.
    pub(crate) fn filter<'a>(&self, x: &[Complex32], room: &'a mut Room) -> &'a [Complex32] {
        match &self.engine {
            Engine::Scalar(taps) => {
                let out = room.samples[self.taps - 1..].iter_mut();
                out.zip(x.windows(self.taps)).for_each(|(out, x)| *out = fir::output(taps, x));
            }
            Engine::Lanes(transforms) => transforms.filter(x, room),
        }
        &room.samples[self.taps - 1..]
    }
}

impl Transforms {
    fn new(level: Level, taps: &[Complex32], size: usize) -> Self {
        let forward = fft::plan(level, size, FftDirection::Forward);
        let inverse = fft::plan(level, size, FftDirection::Inverse);
        let mut spectrum = vec![Complex32::ZERO; size];
        let scale = 1.0 / size as f32;
        spectrum.iter_mut().zip(taps).for_each(|(out, tap)| *out = tap * scale);
        forward.process(&mut spectrum);
        Transforms { level, forward, inverse, spectrum }
    }

    fn filter(&self, x: &[Complex32], room: &mut Room) {
        room.samples.copy_from_slice(x);
        self.forward.process_with_scratch(&mut room.samples, &mut room.scratch);
        let (level, samples, spectrum) = (self.level, &mut room.samples[..], &self.spectrum[..]);
        dispatch!(level, simd => multiply(simd, samples, spectrum));
        self.inverse.process_with_scratch(&mut room.samples, &mut room.scratch);
    }
}

/// `x[k] *= y[k]`.
#[simd]
fn multiply<S: Simd>(_: S, x: &mut [Complex32], y: &[Complex32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x = Complex32::new(x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re);
    }
}

/// A transform that wastes little on the overlap and still fits the cache: eight times the taps while those are few.
pub(crate) fn block_size(taps: usize) -> usize {
    let factor = if taps <= 4096 { 8 } else { 4 };
    (factor * taps).next_power_of_two().max(512)
}

/// Hands `count` blocks to `work` in order of `items`, over threads when that pays; `rooms` has one for each thread.
pub(crate) fn each_block<R: Send, T: Send>(
    rooms: &mut [R],
    samples: usize,
    out: &mut [T],
    step: usize,
    work: impl Fn(usize, &mut R, &mut [T]) + Sync,
) {
    let blocks = out.len().div_ceil(step);
    let threads = if samples < 1 << 16 { 1 } else { rooms.len().min(rayon::current_num_threads()) };
    let share = blocks.div_ceil(threads).max(1);
    let run = |(part, (out, room)): (usize, (&mut [T], &mut R))| {
        for (index, out) in out.chunks_mut(step).enumerate() {
            work(part * share + index, room, out);
        }
    };
    if threads == 1 {
        out.chunks_mut(share * step).zip(rooms).enumerate().for_each(run);
    } else {
        out.par_chunks_mut(share * step).zip(rooms).enumerate().for_each(run);
    }
}

/// A long filter with its memory.
#[derive(Clone)]
pub struct OverlapSave {
    block: Block,
    rooms: Vec<Room>,
    /// What the next block needs of the past: at least the last `taps - 1` samples (zeros at first).
    line: Vec<Complex32>,
}

impl OverlapSave {
    /// Zeros in its memory.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 1..=2^24 taps.
    pub fn new(backend: &Backend, taps: impl Into<Taps>) -> Result<Self> {
        let taps = match taps.into() {
            Taps::Real(taps) => taps.into_iter().map(|tap| Complex32::new(tap, 0.0)).collect(),
            Taps::Complex(taps) => taps,
        };
        if !(1..=MAX_TAPS).contains(&taps.len()) {
            return Err(Error::out_of_range("taps", "within 1..=16777216 in number", taps.len()));
        }
        let block = Block::new(backend, &taps, block_size(taps.len()));
        let rooms = vec![block.room(); rayon::current_num_threads().max(1)];
        let line = vec![Complex32::ZERO; taps.len() - 1];
        Ok(OverlapSave { block, rooms, line })
    }

    /// Samples from one block to the next: what has been pushed since the last whole block waits.
    pub fn step(&self) -> usize {
        self.block.step()
    }

    /// Filters; appends every output whose block is whole. Over a stream: as many out as in, once finished.
    pub fn push(&mut self, mut x: &[Complex32], out: &mut Vec<Complex32>) {
        let (size, step) = (self.block.size(), self.block.step());
        let memory = size - step;
        // Blocks that reach back into the line, until the next one begins within x.
        while !self.line.is_empty() {
            let reach = self.line.len();
            let take = (size - reach).min(x.len());
            self.line.extend_from_slice(&x[..take]);
            if self.line.len() < size {
                return;
            }
            out.extend_from_slice(self.block.filter(&self.line, &mut self.rooms[0]));
            if reach <= step {
                // The next block begins `step` samples on: in x.
                x = &x[step - reach..];
                self.line.clear();
            } else {
                self.line.drain(..step);
                x = &x[take..];
            }
        }
        let blocks = if x.len() < size { 0 } else { (x.len() - memory) / step };
        let first = out.len();
        out.resize(first + blocks * step, Complex32::ZERO);
        let block = &self.block;
        each_block(&mut self.rooms, x.len(), &mut out[first..], step, |index, room, out| {
            out.copy_from_slice(block.filter(&x[index * step..][..size], room));
        });
        self.line.extend_from_slice(&x[blocks * step..]);
    }

    /// The outputs that still wait for their block; then as new.
    pub fn finish(&mut self, out: &mut Vec<Complex32>) {
        let memory = self.block.size() - self.block.step();
        let waiting = self.line.len() - memory.min(self.line.len());
        if waiting > 0 {
            self.line.resize(self.block.size(), Complex32::ZERO);
            out.extend_from_slice(&self.block.filter(&self.line, &mut self.rooms[0])[..waiting]);
        }
        self.reset();
    }

    /// Forgets the samples.
    pub fn reset(&mut self) {
        self.line.clear();
        self.line.resize(self.block.size() - self.block.step(), Complex32::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fir;
    use proptest::prelude::*;

    fn samples(n: usize) -> Vec<Complex32> {
        (0..n)
            .map(|i| i as f32)
            .map(|i| Complex32::new((0.7 * i).sin() + 0.3, (0.11 * i * i).cos()))
            .collect()
    }

    fn filtered(backend: &Backend, taps: &Taps, x: &[Complex32], cuts: &[usize]) -> Vec<Complex32> {
        let mut filter = OverlapSave::new(backend, taps.clone()).unwrap();
        let (mut out, mut rest) = (Vec::new(), x);
        for cut in cuts {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            filter.push(now, &mut out);
            rest = later;
        }
        filter.push(rest, &mut out);
        filter.finish(&mut out);
        out
    }

    #[test]
    fn refuses_no_taps() {
        assert!(OverlapSave::new(&Backend::default(), Vec::<f32>::new()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn agrees_with_scalar(n in 0usize..=2000, k in 1usize..=130) {
            let (taps, x) = (Taps::from(samples(k)), samples(n));
            let (want, got) = (fir::scalar(&taps, 1, &x), filtered(&Backend::default(), &taps, &x, &[]));
            prop_assert_eq!(&want, &filtered(&Backend::Scalar, &taps, &x, &[]));
            prop_assert_eq!(want.len(), got.len());
            for (want, got) in want.iter().zip(&got) {
                prop_assert!((want - got).norm() <= 2e-6 * k as f32, "{want} {got}");
            }
        }

        #[test]
        fn cutting_changes_nothing(cuts in prop::collection::vec(0usize..1500, 0..8), k in 1usize..=130) {
            let (taps, x) = (Taps::from(samples(k)), samples(4000));
            for backend in [Backend::Scalar, Backend::default()] {
                prop_assert!(filtered(&backend, &taps, &x, &[]) == filtered(&backend, &taps, &x, &cuts));
            }
        }
    }
}
