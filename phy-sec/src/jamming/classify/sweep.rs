//! A carrier whose frequency moves linearly, seen in one of two ways.
//!
//! Fast sweeps by the discrete polynomial-phase transform of order 2: in `x[n+τ] x*[n]` a carrier that moves
//! by `R` is a line at `R τ` (Peleg and Friedlander, IEEE Trans. Signal Process. 43(8), 1995, pp. 1901-1914).
//! The line must be there at two delays, at frequencies in their ratio: lines of a victim's symbol rate or of
//! two carriers' distance do not move with the delay. Slow sweeps by the walk of the loudest bin.

use kernels::window::Window;
use num_complex::Complex32;
use rustfft::FftPlanner;

use super::{Class, Evidence, Verdict, describe, wideband::NARROW_FOCUS};

/// Share of the received power that must be in the line. Twice this is what is left at a JSR of -6 dB.
const LEAST_SHARE: f32 = 0.1;

/// Bins that a sweep must cover to be told from a carrier that is switched: 12 of the smoothed excess are 8.
const LEAST_BINS: usize = 12;

/// Lines of noise alone: one in a billion transforms has one that is taken for a sweep's.
const PFA: f64 = 1e-9;

pub(super) fn recognize(evidence: &Evidence) -> Option<Verdict> {
    let (rate, (start, length), why) = match walk(evidence) {
        Some(rate) => (rate, evidence.occupied().0, "the loudest bin walks steadily"),
        None => {
            let band = evidence.stretch(&overlapped(evidence)).0;
            (fast(evidence, band.1)?, band, "the delayed product has a line that moves with the delay")
        }
    };
    let mut parameters = describe(evidence, (start, length));
    let width = length as f64 * evidence.sample_rate / evidence.bins() as f64;
    parameters.insert("sweep_rate".into(), rate.into());
    parameters.insert("sweep_period".into(), (width / rate.abs()).into());
    Some(Verdict { class: Class::Sweep, band: (start, length), parameters, why: why.to_owned() })
}

/// The excess from frames that overlap by three quarters: those of the monitor stand end to end, and a sweep
/// that passes between two of them leaves holes in their mean.
fn overlapped(evidence: &Evidence) -> Vec<f64> {
    let n = evidence.bins();
    let window = Window::Hann.coefficients(n, true);
    let energy: f64 = window.iter().map(|w| f64::from(w * w)).sum();
    let fft = FftPlanner::new().plan_fft_forward(n);
    let mut power = vec![0.0; n];
    let mut frames = 0.0;
    for frame in evidence.iq.windows(n).step_by(n / 4) {
        let mut frame: Vec<Complex32> = frame.iter().zip(&window).map(|(x, w)| x * w).collect();
        fft.process(&mut frame);
        for (bin, x) in frame.iter().enumerate() {
            power[(bin + n / 2) % n] += f64::from(x.norm_sqr()) / energy;
        }
        frames += 1.0;
    }
    if frames == 0.0 {
        return evidence.excess.to_vec();
    }
    power.iter().zip(evidence.reference).map(|(power, reference)| power / frames - reference).collect()
}

/// Hz/s from the delayed product; `length` is the number of bins that the sweep covers.
fn fast(evidence: &Evidence, length: usize) -> Option<f64> {
    if length < LEAST_BINS {
        return None;
    }
    let covered = length as f64 / evidence.bins() as f64;
    // The line is as sharp as the sweep goes through `covered · τ` turns: four for the check, sixteen to measure.
    let delays = [4.0, 16.0].map(|turns: f64| (turns / covered).ceil() as usize);
    let length = (evidence.iq.len().saturating_sub(delays[1]).checked_ilog2()?).min(15);
    let length = 1usize << length;
    if length < 512 || delays[1] * 4 > length {
        return None;
    }
    let [coarse, fine] = delays.map(|delay| Product::new(&evidence.iq[..length + delay], delay));
    for (line, share) in fine.lines() {
        if share < fine.least_share() {
            break;
        }
        let rate = line / fine.delay as f64; // cycles per sample squared
        // Between passes the phase of the product jumps, which splits the line by the rate of passes.
        let slack = 2.0 / length as f64 + 0.6 * rate.abs() / covered;
        let found = coarse.near(rate * coarse.delay as f64, slack);
        if found >= coarse.least_share() {
            return Some(rate * evidence.sample_rate * evidence.sample_rate);
        }
    }
    None
}

/// The spectrum of `x[n+τ] x*[n]`.
struct Product {
    delay: usize,
    /// Magnitudes over the power of the samples: 1 for a carrier alone, `[bin]` in FFT order.
    share: Vec<f32>,
}

impl Product {
    fn new(x: &[Complex32], delay: usize) -> Self {
        let mut product: Vec<Complex32> =
            x[delay..].iter().zip(x).map(|(later, x)| later * x.conj()).collect();
        let power: f32 = x[delay..].iter().map(Complex32::norm_sqr).sum();
        FftPlanner::new().plan_fft_forward(product.len()).process(&mut product);
        let scale = 1.0 / power.max(f32::MIN_POSITIVE);
        Product { delay, share: product.iter().map(|x| x.norm() * scale).collect() }
    }

    /// Lines off 0 Hz, strongest first: cycles per sample (signed) and share.
    fn lines(&self) -> Vec<(f64, f32)> {
        let n = self.share.len();
        let mut lines: Vec<(f64, f32)> = (4..n - 3).map(|bin| (signed(bin, n), self.share[bin])).collect();
        lines.sort_by(|a, b| b.1.total_cmp(&a.1));
        lines.truncate(8);
        lines
    }

    /// The strongest share within `slack` of `frequency`, 0 Hz and its neighbours left out.
    fn near(&self, frequency: f64, slack: f64) -> f32 {
        let n = self.share.len();
        (4..n - 3)
            .filter(|&bin| {
                let away = signed(bin, n) - frequency;
                (away - away.round()).abs() <= slack
            })
            .map(|bin| self.share[bin])
            .fold(0.0, f32::max)
    }

    /// Of noise alone the squared share is exponential with mean 1/n.
    fn least_share(&self) -> f32 {
        let n = self.share.len() as f64;
        LEAST_SHARE.max(((n / PFA).ln() / n).sqrt() as f32)
    }
}

fn signed(bin: usize, n: usize) -> f64 {
    let frequency = bin as f64 / n as f64;
    if bin * 2 < n { frequency } else { frequency - 1.0 }
}

/// Hz/s from the walk of the loudest bin, for sweeps that stay narrow within a block.
fn walk(evidence: &Evidence) -> Option<f64> {
    if evidence.focus < NARROW_FOCUS {
        return None;
    }
    let (peaks, n) = (evidence.peaks, evidence.bins() as i64);
    let mut stride = 1;
    while stride * 3 <= peaks.len() {
        let mut steps: Vec<(f64, f64)> = (stride..peaks.len())
            .map(|i| {
                let ((from, a), (to, b)) = (peaks[i - stride], peaks[i]);
                let step = (i64::from(b) - i64::from(a) + n / 2).rem_euclid(n) - n / 2;
                (step as f64, (to - from) as f64)
            })
            .collect();
        steps.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let (step, blocks) = steps[steps.len() / 2];
        if step.abs() >= 2.5 {
            let speed = step / blocks;
            let with = |s: &&(f64, f64)| (s.0 - speed * s.1).abs() <= 1.5 + 0.15 * step.abs();
            let (sum, time) = steps.iter().filter(with).fold((0.0, 0.0), |acc, s| (acc.0 + s.0, acc.1 + s.1));
            if steps.iter().filter(with).count() * 10 >= steps.len() * 7 {
                let block = evidence.block as f64 / evidence.sample_rate;
                return Some(sum / time * evidence.sample_rate / n as f64 / block);
            }
        }
        stride *= 2;
    }
    None
}
