//! Jammers, mixed into a victim's signal at a stated ratio.
//!
//! The kinds follow Poisel, Modern Communications Jamming Principles and Techniques, 2nd ed., 2011, and
//! Pirayesh and Zeng, IEEE Commun. Surveys Tuts. 24(2), 2022. A jammer is generated at unit power while it is
//! on; [`mix`] scales it. Simple jammers can be switched by others: a `pulsed` or `reactive` or `window`
//! jammer holds the one it switches in `of`.

use std::ops::Range;

use num_complex::Complex32;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{finite, from_db, power, rate, require};
use crate::{Error, Result};

mod generate;

/// How the frequency of a sweep moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepShape {
    /// Once from `from` to `to`, then off.
    Linear,
    /// From `from` to `to` again and again.
    #[default]
    Sawtooth,
    /// From `from` to `to` and back, half a period each.
    Triangular,
}

/// When a jammer that knows the protocol expects a preamble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// At the start of each burst of the victim, the jammer being synchronized to it.
    Bursts,
    /// Every `period` s from `offset` s on: beacons, synchronization signal blocks.
    Periodic {
        /// From one to the next, s.
        period: f64,
        /// The first, s.
        offset: f64,
    },
}

/// A kind of jammer. Frequencies are in Hz from the centre of the band, times in s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Jammer {
    /// White Gaussian noise over the whole band.
    Barrage,
    /// Gaussian noise in part of the band, with edges as sharp as the length of the block allows.
    PartialBand {
        /// Middle of the part.
        center: f64,
        /// Its width.
        bandwidth: f64,
    },
    /// One unmodulated carrier.
    Tone {
        /// Its frequency.
        frequency: f64,
    },
    /// Several unmodulated carriers of equal power and random phases.
    MultiTone {
        /// Their frequencies.
        frequencies: Vec<f64>,
    },
    /// A carrier whose frequency moves linearly, without a jump of phase.
    Sweep {
        /// Course of the frequency.
        shape: SweepShape,
        /// One end.
        from: f64,
        /// The other end.
        to: f64,
        /// Of one pass (there and back if triangular).
        period: f64,
    },
    /// A jammer that is on for the first `duty` of every `period`.
    Pulsed {
        /// From one pulse to the next.
        period: f64,
        /// Fraction of it that is on, above 0 and up to 1.
        duty: f64,
        /// What is pulsed.
        of: Box<Jammer>,
    },
    /// A carrier or narrow-band noise that jumps between channels at random, never to the same twice in a row.
    Hopping {
        /// Middle frequencies of the channels.
        channels: Vec<f64>,
        /// Time on each channel.
        dwell: f64,
        /// Bandwidth of the noise; 0 for a carrier.
        bandwidth: f64,
    },
    /// Listens, and starts `delay` after a burst of the victim has started (after its preamble, say).
    Reactive {
        /// From the start of the burst to that of the jammer: sensing and turn-around time.
        delay: f64,
        /// For how long; the jammer does not hear the end of the burst while it sends.
        duration: f64,
        /// What it sends.
        of: Box<Jammer>,
    },
    /// Knows the protocol: noise on the pilot subcarriers only.
    Pilots {
        /// The pilots' frequencies.
        frequencies: Vec<f64>,
        /// Bandwidth of the noise on each.
        bandwidth: f64,
    },
    /// Knows the protocol: sends during preambles only.
    Preambles {
        /// When preambles are expected.
        schedule: Schedule,
        /// Length of one.
        duration: f64,
        /// What it sends.
        of: Box<Jammer>,
    },
    /// Sends the victim's own signal again, `delay` later.
    Replay {
        /// Whole samples' worth of time.
        delay: f64,
    },
    /// A jammer that is on from `start` for `duration` and off otherwise.
    Window {
        /// Start.
        start: f64,
        /// How long.
        duration: f64,
        /// Which.
        of: Box<Jammer>,
    },
}

/// How strong a jammer is. Powers are those while each of the two is on: zeros of the victim (between the
/// frames of a simulated one) and of the jammer (between pulses) do not count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ratio {
    /// Jammer to signal, dB, both while on.
    Jsr(f64),
    /// Jammer's mean over the whole block, pauses included, to signal while on, dB: what the literature on
    /// pulsed jamming holds constant while the duty cycle changes.
    MeanJsr(f64),
    /// Jammer while on to noise, dB.
    Jnr {
        /// The ratio, dB.
        db: f64,
        /// The noise's power, linear.
        noise_power: f64,
    },
}

/// A jammed signal and its truth.
#[derive(Debug, Clone)]
pub struct Mixed {
    /// Victim plus jammer.
    pub samples: Vec<Complex32>,
    /// The jammer alone, as mixed in.
    pub jammer: Vec<Complex32>,
    /// Where the jammer was on, in samples.
    pub active: Vec<Range<usize>>,
}

impl Jammer {
    /// Its name, as in configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Barrage => "barrage",
            Self::PartialBand { .. } => "partial_band",
            Self::Tone { .. } => "tone",
            Self::MultiTone { .. } => "multi_tone",
            Self::Sweep { .. } => "sweep",
            Self::Pulsed { .. } => "pulsed",
            Self::Hopping { .. } => "hopping",
            Self::Reactive { .. } => "reactive",
            Self::Pilots { .. } => "pilots",
            Self::Preambles { .. } => "preambles",
            Self::Replay { .. } => "replay",
            Self::Window { .. } => "window",
        }
    }

    /// The bands that it occupies over time, Hz from the centre, `(low, high)`; a carrier has no width.
    /// Empty for a replay, which occupies what the victim does. Switching widens them by the switching rate.
    #[must_use]
    pub fn bands(&self, sample_rate: f64) -> Vec<(f64, f64)> {
        let around = |centers: &[f64], width: f64| {
            centers.iter().map(|f| (f - width / 2.0, f + width / 2.0)).collect()
        };
        match self {
            Self::Barrage => vec![(-sample_rate / 2.0, sample_rate / 2.0)],
            Self::PartialBand { center, bandwidth } => around(&[*center], *bandwidth),
            Self::Tone { frequency } => around(&[*frequency], 0.0),
            Self::MultiTone { frequencies } => around(frequencies, 0.0),
            Self::Sweep { from, to, .. } => vec![(from.min(*to), from.max(*to))],
            Self::Hopping { channels, bandwidth, .. } => around(channels, *bandwidth),
            Self::Pilots { frequencies, bandwidth } => around(frequencies, *bandwidth),
            Self::Replay { .. } => Vec::new(),
            Self::Pulsed { of, .. }
            | Self::Reactive { of, .. }
            | Self::Preambles { of, .. }
            | Self::Window { of, .. } => of.bands(sample_rate),
        }
    }

    /// As many samples as `victim` has, of unit mean power while on and exactly zero while off.
    ///
    /// - `victim`: what the reactive, preamble and replay jammers hear; the others only look at its length
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the field that makes no sense at this rate, [`Error::NotFinite`] for bad
    /// samples.
    pub fn generate(
        &self,
        victim: &[Complex32],
        sample_rate: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Complex32>> {
        rate(sample_rate)?;
        finite("victim", victim)?;
        self.check(sample_rate, 0)?;
        let mut x = self.shape(victim, sample_rate, rng);
        let on = power_while_on(&x);
        if on > 0.0 {
            let scale = (1.0 / on).sqrt() as f32;
            x.iter_mut().for_each(|x| *x *= scale);
        }
        Ok(x)
    }

    fn check(&self, sample_rate: f64, depth: usize) -> Result<()> {
        require(depth < 8, "of", "nested at most 8 deep", depth)?;
        let half = sample_rate / 2.0;
        let inside = |field, f: f64| require(f.abs() <= half, field, "within half the sample rate", f);
        let band = |field, center: f64, width: f64| {
            require(width >= 0.0, "bandwidth", "0 Hz or more", width)?;
            inside(field, center - width / 2.0)?;
            inside(field, center + width / 2.0)
        };
        let positive =
            |field, t: f64| require(t.is_finite() && t > 0.0, field, "a positive number of seconds", t);
        let not_negative =
            |field, t: f64| require(t.is_finite() && t >= 0.0, field, "a number of seconds, 0 or more", t);
        let some = |field, list: &[f64]| require(!list.is_empty(), field, "at least one", 0);
        match self {
            Self::Barrage => Ok(()),
            Self::PartialBand { center, bandwidth } => {
                require(*bandwidth > 0.0, "bandwidth", "above 0 Hz", bandwidth)?;
                band("center", *center, *bandwidth)
            }
            Self::Tone { frequency } => inside("frequency", *frequency),
            Self::MultiTone { frequencies } => {
                some("frequencies", frequencies)?;
                frequencies.iter().try_for_each(|&f| inside("frequencies", f))
            }
            Self::Sweep { from, to, period, .. } => {
                inside("from", *from)?;
                inside("to", *to)?;
                positive("period", *period)
            }
            Self::Pulsed { period, duty, of } => {
                positive("period", *period)?;
                require(*duty > 0.0 && *duty <= 1.0, "duty", "above 0 and up to 1", duty)?;
                of.check(sample_rate, depth + 1)
            }
            Self::Hopping { channels, dwell, bandwidth } => {
                some("channels", channels)?;
                positive("dwell", *dwell)?;
                channels.iter().try_for_each(|&f| band("channels", f, *bandwidth))
            }
            Self::Reactive { delay, duration, of } => {
                not_negative("delay", *delay)?;
                positive("duration", *duration)?;
                of.check(sample_rate, depth + 1)
            }
            Self::Pilots { frequencies, bandwidth } => {
                some("frequencies", frequencies)?;
                require(*bandwidth > 0.0, "bandwidth", "above 0 Hz", bandwidth)?;
                frequencies.iter().try_for_each(|&f| band("frequencies", f, *bandwidth))
            }
            Self::Preambles { schedule, duration, of } => {
                if let Schedule::Periodic { period, offset } = schedule {
                    positive("period", *period)?;
                    not_negative("offset", *offset)?;
                }
                positive("duration", *duration)?;
                of.check(sample_rate, depth + 1)
            }
            Self::Replay { delay } => not_negative("delay", *delay),
            Self::Window { start, duration, of } => {
                not_negative("start", *start)?;
                positive("duration", *duration)?;
                of.check(sample_rate, depth + 1)
            }
        }
    }
}

/// Adds a jammer to `victim` at a stated ratio.
///
/// - `victim`: complex baseband, `[sample]`
/// - `sample_rate`: Hz
///
/// A jammer that had no occasion to be on (reactive, with nothing to react to) adds nothing.
///
/// # Errors
/// [`Error::OutOfRange`] for a ratio to a victim without power, or naming the jammer's field that makes no
/// sense at this rate; [`Error::NotFinite`] for bad samples.
pub fn mix(
    victim: &[Complex32],
    jammer: &Jammer,
    ratio: Ratio,
    sample_rate: f64,
    rng: &mut ChaCha8Rng,
) -> Result<Mixed> {
    let mut x = jammer.generate(victim, sample_rate, rng)?;
    let db = match ratio {
        Ratio::Jsr(db) | Ratio::MeanJsr(db) | Ratio::Jnr { db, .. } => db,
    };
    require(db.is_finite() && db.abs() <= 300.0, "ratio", "within -300 and 300 dB", db)?;
    let reference = match ratio {
        Ratio::Jsr(_) | Ratio::MeanJsr(_) => {
            let on = power_while_on(victim);
            require(on > 0.0, "victim", "a signal with power, to relate the jammer to", on)?;
            on
        }
        Ratio::Jnr { noise_power, .. } => {
            let ok = noise_power.is_finite() && noise_power > 0.0;
            require(ok, "noise_power", "a positive number", noise_power)?;
            noise_power
        }
    };
    let own = match ratio {
        Ratio::Jsr(_) | Ratio::Jnr { .. } => 1.0,
        Ratio::MeanJsr(_) => power(&x),
    };
    let active = runs(&x);
    if !active.is_empty() {
        let scale = (from_db(db) * reference / own).sqrt() as f32;
        if !scale.is_finite() {
            return Err(Error::OutOfRange {
                field: "ratio",
                rule: "small enough for f32",
                got: db.to_string(),
            });
        }
        x.iter_mut().for_each(|x| *x *= scale);
    }
    let samples = victim.iter().zip(&x).map(|(v, j)| v + j).collect();
    Ok(Mixed { samples, jammer: x, active })
}

/// Mean power of the samples that are not exactly zero; 0 if all are.
#[must_use]
pub fn power_while_on(x: &[Complex32]) -> f64 {
    let on = x.iter().filter(|x| **x != Complex32::ZERO).count();
    if on == 0 { 0.0 } else { power(x) * x.len() as f64 / on as f64 }
}

/// The runs of samples that are not exactly zero.
fn runs(x: &[Complex32]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (n, x) in x.iter().enumerate() {
        if *x != Complex32::ZERO {
            match runs.last_mut() {
                Some(run) if run.end == n => run.end = n + 1,
                _ => runs.push(n..n + 1),
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests;
