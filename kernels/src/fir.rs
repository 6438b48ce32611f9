//! Finite impulse response filters, `y[n] = Σ h[k] x[n-k]`, and the same followed by keeping every
//! `factor`-th sample. Read [`scalar`] first: it is the definition. Zeros come before the first sample.
//!
//! [`Fir`] and [`Decimator`] give each output as soon as its input is there, by direct summation in an
//! order that does not depend on where the stream was cut. Above some sixty taps [`crate::overlap_save`]
//! does less work, with a block of delay. There is no GPU version: a GPU backend runs on the processor.

mod decimate;

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::{Complex32, Complex64};

pub use decimate::Decimator;

use crate::{
    Backend,
    error::{Error, Result},
};

/// The longest filter, in taps: 2^24.
pub const MAX_TAPS: usize = 1 << 24;

/// Coefficients, `h[0]` first.
#[derive(Clone, Debug, PartialEq)]
pub enum Taps {
    /// The usual low-pass: half the work.
    Real(Vec<f32>),
    /// Band-pass, channel, matched filter.
    Complex(Vec<Complex32>),
}

impl Taps {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Taps::Real(taps) => taps.len(),
            Taps::Complex(taps) => taps.len(),
        }
    }

    /// Whether there are none: no filter at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tap `k` as a complex number.
    fn at(&self, k: usize) -> Complex64 {
        match self {
            Taps::Real(taps) => Complex64::new(taps[k].into(), 0.0),
            Taps::Complex(taps) => Complex64::new(taps[k].re.into(), taps[k].im.into()),
        }
    }

    fn check(&self) -> Result<()> {
        if (1..=MAX_TAPS).contains(&self.len()) {
            Ok(())
        } else {
            Err(Error::out_of_range("taps", "within 1..=16777216 in number", self.len()))
        }
    }
}

impl From<Vec<f32>> for Taps {
    fn from(taps: Vec<f32>) -> Self {
        Taps::Real(taps)
    }
}

impl From<Vec<Complex32>> for Taps {
    fn from(taps: Vec<Complex32>) -> Self {
        Taps::Complex(taps)
    }
}

/// The definition, summed in `f64`: samples 0, `factor`, 2 `factor`, ... of the filtered block. `factor` 1 filters.
///
/// # Panics
/// If `factor` is 0.
pub fn scalar(taps: &Taps, factor: usize, x: &[Complex32]) -> Vec<Complex32> {
    (0..x.len()).step_by(factor).map(|n| output(taps, &x[(n + 1).saturating_sub(taps.len())..=n])).collect()
}

/// One output of the definition: `window` is what the taps see, the newest sample last.
pub(crate) fn output(taps: &Taps, window: &[Complex32]) -> Complex32 {
    let sum: Complex64 = (0..taps.len())
        .zip(window.iter().rev())
        .map(|(k, x)| taps.at(k) * Complex64::new(x.re.into(), x.im.into()))
        .sum();
    Complex32::new(sum.re as f32, sum.im as f32)
}

/// Samples filtered at a time: with the taps' worth before them they stay in the nearest cache.
const BLOCK: usize = 1024;

/// Zeros after the samples, so that a vector may read past the last of them.
const MARGIN: usize = 64;

/// A filter with its memory.
#[derive(Clone, Debug)]
pub struct Fir {
    backend: Backend,
    taps: Taps,
    /// The last `taps - 1` samples, the block, and [`MARGIN`].
    line: Vec<Complex32>,
    /// One block of results, and [`MARGIN`].
    block: Vec<Complex32>,
}

impl Fir {
    /// Zeros in its memory.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 1..=2^24 taps.
    pub fn new(backend: &Backend, taps: impl Into<Taps>) -> Result<Self> {
        let taps = taps.into();
        taps.check()?;
        let line = vec![Complex32::ZERO; taps.len() - 1 + BLOCK + MARGIN];
        Ok(Fir { backend: backend.clone(), taps, line, block: vec![Complex32::ZERO; BLOCK + MARGIN] })
    }

    /// Filters the next samples: as many out as in.
    ///
    /// # Errors
    /// [`Error::Length`] unless `out` is as long as `x`.
    pub fn push(&mut self, x: &[Complex32], out: &mut [Complex32]) -> Result<()> {
        Error::check_length("out", x.len(), "samples", out.len())?;
        let memory = self.taps.len() - 1;
        for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            self.line[memory..memory + x.len()].copy_from_slice(x);
            let (taps, line, block) = (&self.taps, &self.line, &mut self.block);
            match self.backend {
                Backend::Scalar => {
                    let windows = line.windows(taps.len());
                    block.iter_mut().zip(windows).take(x.len()).for_each(|(out, x)| *out = output(taps, x));
                }
                Backend::Simd(level) => filter(level, taps, line, x.len(), block),
                Backend::Gpu(_) => filter(Level::new(), taps, line, x.len(), block),
            }
            out.copy_from_slice(&block[..x.len()]);
            self.line.copy_within(x.len()..x.len() + memory, 0);
        }
        Ok(())
    }

    /// Forgets the samples.
    pub fn reset(&mut self) {
        self.line.fill(Complex32::ZERO);
    }
}

fn filter(level: Level, taps: &Taps, line: &[Complex32], count: usize, out: &mut [Complex32]) {
    match taps {
        Taps::Real(taps) => dispatch!(level, simd => real(simd, taps, line, count, out)),
        Taps::Complex(taps) => dispatch!(level, simd => complex(simd, taps, line, count, out)),
    }
}

/// Four vectors of outputs at a time: each tap is loaded once for all of them, and four chains hide the latency.
#[simd]
fn real<S: Simd>(simd: S, taps: &[f32], line: &[Complex32], count: usize, out: &mut [Complex32]) {
    let n = S::f32s::LEN;
    let line = bytemuck::cast_slice::<_, f32>(line);
    let out = bytemuck::cast_slice_mut::<_, f32>(out);
    let memory = 2 * (taps.len() - 1);
    for (start, out) in (0..2 * count).step_by(4 * n).zip(out.chunks_exact_mut(4 * n)) {
        let mut sums = [S::f32s::splat(simd, 0.0); 4];
        for (k, tap) in taps.iter().enumerate() {
            let tap = S::f32s::splat(simd, *tap);
            let x = &line[start + memory - 2 * k..][..4 * n];
            for (sum, x) in sums.iter_mut().zip(x.chunks_exact(n)) {
                *sum = S::f32s::from_slice(simd, x).mul_add(tap, *sum);
            }
        }
        for (sum, out) in sums.iter().zip(out.chunks_exact_mut(n)) {
            sum.store_slice(out);
        }
    }
}

/// As [`real`], with the sums for the taps' real and imaginary parts apart; they meet once, at the end.
#[simd]
fn complex<S: Simd>(simd: S, taps: &[Complex32], line: &[Complex32], count: usize, out: &mut [Complex32]) {
    let n = S::f32s::LEN;
    let line = bytemuck::cast_slice::<_, f32>(line);
    let out = bytemuck::cast_slice_mut::<_, f32>(out);
    let memory = 2 * (taps.len() - 1);
    for (start, out) in (0..2 * count).step_by(4 * n).zip(out.chunks_exact_mut(4 * n)) {
        let (mut re, mut im) = ([S::f32s::splat(simd, 0.0); 4], [S::f32s::splat(simd, 0.0); 4]);
        for (k, tap) in taps.iter().enumerate() {
            let (tap_re, tap_im) = (S::f32s::splat(simd, tap.re), S::f32s::splat(simd, tap.im));
            let x = &line[start + memory - 2 * k..][..4 * n];
            for ((re, im), x) in re.iter_mut().zip(&mut im).zip(x.chunks_exact(n)) {
                let x = S::f32s::from_slice(simd, x);
                *re = x.mul_add(tap_re, *re);
                *im = x.mul_add(tap_im, *im);
            }
        }
        for ((re, im), out) in re.iter().zip(&im).zip(out.chunks_exact_mut(n)) {
            re.store_slice(out);
            for (out, im) in out.chunks_exact_mut(2).zip(im.as_slice().chunks_exact(2)) {
                out[0] -= im[1];
                out[1] += im[0];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(n: usize) -> Vec<Complex32> {
        (0..n)
            .map(|i| i as f32)
            .map(|i| Complex32::new((0.7 * i).sin() + 0.3, (0.11 * i * i).cos()))
            .collect()
    }

    fn taps(n: usize, complex: bool) -> Taps {
        let x = samples(n);
        if complex { x.into() } else { x.into_iter().map(|x| x.im).collect::<Vec<_>>().into() }
    }

    fn filtered(taps: &Taps, x: &[Complex32]) -> Vec<Complex32> {
        let mut out = vec![Complex32::ZERO; x.len()];
        Fir::new(&Backend::default(), taps.clone()).unwrap().push(x, &mut out).unwrap();
        out
    }

    #[test]
    fn impulse_gives_the_taps() {
        let taps = vec![Complex32::new(1.0, 2.0), Complex32::new(-3.0, 0.5), Complex32::i()];
        let x = [Complex32::ONE, Complex32::ZERO, Complex32::ZERO, Complex32::ZERO];
        let got = filtered(&taps.clone().into(), &x);
        assert_eq!(got[..3], taps);
        assert_eq!(got[3], Complex32::ZERO);
    }

    #[test]
    fn refuses_what_is_no_filter() {
        let error = Fir::new(&Backend::default(), Vec::<f32>::new()).unwrap_err();
        assert_eq!(error.to_string(), "taps must be within 1..=16777216 in number, got 0");
        let error = Decimator::new(&Backend::default(), vec![1f32], 0).unwrap_err();
        assert_eq!(error.to_string(), "factor must be at least 1, got 0");
        let mut decimator = Decimator::new(&Backend::default(), vec![1f32], 3).unwrap();
        let error = decimator.push(&samples(10), &mut [Complex32::ZERO; 3]).unwrap_err();
        assert_eq!(error.to_string(), "out must hold 4 samples, got 3");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// 0..=300 samples and 1..=70 taps cross every tail length of every vector width.
        #[test]
        fn agrees_with_scalar(n in 0usize..=300, k in 1usize..=70, factor in 1usize..=9, complex: bool) {
            let (taps, x) = (taps(k, complex), samples(n));
            let close = |want: &[Complex32], got: &[Complex32]| {
                want.len() == got.len() && want.iter().zip(got).all(|(w, g)| (w - g).norm() <= 2e-6 * k as f32)
            };
            prop_assert!(close(&scalar(&taps, 1, &x), &filtered(&taps, &x)));
            let mut decimator = Decimator::new(&Backend::default(), taps.clone(), factor).unwrap();
            let mut out = vec![Complex32::ZERO; decimator.outputs(n)];
            decimator.push(&x, &mut out).unwrap();
            prop_assert!(close(&scalar(&taps, factor, &x), &out));
            let mut decimator = Decimator::new(&Backend::Scalar, taps.clone(), factor).unwrap();
            decimator.push(&x, &mut out).unwrap();
            prop_assert_eq!(scalar(&taps, factor, &x), out);
            let mut fir = Fir::new(&Backend::Scalar, taps.clone()).unwrap();
            let mut out = x.clone();
            fir.push(&x, &mut out).unwrap();
            prop_assert_eq!(scalar(&taps, 1, &x), out);
        }

        #[test]
        fn cutting_changes_nothing(cuts in prop::collection::vec(0usize..700, 0..8), k in 1usize..=70,
                                   factor in 1usize..=900, complex: bool) {
            let (taps, x) = (taps(k, complex), samples(2600));
            let mut fir = Fir::new(&Backend::default(), taps.clone()).unwrap();
            let mut decimator = Decimator::new(&Backend::default(), taps.clone(), factor).unwrap();
            let mut whole = vec![Complex32::ZERO; decimator.outputs(x.len())];
            decimator.push(&x, &mut whole).unwrap();
            decimator.reset();
            let (mut parts, mut kept) = (Vec::new(), Vec::new());
            let mut rest = &x[..];
            for cut in cuts.into_iter().chain([2600]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                let mut out = vec![Complex32::ZERO; now.len()];
                fir.push(now, &mut out).unwrap();
                parts.extend(out);
                let mut out = vec![Complex32::ZERO; decimator.outputs(now.len())];
                decimator.push(now, &mut out).unwrap();
                kept.extend(out);
                rest = later;
            }
            prop_assert!(parts == filtered(&taps, &x));
            prop_assert!(kept == whole);
        }
    }
}
