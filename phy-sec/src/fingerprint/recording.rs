//! From the samples of one recording to feature vectors: of its bursts, and of stretches without any for the control.

use std::{collections::VecDeque, ops::Range};

use kernels::{
    stft_power::{Scaling, StftConfig},
    welch::welch,
};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{
    enroll::EnrollConfig,
    evaluate::{EvaluateConfig, Observation, Split},
    feature::{CONTEXT, Extractor, Feature, MIN_SAMPLES, Measured, Segment},
};
use crate::{
    Backend, Error, Result,
    burst::{Burst, BurstConfig, BurstDetector},
    spectrum::check_finite,
};

/// The table `[fingerprint]` of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FingerprintConfig {
    /// How bursts are found.
    pub bursts: BurstConfig,
    /// What is measured of each.
    pub features: Vec<Feature>,
    /// Classifier and threshold.
    pub enroll: EnrollConfig,
    /// What evaluation keeps together.
    pub split: Split,
    /// Folds of an evaluation; without it 3, or one for each recording if there are fewer than ten.
    pub folds: Option<usize>,
    /// Weaker bursts, mean power while the carrier is on over the noise in dB, are counted and left out: they would show more
    /// noise than transmitter. 0 to 60.
    pub min_snr_db: f64,
    /// Length of the pieces that a continuous transmission is cut into, in samples. At least 64.
    pub segment: usize,
    /// Most bursts, and most stretches without, that are taken from a recording: the first ones. What comes after is not measured.
    pub max_per_recording: usize,
}

impl Default for FingerprintConfig {
    fn default() -> Self {
        FingerprintConfig {
            bursts: BurstConfig::default(),
            features: Feature::ALL.to_vec(),
            enroll: EnrollConfig::default(),
            split: Split::default(),
            folds: None,
            min_snr_db: 6.0,
            segment: 10_000,
            max_per_recording: 256,
        }
    }
}

impl FingerprintConfig {
    /// Its part for [`super::evaluate::evaluate`].
    pub fn evaluate(&self) -> EvaluateConfig {
        EvaluateConfig { split: self.split, folds: self.folds, enroll: self.enroll.clone() }
    }
}

/// Longest stretch without a burst that counts as one observation of the control.
const LONGEST_NOISE: usize = 4096;

/// A feature vector and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    /// Samples of the recording.
    pub range: Range<u64>,
    /// `[feature]`
    pub features: Vec<Measured>,
}

impl Vector {
    /// The values alone.
    pub fn values(&self) -> Vec<Option<f64>> {
        self.features.iter().map(|f| f.ok().map(|e| e.value)).collect()
    }
}

/// What one recording holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Its bursts; the pieces of a continuous transmission.
    pub bursts: Vec<Vector>,
    /// Stretches without a burst, as long as the bursts.
    pub noise: Vec<Vector>,
    /// Bursts left out for `min_snr_db`, among those looked at.
    pub weak: usize,
    /// Whether it was taken for a continuous transmission.
    pub continuous: bool,
}

impl Recording {
    /// Its bursts, and the control's stretches, as what [`super::evaluate::evaluate`] takes.
    ///
    /// - `emitter`: who sent it
    /// - `recording`: the group that it belongs to
    /// - `enrolled`: whether the emitter is to be enrolled; otherwise it plays the stranger
    pub fn observations(
        &self,
        emitter: &str,
        recording: &str,
        enrolled: bool,
    ) -> (Vec<Observation>, Vec<Observation>) {
        let list = |vectors: &[Vector]| {
            let observation = |vector: &Vector| Observation {
                emitter: emitter.to_owned(),
                recording: recording.to_owned(),
                enrolled,
                features: vector.values(),
            };
            vectors.iter().map(observation).collect()
        };
        (list(&self.bursts), list(&self.noise))
    }
}

/// Finds and measures the bursts of one recording: [`Stream`] over all of it.
///
/// # Errors
/// As [`Stream::new`] and [`Stream::push`].
pub fn measure(
    x: &[Complex32],
    sample_rate: f64,
    config: &FingerprintConfig,
    backend: &Backend,
) -> Result<Recording> {
    let mut stream = Stream::new(config, sample_rate, backend)?;
    let mut bursts = stream.push(x)?;
    let mut recording = stream.finish();
    bursts.append(&mut recording.bursts);
    Ok(Recording { bursts, ..recording })
}

/// Most samples from the start of a recording that are kept for what only its end decides.
const MOST_HELD: usize = 1 << 22;

/// Samples taken at a time.
const PIECE: usize = 1 << 16;

/// Finds and measures the bursts of one recording as its samples come. Cutting the stream anywhere changes nothing.
///
/// A burst is measured once the detector has decided on it and what follows it is there. What needs the whole recording
/// comes with [`Stream::finish`]: the control's stretches, and the pieces of a continuous transmission, which is a
/// recording that holds no usable burst and is no noise either (its spectrum is not flat). Both are taken from the
/// recording's first 2^22 samples (fewer where `max_per_recording` needs fewer). Memory: these, half the detector's
/// window, and the longest burst that its configuration allows.
pub struct Stream {
    config: FingerprintConfig,
    backend: Backend,
    extractor: Extractor,
    detector: BurstDetector,
    /// The first samples of the recording, and the bursts that begin within them.
    held: Vec<Complex32>,
    found: Vec<Burst>,
    /// Bursts that wait for what follows them.
    waiting: VecDeque<Burst>,
    /// Absolute index of the recording's first sample; samples from `base` on, what a burst may still need.
    start: u64,
    base: u64,
    line: Vec<Complex32>,
    usable: usize,
    weak: usize,
}

impl Stream {
    /// A recording whose first sample has the absolute index 0; [`Stream::reset`] sets another.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a wrong configuration or rate.
    pub fn new(config: &FingerprintConfig, sample_rate: f64, backend: &Backend) -> Result<Stream> {
        if !(0.0..=60.0).contains(&config.min_snr_db) {
            let (field, rule, got) = ("min_snr_db", "0 to 60", config.min_snr_db.to_string());
            return Err(Error::OutOfRange { field, rule, got });
        }
        if config.segment < MIN_SAMPLES {
            let (field, rule, got) = ("segment", "at least 64 samples", config.segment.to_string());
            return Err(Error::OutOfRange { field, rule, got });
        }
        Ok(Stream {
            extractor: Extractor::new(&config.features, sample_rate)?,
            detector: BurstDetector::new(&config.bursts, backend)?,
            config: config.clone(),
            backend: backend.clone(),
            held: Vec::new(),
            found: Vec::new(),
            waiting: VecDeque::new(),
            start: 0,
            base: 0,
            line: Vec::new(),
            usable: 0,
            weak: 0,
        })
    }

    /// Takes the next samples; returns the bursts whose measurement they complete, in order, `max_per_recording` in all.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names the first NaN or infinite sample of `x`; then none of `x` has been taken.
    pub fn push(&mut self, x: &[Complex32]) -> Result<Vec<Vector>> {
        check_finite("samples", x)?;
        let mut out = Vec::new();
        for x in x.chunks(PIECE) {
            let room = self.most_held().saturating_sub(self.held.len());
            self.held.extend_from_slice(&x[..room.min(x.len())]);
            self.line.extend_from_slice(x);
            let mut found = Vec::new();
            self.detector.push(x, &mut found)?;
            self.take(found);
            self.measure(false, &mut out);
            // What no burst can need any more goes, in steps that make moving the rest worth it.
            let needed = self.waiting.front().map_or(self.detector.settled(), |burst| burst.range.start);
            let spare = needed.saturating_sub(self.base + CONTEXT as u64) as usize;
            if spare >= PIECE {
                self.line.drain(..spare.min(self.line.len()));
                self.base += spare as u64;
            }
        }
        Ok(out)
    }

    /// Ends the recording: the bursts that still waited, the control, and the counts. Then as after `reset(0)`.
    pub fn finish(&mut self) -> Recording {
        let (mut found, mut bursts) = (Vec::new(), Vec::new());
        self.detector.finish(&mut found);
        self.take(found);
        self.measure(true, &mut bursts);
        let recording = self.conclude(bursts);
        self.reset(0);
        recording
    }

    /// Forgets everything; the next sample begins a recording and has the absolute index `start`.
    pub fn reset(&mut self, start: u64) {
        self.detector.reset(start);
        self.held.clear();
        self.found.clear();
        self.waiting.clear();
        self.line.clear();
        (self.start, self.base) = (start, start);
        (self.usable, self.weak) = (0, 0);
    }

    fn most_held(&self) -> usize {
        self.config.max_per_recording.saturating_mul(self.config.segment.max(LONGEST_NOISE)).min(MOST_HELD)
    }

    /// Bursts that the detector has decided on.
    fn take(&mut self, found: Vec<Burst>) {
        let held = self.start + self.most_held() as u64;
        for burst in found {
            if burst.range.end - burst.range.start < MIN_SAMPLES as u64 {
                continue;
            }
            if burst.range.start < held {
                self.found.push(burst.clone());
            }
            if self.usable < self.config.max_per_recording {
                self.waiting.push_back(burst);
            }
        }
    }

    /// Measures the bursts whose surroundings are there; all of them at the stream's end.
    fn measure(&mut self, end: bool, out: &mut Vec<Vector>) {
        let least = 10f64.powf(self.config.min_snr_db / 10.0);
        let reach = self.base + self.line.len() as u64;
        while let Some(burst) = self.waiting.pop_front_if(|b| end || b.range.end + CONTEXT as u64 <= reach) {
            if self.usable == self.config.max_per_recording {
                continue;
            }
            let range = (burst.range.start - self.base) as usize..(burst.range.end - self.base) as usize;
            match vector(&self.extractor, &self.line, self.base, range, burst.noise_power, least) {
                Some(vector) => {
                    self.usable += 1;
                    out.push(vector);
                }
                None => self.weak += 1,
            }
        }
    }

    /// What the whole recording decides, from the samples held.
    fn conclude(&self, bursts: Vec<Vector>) -> Recording {
        let (x, config) = (&self.held[..], &self.config);
        let vector =
            |range: Range<usize>, noise: f64| vector(&self.extractor, x, self.start, range, noise, 0.0);
        // Short fades of a modulated signal look like weak bursts; what is between them then is no noise either.
        let quiet = quiet(self.start, x.len(), &self.found, &config.bursts);
        let longest = quiet.iter().max_by_key(|gap| gap.len()).cloned().unwrap_or(0..x.len());
        if self.usable == 0 && is_coloured(&x[longest.clone()], &self.backend) {
            let length = config.segment.min(x.len());
            let pieces = x.len().checked_div(length).unwrap_or(0).min(config.max_per_recording);
            let bursts = (0..pieces).filter_map(|i| vector(i * length..(i + 1) * length, 0.0)).collect();
            return Recording { bursts, continuous: true, ..Recording::default() };
        }
        let mut lengths: Vec<u64> = self.found.iter().map(|b| b.range.end - b.range.start).collect();
        lengths.sort_unstable();
        let typical = lengths.get(lengths.len() / 2).copied().unwrap_or(config.segment as u64) as usize;
        // Long enough to show what the receiver does, short enough that there are several.
        let length = typical.min(longest.len()).clamp(MIN_SAMPLES, LONGEST_NOISE);
        let stretches =
            quiet.iter().flat_map(|gap| (0..gap.len() / length).map(move |i| gap.start + i * length));
        let noise_power = |from: usize| {
            let from = self.start + from as u64;
            let next = self.found.partition_point(|b| b.range.end <= from);
            self.found.get(next).or(self.found.last()).map_or(0.0, |b| b.noise_power)
        };
        Recording {
            weak: self.weak,
            noise: stretches
                .take(config.max_per_recording)
                // The control is measured as a burst would be: as if half of its power were noise.
                .filter_map(|from| vector(from..from + length, 0.5 * noise_power(from)))
                .collect(),
            bursts,
            continuous: false,
        }
    }
}

/// The features of `x[range]` if it is strong enough to have any; `x` begins at the absolute sample `start`.
fn vector(
    extractor: &Extractor,
    x: &[Complex32],
    start: u64,
    range: Range<usize>,
    noise_power: f64,
    least_snr: f64,
) -> Option<Vector> {
    let segment = Segment::new(extractor, x, range.clone(), noise_power).ok()?;
    let range = start + range.start as u64..start + range.end as u64;
    (segment.snr() >= least_snr).then(|| Vector { range, features: extractor.measure(&segment) })
}

/// What of `samples` samples from the absolute `start` on lies outside all bursts, with a block to spare on each side;
/// relative to `start`.
fn quiet(start: u64, samples: usize, bursts: &[Burst], config: &BurstConfig) -> Vec<Range<usize>> {
    let guard = 2 * config.block;
    let mut out = Vec::new();
    let mut from = 0;
    for burst in bursts {
        let to = ((burst.range.start - start) as usize).saturating_sub(guard);
        if to > from {
            out.push(from..to);
        }
        from = (burst.range.end - start) as usize + guard;
    }
    if samples > from {
        out.push(from..samples);
    }
    out
}

/// Whether the spectrum of `x` is too uneven for white noise: Welch's periodogram in 64 bins, whose greatest and smallest mean would not be
/// ten decibels apart in white noise with at least 32 frames. Shorter recordings are not judged: `false`.
fn is_coloured(x: &[Complex32], backend: &Backend) -> bool {
    const BINS: usize = 64;
    let frames = StftConfig { size: BINS, hop: BINS / 2, scaling: Scaling::None, ..StftConfig::default() };
    if x.len() < 16 * BINS {
        return false;
    }
    let Ok(power) = welch(frames, backend.clone(), x) else { return false };
    let (low, high) = power.iter().fold((f32::MAX, 0f32), |(low, high), p| (low.min(*p), high.max(*p)));
    high > 10.0 * low && high > 0.0
}

#[cfg(test)]
mod tests;
