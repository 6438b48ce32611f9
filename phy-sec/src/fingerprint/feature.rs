//! Features: what a burst shows of its transmitter, each with a standard error, or the reason why it cannot be had.
//!
//! | Row | What it measures | Scale |
//! | --- | --- | --- |
//! | [`cfo`] | carrier frequency offset | Hz |
//! | [`cyclic`] | carrier phase over one OFDM symbol | point on the circle |
//! | [`iq_imbalance`] | image of the modulator | dB |
//! | [`iq_offset`] | carrier leakage | dB |
//! | [`transient`] | edges of the keying: rise, fall, overshoot, ripple | log10 s, shares of the plateau |
//! | [`spectrum`] | occupied bandwidth, flatness, asymmetry, bands around the carrier | log10 Hz, dB |
//! | [`envelope`] | statistics of the amplitude and of the keying | logarithms |
//! | [`frequency`] | statistics of the instantaneous frequency: centre, deviation, drift, pull | Hz, log10 Hz |
//!
//! No feature depends on the burst's power: that is the distance, not the transmitter. Scales are chosen so that
//! differences between bursts are about Gaussian, which the classifiers assume.
//!
//! A feature is a file with `NAMES` and `measure`, its `mod` line and its row in the table.

use std::{ops::Range, sync::Arc};

use num_complex::{Complex32, Complex64};
use rustfft::{Fft, FftPlanner};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

pub mod cfo;
pub mod cyclic;
pub mod envelope;
pub mod frequency;
pub mod iq_imbalance;
pub mod iq_offset;
mod pulses;
pub mod spectrum;
pub mod transient;

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// On the scale that the feature's documentation states. Always finite.
    pub value: f64,
    /// One sigma on the same scale; `None` where a single burst cannot tell.
    pub standard_error: Option<f64>,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The modulation cannot show it: no I/Q imbalance from a real-valued constellation, no edge without keying.
    #[error("not identifiable from this modulation")]
    NotIdentifiable,
    /// The burst is too short.
    #[error("the burst is too short")]
    TooShort,
    /// It is too weak to tell from noise.
    #[error("below the noise")]
    BelowNoise,
}

/// A value or the reason why there is none.
pub type Measured = std::result::Result<Estimate, Missing>;

/// `value` with its error, if it is a number at all.
fn measured(value: f64, standard_error: f64) -> Measured {
    if !value.is_finite() {
        return Err(Missing::NotIdentifiable);
    }
    Ok(Estimate { value, standard_error: Some(standard_error).filter(|e| e.is_finite()) })
}

/// The one list of features: enum, names and dispatch.
macro_rules! features {
    ($($(#[$doc:meta])* $name:ident => $module:ident,)*) => {
        /// A feature: one file of this folder, one or more numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Feature { $($(#[$doc])* $name,)* }

        impl Feature {
            /// Every feature there is.
            pub const ALL: &[Feature] = &[$(Feature::$name,)*];

            /// Names of the numbers it yields, as in galleries and reports.
            pub fn names(self) -> &'static [&'static str] {
                match self { $(Feature::$name => $module::NAMES,)* }
            }

            /// Measures it: one entry for each of [`Feature::names`].
            pub fn measure(self, segment: &Segment) -> Vec<Measured> {
                match self { $(Feature::$name => $module::measure(segment).to_vec(),)* }
            }
        }
    };
}

features! {
    /// Carrier frequency offset.
    Cfo => cfo,
    /// Carrier phase over one OFDM symbol.
    Cyclic => cyclic,
    /// Image of the modulator.
    IqImbalance => iq_imbalance,
    /// Carrier leakage.
    IqOffset => iq_offset,
    /// Edges of the keying.
    Transient => transient,
    /// Shape of the spectrum.
    Spectrum => spectrum,
    /// Statistics of the amplitude.
    Envelope => envelope,
    /// Statistics of the instantaneous frequency.
    Frequency => frequency,
}

/// Names of all numbers of `features`, in order.
pub fn names(features: &[Feature]) -> Vec<String> {
    features.iter().flat_map(|feature| feature.names()).map(|name| (*name).to_owned()).collect()
}

/// Bins of the spectrum that [`Segment::spectrum`] holds.
pub const SPECTRUM_BINS: usize = 256;

/// The shortest burst that is looked at, in samples.
pub const MIN_SAMPLES: usize = 64;

/// Samples before and after a burst that are looked at for its edges.
pub const CONTEXT: usize = 64;

/// Turns bursts into feature vectors. Holds the FFT plan.
pub struct Extractor {
    features: Vec<Feature>,
    sample_rate: f64,
    fft: Arc<dyn Fft<f32>>,
    window: Vec<f32>,
}

impl Extractor {
    /// - `features`: which, in the order of the vector
    /// - `sample_rate`: Hz
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a rate that is not positive and finite.
    pub fn new(features: &[Feature], sample_rate: f64) -> Result<Extractor> {
        if !(sample_rate.is_finite() && sample_rate > 0.0) {
            return Err(Error::OutOfRange {
                field: "sample_rate",
                rule: "positive and finite",
                got: sample_rate.to_string(),
            });
        }
        let phase = |i| std::f64::consts::TAU * f64::from(i) / SPECTRUM_BINS as f64;
        Ok(Extractor {
            features: features.to_vec(),
            sample_rate,
            fft: FftPlanner::new().plan_fft_forward(SPECTRUM_BINS),
            window: (0..SPECTRUM_BINS as u32).map(|i| (0.5 - 0.5 * phase(i).cos()) as f32).collect(),
        })
    }

    /// Names of the numbers, in order.
    pub fn names(&self) -> Vec<String> {
        names(&self.features)
    }

    /// The features of the burst `x[range]`.
    ///
    /// - `x`: the burst with what surrounds it, which shows its edges
    /// - `noise_power`: mean power of the noise (linear); 0 where it is not known
    ///
    /// # Errors
    /// As [`Segment::new`].
    pub fn extract(&self, x: &[Complex32], range: Range<usize>, noise_power: f64) -> Result<Vec<Measured>> {
        Ok(self.measure(&Segment::new(self, x, range, noise_power)?))
    }

    /// The features of a burst that has been looked at.
    pub fn measure(&self, segment: &Segment) -> Vec<Measured> {
        self.features.iter().flat_map(|feature| feature.measure(segment)).collect()
    }
}

/// A burst and what several features need of it.
pub struct Segment<'a> {
    /// Hz.
    pub sample_rate: f64,
    /// Mean power of the noise (linear).
    pub noise_power: f64,
    /// The burst.
    pub samples: &'a [Complex32],
    /// Stretches of it in which the carrier is on: one for most modulations, the pulses of on-off keying.
    pub pulses: Vec<Range<usize>>,
    /// Whether the burst is keyed on and off.
    pub keyed: bool,
    /// Mean power while the carrier is on, noise included.
    pub power: f64,
    /// The burst with everything between pulses set to zero.
    pub gated: Vec<Complex32>,
    /// The carrier, in cycles per sample.
    pub carrier: cfo::Carrier,
    /// Mean power in each of [`SPECTRUM_BINS`] bins around the carrier, `[bin]`, ascending: bin `SPECTRUM_BINS / 2` is the carrier.
    pub spectrum: Vec<f64>,
    /// Samples before the burst, for the first edge.
    pub lead: &'a [Complex32],
    /// Samples after the burst, for the last edge.
    pub trail: &'a [Complex32],
}

impl<'a> Segment<'a> {
    /// Looks at `x[range]`.
    ///
    /// # Errors
    /// - [`Error::Shape`] if `range` is not inside `x`
    /// - [`Error::TooShort`] for less than [`MIN_SAMPLES`]
    /// - [`Error::NotFinite`] names a NaN or infinite sample of the burst or within [`CONTEXT`] of it
    /// - [`Error::OutOfRange`] for a noise power that is negative or not finite, and for a burst without any power
    pub fn new(
        extractor: &Extractor,
        x: &'a [Complex32],
        range: Range<usize>,
        noise_power: f64,
    ) -> Result<Segment<'a>> {
        let Some(samples) = x.get(range.clone()) else {
            let (need, got) = (format!("[{} or more]", range.end), format!("[{}]", x.len()));
            return Err(Error::Shape { what: "samples", need, got });
        };
        if samples.len() < MIN_SAMPLES {
            let got = samples.len();
            return Err(Error::TooShort { what: "a fingerprint", need: MIN_SAMPLES, unit: "samples", got });
        }
        let around = range.start.saturating_sub(CONTEXT)..x.len().min(range.end.saturating_add(CONTEXT));
        if let Some(index) = x[around.clone()].iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index: around.start + index });
        }
        if !(noise_power.is_finite() && noise_power >= 0.0) {
            let got = noise_power.to_string();
            return Err(Error::OutOfRange { field: "noise_power", rule: "finite and not negative", got });
        }
        let (pulses, keyed) = pulses::find(samples, noise_power);
        let mut gated = vec![Complex32::ZERO; samples.len()];
        for pulse in &pulses {
            gated[pulse.clone()].copy_from_slice(&samples[pulse.clone()]);
        }
        let energy: f64 = gated.iter().map(|x| f64::from(x.norm_sqr())).sum();
        let power = energy / pulses.iter().map(Range::len).sum::<usize>().max(1) as f64;
        if !(power.is_finite() && power > f64::from(f32::MIN_POSITIVE)) {
            return Err(Error::OutOfRange {
                field: "power",
                rule: "positive and finite",
                got: power.to_string(),
            });
        }
        let carrier = cfo::carrier(&gated);
        Ok(Segment {
            spectrum: extractor.spectrum(samples, carrier.frequency),
            sample_rate: extractor.sample_rate,
            lead: &x[around.start..range.start],
            trail: &x[range.end..around.end],
            noise_power: noise_power.min(power),
            samples,
            pulses,
            keyed,
            power,
            gated,
            carrier,
        })
    }

    /// The gated burst with the carrier moved to zero.
    pub fn baseband(&self) -> Vec<Complex64> {
        rotated(&self.gated, self.carrier.frequency)
    }

    /// Signal power over noise power while the carrier is on (linear).
    pub fn snr(&self) -> f64 {
        (self.power - self.noise_power).max(0.0) / self.noise_power.max(1e-12 * self.power)
    }
}

/// `x[n] · e^{-j2π · frequency · n}`, the phase kept in double precision.
fn rotated(x: &[Complex32], frequency: f64) -> Vec<Complex64> {
    let step = Complex64::cis(-std::f64::consts::TAU * frequency);
    let mut phasor = Complex64::ONE;
    x.iter()
        .enumerate()
        .map(|(n, x)| {
            // A recursion loses about 1e-16 a step; it starts anew long before that shows.
            if n % 1024 == 0 {
                phasor = Complex64::cis(-std::f64::consts::TAU * (frequency * n as f64).fract());
            }
            let y = Complex64::new(f64::from(x.re), f64::from(x.im)) * phasor;
            phasor *= step;
            y
        })
        .collect()
}

impl Extractor {
    /// Welch's mean periodogram (Hann, half overlapping), the carrier in the middle, summing to the mean power.
    fn spectrum(&self, x: &[Complex32], carrier: f64) -> Vec<f64> {
        let mut sum = vec![0f64; SPECTRUM_BINS];
        let mut frame = vec![Complex32::ZERO; SPECTRUM_BINS];
        let y = rotated(x, carrier);
        let mut start = 0;
        loop {
            let take = SPECTRUM_BINS.min(y.len() - start);
            for (i, out) in frame.iter_mut().enumerate() {
                // A burst shorter than the frame is weighted over its own length and padded.
                let window = if take == SPECTRUM_BINS { self.window[i] } else { 1.0 };
                *out = if i < take {
                    Complex32::new(y[start + i].re as f32, y[start + i].im as f32) * window
                } else {
                    Complex32::ZERO
                };
            }
            self.fft.process(&mut frame);
            sum.iter_mut().zip(&frame).for_each(|(sum, x)| *sum += f64::from(x.norm_sqr()));
            start += SPECTRUM_BINS / 2;
            if start + SPECTRUM_BINS > y.len() {
                break;
            }
        }
        let total: f64 = sum.iter().sum();
        let power = y.iter().map(|y| y.norm_sqr()).sum::<f64>() / y.len() as f64;
        sum.iter_mut().for_each(|s| *s *= if total > 0.0 { power / total } else { 0.0 });
        sum.rotate_right(SPECTRUM_BINS / 2);
        sum
    }
}

/// The middle value of `values`, which it reorders; `None` if there is none.
fn median(values: &mut [f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which a share `q` of `values` lies, which it reorders; `None` if there is none.
fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let at = ((values.len() - 1) as f64 * q).round() as usize;
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Median of repeated measurements and its standard error from their spread.
fn repeated(mut values: Vec<f64>) -> Measured {
    values.retain(|v| v.is_finite());
    let n = values.len() as f64;
    let Some(middle) = median(&mut values) else { return Err(Missing::NotIdentifiable) };
    // The median's error is sqrt(pi / 2) that of the mean, for a normal distribution.
    let variance = values.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / (n - 1.0);
    measured(middle, (std::f64::consts::FRAC_PI_2 * variance / n).sqrt())
}

#[cfg(test)]
mod tests;
