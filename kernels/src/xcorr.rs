//! Normalised cross-correlation against a known template, `ρ[k] = |Σ x[k+n] t*[n]|² / (Σ|t|² Σ|x[k+n]|²)`:
//! 1 where the template stands, whatever its level and phase. Read [`scalar`] first: it is the definition.
//!
//! The sums come from overlap-save FFT blocks on a grid of absolute samples, so that cutting the stream
//! anywhere changes nothing. Windows more than 50 dB weaker than their block, where the transform's
//! rounding would show, are transformed again among their like. There is no GPU version: a GPU backend runs on the processor.

mod quiet;

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::Complex32;

use crate::{
    Backend,
    error::{Error, Result},
    overlap_save::{Block, Room, block_size, each_block},
};
use quiet::Which;

/// The longest template, in samples: 2^22.
pub const MAX_TEMPLATE: usize = 1 << 22;

/// The definition, summed in `f64`: one value for each place where the template lies wholly within `x`;
/// 0 where the window or the template is silent, or holds a NaN or an infinity.
pub fn scalar(template: &[Complex32], x: &[Complex32]) -> Vec<f32> {
    let energy =
        |x: &[Complex32]| x.iter().map(|x| f64::from(x.re).powi(2) + f64::from(x.im).powi(2)).sum::<f64>();
    if template.is_empty() {
        return Vec::new();
    }
    x.windows(template.len())
        .map(|window| {
            let (mut re, mut im) = (0.0, 0.0);
            for (x, t) in window.iter().zip(template) {
                let (a, b, c, d) = (f64::from(x.re), f64::from(x.im), f64::from(t.re), f64::from(t.im));
                re += a * c + b * d;
                im += b * c - a * d;
            }
            normalised(re * re + im * im, energy(window) * energy(template))
        })
        .collect()
}

fn normalised(power: f64, energies: f64) -> f32 {
    if energies > 0.0 && energies.is_finite() { (power / energies).min(1.0) as f32 } else { 0.0 }
}

/// A template to look for in a stream.
#[derive(Clone)]
pub struct Template {
    backend: Backend,
    /// Scaled by a power of two to a peak within 1..2.
    template: Vec<Complex32>,
    energy: f64,
    block: Block,
    rooms: Vec<(Room, quiet::Copy)>,
    /// Samples from the next block's start on.
    line: Vec<Complex32>,
}

impl Template {
    /// Plans the transforms.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the template holds 1..=2^22 samples and has a finite energy above 0.
    pub fn new(backend: &Backend, template: &[Complex32]) -> Result<Self> {
        if !(1..=MAX_TEMPLATE).contains(&template.len()) {
            return Err(Error::out_of_range("template", "within 1..=4194304 samples", template.len()));
        }
        let energy = quiet::energy(template);
        if !(energy.is_finite() && energy > 0.0) {
            return Err(Error::out_of_range("template", "of finite energy above 0", energy));
        }
        let mut template = template.to_vec();
        let peak = quiet::peak(&template);
        quiet::scale(&mut template, peak);
        let energy = quiet::energy(&template);
        // Correlation is convolution with the conjugate, backwards.
        let taps: Vec<_> = template.iter().rev().map(Complex32::conj).collect();
        let block = Block::new(backend, &taps, block_size(taps.len()));
        let rooms = vec![(block.room(), quiet::Copy::default()); rayon::current_num_threads().max(1)];
        Ok(Template { backend: backend.clone(), template, energy, block, rooms, line: Vec::new() })
    }

    /// Samples in the template.
    pub fn len(&self) -> usize {
        self.template.len()
    }

    /// Never: [`Template::new`] refuses it.
    pub fn is_empty(&self) -> bool {
        self.template.is_empty()
    }

    /// Takes the next samples; appends `ρ[k]` for every place `k` whose block is whole, in order.
    pub fn push(&mut self, mut x: &[Complex32], out: &mut Vec<f32>) {
        let Template { backend, template, energy, block, rooms, line } = self;
        let (size, step) = (block.size(), block.step());
        while !line.is_empty() {
            let reach = line.len();
            let take = (size - reach).min(x.len());
            line.extend_from_slice(&x[..take]);
            if line.len() < size {
                return;
            }
            let first = out.len();
            out.resize(first + step, 0.0);
            places(backend, template, *energy, block, line, &mut rooms[0], &mut out[first..]);
            if reach <= step {
                x = &x[step - reach..];
                line.clear();
            } else {
                line.drain(..step);
                x = &x[take..];
            }
        }
        let blocks = if x.len() < size { 0 } else { (x.len() - (size - step)) / step };
        let first = out.len();
        out.resize(first + blocks * step, 0.0);
        let (backend, template, energy, block) = (&*backend, &template[..], *energy, &*block);
        each_block(rooms, x.len(), &mut out[first..], step, |index, room, out| {
            places(backend, template, energy, block, &x[index * step..][..size], room, out);
        });
        line.extend_from_slice(&x[blocks * step..]);
    }

    /// The places that still wait for their block; then as new.
    ///
    /// Over a stream of `n` samples: `n - len + 1` values, none if it was shorter than the template.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let waiting = (self.line.len() + 1).saturating_sub(self.template.len());
        if waiting > 0 {
            self.line.resize(self.block.size(), Complex32::ZERO);
            let first = out.len();
            out.resize(first + self.block.step(), 0.0);
            let (room, out) = (&mut self.rooms[0], &mut *out);
            places(
                &self.backend,
                &self.template,
                self.energy,
                &self.block,
                &self.line,
                room,
                &mut out[first..],
            );
            out.truncate(first + waiting);
        }
        self.reset();
    }

    /// Forgets the samples; the next one is sample 0.
    pub fn reset(&mut self) {
        self.line.clear();
    }

    /// All places within one block: push and finish.
    pub fn correlate(&mut self, x: &[Complex32]) -> Vec<f32> {
        self.reset();
        let mut out = Vec::with_capacity(x.len());
        self.push(x, &mut out);
        self.finish(&mut out);
        out
    }
}

/// The `step` places of one block.
fn places(
    backend: &Backend,
    template: &[Complex32],
    energy: f64,
    block: &Block,
    x: &[Complex32],
    room: &mut (Room, quiet::Copy),
    out: &mut [f32],
) {
    match backend {
        Backend::Scalar => out.copy_from_slice(&scalar(template, x)),
        Backend::Simd(level) => transformed(*level, template, energy, block, x, room, out),
        Backend::Gpu(_) => transformed(Level::new(), template, energy, block, x, room, out),
    }
}

/// A window's least energy, relative to its block's. The transform's rounding is some 2^-23 of the block's amplitude over the
/// root of its places, 512 at least: of a window at -50 dB that is 316 / 22 as much, and leaves the power good to 4e-6.
const FLOOR: f64 = 1e-5;

/// Energies of block times template whose powers, and those of the weakest window above the floor, are normal in `f32`.
const WITHIN: std::ops::RangeInclusive<f64> = 1e-24..=1e36;

fn transformed(
    level: Level,
    template: &[Complex32],
    template_energy: f64,
    block: &Block,
    x: &[Complex32],
    (room, copy): &mut (Room, quiet::Copy),
    out: &mut [f32],
) {
    let sums = block.filter(x, room);
    dispatch!(level, simd => power_lanes(simd, sums, out));
    let (weakest, block_energy) = sliding_energy(level, x, template.len(), template_energy, out);
    let floor = block_energy * FLOOR;
    let which = if !WITHIN.contains(&(block_energy * template_energy)) {
        Which::All
    } else if weakest < floor {
        Which::Below(floor)
    } else {
        return;
    };
    quiet::again(level, template, template_energy, block, x, which, (room, copy), out);
}

#[simd]
fn power_lanes<S: Simd>(_: S, sums: &[Complex32], out: &mut [f32]) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = sum.re * sum.re + sum.im * sum.im;
    }
}

/// Divides each place's power by the energies; the least window energy, and that of the whole block.
fn sliding_energy(
    level: Level,
    x: &[Complex32],
    window: usize,
    template: f64,
    out: &mut [f32],
) -> (f64, f64) {
    dispatch!(level, simd => sliding_lanes(simd, x, window, template, out))
}

/// The window's energy runs along in `f64`. Eight differences are summed apart from the running total, so
/// that only one addition in eight waits for the one before.
#[simd]
fn sliding_lanes<S: Simd>(
    _: S,
    x: &[Complex32],
    window: usize,
    template: f64,
    out: &mut [f32],
) -> (f64, f64) {
    let square = |x: &Complex32| f64::from(x.re) * f64::from(x.re) + f64::from(x.im) * f64::from(x.im);
    let mut total: f64 = x[..window].iter().map(square).sum();
    let mut whole = total;
    let mut weakest = total;
    let last = out.len() - 1;
    let leaving = x[..last].chunks(8);
    let entering = x[window..window + last].chunks(8);
    let (first, rest) = out.split_at_mut(1);
    first[0] = ratio(first[0], total * template);
    for ((out, leaving), entering) in rest.chunks_mut(8).zip(leaving).zip(entering) {
        let mut run = [0.0; 8];
        let mut sum = 0.0;
        for ((run, old), new) in run.iter_mut().zip(leaving).zip(entering) {
            let new = square(new);
            whole += new;
            sum += new - square(old);
            *run = sum;
        }
        for (out, run) in out.iter_mut().zip(run) {
            let energy = total + run;
            weakest = weakest.min(energy);
            *out = ratio(*out, energy * template);
        }
        total += sum;
    }
    (weakest, whole)
}

/// In `f32`, as fast as it goes; places where that is not good enough are done again.
#[inline(always)]
fn ratio(power: f32, energies: f64) -> f32 {
    let energies = energies as f32;
    if energies > 0.0 { (power / energies).min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn samples(n: usize, seed: f32) -> Vec<Complex32> {
        (0..n)
            .map(|i| i as f32)
            .map(|i| Complex32::new((0.7 * i + seed).sin(), (0.11 * i * i + seed).cos()))
            .collect()
    }

    /// 1 where the template stands, scaled and turned; the place is the sample where it begins.
    #[test]
    fn finds_what_was_planted() {
        let template = samples(100, 0.0);
        let mut x = samples(5000, 9.0);
        for (x, t) in x[1234..].iter_mut().zip(&template) {
            *x = t * Complex32::from_polar(0.01, 2.0);
        }
        let got = Template::new(&Backend::default(), &template).unwrap().correlate(&x);
        assert_eq!(got.len(), 4901);
        let peak = (0..got.len()).max_by(|a, b| got[*a].total_cmp(&got[*b])).unwrap();
        assert_eq!(peak, 1234);
        assert!((got[peak] - 1.0).abs() < 1e-4, "{}", got[peak]);
    }

    /// 140 dB from a burst to what follows it, then digital silence: what no f32 transform resolves.
    #[test]
    fn weak_windows_beside_strong_ones() {
        let template = samples(64, 0.0);
        let mut x = samples(1500, 3.0);
        x[300..].iter_mut().for_each(|x| *x *= 1e-7);
        x[900..].fill(Complex32::ZERO);
        let (want, got) =
            (scalar(&template, &x), Template::new(&Backend::default(), &template).unwrap().correlate(&x));
        for (k, (want, got)) in want.iter().zip(&got).enumerate() {
            assert!((want - got).abs() < 1e-4, "place {k}: {got} for {want}");
        }
    }

    /// Level is nothing: of the samples or of the template, where the squares of either leave `f32`.
    #[test]
    fn levels_that_square_out_of_range() {
        let (template, x) = (samples(64, 0.0), samples(1500, 3.0));
        let want = scalar(&template, &x);
        let scaled = |x: &[Complex32], by: f32| x.iter().map(|x| x * by).collect::<Vec<_>>();
        for (of_template, of_x) in [(1e-30, 1.0), (1e30, 1.0), (1.0, 1e-30), (1.0, 1e30), (1e-30, 1e30)] {
            let (template, x) = (scaled(&template, of_template), scaled(&x, of_x));
            let got = Template::new(&Backend::default(), &template).unwrap().correlate(&x);
            for (k, (want, got)) in want.iter().zip(&got).enumerate() {
                assert!((want - got).abs() < 1e-5, "{of_template} {of_x}, place {k}: {got} for {want}");
            }
        }
    }

    /// A NaN costs the windows that hold it, not their block.
    #[test]
    fn a_nan_stays_where_it_is() {
        let (template, mut x) = (samples(64, 0.0), samples(700, 3.0));
        x[200].re = f32::NAN;
        x[600].im = f32::INFINITY;
        let (want, got) =
            (scalar(&template, &x), Template::new(&Backend::default(), &template).unwrap().correlate(&x));
        assert_eq!(got[200], 0.0);
        for (k, (want, got)) in want.iter().zip(&got).enumerate() {
            assert!((want - got).abs() < 1e-5, "place {k}: {got} for {want}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_found() {
        let new = |t: &[Complex32]| Template::new(&Backend::default(), t).err().unwrap().to_string();
        assert_eq!(new(&[]), "template must be within 1..=4194304 samples, got 0");
        assert_eq!(new(&[Complex32::ZERO; 4]), "template must be of finite energy above 0, got 0");
        assert_eq!(
            new(&[Complex32::new(f32::NAN, 0.0)]),
            "template must be of finite energy above 0, got NaN"
        );
    }

    /// A template of one sample is found everywhere, at the weakest sample as well.
    #[test]
    fn weak_windows_are_as_exact_as_others() {
        for seed in 0..40 {
            let (template, mut x) = (samples(1, 0.5), samples(1024, seed as f32));
            for (k, x) in x.iter_mut().enumerate() {
                *x *= 10f32.powf(-((k % 9) as f32) / 2.0);
            }
            for got in Template::new(&Backend::default(), &template).unwrap().correlate(&x) {
                assert!((got - 1.0).abs() <= 1e-5, "{got}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn agrees_with_scalar(n in 0usize..=1500, k in 1usize..=130) {
            let (template, x) = (samples(k, 0.5), samples(n, 7.0));
            let (want, got) = (scalar(&template, &x), Template::new(&Backend::default(), &template).unwrap().correlate(&x));
            prop_assert_eq!(&want, &Template::new(&Backend::Scalar, &template).unwrap().correlate(&x));
            prop_assert_eq!(want.len(), got.len());
            for (want, got) in want.iter().zip(&got) {
                prop_assert!((want - got).abs() <= 1e-5, "{want} {got}");
            }
        }

        #[test]
        fn cutting_changes_nothing(cuts in prop::collection::vec(0usize..1500, 0..8), k in 1usize..=130) {
            let (template, x) = (samples(k, 0.5), samples(4000, 7.0));
            for backend in [Backend::Scalar, Backend::default()] {
                let mut search = Template::new(&backend, &template).unwrap();
                let whole = search.correlate(&x);
                let (mut parts, mut rest) = (Vec::new(), &x[..]);
                for cut in &cuts {
                    let (now, later) = rest.split_at((*cut).min(rest.len()));
                    search.push(now, &mut parts);
                    rest = later;
                }
                search.push(rest, &mut parts);
                search.finish(&mut parts);
                prop_assert!(whole == parts);
            }
        }
    }
}
