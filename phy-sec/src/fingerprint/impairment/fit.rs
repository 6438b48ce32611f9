//! Gauss-Newton on all parameters at once.
//!
//! Everything is divided by the gain and turned back by the carrier, so that the columns of the Jacobian are a few complex
//! sequences (the burst, its slope, both times powers of time, a constant, the conjugate), each times a constant for each real parameter: only the
//! inner products of the sequences are summed over the samples.

use std::f64::consts::{PI, TAU};

use num_complex::{Complex32, Complex64};

use super::{
    coarse::Guess,
    fisher::{Covariance, Factor, MOST, Matrix},
    reference::{Reference, wide},
};

/// Places of the parameters in the covariance, in the order in which they are preferred.
pub(super) mod column {
    pub(in super::super) const GAIN: usize = 0;
    pub(in super::super) const FREQUENCY: usize = 2;
    pub(in super::super) const OFFSET: usize = 3;
    pub(in super::super) const IMAGE: usize = 5;
    pub(in super::super) const DRIFT: usize = 7;
    pub(in super::super) const DELAY: usize = 8;
    pub(in super::super) const STRETCH: usize = 9;
    pub(in super::super) const DC: usize = 10;
    pub(in super::super) const CUBIC: usize = 12;
}

/// Which parts of the model are fitted.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) dc: bool,
    pub(super) amplifier: bool,
}

/// The model's parameters; times in samples, frequencies in cycles per sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parameters {
    pub(super) gain: Complex64,
    pub(super) frequency: f64,
    pub(super) delay: f64,
    pub(super) drift: f64,
    pub(super) stretch: f64,
    pub(super) offset: Complex64,
    pub(super) image: Complex64,
    pub(super) dc: Complex64,
    pub(super) cubic: Complex64,
}

/// The end of it.
pub(super) struct Fitted {
    pub(super) parameters: Parameters,
    /// In the units of the parameters; that of the gain is relative to the gain.
    pub(super) covariance: Covariance,
    /// Variance of the noise over the squared gain.
    pub(super) noise: f64,
    pub(super) terms: Terms,
    /// Mean power of the model over the squared gain.
    pub(super) power: f64,
}

/// Samples that are turned back at a time: the sequences of a block stay in the first-level cache.
pub(super) const BLOCK: usize = 64;
/// Sequences at most.
const SEQUENCES: usize = 11;
/// Steps at most.
const STEPS: usize = 20;
/// A burst explains this many times the noise's variance in all; noise alone explains what the best of a million places and
/// lines does, about twenty, and the parameters' own share.
const LEAST: f64 = 50.0;

/// A block of the model and of what is left, everything over the gain.
pub(super) struct Block {
    re: [[f64; BLOCK]; SEQUENCES],
    im: [[f64; BLOCK]; SEQUENCES],
    /// `[0]` real, `[1]` imaginary part of the residual.
    rest: [[f64; BLOCK]; 2],
}

/// Which sequence, times which constant, is the column of a parameter.
type Columns = [Option<(usize, Complex64)>; MOST];

const J: Complex64 = Complex64::I;
const ONE: Complex64 = Complex64::ONE;
/// Of the sequences.
const BURST: usize = 0;

fn columns(terms: Terms) -> (Columns, usize) {
    let mut columns: Columns = [None; MOST];
    columns[column::GAIN] = Some((BURST, ONE));
    columns[column::GAIN + 1] = Some((BURST, J));
    columns[column::FREQUENCY] = Some((1, J * TAU));
    columns[column::DRIFT] = Some((2, J * PI));
    columns[column::DELAY] = Some((3, -ONE));
    columns[column::STRETCH] = Some((4, ONE));
    let mut next = 5;
    for place in [column::OFFSET, column::IMAGE] {
        // Behind an amplifier, the real and the imaginary part of a change do not have the same effect.
        columns[place] = Some((next, ONE));
        next += usize::from(terms.amplifier);
        columns[place + 1] = Some((next, J));
        next += 1;
    }
    for place in [(terms.dc, column::DC), (terms.amplifier, column::CUBIC)].into_iter().filter(|(on, _)| *on)
    {
        columns[place.1] = Some((next, ONE));
        columns[place.1 + 1] = Some((next, J));
        next += 1;
    }
    (columns, next)
}

impl Block {
    pub(super) fn new() -> Block {
        Block { re: [[0.0; BLOCK]; SEQUENCES], im: [[0.0; BLOCK]; SEQUENCES], rest: [[0.0; BLOCK]; 2] }
    }

    /// The model `F(u)` at `i`.
    pub(super) fn model(&self, i: usize) -> Complex64 {
        Complex64::new(self.re[BURST][i], self.im[BURST][i])
    }

    /// What is left at `i`.
    pub(super) fn residual(&self, i: usize) -> Complex64 {
        Complex64::new(self.rest[0][i], self.rest[1][i])
    }

    /// Samples `from` on of `y`; zeros where there are none.
    pub(super) fn fill(
        &mut self,
        reference: &Reference,
        y: &[Complex32],
        from: usize,
        p: &Parameters,
        terms: Terms,
    ) {
        let half = half(y.len());
        let first = reference.used().start as f64;
        let t0 = from as f64 - half;
        let scale = p.gain.inv();
        let mut turn = Complex64::cis(-TAU * (t0 * (p.frequency + 0.5 * p.drift * t0)).fract());
        let mut step = Complex64::cis(-TAU * (p.frequency + p.drift * (t0 + 0.5)).fract());
        let bend = Complex64::cis(-TAU * p.drift);
        let count = BLOCK.min(y.len() - from);
        for i in 0..count {
            let t = t0 + i as f64;
            let relative = t / half;
            let (s, slope) = reference.at(first + (from + i) as f64 - p.delay + p.stretch * t);
            let u = s + p.image * s.conj() + p.offset;
            let du = slope + p.image * slope.conj();
            let back = turn * scale;
            let mut put = |k: usize, z: Complex64| {
                self.re[k][i] = z.re;
                self.im[k][i] = z.im;
            };
            let (burst, change) = if terms.amplifier {
                let (power, square) = (u.norm_sqr(), p.cubic * u * u);
                let direct = 1.0 + 2.0 * p.cubic * power;
                put(5, direct + square);
                put(6, direct - square);
                put(7, direct * s.conj() + square * s);
                put(8, direct * s.conj() - square * s);
                put(9 + usize::from(terms.dc), u * power);
                (u + p.cubic * u * power, direct * du + square * du.conj())
            } else {
                put(5, ONE);
                put(6, s.conj());
                (u, du)
            };
            if terms.dc {
                put(if terms.amplifier { 9 } else { 7 }, back);
            }
            put(BURST, burst);
            put(1, burst * relative);
            put(2, burst * (relative * relative));
            put(3, change);
            put(4, change * relative);
            let rest = (wide(y[from + i]) - p.dc) * back - burst;
            self.rest[0][i] = rest.re;
            self.rest[1][i] = rest.im;
            turn *= step;
            step *= bend;
        }
        if count < BLOCK {
            self.re
                .iter_mut()
                .chain(&mut self.im)
                .chain(&mut self.rest)
                .for_each(|row| row[count..].fill(0.0));
        }
    }
}

/// Half of what is fitted, in samples: `t` runs from minus this to this.
fn half(samples: usize) -> f64 {
    (samples - 1) as f64 / 2.0
}

/// `Σ a* b` of a block, in four sums that do not wait for one another.
fn inner(a: (&[f64; BLOCK], &[f64; BLOCK]), b: (&[f64; BLOCK], &[f64; BLOCK])) -> Complex64 {
    let (mut re, mut im) = ([0.0; 4], [0.0; 4]);
    let fours =
        |row: &'_ [f64; BLOCK], at: usize| -> [f64; 4] { [row[at], row[at + 1], row[at + 2], row[at + 3]] };
    for at in (0..BLOCK).step_by(4) {
        let (ar, ai, br, bi) = (fours(a.0, at), fours(a.1, at), fours(b.0, at), fours(b.1, at));
        for i in 0..4 {
            re[i] += ar[i] * br[i] + ai[i] * bi[i];
            im[i] += ar[i] * bi[i] - ai[i] * br[i];
        }
    }
    Complex64::new(re.iter().sum(), im.iter().sum())
}

/// Normal equations at one place.
struct Normal {
    matrix: Matrix,
    right: [f64; MOST],
    /// `Σ|residual|²` and `Σ|model|²`, over the squared gain.
    rest: f64,
    model: f64,
}

fn normal(reference: &Reference, y: &[Complex32], p: &Parameters, terms: Terms, block: &mut Block) -> Normal {
    let (columns, count) = columns(terms);
    let mut gram = [[Complex64::ZERO; SEQUENCES]; SEQUENCES];
    let (mut right, mut rest) = ([Complex64::ZERO; SEQUENCES], 0.0);
    for from in (0..y.len()).step_by(BLOCK) {
        block.fill(reference, y, from, p, terms);
        let residual = (&block.rest[0], &block.rest[1]);
        rest += inner(residual, residual).re;
        for k in 0..count {
            let this = (&block.re[k], &block.im[k]);
            right[k] += inner(this, residual);
            for (l, sum) in gram[k].iter_mut().enumerate().take(count).skip(k) {
                *sum += inner(this, (&block.re[l], &block.im[l]));
            }
        }
    }
    let mut normal =
        Normal { matrix: [[0.0; MOST]; MOST], right: [0.0; MOST], rest, model: gram[BURST][BURST].re };
    for (i, first) in columns.iter().enumerate() {
        let Some((k, unit)) = *first else { continue };
        normal.right[i] = (unit.conj() * right[k]).re;
        for (j, second) in columns.iter().enumerate() {
            let Some((l, other)) = *second else { continue };
            let product = if k <= l { gram[k][l] } else { gram[l][k].conj() };
            normal.matrix[i][j] = (unit.conj() * other * product).re;
        }
    }
    normal
}

impl Parameters {
    /// `share` of a step in the columns' units.
    fn moved(&self, step: &[f64; MOST], share: f64, half: f64) -> Parameters {
        let at = |i: usize| step[i] * share;
        let pair = |i: usize| Complex64::new(at(i), at(i + 1));
        Parameters {
            gain: self.gain * (1.0 + pair(column::GAIN)),
            frequency: self.frequency + at(column::FREQUENCY) / half,
            delay: self.delay + at(column::DELAY),
            drift: self.drift + at(column::DRIFT) / (half * half),
            stretch: self.stretch + at(column::STRETCH) / half,
            offset: self.offset + pair(column::OFFSET),
            image: self.image + pair(column::IMAGE),
            dc: self.dc + pair(column::DC),
            cubic: self.cubic + pair(column::CUBIC),
        }
    }
}

/// The least-squares fit to `y`, which lies where `guess` says; `None` if no burst stands out of the noise.
pub(super) fn gauss_newton(
    reference: &Reference,
    y: &[Complex32],
    guess: &Guess,
    terms: Terms,
) -> Option<Fitted> {
    if !(guess.gain.norm_sqr() > 0.0 && guess.gain.is_finite()) {
        return None;
    }
    let half = half(y.len());
    let mut block = Block::new();
    let mut p = Parameters { gain: guess.gain, frequency: guess.frequency, ..Parameters::default() };
    let mut now = normal(reference, y, &p, terms, &mut block);
    for _ in 0..STEPS {
        let factor = Factor::new(&now.matrix);
        let step = factor.solve(&now.right);
        // The square of the step in units of its own standard errors.
        let gain: f64 = step.iter().zip(&now.right).map(|(step, right)| step * right).sum();
        let done = gain <= 1e-4 * now.rest / y.len() as f64;
        // No more than half a sample at once: beyond, the slope says little of the waveform.
        let mut share = 1f64.min(0.5 / step[column::DELAY].abs());
        if done {
            p = p.moved(&step, share, half);
            break;
        }
        let (next, there) = loop {
            let next = p.moved(&step, share, half);
            let there = normal(reference, y, &next, terms, &mut block);
            let better = there.rest * next.gain.norm_sqr() < now.rest * p.gain.norm_sqr();
            if better || share < 1e-3 {
                break (next, there);
            }
            share /= 4.0;
        };
        if !(there.rest.is_finite() && there.model.is_finite()) {
            return None;
        }
        (p, now) = (next, there);
    }
    let factor = Factor::new(&now.matrix);
    let samples = y.len() as f64;
    let noise = now.rest / (samples - factor.rank() as f64 / 2.0);
    // A noiseless burst leaves rounding.
    if !(now.model > LEAST * noise) {
        return None;
    }
    let mut covariance = factor.covariance(noise / 2.0);
    covariance.rescale(column::FREQUENCY, 1.0 / half);
    covariance.rescale(column::DRIFT, 1.0 / (half * half));
    covariance.rescale(column::STRETCH, 1.0 / half);
    Some(Fitted { parameters: p, covariance, noise, power: now.model / samples, terms })
}
