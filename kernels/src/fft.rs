//! The FFT plan for an instruction set: `rustfft` brings its own dispatch, this keeps it below `level`.

use std::sync::Arc;

use fearless_simd::Level;
use num_complex::Complex32;
use rustfft::{Fft, FftDirection, FftPlanner, FftPlannerScalar, FftPlannerSse};

/// An unscaled transform of `size` points that uses no wider instruction set than `level`.
pub(crate) fn plan(level: Level, size: usize, direction: FftDirection) -> Arc<dyn Fft<f32>> {
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
