//! Numerically controlled oscillator: rotation by `exp(2πi f n / sample_rate)` whose phase does not drift.
//! Read [`scalar`] first: it is the definition.
//!
//! The phase is a 64-bit fraction of a turn, so `n · step` is exact modulo a turn for every `n`: what is
//! left is the rounding of the step, 2^-65 of a turn, which after 2^30 samples is 2e-10 rad. The phasor
//! of sample `n` is that of its block's start, from `f64`, times a table of the `n mod 512` steps within
//! the block: two roundings to `f32`, wherever in the stream it lies and however the stream was cut.

use std::f64::consts::TAU;

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::{Complex32, Complex64};

use crate::{
    Backend,
    error::{Error, Result},
};

/// Samples from one exact phasor to the next.
const BLOCK: usize = 512;

/// 2^64 as a float: a turn.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// Rotates a stream; keeps its absolute position. There is no GPU version: a GPU backend runs on the processor.
#[derive(Clone, Debug)]
pub struct Nco {
    backend: Backend,
    /// Turns a sample, times 2^64.
    step: u64,
    /// Turns at index 0, times 2^64.
    offset: u64,
    index: u64,
    /// `exp(2πi step k)`, k < `BLOCK`.
    table: Vec<Complex32>,
}

impl Nco {
    /// Phase 0 at sample 0.
    ///
    /// - `frequency`: Hz, either sign; frequencies beyond half the rate alias
    /// - `sample_rate`: Hz
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless both are finite, the rate above 0 and the frequency within 2^20 rates.
    pub fn new(backend: &Backend, frequency: f64, sample_rate: f64) -> Result<Self> {
        let step = step(frequency, sample_rate)?;
        Ok(Nco { backend: backend.clone(), step, offset: 0, index: 0, table: table(step) })
    }

    /// The same oscillator with `phase` rad at sample 0.
    pub fn with_phase(mut self, phase: f64) -> Self {
        self.offset = fraction(phase / TAU);
        self
    }

    /// The absolute sample that comes next.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Goes to an absolute sample: across a gap, or back.
    pub fn seek(&mut self, index: u64) {
        self.index = index;
    }

    /// Back to sample 0.
    pub fn reset(&mut self) {
        self.seek(0);
    }

    /// Another frequency from the next sample on, without a jump in phase.
    ///
    /// # Errors
    /// As [`Nco::new`].
    pub fn set_frequency(&mut self, frequency: f64, sample_rate: f64) -> Result<()> {
        let step = step(frequency, sample_rate)?;
        let phase = self.phase_at(self.index);
        self.offset = phase.wrapping_sub(step.wrapping_mul(self.index));
        self.step = step;
        self.table = table(step);
        Ok(())
    }

    /// Phase of the next sample, rad, in `-π..=π`.
    pub fn phase(&self) -> f64 {
        radians(self.phase_at(self.index))
    }

    /// Phase of any sample as a fraction of a turn, times 2^64.
    fn phase_at(&self, index: u64) -> u64 {
        self.step.wrapping_mul(index).wrapping_add(self.offset)
    }

    /// Multiplies the next `x.len()` samples, in place.
    pub fn push(&mut self, x: &mut [Complex32]) {
        match self.backend {
            Backend::Scalar => turn(x, self.step, self.phase_at(self.index)),
            Backend::Simd(level) => self.blocks(level, x),
            Backend::Gpu(_) => self.blocks(Level::new(), x),
        }
        self.index = self.index.wrapping_add(x.len() as u64);
    }

    /// Writes the oscillation itself.
    pub fn fill(&mut self, out: &mut [Complex32]) {
        out.fill(Complex32::ONE);
        self.push(out);
    }

    fn blocks(&self, level: Level, mut x: &mut [Complex32]) {
        let mut index = self.index;
        while !x.is_empty() {
            let within = (index % BLOCK as u64) as usize;
            let (now, later) = x.split_at_mut(x.len().min(BLOCK - within));
            let phase = Complex64::cis(radians(self.phase_at(index - within as u64)));
            let phasor = Complex32::new(phase.re as f32, phase.im as f32);
            let table = &self.table[within..within + now.len()];
            dispatch!(level, simd => rotate_lanes(simd, now, phasor, table));
            index = index.wrapping_add(now.len() as u64);
            x = later;
        }
    }
}

/// `x[n] *= exp(2πi f n / sample_rate)`, from sample 0: takes a frequency offset off with `frequency = -offset`.
///
/// # Errors
/// As [`Nco::new`].
pub fn rotate(backend: &Backend, x: &mut [Complex32], frequency: f64, sample_rate: f64) -> Result<()> {
    Nco::new(backend, frequency, sample_rate)?.push(x);
    Ok(())
}

/// The definition: each phase from its absolute index, sine and cosine in `f64`, the product rounded once.
///
/// # Errors
/// As [`Nco::new`].
pub fn scalar(x: &mut [Complex32], frequency: f64, sample_rate: f64) -> Result<()> {
    turn(x, step(frequency, sample_rate)?, 0);
    Ok(())
}

/// From `phase` on, in steps of `step`; both in turns, times 2^64.
fn turn(x: &mut [Complex32], step: u64, phase: u64) {
    for (x, n) in x.iter_mut().zip(0u64..) {
        let phase = step.wrapping_mul(n).wrapping_add(phase);
        let y = Complex64::new(x.re.into(), x.im.into()) * Complex64::cis(radians(phase));
        *x = Complex32::new(y.re as f32, y.im as f32);
    }
}

fn step(frequency: f64, sample_rate: f64) -> Result<u64> {
    if !(sample_rate.is_finite() && sample_rate > 0.0) {
        return Err(Error::out_of_range("sample_rate", "above 0 Hz and finite", sample_rate));
    }
    let turns = frequency / sample_rate;
    if turns.is_nan() || turns.abs() > 1_048_576.0 {
        return Err(Error::out_of_range("frequency", "finite and within 2^20 sample rates", frequency));
    }
    // The quotient's own rounding, times 2^30 samples, would be 4e-7 rad: divide the remainder too.
    let remainder = (-turns).mul_add(sample_rate, frequency);
    Ok(fraction(turns).wrapping_add(fraction(remainder / sample_rate)))
}

/// The fractional turns, times 2^64, rounded.
fn fraction(turns: f64) -> u64 {
    // Exact up to the rounding: the whole turns go first, and 2^64 is a power of two.
    let part = turns - turns.round();
    (part * TURN).round_ties_even() as i128 as u64
}

fn radians(phase: u64) -> f64 {
    phase as i64 as f64 * (TAU / TURN)
}

fn table(step: u64) -> Vec<Complex32> {
    (0..BLOCK as u64)
        .map(|k| Complex64::cis(radians(step.wrapping_mul(k))))
        .map(|phasor| Complex32::new(phasor.re as f32, phasor.im as f32))
        .collect()
}

/// `x[k] *= phasor · table[k]`.
#[simd]
fn rotate_lanes<S: Simd>(_: S, x: &mut [Complex32], phasor: Complex32, table: &[Complex32]) {
    for (x, t) in x.iter_mut().zip(table) {
        let re = t.re * phasor.re - t.im * phasor.im;
        let im = t.re * phasor.im + t.im * phasor.re;
        *x = Complex32::new(x.re * re - x.im * im, x.re * im + x.im * re);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Distance of a phasor's angle from `f n / rate` turns, computed in integers.
    fn error(phasor: Complex32, f: i128, rate: i128, n: u64) -> f64 {
        let turns = (f * i128::from(n)).rem_euclid(rate) as f64 / rate as f64;
        let got = f64::from(phasor.im).atan2(f64::from(phasor.re)) / TAU;
        let distance = (got - turns).rem_euclid(1.0);
        distance.min(1.0 - distance) * TAU
    }

    /// Less than 1e-6 rad after 2^30 samples, by going there and on to the end of the counter.
    #[test]
    fn phase_is_exact_far_out() {
        for (f, rate) in
            [(1_234_567, 30_720_000), (-7, 20_000_000), (433_920_001, 2_400_000), (9_999_999, 20_000_000)]
        {
            let mut nco = Nco::new(&Backend::default(), f as f64, rate as f64).unwrap();
            for n in [0, 1, 511, 512, (1 << 30) - 1, 1 << 30, (1 << 30) + 777, 1 << 40] {
                nco.seek(n);
                let mut out = [Complex32::ZERO; 700];
                nco.fill(&mut out);
                for (out, n) in out.iter().zip(n..) {
                    let limit = if n < 1 << 31 { 3e-7 } else { 1e-6 };
                    assert!(error(*out, f, rate, n) < limit, "{f} Hz at {rate}, sample {n}");
                }
            }
        }
    }

    /// And by running there: 2^30 samples, every 4096th of them looked at.
    #[test]
    fn phase_is_exact_after_running_two_to_the_thirty() {
        let (f, rate) = (1_234_567, 30_720_000);
        let mut nco = Nco::new(&Backend::default(), f as f64, rate as f64).unwrap();
        let mut block = vec![Complex32::ONE; 1 << 14];
        let mut worst = 0f64;
        while nco.index() <= 1 << 30 {
            let start = nco.index();
            nco.fill(&mut block);
            for (n, phasor) in (start..).zip(&block).step_by(4096) {
                worst = worst.max(error(*phasor, f, rate, n));
            }
        }
        assert!(worst < 3e-7, "{worst} rad");
    }

    /// A table entry and a phasor rounded to f32 keep the magnitude to 2e-7: it does not drift either.
    #[test]
    fn changing_frequency_keeps_phase() {
        let mut nco = Nco::new(&Backend::default(), 1e3, 1e6).unwrap().with_phase(0.5);
        assert!((nco.phase() - 0.5).abs() < 1e-15);
        nco.seek(123);
        let phase = nco.phase();
        nco.set_frequency(-7e4, 1e6).unwrap();
        assert!((nco.phase() - phase).abs() < 1e-12);
        let mut out = [Complex32::ZERO; 1];
        nco.fill(&mut out);
        assert!((f64::from(out[0].arg()) - phase).abs() < 3e-7);
        assert!((out[0].norm() - 1.0).abs() < 3e-7);
    }

    #[test]
    fn refuses_what_has_no_phase() {
        let new = |f, rate| Nco::new(&Backend::default(), f, rate).unwrap_err().to_string();
        assert_eq!(new(1.0, 0.0), "sample_rate must be above 0 Hz and finite, got 0");
        assert_eq!(new(f64::NAN, 1.0), "frequency must be finite and within 2^20 sample rates, got NaN");
        assert_eq!(
            new(1e300, 1.0).split(',').next(),
            Some("frequency must be finite and within 2^20 sample rates")
        );
    }

    proptest! {
        /// 0..=1300 samples cross blocks and every tail length.
        #[test]
        fn agrees_with_scalar(f in -1.0f64..1.0, n in 0usize..=1300) {
            let x: Vec<_> = (0..n).map(|i| Complex32::new(i as f32 * 0.01, 1.0)).collect();
            let (mut want, mut got) = (x.clone(), x);
            scalar(&mut want, f, 1.0).unwrap();
            rotate(&Backend::default(), &mut got, f, 1.0).unwrap();
            let mut again: Vec<_> = (0..n).map(|i| Complex32::new(i as f32 * 0.01, 1.0)).collect();
            rotate(&Backend::Scalar, &mut again, f, 1.0).unwrap();
            prop_assert_eq!(&want, &again);
            for (want, got) in want.iter().zip(&got) {
                prop_assert!((want - got).norm() <= 4e-7 * want.norm(), "{want} {got}");
            }
        }

        #[test]
        fn cutting_changes_nothing(f in -1.0f64..1.0, cuts in prop::collection::vec(0usize..400, 0..8)) {
            let x: Vec<_> = (0..1500).map(|i| Complex32::new(i as f32 * 0.01, 1.0)).collect();
            for backend in [Backend::Scalar, Backend::default()] {
                let (mut whole, mut parts) = (x.clone(), x.clone());
                rotate(&backend, &mut whole, f, 1.0).unwrap();
                let mut nco = Nco::new(&backend, f, 1.0).unwrap();
                let mut rest = &mut parts[..];
                for cut in &cuts {
                    let (now, later) = rest.split_at_mut((*cut).min(rest.len()));
                    nco.push(now);
                    rest = later;
                }
                nco.push(rest);
                prop_assert!(whole == parts);
            }
        }
    }
}
