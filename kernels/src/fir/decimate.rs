//! Of a filtered stream every `factor`-th sample, and no work for the others: one window, one sum.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::Complex32;

use super::{BLOCK, Taps, output};
use crate::{
    Backend,
    error::{Error, Result},
};

/// A filter that keeps samples 0, `factor`, 2 `factor`, ... and computes no others.
#[derive(Clone, Debug)]
pub struct Decimator {
    factor: usize,
    engine: Engine,
    memory: usize,
    /// The last `taps - 1` samples, then the block.
    line: Vec<Complex32>,
    /// Samples to come before the next one that is kept.
    skip: usize,
}

#[derive(Clone, Debug)]
enum Engine {
    Scalar(Taps),
    Lanes(Level, Reversed),
}

/// Last tap first, each part twice: beside the reals of a window of samples, oldest first.
#[derive(Clone, Debug)]
enum Reversed {
    Real(Vec<f32>),
    Complex { re: Vec<f32>, im: Vec<f32> },
}

impl Decimator {
    /// Zeros in its memory.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 1..=2^24 taps and `factor` is at least 1.
    pub fn new(backend: &Backend, taps: impl Into<Taps>, factor: usize) -> Result<Self> {
        let taps = taps.into();
        taps.check()?;
        if factor == 0 {
            return Err(Error::out_of_range("factor", "at least 1", factor));
        }
        let memory = taps.len() - 1;
        let line = vec![Complex32::ZERO; memory + BLOCK];
        let engine = match backend {
            Backend::Scalar => Engine::Scalar(taps),
            Backend::Simd(level) => Engine::Lanes(*level, Reversed::new(&taps)),
            Backend::Gpu(_) => Engine::Lanes(Level::new(), Reversed::new(&taps)),
        };
        Ok(Decimator { factor, engine, memory, line, skip: 0 })
    }

    /// How many samples `push` will give for the next `samples` samples.
    pub fn outputs(&self, samples: usize) -> usize {
        samples.saturating_sub(self.skip).div_ceil(self.factor)
    }

    /// Filters the next samples into [`Decimator::outputs`]`(x.len())` samples.
    ///
    /// # Errors
    /// [`Error::Length`] unless `out` is as long as that.
    pub fn push(&mut self, x: &[Complex32], out: &mut [Complex32]) -> Result<()> {
        Error::check_length("out", self.outputs(x.len()), "samples", out.len())?;
        let mut out = out.iter_mut();
        for x in x.chunks(BLOCK) {
            self.line[self.memory..self.memory + x.len()].copy_from_slice(x);
            while self.skip < x.len() {
                let window = &self.line[self.skip..=self.skip + self.memory];
                let sum = match &self.engine {
                    Engine::Scalar(taps) => output(taps, window),
                    Engine::Lanes(level, taps) => taps.output(*level, window),
                };
                if let Some(out) = out.next() {
                    *out = sum;
                }
                self.skip += self.factor;
            }
            self.skip -= x.len();
            self.line.copy_within(x.len()..x.len() + self.memory, 0);
        }
        Ok(())
    }

    /// Forgets the samples; the next one is sample 0.
    pub fn reset(&mut self) {
        self.line.fill(Complex32::ZERO);
        self.skip = 0;
    }
}

impl Reversed {
    fn new(taps: &Taps) -> Reversed {
        let twice = |part: &dyn Fn(usize) -> f32| (0..taps.len()).rev().flat_map(|k| [part(k); 2]).collect();
        match taps {
            Taps::Real(taps) => Reversed::Real(twice(&|k| taps[k])),
            Taps::Complex(taps) => {
                Reversed::Complex { re: twice(&|k| taps[k].re), im: twice(&|k| taps[k].im) }
            }
        }
    }

    fn output(&self, level: Level, window: &[Complex32]) -> Complex32 {
        match self {
            Reversed::Real(taps) => {
                let [re, im] = dispatch!(level, simd => window_sum(simd, taps, window));
                Complex32::new(re, im)
            }
            Reversed::Complex { re, im } => {
                let [a, b] = dispatch!(level, simd => window_sum(simd, re, window));
                let [c, d] = dispatch!(level, simd => window_sum(simd, im, window));
                Complex32::new(a - d, b + c)
            }
        }
    }
}

/// `Σ h x` over one window: the sums of the even and of the odd reals.
#[simd]
fn window_sum<S: Simd>(simd: S, taps: &[f32], window: &[Complex32]) -> [f32; 2] {
    let n = S::f32s::LEN;
    let reals = bytemuck::cast_slice::<_, f32>(window);
    let mut sums = [S::f32s::splat(simd, 0.0); 4];
    let (mut taps, mut reals) = (taps.chunks_exact(4 * n), reals.chunks_exact(4 * n));
    for (taps, reals) in (&mut taps).zip(&mut reals) {
        for ((sum, tap), x) in sums.iter_mut().zip(taps.chunks_exact(n)).zip(reals.chunks_exact(n)) {
            *sum = S::f32s::from_slice(simd, tap).mul_add(S::f32s::from_slice(simd, x), *sum);
        }
    }
    let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    let mut total = [0.0; 2];
    for pair in sum.as_slice().chunks_exact(2) {
        total[0] += pair[0];
        total[1] += pair[1];
    }
    for (tap, x) in taps.remainder().chunks_exact(2).zip(reals.remainder().chunks_exact(2)) {
        total[0] += tap[0] * x[0];
        total[1] += tap[1] * x[1];
    }
    total
}
