//! Batches of equal transforms: `rustfft`, kept below the caller's instruction set, over threads.
//!
//! Unscaled; forward is `X[k] = Σ x[n] exp(-2πi kn/N)`. `rustfft` is the definition here: [`scalar`] is its scalar planner
//! in `f64`, which the tests of the kernels that transform compare with, too.

use std::sync::Arc;

use fearless_simd::Level;
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;
pub use rustfft::FftDirection as Direction;
use rustfft::{Fft, FftPlanner, FftPlannerScalar, FftPlannerSse};

use crate::{
    Backend,
    error::{Error, Result},
};

/// An unscaled transform of `size` points that uses no wider instruction set than `level`.
pub(crate) fn plan(level: Level, size: usize, direction: Direction) -> Arc<dyn Fft<f32>> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if level.as_avx2().is_none() {
        return match (level.as_sse4_2(), FftPlannerSse::new()) {
            (Some(_), Ok(mut planner)) => planner.plan_fft(size, direction),
            (None, _) | (_, Err(())) => FftPlannerScalar::new().plan_fft(size, direction),
        };
    }
    let _ = level;
    FftPlanner::new().plan_fft(size, direction)
}

/// Scratch for in-place use of `fft`.
pub(crate) fn scratch(fft: &dyn Fft<f32>) -> Vec<Complex32> {
    vec![Complex32::ZERO; fft.get_inplace_scratch_len()]
}

/// The definition: each frame of `x` by the scalar planner in `f64`, in place.
///
/// # Panics
/// Unless `x` holds whole frames of `size`, which is at least 1.
pub fn scalar(size: usize, direction: Direction, x: &mut [Complex32]) {
    let fft = FftPlannerScalar::<f64>::new().plan_fft(size, direction);
    let mut wide: Vec<_> = x.iter().map(|x| Complex64::new(x.re.into(), x.im.into())).collect();
    fft.process(&mut wide);
    x.iter_mut().zip(wide).for_each(|(x, wide)| *x = Complex32::new(wide.re as f32, wide.im as f32));
}

/// Frames of one size, transformed from one slice into another. There is no GPU version of the transform alone: a GPU
/// backend runs on the processor.
pub struct Batch {
    size: usize,
    engine: Engine,
}

enum Engine {
    Scalar(Direction),
    /// The plan, and scratch for each thread.
    Lanes(Arc<dyn Fft<f32>>, Vec<Vec<Complex32>>),
}

impl Batch {
    /// Plans a transform of `size` points.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `size` is within 1..=2^24.
    pub fn new(backend: &Backend, size: usize, direction: Direction) -> Result<Self> {
        if !(1..=1 << 24).contains(&size) {
            return Err(Error::out_of_range("size", "within 1..=16777216", size));
        }
        let lanes = |level| {
            let fft = plan(level, size, direction);
            let scratch = vec![Complex32::ZERO; fft.get_immutable_scratch_len()];
            Engine::Lanes(fft, vec![scratch; rayon::current_num_threads()])
        };
        let engine = match backend {
            Backend::Scalar => Engine::Scalar(direction),
            Backend::Simd(level) => lanes(*level),
            Backend::Gpu(_) => lanes(Level::new()),
        };
        Ok(Batch { size, engine })
    }

    /// Transforms every frame of `x` into `out`, both `[frame, point]`; more than 2^17 points over threads.
    ///
    /// # Errors
    /// [`Error::Length`] unless `x` holds whole frames and `out` as much as `x`.
    pub fn process(&mut self, x: &[Complex32], out: &mut [Complex32]) -> Result<()> {
        let size = self.size;
        Error::check_length("x", x.len() / size * size, "samples", x.len())?;
        Error::check_length("out", x.len(), "samples", out.len())?;
        match &mut self.engine {
            Engine::Scalar(direction) => {
                out.copy_from_slice(x);
                scalar(size, *direction, out);
            }
            Engine::Lanes(fft, scratch) if x.len() < 1 << 17 || scratch.len() == 1 => {
                fft.process_immutable_with_scratch(x, out, &mut scratch[0]);
            }
            Engine::Lanes(fft, scratch) => {
                let share = (x.len() / size).div_ceil(scratch.len()) * size;
                x.par_chunks(share)
                    .zip(out.par_chunks_mut(share))
                    .zip(scratch)
                    .for_each(|((x, out), scratch)| fft.process_immutable_with_scratch(x, out, scratch));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex64;

    /// Every size up to 70 against the sum, both ways.
    #[test]
    fn is_the_sum() {
        for size in 1..=70usize {
            let x: Vec<_> =
                (0..2 * size).map(|i| Complex32::new((i * i % 7) as f32, (i % 5) as f32 - 2.0)).collect();
            let both = [(Direction::Forward, -1.0), (Direction::Inverse, 1.0)];
            for ((direction, sign), backend) in both
                .into_iter()
                .flat_map(|both| [Backend::Scalar, Backend::default()].map(|backend| (both, backend)))
            {
                let mut out = vec![Complex32::ZERO; 2 * size];
                Batch::new(&backend, size, direction).unwrap().process(&x, &mut out).unwrap();
                for (i, out) in out.iter().enumerate() {
                    let (frame, k) = (i / size * size, i % size);
                    let turn = sign * std::f64::consts::TAU / size as f64;
                    let want: Complex64 = (0..size)
                        .map(|n| {
                            Complex64::new(x[frame + n].re.into(), x[frame + n].im.into())
                                * Complex64::cis(turn * (k * n) as f64)
                        })
                        .sum();
                    let got = Complex64::new(out.re.into(), out.im.into());
                    assert!((got - want).norm() < 1e-4, "size {size}, bin {k}: {got} for {want}");
                }
            }
        }
    }

    #[test]
    fn refuses_broken_frames() {
        let mut batch = Batch::new(&Backend::default(), 4, Direction::Forward).unwrap();
        let error = batch.process(&[Complex32::ZERO; 6], &mut [Complex32::ZERO; 6]).unwrap_err();
        assert_eq!(error.to_string(), "x must hold 4 samples, got 6");
        assert!(Batch::new(&Backend::default(), 0, Direction::Forward).is_err());
    }
}
