//! Places whose window is far weaker than its block, where the rounding of the block's transform would show.
//!
//! They are transformed again, in a copy of the block that keeps only the samples of such windows: no sample of
//! theirs is strong. What is still far weaker than the copy waits for the next one. Every window of a copy that
//! waits is 50 dB under it, and so few windows cover the copy that each copy is at least 25 dB weaker than the
//! one before: the number of transforms is bounded by the range of `f32`, whatever the samples, and a few direct
//! sums cost less than a transform. Silence costs none.

use fearless_simd::Level;
use num_complex::Complex32;

use super::{FLOOR, normalised};
use crate::{
    correlate,
    overlap_save::{Block, Room},
};

/// One thread's working memory; empty until a block needs it.
#[derive(Clone, Default)]
pub(super) struct Copy {
    samples: Vec<Complex32>,
    energies: Vec<f64>,
    waits: Vec<bool>,
}

/// What the second look cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Effort {
    pub(super) transforms: usize,
    /// Products summed directly.
    pub(super) products: usize,
}

/// Which places of a block are looked at again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Which {
    /// Those with less window energy.
    Below(f64),
    /// All: the block holds what is no number, or squares that leave `f32`.
    All,
}

/// Writes the places of `out` that `which` names; `template` as [`Block`] has it, of energy `template_energy`.
#[allow(clippy::too_many_arguments)]
pub(super) fn again(
    level: Level,
    template: &[Complex32],
    template_energy: f64,
    block: &Block,
    x: &[Complex32],
    which: Which,
    (room, copy): (&mut Room, &mut Copy),
    out: &mut [f32],
) -> Effort {
    let Copy { samples, energies, waits } = copy;
    let window = template.len();
    let mut effort = Effort::default();
    waits.clear();
    match which {
        Which::Below(floor) => {
            window_energies(x, window, energies);
            waits.extend(energies.iter().map(|energy| *energy < floor));
        }
        Which::All => {
            waits.resize(out.len(), true);
            pass_over_bad(x, window, waits, out);
        }
    }
    loop {
        let waiting = waits.iter().filter(|waits| **waits).count();
        if waiting == 0 {
            return effort;
        }
        // From the block itself each time: what scaling rounds to nothing beside the strong may be what waits.
        keep(x, window, waits, samples);
        let peak = peak(samples);
        if peak == 0.0 {
            for (out, _) in out.iter_mut().zip(&*waits).filter(|(_, waits)| **waits) {
                *out = 0.0;
            }
            return effort;
        }
        scale(samples, peak);
        let block_energy = window_energies(samples, window, energies);
        // A place costs `window` products, a transform some ten for each sample.
        let direct = waiting * window <= 8 * samples.len();
        let sums = if direct {
            effort.products += waiting * window;
            None
        } else {
            effort.transforms += 1;
            Some(block.filter(samples, room))
        };
        for (k, (out, waits)) in out.iter_mut().zip(&mut *waits).enumerate() {
            if !*waits {
                continue;
            }
            let (sum, energy) = match sums {
                Some(_) if energies[k] < block_energy * FLOOR => continue,
                Some(sums) => (sums[k], energies[k]),
                None => {
                    let window = &samples[k..k + window];
                    (correlate::simd(level, window, template), energy(window))
                }
            };
            let power = f64::from(sum.re).powi(2) + f64::from(sum.im).powi(2);
            *out = normalised(power, energy * template_energy);
            *waits = false;
        }
    }
}

/// The energy of each window into `energies`; that of the whole. They run along, wrong by an ulp of the whole for each step.
fn window_energies(x: &[Complex32], window: usize, energies: &mut Vec<f64>) -> f64 {
    energies.clear();
    let mut running = energy(&x[..window]);
    let mut whole = running;
    energies.push(running);
    for (old, new) in x.iter().zip(&x[window..]) {
        let new = square(new);
        whole += new;
        running += new - square(old);
        energies.push(running);
    }
    whole
}

/// Windows that hold what is no number are done, and 0.
fn pass_over_bad(x: &[Complex32], window: usize, waits: &mut [bool], out: &mut [f32]) {
    let mut done = 0; // places before it are settled
    for (n, _) in x.iter().enumerate().filter(|(_, x)| !(x.re.is_finite() && x.im.is_finite())) {
        let (first, end) = ((n + 1).saturating_sub(window).max(done), (n + 1).min(waits.len()));
        for k in first..end {
            waits[k] = false;
            out[k] = 0.0;
        }
        done = done.max(end);
    }
}

/// The samples of waiting windows, zeros for the others.
fn keep(x: &[Complex32], window: usize, waits: &[bool], kept: &mut Vec<Complex32>) {
    let mut end = 0; // of the last waiting window so far
    kept.clear();
    kept.extend(x.iter().enumerate().map(|(n, x)| {
        if waits.get(n).is_some_and(|waits| *waits) {
            end = n + window;
        }
        if n < end { *x } else { Complex32::ZERO }
    }));
}

/// The largest of all parts.
pub(super) fn peak(x: &[Complex32]) -> f32 {
    x.iter().fold(0f32, |peak, x| peak.max(x.re.abs()).max(x.im.abs()))
}

/// Divides by the power of two at or below `peak`: exact, and squares stay within `f32`.
pub(super) fn scale(x: &mut [Complex32], peak: f32) {
    // In f64, where it and its inverse are normal numbers for every f32.
    let by = 2f64.powi(-(f64::from(peak).log2().floor() as i32));
    for x in x {
        *x = Complex32::new((f64::from(x.re) * by) as f32, (f64::from(x.im) * by) as f32);
    }
}

fn square(x: &Complex32) -> f64 {
    f64::from(x.re) * f64::from(x.re) + f64::from(x.im) * f64::from(x.im)
}

pub(super) fn energy(x: &[Complex32]) -> f64 {
    x.iter().map(square).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backend,
        overlap_save::block_size,
        xcorr::{self, tests::samples},
    };

    /// What one block costs and gives.
    fn one_block(template: &[Complex32], x: &[Complex32], which: Which) -> (Effort, Vec<f32>) {
        let taps: Vec<_> = template.iter().rev().map(Complex32::conj).collect();
        let block = Block::new(&Backend::default(), &taps, x.len());
        let (mut room, mut copy, mut out) = (block.room(), Copy::default(), vec![0.5; block.step()]);
        let level = Level::new();
        let effort =
            again(level, template, energy(template), &block, x, which, (&mut room, &mut copy), &mut out);
        (effort, out)
    }

    /// The work is that of transforms, not of places times window: none for silence, one for one weak stretch, and one for
    /// every stretch that is weak beside the next, down to what `f32` can hold.
    #[test]
    fn work_does_not_grow_with_the_template() {
        for taps in [500, 4000] {
            let template = samples(taps, 0.5);
            let size = block_size(taps);
            let x = samples(size, 3.0);
            let silent = |from: usize| {
                let mut x = x.clone();
                x[from..].fill(Complex32::ZERO);
                x
            };
            let (effort, out) = one_block(&template, &silent(taps / 2), Which::Below(1e-9));
            assert_eq!(effort, Effort::default(), "{taps}: silence");
            assert_eq!(out[taps / 2], 0.0, "{taps}");
            assert_eq!(out[taps / 2 - 1], 0.5, "{taps}: a window that holds a sample was not asked for");

            let mut weak = x.clone();
            weak[taps..].iter_mut().for_each(|x| *x *= 1e-4);
            let floor = energy(&weak) * FLOOR;
            let (effort, _) = one_block(&template, &weak, Which::Below(floor));
            assert_eq!(effort, Effort { transforms: 1, products: 0 }, "{taps}: one weak stretch");

            // A staircase, 35 dB a step: every second step is new to a transform.
            let mut stairs = x.clone();
            for (n, x) in stairs.iter_mut().enumerate() {
                *x *= 10f32.powf(-1.75 * (n / (taps / 2)) as f32);
            }
            let (effort, _) = one_block(&template, &stairs, Which::All);
            assert!(effort.transforms <= 12, "{taps}: {effort:?}");
            assert!(effort.products <= 8 * size, "{taps}: {effort:?}");
        }
    }

    /// From the largest numbers that f32 has to the smallest normal ones, and NaNs: right, in few transforms.
    #[test]
    fn every_level_is_as_exact_as_the_first() {
        let template = samples(300, 0.5);
        let mut x = samples(block_size(300), 7.0);
        for (n, x) in x.iter_mut().enumerate() {
            *x *= 10f32.powf(37.0 - (n / 28) as f32);
        }
        x[1000].re = f32::NAN;
        x[1200].im = f32::INFINITY;
        let (effort, got) = one_block(&template, &x, Which::All);
        for (k, (want, got)) in xcorr::scalar(&template, &x).iter().zip(&got).enumerate() {
            assert!((want - got).abs() <= 1e-5, "place {k}: {got} for {want}");
        }
        assert!(effort.transforms <= 60 && effort.products <= 8 * x.len(), "{effort:?}");
    }
}
