//! From the samples of one recording to feature vectors: of its bursts, and of stretches without any for the control.

use std::ops::Range;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{
    enroll::EnrollConfig,
    evaluate::{EvaluateConfig, Split},
    feature::{Extractor, Feature, MIN_SAMPLES, Measured, Segment},
};
use crate::{
    Backend, Error, Result,
    burst::{self, BurstConfig},
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
    /// Most bursts, and most stretches without, that are taken from a recording: the first ones.
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
    /// Bursts left out for `min_snr_db`.
    pub weak: usize,
    /// Whether it was taken for a continuous transmission.
    pub continuous: bool,
}

/// Finds and measures the bursts of a recording. One that holds none and is no noise either (its spectrum is not flat)
/// is a continuous transmission and is cut into pieces.
///
/// # Errors
/// [`Error::OutOfRange`] for a wrong configuration or rate, [`Error::NotFinite`] for a NaN or infinite sample.
pub fn measure(
    x: &[Complex32],
    sample_rate: f64,
    config: &FingerprintConfig,
    backend: &Backend,
) -> Result<Recording> {
    if !(0.0..=60.0).contains(&config.min_snr_db) {
        return Err(Error::OutOfRange {
            field: "min_snr_db",
            rule: "0 to 60",
            got: config.min_snr_db.to_string(),
        });
    }
    if config.segment < MIN_SAMPLES {
        return Err(Error::OutOfRange {
            field: "segment",
            rule: "at least 64 samples",
            got: config.segment.to_string(),
        });
    }
    let extractor = Extractor::new(&config.features, sample_rate)?;
    let mut found = burst::detect(x, &config.bursts, backend)?;
    found.retain(|b| b.range.end - b.range.start >= MIN_SAMPLES as u64);
    let least = 10f64.powf(config.min_snr_db / 10.0);
    let vector = |range: Range<usize>, noise: f64, least: f64| {
        let segment = Segment::new(&extractor, x, range.clone(), noise).ok()?;
        let range = range.start as u64..range.end as u64;
        (segment.snr() >= least).then(|| Vector { range, features: extractor.measure(&segment) })
    };
    let bursts: Vec<Vector> = found
        .iter()
        .filter_map(|b| vector(b.range.start as usize..b.range.end as usize, b.noise_power, least))
        .collect();
    // Short fades of a modulated signal look like weak bursts; what is between them then is no noise either.
    let quiet = quiet(x.len(), &found, &config.bursts);
    let longest = quiet.iter().max_by_key(|gap| gap.len()).cloned().unwrap_or(0..x.len());
    if bursts.is_empty() && is_coloured(&x[longest.clone()]) {
        let length = config.segment.min(x.len());
        let pieces = x.len().checked_div(length).unwrap_or(0).min(config.max_per_recording);
        let bursts: Vec<Vector> =
            (0..pieces).filter_map(|i| vector(i * length..(i + 1) * length, 0.0, 0.0)).collect();
        return Ok(Recording { bursts, continuous: true, ..Recording::default() });
    }
    let mut lengths: Vec<u64> = found.iter().map(|b| b.range.end - b.range.start).collect();
    lengths.sort_unstable();
    let typical = lengths.get(lengths.len() / 2).copied().unwrap_or(config.segment as u64) as usize;
    // Long enough to show what the receiver does, short enough that there are several.
    let length = typical.min(longest.len()).clamp(MIN_SAMPLES, LONGEST_NOISE);
    let stretches = quiet.iter().flat_map(|gap| (0..gap.len() / length).map(move |i| gap.start + i * length));
    let noise_power = |from: usize| {
        let at = found.partition_point(|b| b.range.end as usize <= from).min(found.len().saturating_sub(1));
        found.get(at).map_or(0.0, |b| b.noise_power)
    };
    Ok(Recording {
        weak: found.len() - bursts.len(),
        noise: stretches
            .take(config.max_per_recording)
            // The control is measured as a burst would be: as if half of its power were noise.
            .filter_map(|from| vector(from..from + length, 0.5 * noise_power(from), 0.0))
            .collect(),
        bursts: bursts.into_iter().take(config.max_per_recording).collect(),
        continuous: false,
    })
}

/// What lies outside all bursts, with a block to spare on each side.
fn quiet(samples: usize, bursts: &[burst::Burst], config: &BurstConfig) -> Vec<Range<usize>> {
    let guard = 2 * config.block;
    let mut out = Vec::new();
    let mut from = 0;
    for burst in bursts {
        let to = (burst.range.start as usize).saturating_sub(guard);
        if to > from {
            out.push(from..to);
        }
        from = burst.range.end as usize + guard;
    }
    if samples > from {
        out.push(from..samples);
    }
    out
}

/// Whether the spectrum of `x` is too uneven for white noise: Welch's periodogram in 64 bins, whose greatest and smallest mean would not be
/// ten decibels apart in white noise with at least 32 frames. Shorter recordings are not judged: `false`.
fn is_coloured(x: &[Complex32]) -> bool {
    const BINS: usize = 64;
    if x.len() < 16 * BINS {
        return false;
    }
    let fft = rustfft::FftPlanner::<f32>::new().plan_fft_forward(BINS);
    let mut power = [0f64; BINS];
    let mut frame = [Complex32::ZERO; BINS];
    for block in x.windows(BINS).step_by(BINS / 2) {
        for (n, (out, x)) in frame.iter_mut().zip(block).enumerate() {
            let window = 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / BINS as f32).cos();
            *out = x * window;
        }
        fft.process(&mut frame);
        power.iter_mut().zip(&frame).for_each(|(sum, x)| *sum += f64::from(x.norm_sqr()));
    }
    let (low, high) = power.iter().fold((f64::MAX, 0f64), |(low, high), p| (low.min(*p), high.max(*p)));
    high > 10.0 * low && high > 0.0
}
