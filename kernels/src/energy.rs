//! Energy of a complex baseband block, `E = Σ |x[n]|²`: the first statistic of
//! every power detector. Read [`scalar`] first: it is the definition.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::Complex32;

use crate::Backend;

/// Energy of `x` (linear; full scale = 1). There is no GPU version: a GPU backend runs on the processor.
pub fn energy(backend: &Backend, x: &[Complex32]) -> f32 {
    match backend {
        Backend::Scalar => scalar(x),
        Backend::Simd(level) => simd(*level, x),
        Backend::Gpu(_) => simd(Level::new(), x),
    }
}

/// The definition, summed in `f64` so that the tolerance of the test judges `lanes` alone.
pub fn scalar(x: &[Complex32]) -> f32 {
    x.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() as f32
}

/// Samples summed in `f32` before the sum goes on in `f64`, so that the error does not grow with the block.
const BLOCK: usize = 4096;

fn simd(level: Level, x: &[Complex32]) -> f32 {
    x.chunks(BLOCK).map(|x| f64::from(dispatch!(level, simd => lanes(simd, x)))).sum::<f64>() as f32
}

#[simd]
fn lanes<S: Simd>(simd: S, x: &[Complex32]) -> f32 {
    // Interleaved re, im, re, im: summing |x|² is summing the squares of all reals.
    let reals = bytemuck::cast_slice::<_, f32>(x);
    let n = S::f32s::LEN;
    let mut acc = [S::f32s::splat(simd, 0.0); 4]; // four chains hide the add latency
    let mut blocks = reals.chunks_exact(4 * n);
    for block in &mut blocks {
        for (acc, v) in acc.iter_mut().zip(block.chunks_exact(n)) {
            let v = S::f32s::from_slice(simd, v);
            *acc += v * v;
        }
    }
    let sum = (acc[0] + acc[1]) + (acc[2] + acc[3]);
    sum.as_slice().iter().sum::<f32>() + blocks.remainder().iter().map(|v| v * v).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A loud burst and 2^22 samples so quiet that each of their squares is lost in the burst's `f32` sum; and a sum so long
    /// that one `f32` sum rounds at every step.
    #[test]
    fn length_costs_no_digits() {
        for level in [1.0, 0.3] {
            let x = vec![Complex32::new(level, -level); 1 << 22];
            let (want, got) = (2.0 * level * level * (1 << 22) as f32, energy(&Backend::default(), &x));
            assert!((want - got).abs() <= 2e-6 * want, "{want} {got}");
        }
        let mut x = vec![Complex32::new(1e-2, 0.0); 1 << 22];
        x[..1024].fill(Complex32::new(1e3, 0.0));
        let (want, got) = (scalar(&x), energy(&Backend::default(), &x));
        assert!((want - got).abs() <= 2e-6 * want, "{want} {got}");
    }

    proptest! {
        /// 0..=300 samples cross every tail length of every vector width.
        #[test]
        fn agrees_with_scalar(x in prop::collection::vec((-1f32..1., -1f32..1.), 0..=300)) {
            let x: Vec<_> = x.into_iter().map(|(re, im)| Complex32 { re, im }).collect();
            let (want, got) = (scalar(&x), energy(&Backend::default(), &x));
            prop_assert_eq!(want, energy(&Backend::Scalar, &x));
            prop_assert!((want - got).abs() <= f32::EPSILON * want * x.len() as f32, "{want} {got}");
        }
    }
}
