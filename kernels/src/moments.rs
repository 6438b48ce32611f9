//! Mixed moments of a complex block, `M(p, q) = E[x^p x*^q]`: what modulations, impairments and
//! interference leave behind when the spectrum says nothing. Read [`scalar`] first: it is the definition.
//!
//! `M(q, p)` is the conjugate of `M(p, q)`, so only `p >= q` is kept. Cumulants are the caller's sums of these.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::{Complex32, Complex64};

use crate::Backend;

/// All moments up to order 4. Linear; full scale 1. Of an empty block: zeros.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(missing_docs)] // m31 = E[x³ x*]
pub struct Moments {
    pub m10: Complex64,
    pub m20: Complex64,
    pub m11: f64,
    pub m30: Complex64,
    pub m21: Complex64,
    pub m40: Complex64,
    pub m31: Complex64,
    pub m22: f64,
}

/// The nine moments of even order up to 6. Linear; full scale 1. Of an empty block: zeros.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(missing_docs)] // m42 = E[x⁴ x*²]
pub struct EvenMoments {
    pub m20: Complex64,
    pub m11: f64,
    pub m40: Complex64,
    pub m31: Complex64,
    pub m22: f64,
    pub m60: Complex64,
    pub m51: Complex64,
    pub m42: Complex64,
    pub m33: f64,
}

/// The definition of one moment, in `f64`. Zero for an empty block.
pub fn scalar(x: &[Complex32], p: u32, q: u32) -> Complex64 {
    let sum: Complex64 = x
        .iter()
        .map(|x| Complex64::new(x.re.into(), x.im.into()))
        .map(|x| x.powu(p) * x.conj().powu(q))
        .sum();
    if x.is_empty() { sum } else { sum / x.len() as f64 }
}

/// All moments up to order 4. There is no GPU version: a GPU backend runs on the processor.
pub fn moments(backend: &Backend, x: &[Complex32]) -> Moments {
    match backend {
        Backend::Scalar => Moments {
            m10: scalar(x, 1, 0),
            m20: scalar(x, 2, 0),
            m11: scalar(x, 1, 1).re,
            m30: scalar(x, 3, 0),
            m21: scalar(x, 2, 1),
            m40: scalar(x, 4, 0),
            m31: scalar(x, 3, 1),
            m22: scalar(x, 2, 2).re,
        },
        Backend::Simd(level) => moments_simd(*level, x),
        Backend::Gpu(_) => moments_simd(Level::new(), x),
    }
}

/// The nine even moments up to order 6. There is no GPU version: a GPU backend runs on the processor.
pub fn even_moments(backend: &Backend, x: &[Complex32]) -> EvenMoments {
    match backend {
        Backend::Scalar => EvenMoments {
            m20: scalar(x, 2, 0),
            m11: scalar(x, 1, 1).re,
            m40: scalar(x, 4, 0),
            m31: scalar(x, 3, 1),
            m22: scalar(x, 2, 2).re,
            m60: scalar(x, 6, 0),
            m51: scalar(x, 5, 1),
            m42: scalar(x, 4, 2),
            m33: scalar(x, 3, 3).re,
        },
        Backend::Simd(level) => even_simd(*level, x),
        Backend::Gpu(_) => even_simd(Level::new(), x),
    }
}

fn moments_simd(level: Level, x: &[Complex32]) -> Moments {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = mean(x, |x| dispatch!(level, simd => low(simd, x)));
    Moments {
        m10: Complex64::new(a, b),
        m20: Complex64::new(c, d),
        m11: e,
        m30: Complex64::new(f, g),
        m21: Complex64::new(h, i),
        m40: Complex64::new(j, k),
        m31: Complex64::new(l, m),
        m22: n,
    }
}

fn even_simd(level: Level, x: &[Complex32]) -> EvenMoments {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = mean(x, |x| dispatch!(level, simd => even(simd, x)));
    EvenMoments {
        m20: Complex64::new(a, b),
        m11: c,
        m40: Complex64::new(d, e),
        m31: Complex64::new(f, g),
        m22: h,
        m60: Complex64::new(i, j),
        m51: Complex64::new(k, l),
        m42: Complex64::new(m, n),
        m33: o,
    }
}

/// Samples summed in `f32` before the sum goes on in `f64`.
const BLOCK: usize = 1024;

fn mean<const N: usize>(x: &[Complex32], block: impl Fn(&[Complex32]) -> [f32; N]) -> [f64; N] {
    let mut sums = [0.0; N];
    for x in x.chunks(BLOCK) {
        for (sum, part) in sums.iter_mut().zip(block(x)) {
            *sum += f64::from(part);
        }
    }
    sums.map(|sum| sum / x.len().max(1) as f64)
}

/// Real and imaginary parts of as many samples as a vector holds; zeros, which add nothing, past the end.
#[inline(always)]
fn load<S: Simd>(simd: S, reals: &[f32]) -> (S::f32s, S::f32s) {
    let n = S::f32s::LEN;
    let (a, b) = if reals.len() == 2 * n {
        (S::f32s::from_slice(simd, &reals[..n]), S::f32s::from_slice(simd, &reals[n..]))
    } else {
        let at = |i: usize| reals.get(i).copied().unwrap_or(0.0);
        (S::f32s::from_fn(simd, at), S::f32s::from_fn(simd, |i| at(n + i)))
    };
    (a.unzip_low(b), a.unzip_high(b))
}

#[simd]
fn low<S: Simd>(simd: S, x: &[Complex32]) -> [f32; 14] {
    let mut sums = [S::f32s::splat(simd, 0.0); 14];
    for reals in bytemuck::cast_slice::<_, f32>(x).chunks(2 * S::f32s::LEN) {
        let (re, im) = load(simd, reals);
        let (rr, ii, ri) = (re * re, im * im, re * im);
        let (u, v, e) = (rr - ii, ri + ri, rr + ii); // x² = u + iv, |x|² = e
        let uv = u * v;
        let terms = [
            re,
            im,
            u,
            v,
            e,
            u * re - v * im,
            u * im + v * re,
            e * re,
            e * im,
            u * u - v * v,
            uv + uv,
            u * e,
            v * e,
            e * e,
        ];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    sums.map(|sum| sum.as_slice().iter().sum())
}

#[simd]
fn even<S: Simd>(simd: S, x: &[Complex32]) -> [f32; 15] {
    let mut sums = [S::f32s::splat(simd, 0.0); 15];
    for reals in bytemuck::cast_slice::<_, f32>(x).chunks(2 * S::f32s::LEN) {
        let (re, im) = load(simd, reals);
        let (rr, ii, ri) = (re * re, im * im, re * im);
        let (u, v, e) = (rr - ii, ri + ri, rr + ii); // x² = u + iv, |x|² = e
        let (uv, e2) = (u * v, e * e);
        let (p, q) = (u * u - v * v, uv + uv); // x⁴
        let terms = [
            u,
            v,
            e,
            p,
            q,
            u * e,
            v * e,
            e2,
            p * u - q * v,
            p * v + q * u,
            p * e,
            q * e,
            u * e2,
            v * e2,
            e2 * e,
        ];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    sums.map(|sum| sum.as_slice().iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn real(m: f64) -> Complex64 {
        Complex64::new(m, 0.0)
    }

    /// A QPSK constellation on the axes: every moment is 1 when p - q is a multiple of 4, else 0.
    #[test]
    fn qpsk_in_closed_form() {
        let x: Vec<_> = (0..4000).map(|n| Complex32::i().powi(n % 4)).collect();
        let want = Moments { m11: 1.0, m40: real(1.0), m22: 1.0, ..Default::default() };
        assert_eq!(moments(&Backend::Scalar, &x), want);
        assert_eq!(moments(&Backend::default(), &x), want);
        let want = EvenMoments {
            m11: 1.0,
            m40: real(1.0),
            m22: 1.0,
            m51: real(1.0),
            m33: 1.0,
            ..Default::default()
        };
        assert_eq!(even_moments(&Backend::Scalar, &x), want);
        assert_eq!(even_moments(&Backend::default(), &x), want);
    }

    #[test]
    fn of_nothing() {
        assert_eq!(moments(&Backend::default(), &[]), Moments::default());
        assert_eq!(even_moments(&Backend::default(), &[]), EvenMoments::default());
        assert_eq!(scalar(&[], 3, 1), Complex64::ZERO);
    }

    proptest! {
        /// 0..=300 samples cross every tail length of every vector width.
        #[test]
        fn agrees_with_scalar(x in prop::collection::vec((-1f32..1., -1f32..1.), 0..=300)) {
            let x: Vec<_> = x.into_iter().map(|(re, im)| Complex32 { re, im }).collect();
            let (m, n) = (moments(&Backend::default(), &x), even_moments(&Backend::default(), &x));
            for (p, q, got) in [
                (1, 0, m.m10), (2, 0, m.m20), (1, 1, real(m.m11)), (3, 0, m.m30), (2, 1, m.m21), (4, 0, m.m40),
                (3, 1, m.m31), (2, 2, real(m.m22)), (2, 0, n.m20), (1, 1, real(n.m11)), (4, 0, n.m40),
                (3, 1, n.m31), (2, 2, real(n.m22)), (6, 0, n.m60), (5, 1, n.m51), (4, 2, n.m42), (3, 3, real(n.m33)),
            ] {
                let want = scalar(&x, p, q);
                // Against the moment of the magnitudes: a sum of phasors may be as small as it likes.
                let size = x.iter().map(|x| f64::from(x.norm()).powi((p + q) as i32)).sum::<f64>() / x.len().max(1) as f64;
                prop_assert!((got - want).norm() <= 2e-6 * size, "({p}, {q}): {got} {want}");
            }
        }
    }
}
