//! The signals of the jammers, at unit power while on (up to the scatter of the noise-like ones).

use std::f64::consts::TAU;

use num_complex::Complex32;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rustfft::FftPlanner;

use super::super::{angle, noise, phasor};
use super::{Jammer, Schedule, SweepShape};

/// A burst is where the victim's power, averaged over this many samples, exceeds a tenth of its mean power
/// while on: what an energy detector close to the victim would see.
const LISTEN: usize = 16;

impl Jammer {
    /// The signal; parameters are already checked.
    pub(super) fn shape(
        &self,
        victim: &[Complex32],
        sample_rate: f64,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Complex32> {
        let n = victim.len();
        let time = |i: usize| i as f64 / sample_rate;
        let samples = |t: f64| (t * sample_rate).round() as usize; // saturates
        match self {
            Self::Barrage => noise(rng, n, 1.0),
            Self::PartialBand { .. } | Self::Pilots { .. } => {
                shaped_noise(n, sample_rate, &self.bands(sample_rate), rng)
            }
            Self::Tone { frequency } => tones(n, sample_rate, &[*frequency], rng),
            Self::MultiTone { frequencies } => tones(n, sample_rate, frequencies, rng),
            Self::Sweep { shape, from, to, period } => {
                let mut phase = angle(rng) / TAU;
                (0..n)
                    .map(|i| {
                        let passes = time(i) / period;
                        if *shape == SweepShape::Linear && passes >= 1.0 {
                            return Complex32::ZERO;
                        }
                        let place = match shape {
                            SweepShape::Linear | SweepShape::Sawtooth => passes.fract(),
                            SweepShape::Triangular => 1.0 - (2.0 * passes.fract() - 1.0).abs(),
                        };
                        let now = phasor(TAU * phase);
                        phase = (phase + (from + (to - from) * place) / sample_rate).fract();
                        now
                    })
                    .collect()
            }
            Self::Pulsed { period, duty, of } => {
                let x = of.shape(victim, sample_rate, rng);
                let every = Every {
                    period: period * sample_rate,
                    offset: 0.0,
                    length: samples(duty * period).max(1),
                };
                gate(x, |i| every.covers(i))
            }
            Self::Hopping { channels, dwell, bandwidth } => {
                hops(n, sample_rate, channels, *dwell, *bandwidth, rng)
            }
            Self::Reactive { delay, duration, of } => {
                let x = of.shape(victim, sample_rate, rng);
                let (delay, duration) = (samples(*delay), samples(*duration).max(1));
                let mut on = vec![false; n];
                let mut deaf_until = 0;
                for start in bursts(victim) {
                    if start >= deaf_until {
                        let begin = start.saturating_add(delay).min(n);
                        let end = begin.saturating_add(duration).min(n);
                        on[begin..end].fill(true);
                        deaf_until = end;
                    }
                }
                gate(x, |i| on[i])
            }
            Self::Preambles { schedule, duration, of } => {
                let x = of.shape(victim, sample_rate, rng);
                match schedule {
                    Schedule::Bursts => {
                        let duration = samples(*duration).max(1);
                        let mut on = vec![false; n];
                        for start in bursts(victim) {
                            on[start..start.saturating_add(duration).min(n)].fill(true);
                        }
                        gate(x, |i| on[i])
                    }
                    Schedule::Periodic { period, offset } => {
                        let (period, offset) = (period * sample_rate, offset * sample_rate);
                        let every = Every { period, offset, length: samples(*duration).max(1) };
                        gate(x, |i| every.covers(i))
                    }
                }
            }
            Self::Replay { delay } => {
                let delay = samples(*delay).min(n);
                let mut x = vec![Complex32::ZERO; delay];
                x.extend_from_slice(&victim[..n - delay]);
                x
            }
            Self::Window { start, duration, of } => {
                let x = of.shape(victim, sample_rate, rng);
                let begin = samples(*start);
                let end = begin.saturating_add(samples(*duration));
                gate(x, |i| (begin..end).contains(&i))
            }
        }
    }
}

/// Stretches of `length` samples that begin at the samples nearest to `offset + k · period`.
struct Every {
    period: f64,
    offset: f64,
    length: usize,
}

impl Every {
    fn covers(&self, i: usize) -> bool {
        let k = ((i as f64 + 0.5 - self.offset) / self.period).floor();
        let begin = (self.offset + k * self.period + 0.5).floor();
        k >= 0.0 && i as f64 - begin < self.length as f64
    }
}

fn gate(mut x: Vec<Complex32>, on: impl Fn(usize) -> bool) -> Vec<Complex32> {
    for (i, x) in x.iter_mut().enumerate() {
        if !on(i) {
            *x = Complex32::ZERO;
        }
    }
    x
}

fn tones(n: usize, sample_rate: f64, frequencies: &[f64], rng: &mut ChaCha8Rng) -> Vec<Complex32> {
    let scale = 1.0 / (frequencies.len() as f32).sqrt();
    let mut x = vec![Complex32::ZERO; n];
    for frequency in frequencies {
        let (start, step) = (angle(rng), frequency / sample_rate);
        for (i, x) in x.iter_mut().enumerate() {
            *x += scale * phasor(start + TAU * (step * i as f64).fract());
        }
    }
    x
}

/// Gaussian noise within `bands`, shaped on the grid of the block's own Fourier transform; at least the bin
/// nearest to each band's middle is in it.
fn shaped_noise(n: usize, sample_rate: f64, bands: &[(f64, f64)], rng: &mut ChaCha8Rng) -> Vec<Complex32> {
    if n == 0 {
        return Vec::new();
    }
    let bin = |f: f64| f / sample_rate * n as f64;
    let mut inside = vec![false; n];
    let mut mark = |k: i64| inside[k.rem_euclid(n as i64) as usize] = true;
    for &(low, high) in bands {
        mark(bin((low + high) / 2.0).round() as i64);
        // Half open, so that bands side by side do not overlap and the whole band has n bins.
        (bin(low).ceil() as i64..bin(high).ceil() as i64).for_each(&mut mark);
    }
    let count = inside.iter().filter(|inside| **inside).count();
    let mut x: Vec<_> = inside
        .into_iter()
        .zip(noise(rng, n, 1.0 / count as f64))
        .map(|(inside, x)| if inside { x } else { Complex32::ZERO })
        .collect();
    FftPlanner::new().plan_fft_inverse(n).process(&mut x);
    x
}

fn hops(
    n: usize,
    sample_rate: f64,
    channels: &[f64],
    dwell: f64,
    bandwidth: f64,
    rng: &mut ChaCha8Rng,
) -> Vec<Complex32> {
    let mut x = if bandwidth > 0.0 {
        shaped_noise(n, sample_rate, &[(-bandwidth / 2.0, bandwidth / 2.0)], rng)
    } else {
        vec![Complex32::ONE; n]
    };
    let (mut hop, mut channel) = (usize::MAX, usize::MAX);
    let (mut phase, mut step) = (angle(rng) / TAU, 0.0);
    for (i, x) in x.iter_mut().enumerate() {
        let now = (i as f64 / sample_rate / dwell) as usize;
        if now != hop {
            hop = now;
            // One of the other channels, each as likely.
            let others = if channel < channels.len() { channels.len() - 1 } else { channels.len() };
            if others > 0 {
                let pick = rng.random_range(0..others);
                channel = if pick >= channel { pick + 1 } else { pick };
            }
            step = channels[channel] / sample_rate;
        }
        *x *= phasor(TAU * phase);
        phase = (phase + step).fract();
    }
    x
}

/// Where the victim's bursts start.
fn bursts(victim: &[Complex32]) -> Vec<usize> {
    let floor = 0.1 * super::power_while_on(victim) * LISTEN as f64;
    let mut starts = Vec::new();
    let (mut sum, mut inside) = (0.0, false);
    for (i, x) in victim.iter().enumerate() {
        sum += f64::from(x.norm_sqr());
        if i >= LISTEN {
            sum -= f64::from(victim[i - LISTEN].norm_sqr());
        }
        if sum > floor && !inside {
            inside = true;
            // The detector sees the burst once enough of it has arrived: its start is the loudest step, at
            // most the averaging length earlier.
            let first = i.saturating_sub(LISTEN - 1);
            let loud = floor / LISTEN as f64;
            starts.push((first..=i).find(|&k| f64::from(victim[k].norm_sqr()) > loud).unwrap_or(i));
        } else if sum < 0.25 * floor {
            inside = false;
        }
    }
    starts
}
