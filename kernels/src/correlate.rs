//! Conjugate inner product `Σ a[n] b*[n]` and lagged autocorrelation `Σ x[n+lag] x*[n]`: frequency offsets,
//! repeated preambles, cyclic prefixes. Read [`scalar`] first: it is the definition.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::{Complex32, Complex64};

use crate::Backend;

/// `Σ a[n] b*[n]`. Its phase is that of `a` over `b`. There is no GPU version: a GPU backend runs on the processor.
///
/// # Panics
/// On unequal lengths.
pub fn conjugate_dot(backend: &Backend, a: &[Complex32], b: &[Complex32]) -> Complex32 {
    match backend {
        Backend::Scalar => scalar(a, b),
        Backend::Simd(level) => simd(*level, a, b),
        Backend::Gpu(_) => simd(Level::new(), a, b),
    }
}

/// [`conjugate_dot`] for kernels that have a level already.
pub(crate) fn simd(level: Level, a: &[Complex32], b: &[Complex32]) -> Complex32 {
    assert_eq!(a.len(), b.len(), "an inner product needs as many samples on both sides");
    let mut sum = Complex64::ZERO;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let [re, im] = dispatch!(level, simd => lanes(simd, a, b));
        sum += Complex64::new(re.into(), im.into());
    }
    Complex32::new(sum.re as f32, sum.im as f32)
}

/// `Σ x[n+lag] x*[n]` over the `x.len() - lag` products there are; zero when there is none.
///
/// A tone of frequency `f` has the phase `2π f lag / sample_rate`.
pub fn autocorrelation(backend: &Backend, x: &[Complex32], lag: usize) -> Complex32 {
    let Some(count) = x.len().checked_sub(lag) else { return Complex32::ZERO };
    conjugate_dot(backend, &x[lag..], &x[..count])
}

/// The definition of the inner product, summed in `f64`.
///
/// # Panics
/// On unequal lengths.
pub fn scalar(a: &[Complex32], b: &[Complex32]) -> Complex32 {
    assert_eq!(a.len(), b.len(), "an inner product needs as many samples on both sides");
    let wide = |x: &Complex32| Complex64::new(x.re.into(), x.im.into());
    let sum: Complex64 = a.iter().zip(b).map(|(a, b)| wide(a) * wide(b).conj()).sum();
    Complex32::new(sum.re as f32, sum.im as f32)
}

/// Samples summed in `f32` before the sum goes on in `f64`.
const BLOCK: usize = 4096;

#[simd]
fn lanes<S: Simd>(simd: S, a: &[Complex32], b: &[Complex32]) -> [f32; 2] {
    let n = S::f32s::LEN;
    let (a, b) = (bytemuck::cast_slice::<_, f32>(a), bytemuck::cast_slice::<_, f32>(b));
    let zero = S::f32s::splat(simd, 0.0);
    // Products of like parts, and of crossed parts: even lanes re·im, odd lanes im·re. Two chains of each.
    let (mut like, mut crossed) = ([zero; 2], [zero; 2]);
    let (mut left, mut right) = (a.chunks_exact(2 * n), b.chunks_exact(2 * n));
    for (a, b) in (&mut left).zip(&mut right) {
        for (i, (a, b)) in a.chunks_exact(n).zip(b.chunks_exact(n)).enumerate() {
            let (a, b) = (S::f32s::from_slice(simd, a), S::f32s::from_slice(simd, b));
            let swapped = b.unzip_high(b).zip_low(b.unzip_low(b));
            like[i] += a * b;
            crossed[i] += a * swapped;
        }
    }
    let (like, crossed) = (like[0] + like[1], crossed[0] + crossed[1]);
    let mut re: f32 = like.as_slice().iter().sum();
    let mut im: f32 = crossed.as_slice().chunks_exact(2).map(|pair| pair[1] - pair[0]).sum();
    for (a, b) in left.remainder().chunks_exact(2).zip(right.remainder().chunks_exact(2)) {
        re += a[0] * b[0] + a[1] * b[1];
        im += a[1] * b[0] - a[0] * b[1];
    }
    [re, im]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tone's autocorrelation has its phase advance times the lag, and its energy over the overlap.
    #[test]
    fn tone_in_closed_form() {
        let x: Vec<_> = (0..10_000).map(|n| Complex32::from_polar(2.0, 0.01 * n as f32)).collect();
        let r = autocorrelation(&Backend::default(), &x, 100);
        assert!((r.norm() - 4.0 * 9900.0).abs() < 0.1, "{r}");
        assert!((r.arg() - 1.0).abs() < 1e-4, "{r}");
        assert_eq!(autocorrelation(&Backend::default(), &x[..50], 50), Complex32::ZERO);
        assert_eq!(autocorrelation(&Backend::default(), &x[..50], 51), Complex32::ZERO);
    }

    proptest! {
        /// 0..=300 samples cross every tail length of every vector width.
        #[test]
        fn agrees_with_scalar(x in prop::collection::vec(((-1f32..1., -1f32..1.), (-1f32..1., -1f32..1.)), 0..=300)) {
            let (a, b): (Vec<_>, Vec<_>) = x.iter()
                .map(|(a, b)| (Complex32::new(a.0, a.1), Complex32::new(b.0, b.1)))
                .unzip();
            let (want, got) = (scalar(&a, &b), conjugate_dot(&Backend::default(), &a, &b));
            prop_assert_eq!(want, conjugate_dot(&Backend::Scalar, &a, &b));
            let size: f32 = a.iter().zip(&b).map(|(a, b)| a.norm() * b.norm()).sum();
            prop_assert!((want - got).norm() <= f32::EPSILON * size * 8.0, "{want} {got}");
        }
    }
}
