//! Carrier frequency offset, without a preamble.
//!
//! The phase of the autocorrelation at lag 1 is coarse and cannot be ambiguous; each doubling of the lag, as
//! long as the signal stays coherent over it, halves the error (the idea of Fitz, "Further results in the fast
//! estimation of a single frequency", IEEE Trans. Commun. 42, 1994, with doubling instead of all lags). If the whole burst is
//! coherent, it is a tone, keyed or not, and Gauss-Newton steps on the likelihood finish at the Cramér-Rao bound (Rife and
//! Boorstyn, IEEE Trans. Inf. Theory 20(5), 1974).
//!
//! A modulated burst gives its mean frequency weighted by power: repeatable for symmetric spectra; for
//! frequency-shift keying it leans to the symbol sent more often ([`super::frequency`] holds the centre between the two). Around
//! that, a line of the burst's second or fourth power is sought, which phase-shift keying and QAM have at that multiple of the
//! carrier (Viterbi and Viterbi, IEEE Trans. Inf. Theory 29(4), 1983, for the idea): with it, the offset is known to a few Hz.

use std::f64::consts::TAU;

use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;

use super::{Measured, Segment, measured};

/// Hz.
pub const NAMES: &[&str] = &["cfo"];

/// Blocks from whose scatter the error of a modulated burst's estimate is taken.
const BLOCKS: usize = 8;

/// How far from the multiple of the coarse estimate its line is sought, in cycles per sample. Lines of the symbol rate may lie
/// inside, but they are weaker than the one at the carrier.
const REACH: f64 = 0.08;

/// A carrier frequency in cycles per sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carrier {
    /// Between -0.5 and 0.5.
    pub frequency: f64,
    /// One sigma.
    pub standard_error: f64,
    /// Whether the burst is one coherent tone, perhaps keyed on and off.
    pub tone: bool,
}

/// Carrier frequency offset in Hz.
pub fn measure(segment: &Segment) -> [Measured; 1] {
    let Carrier { frequency, standard_error, .. } = segment.carrier;
    [measured(frequency * segment.sample_rate, standard_error * segment.sample_rate)]
}

/// The carrier of `x`, in which samples without carrier are zero.
///
/// Exact to the Cramér-Rao bound for a tone above threshold: `var(f) = σ² / (8π² A² Σ(n - n̄)²)`, the sum over the
/// samples that are on. For anything else the error is that of the scatter between eight parts of the burst.
pub fn carrier(x: &[Complex32]) -> Carrier {
    let x: Vec<Complex64> = x.iter().map(|x| Complex64::new(f64::from(x.re), f64::from(x.im))).collect();
    let (first, coherence) = correlation(&x, 1);
    let mut omega = first.arg();
    let mut lag = 1;
    let mut tone = true;
    while lag * 4 <= x.len() {
        let (sum, next) = correlation(&x, lag * 2);
        // Gaps in the keying may leave no pairs at this lag and many at the next: that is no decision either way.
        if let Some(next) = next {
            if next < 0.6 * coherence.unwrap_or(0.0) {
                tone = false;
                break;
            }
            omega += (sum * Complex64::cis(-omega * (lag * 2) as f64)).arg() / (lag * 2) as f64;
        }
        lag *= 2;
    }
    if tone && let Some(carrier) = refine(&x, omega) {
        return carrier;
    }
    let standard_error = scatter(&x, lag, omega);
    let coarse = Carrier { frequency: wrap(omega / TAU), standard_error, tone: false };
    [2, 4].into_iter().find_map(|power| power_line(&x, coarse, power)).unwrap_or(coarse)
}

/// The carrier from a line of `x` to the `power`, sought around `coarse`; `None` if none stands out.
fn power_line(x: &[Complex64], coarse: Carrier, power: u32) -> Option<Carrier> {
    let scale = (x.iter().map(|x| x.norm_sqr()).sum::<f64>() / x.len() as f64).sqrt();
    let raised: Vec<Complex64> = x.iter().map(|x| (x / scale).powu(power)).collect();
    // Padded to twice its length, so that no line falls between two bins.
    let bins = 2 * x.len().next_power_of_two();
    let mut spectrum = raised.clone();
    spectrum.resize(bins, Complex64::ZERO);
    FftPlanner::new().plan_fft_forward(bins).process(&mut spectrum);
    let at = |bin: i64| spectrum[bin.rem_euclid(bins as i64) as usize].norm_sqr();
    let middle = (f64::from(power) * coarse.frequency * bins as f64).round() as i64;
    // Not the coarse estimate's own error: an echo or a leak moves that estimate by more than its scatter shows.
    let reach = ((REACH * bins as f64) as i64).max(8);
    let peak = (middle - reach..=middle + reach).max_by(|a, b| at(*a).total_cmp(&at(*b)))?;
    let around: Vec<f64> = (-64..=64i64).filter(|d| d.abs() > 8).map(|d| at(peak + d)).collect();
    let floor = around.iter().sum::<f64>() / around.len() as f64;
    // Exponential noise: the greatest of a million bins passes thirty times the mean once in ten million bursts.
    if at(peak) < 30.0 * floor || floor <= 0.0 {
        return None;
    }
    let top = climb(&raised, TAU * peak as f64 / bins as f64)?;
    let standard_error = phase_scatter(&raised, top.omega, top.sum) / TAU;
    // One of `power` frequencies has this multiple: the one nearest to the coarse estimate.
    let order = f64::from(power);
    let multiple = top.omega / TAU;
    let frequency = (multiple + (order * coarse.frequency - multiple).round()) / order;
    Some(Carrier { frequency: wrap(frequency), standard_error: standard_error / order, tone: false })
}

/// `Σ x[n + lag] x*[n]`, and how much of `Σ |x[n + lag]| |x[n]|` that is, if there are any pairs.
fn correlation(x: &[Complex64], lag: usize) -> (Complex64, Option<f64>) {
    let (mut sum, mut all) = (Complex64::ZERO, 0.0);
    for (late, early) in x[lag.min(x.len())..].iter().zip(x) {
        let product = late * early.conj();
        sum += product;
        all += product.norm();
    }
    (sum, (all > 0.0).then(|| sum.norm() / all))
}

/// A maximum of the periodogram.
struct Peak {
    omega: f64,
    sum: Complex64,
    /// Samples that are on, and their spread in time `Σ(n - n̄)²`.
    count: f64,
    spread: f64,
}

/// Newton steps on the periodogram from `omega`; `None` if there is no maximum near.
fn climb(x: &[Complex64], omega: f64) -> Option<Peak> {
    let on: Vec<(f64, Complex64)> =
        x.iter().enumerate().filter(|(_, x)| **x != Complex64::ZERO).map(|(n, x)| (n as f64, *x)).collect();
    let count = on.len() as f64;
    let middle = on.iter().map(|(n, _)| n).sum::<f64>() / count;
    let spread: f64 = on.iter().map(|(n, _)| (n - middle).powi(2)).sum();
    let (mut omega, mut sum) = (omega, Complex64::ZERO);
    for _ in 0..4 {
        // With S_k = Σ (n - n̄)^k x e^{-jωn}: d ln|S_0|²/dω and its derivative.
        let mut s = [Complex64::ZERO; 3];
        for (n, x) in &on {
            let y = x * Complex64::cis(-(omega * n).rem_euclid(TAU));
            let t = n - middle;
            s[0] += y;
            s[1] += y * t;
            s[2] += y * t * t;
        }
        let slope = (s[1] * s[0].conj()).im;
        let curvature = (s[2] * s[0].conj()).re - s[1].norm_sqr();
        sum = s[0];
        if curvature <= 0.0 || sum.norm_sqr() <= 0.0 {
            return None;
        }
        omega += slope / curvature;
    }
    Some(Peak { omega, sum, count, spread })
}

/// The tone near `omega`; `None` if the burst turns out not to be one.
fn refine(x: &[Complex64], omega: f64) -> Option<Carrier> {
    let Peak { omega, sum, count, spread } = climb(x, omega)?;
    let amplitude = sum.norm_sqr() / (count * count);
    let total = x.iter().map(|x| x.norm_sqr()).sum::<f64>() / count;
    // Two fifths of the power in the line make a tone; with less, the residual is modulation rather than noise.
    if amplitude < 0.4 * total {
        return None;
    }
    let noise = (total - amplitude).max(1e-12 * total);
    let standard_error = (noise / (2.0 * amplitude * spread)).sqrt() / TAU;
    Some(Carrier { frequency: wrap(omega / TAU), standard_error, tone: true })
}

/// Standard error of a line's frequency in rad per sample, from how the phases of sixteen parts of the burst scatter around it.
/// The noise beside the line would overstate it: what phase-shift keying leaves there is mostly amplitude.
fn phase_scatter(x: &[Complex64], omega: f64, sum: Complex64) -> f64 {
    const PARTS: f64 = 16.0;
    let size = x.len().div_ceil(PARTS as usize);
    let along = sum.norm() / PARTS;
    let phase = |(part, x): (usize, &[Complex64])| {
        let turned = x
            .iter()
            .enumerate()
            .map(|(i, x)| x * Complex64::cis(-(omega * (part * size + i) as f64).rem_euclid(TAU)));
        let across = turned.sum::<Complex64>() * sum.conj() / sum.norm();
        (across.im / along).powi(2)
    };
    let squares: f64 = x.chunks(size).enumerate().map(phase).sum();
    // Two degrees of freedom went into the line's phase and frequency; Σ (t - t̄)² over equal parts.
    let spread = PARTS * (PARTS * PARTS - 1.0) / 12.0 * (size * size) as f64;
    (squares / (PARTS - 2.0) / spread).sqrt()
}

/// Standard error of the phase slope at `lag`, in cycles per sample, from the scatter between parts of the burst.
fn scatter(x: &[Complex64], lag: usize, omega: f64) -> f64 {
    let turn = Complex64::cis(-omega * lag as f64);
    let size = (x.len() / BLOCKS).max(1);
    let parts: Vec<Complex64> = x.chunks(size).map(|part| correlation(part, lag).0 * turn).collect();
    let along: f64 = parts.iter().map(|p| p.re).sum();
    let across: f64 = parts.iter().map(|p| p.im * p.im).sum();
    let correction = parts.len() as f64 / (parts.len() as f64 - 1.0).max(1.0);
    (across * correction).sqrt() / along.abs() / lag as f64 / TAU
}

/// Into -0.5 to 0.5.
fn wrap(frequency: f64) -> f64 {
    frequency - frequency.round()
}
