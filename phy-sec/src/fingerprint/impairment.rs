//! Impairments of a transmitter from a burst of which the waveform is known: one joint least-squares fit, every value with
//! its standard error, and what the burst cannot show named as such.
//!
//! The received sample `n` is, with the reference waveform `s`, and `t` counted from the middle of what is fitted,
//!
//! ```text
//! y = G · e^{j2π(cfo·t + drift·t²/2)} · F(s(p) + ρ·s*(p) + d) + c + noise,    p = n - delay + sfo·t,   F(u) = u + a·u|u|²
//! ```
//!
//! - `ρ` is the image of the modulator ([`crate::sim::impairment::IqImbalance`] has the same convention), `d` its carrier leakage, `a` the cubic
//!   part of its amplifier, `c` the receiver's DC
//! - in white Gaussian noise least squares is maximum likelihood, and the inverse of the Fisher information
//!   `2/σ² Re(JᴴJ)` bounds the covariance of every unbiased estimate (Kay, Fundamentals of Statistical Signal Processing:
//!   Estimation Theory, 1993, section 15.7): the standard errors are its diagonal at the fit, with the fit's own `σ²`
//! - a parameter whose column of `J` is a combination of those before it in the table is left out of the fit and has no value:
//!   the image of a real constellation, the delay of a tone. What comes first is then what it is if the later one is 0
//!
//! | File | What |
//! | --- | --- |
//! | [`Reference`] | the waveform, at any fraction of a sample |
//! | [`Estimator`] | coarse search, then Gauss-Newton on all parameters at once |
//! | [`blind`] | what can be had without a reference |
//! | [`constellation`] | centres of the points of received symbols |

use std::ops::RangeInclusive;

use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::feature::{Estimate, Measured, Missing};
use crate::{Error, Result};

pub mod blind;
mod coarse;
pub mod constellation;
mod fisher;
mod fit;
mod quality;
mod reference;

pub use reference::Reference;

/// The one list of values: enum, names, units.
macro_rules! impairments {
    ($($(#[$doc:meta])* $variant:ident $name:literal $unit:literal,)*) => {
        /// One of the numbers that a fit yields.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Impairment { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl Impairment {
            /// All of them, in the order of [`Impairments::values`].
            pub const ALL: &'static [Impairment] = &[$(Impairment::$variant,)*];

            /// As in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Impairment::$variant => $name,)* }
            }

            /// Empty for a ratio.
            #[must_use]
            pub fn unit(self) -> &'static str {
                match self { $(Impairment::$variant => $unit,)* }
            }
        }
    };
}

impairments! {
    /// Carrier frequency offset in the middle of the burst, Hz.
    Cfo "cfo" "Hz",
    /// Carrier leakage in the direction of the reference's real axis, relative to the reference's root mean square.
    IqOffsetI "iq_offset_i" "",
    /// The same of the imaginary axis.
    IqOffsetQ "iq_offset_q" "",
    /// Gain of the modulator's Q branch over that of I, dB.
    IqGain "iq_gain_db" "dB",
    /// Error of the angle between the two, rad.
    IqPhase "iq_phase" "rad",
    /// Rate at which the offset changes, Hz/s.
    CfoDrift "cfo_drift" "Hz/s",
    /// Delay of the burst after the expected place, in its middle, s.
    Delay "delay" "s",
    /// Sampling clock of the transmitter relative to the receiver's, parts per million; positive shortens the burst.
    Sfo "sfo_ppm" "ppm",
    /// DC of the receiver in I, full scale 1. Only with [`Config::dc`].
    DcI "dc_i" "",
    /// The same in Q.
    DcQ "dc_q" "",
    /// Gain at the reference's greatest amplitude over that of small signals, dB. Only with [`Config::amplifier`].
    AmAm "am_am_db" "dB",
    /// Phase at the reference's greatest amplitude, over that of small signals, rad. Only with [`Config::amplifier`].
    AmPm "am_pm" "rad",
    /// Root mean square of the phase that the fit does not follow, beyond what white noise explains, rad.
    PhaseNoise "phase_noise" "rad",
    /// Root mean square error vector over that of the reference, gain, delay and carrier taken out: image, leakage, amplifier and noise.
    Evm "evm" "",
    /// The part of it along the reference.
    EvmMagnitude "evm_magnitude" "",
    /// The part of it across the reference.
    EvmPhase "evm_phase" "",
    /// Power of the fitted burst over that of what is left, dB.
    Snr "snr_db" "dB",
}

/// What is fitted besides gain, carrier, drift, delay, sampling clock, image and leakage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Samples to either side of the expected place in which the burst is looked for, at most 65536.
    pub search: usize,
    /// The receiver's DC. It is told from the leakage by the carrier offset alone: with little of that, both have wide errors.
    pub dc: bool,
    /// The cubic part of the amplifier.
    pub amplifier: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { search: 8, dc: false, amplifier: false }
    }
}

/// What one burst shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Impairments {
    /// One for each of [`Impairment::ALL`].
    pub values: Vec<Measured>,
    /// Complex gain in the middle of the burst.
    pub gain: Complex64,
    /// Place of the first fitted sample, to the nearest.
    pub start: usize,
    /// Samples that were fitted.
    pub samples: usize,
}

impl Impairments {
    /// The value of `which`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(&self, which: Impairment) -> Measured {
        self.values[which as usize]
    }

    /// Every impairment's `value`, `standard_error`, `missing` (why there is no value) and `unit`, by its name.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let value = |which: &Impairment| {
            let got = self.get(*which);
            let value = json!({
                "value": got.ok().map(|got| got.value),
                "standard_error": got.ok().and_then(|got| got.standard_error),
                "missing": got.err().map(|why| why.to_string()),
                "unit": which.unit(),
            });
            (which.name().to_owned(), value)
        };
        Impairment::ALL.iter().map(value).collect()
    }
}

/// Fits one reference to burst after burst; nothing is allocated in between.
pub struct Estimator {
    config: Config,
    reference: Reference,
    coarse: coarse::Coarse,
}

impl Estimator {
    /// # Errors
    /// [`Error::OutOfRange`] for a `search` beyond 65536.
    pub fn new(reference: Reference, config: &Config) -> Result<Estimator> {
        if config.search > 1 << 16 {
            let got = config.search.to_string();
            return Err(Error::OutOfRange { field: "search", rule: "at most 65536 samples", got });
        }
        Ok(Estimator { config: *config, coarse: coarse::Coarse::new(&reference), reference })
    }

    /// The waveform.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The impairments of the burst of which the first fitted sample is expected at `x[start]`.
    ///
    /// - `x`: complex baseband, `[sample]`, full scale 1
    ///
    /// Where no burst stands out of the noise every value is [`Missing::BelowNoise`].
    ///
    /// # Errors
    /// - [`Error::TooShort`] if what is fitted of the reference is not inside `x` at any place that is searched
    /// - [`Error::NotFinite`] names a NaN or infinite sample of what is searched
    /// - [`Error::OutOfRange`] for silence
    pub fn fit(&mut self, x: &[Complex32], start: usize) -> Result<Impairments> {
        let length = self.reference.used().len();
        let first = start.saturating_sub(self.config.search);
        let last = start.saturating_add(self.config.search).min(x.len().saturating_sub(length));
        if x.len() < length || first > last {
            let need = length.saturating_add(first);
            return Err(Error::TooShort {
                what: "the fit of a reference",
                need,
                unit: "samples",
                got: x.len(),
            });
        }
        let searched = &x[first..last + length];
        if let Some(index) = searched.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index: first + index });
        }
        let power = searched.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / searched.len() as f64;
        if !(power > f64::from(f32::MIN_POSITIVE) && power < 1e30) {
            let rule = "positive, and below 1e30";
            return Err(Error::OutOfRange { field: "power", rule, got: power.to_string() });
        }
        Ok(self.fit_within(x, first..=last, Some(start)))
    }

    /// Every burst in `x`, in order of time; they do not overlap. The delay is that from the nearest sample, [`Impairments::start`].
    ///
    /// Takes as many operations as `x` has samples, times those that are fitted.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn find(&mut self, x: &[Complex32]) -> Result<Vec<Impairments>> {
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index });
        }
        let length = self.reference.used().len();
        let (mut found, mut at) = (Vec::new(), 0);
        while at + length <= x.len() {
            // Two bursts that do not overlap cannot both begin in here.
            let last = |first: usize| (first + length - 1).min(x.len() - length);
            let snr = |got: &Impairments| got.get(Impairment::Snr).map_or(f64::NEG_INFINITY, |snr| snr.value);
            let mut got = self.fit_within(x, at..=last(at), None);
            if snr(&got) == f64::NEG_INFINITY {
                at += length;
                continue;
            }
            // A waveform that repeats a part of itself is alike to its own beginning: the burst may be further on.
            let next = got.start + 1;
            if last(at) < x.len() - length && next <= x.len() - length {
                let later = self.fit_within(x, next..=last(next), None);
                got = if snr(&later) > snr(&got) { later } else { got };
            }
            at = got.start + length;
            found.push(got);
        }
        Ok(found)
    }

    fn fit_within(
        &mut self,
        x: &[Complex32],
        starts: RangeInclusive<usize>,
        expected: Option<usize>,
    ) -> Impairments {
        let guess = self.coarse.find(&self.reference, x, starts);
        let y = &x[guess.start..guess.start + self.reference.used().len()];
        let terms = fit::Terms { dc: self.config.dc, amplifier: self.config.amplifier };
        let fitted = fit::gauss_newton(&self.reference, y, &guess, terms);
        // The coarse search may be off by some samples where the waveform is narrow.
        let whole = fitted.as_ref().map_or(0.0, |fitted| fitted.parameters.delay.round());
        let moved = expected.map_or(-whole, |expected| guess.start as f64 - expected as f64);
        let values = match &fitted {
            Some(fitted) => self.values(fitted, y, moved),
            None => vec![Err(Missing::BelowNoise); Impairment::ALL.len()],
        };
        let gain = fitted.map_or(Complex64::ZERO, |fitted| fitted.parameters.gain);
        let start = (guess.start as f64 + whole).max(0.0) as usize;
        Impairments { values, gain, start, samples: y.len() }
    }

    /// The fit in the table's units.
    fn values(&self, fitted: &fit::Fitted, y: &[Complex32], moved: f64) -> Vec<Measured> {
        use fit::column;
        let rate = self.reference.sample_rate();
        let p = &fitted.parameters;
        let one = |value: f64, column: usize, scale: f64| {
            let variance = fitted.covariance.get(column, column).ok_or(Missing::NotIdentifiable)?;
            measured(value * scale, variance.sqrt() * scale)
        };
        // ln q = ln((1 - ρ)/(1 + ρ)) has the derivative -2/(1 - ρ²): real part the gain, imaginary part the phase.
        let image = |part: fn(Complex64) -> f64, scale: f64| {
            let q = ((1.0 - p.image) / (1.0 + p.image)).ln();
            let slope = -2.0 / (1.0 - p.image * p.image);
            let across = [part(slope), part(slope * Complex64::I)];
            let variance = fitted.covariance.quadratic(column::IMAGE, across);
            measured(part(q) * scale, variance.ok_or(Missing::NotIdentifiable)?.sqrt() * scale)
        };
        let peak = self.reference.peak().powi(2);
        let amplifier = |part: fn(Complex64) -> f64, scale: f64| {
            let gain = 1.0 + p.cubic * peak;
            let across = [part(peak / gain), part(peak * Complex64::I / gain)];
            let variance = fitted.covariance.quadratic(column::CUBIC, across);
            measured(part(gain.ln()) * scale, variance.ok_or(Missing::NotIdentifiable)?.sqrt() * scale)
        };
        let re: fn(Complex64) -> f64 = |z| z.re;
        let im: fn(Complex64) -> f64 = |z| z.im;
        const DECIBEL: f64 = 20.0 / std::f64::consts::LN_10;
        let quality = quality::measure(&self.reference, y, fitted);
        let value = |which: &Impairment| match which {
            Impairment::Cfo => one(p.frequency, column::FREQUENCY, rate),
            Impairment::Delay => one(p.delay + moved, column::DELAY, 1.0 / rate),
            Impairment::CfoDrift => one(p.drift, column::DRIFT, rate * rate),
            Impairment::Sfo => one(p.stretch, column::STRETCH, 1e6),
            Impairment::IqOffsetI => one(p.offset.re, column::OFFSET, 1.0 / self.reference.rms()),
            Impairment::IqOffsetQ => one(p.offset.im, column::OFFSET + 1, 1.0 / self.reference.rms()),
            Impairment::IqGain => image(re, DECIBEL),
            Impairment::IqPhase => image(im, 1.0),
            Impairment::DcI => one(p.dc.re, column::DC, 1.0),
            Impairment::DcQ => one(p.dc.im, column::DC + 1, 1.0),
            Impairment::AmAm => amplifier(re, DECIBEL),
            Impairment::AmPm => amplifier(im, 1.0),
            Impairment::PhaseNoise => quality.phase_noise,
            Impairment::Evm => quality.evm,
            Impairment::EvmMagnitude => quality.magnitude,
            Impairment::EvmPhase => quality.phase,
            Impairment::Snr => quality.snr,
        };
        Impairment::ALL.iter().map(value).collect()
    }
}

/// A value with its error, if both are numbers.
fn measured(value: f64, standard_error: f64) -> Measured {
    if !(value.is_finite() && standard_error.is_finite()) {
        return Err(Missing::NotIdentifiable);
    }
    Ok(Estimate { value, standard_error: Some(standard_error.abs()) })
}

#[cfg(test)]
mod tests;
