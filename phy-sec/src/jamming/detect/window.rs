//! Detectors that look at one window of samples at a time and take a false-alarm probability: one statistic, one threshold.
//!
//! A detector is a file in `detect/`, its `mod` line and its row in the table below. Each threshold is exact for the number
//! of samples where the statistic's law under noise is known, and otherwise the quantile of a seeded sample of that law
//! ([`Calibration`]): nothing is taken to its limit.
//!
//! All but the energy detector are blind to the level of the noise; all of them take it for white. Where it is not, a
//! [`super::Whitening`] comes first.

use num_complex::Complex32;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    calibrate::{Calibration, Noise},
    chirp::Chirp,
    covariance::{
        ArithmeticGeometricMean, CovarianceAbsolute, CovarianceFrobenius, EnergyMinEigenvalue,
        MaxAutocorrelation, MaxEigenvalueTrace, MaxMinEigenvalue,
    },
    cyclic::Cyclostationary,
    energy::Energy,
    line::Line,
    spectral_kurtosis::SpectralKurtosis,
};
use crate::{Backend, Error, Result};

/// The statistic of a window of the length it was made for.
pub(super) type Statistic = Box<dyn FnMut(&[Complex32]) -> f64 + Send>;
/// A draw of the statistic under white noise.
pub(super) type Null = Box<dyn FnMut(&mut ChaCha8Rng) -> f64 + Send>;

/// What a file in `detect/` fills in for its row.
pub(super) trait WindowDetector: Sized {
    const DEFAULT: Self;
    /// Whether the configuration makes sense, and fits a window of `samples`.
    fn check(&self, samples: usize) -> Result<()>;
    /// Larger is more like a jammer.
    fn statistic(&self, samples: usize, backend: &Backend) -> Result<Statistic>;
    /// The threshold where it has a formula.
    fn exact(&self, _samples: usize, _pfa: f64) -> Option<f64> {
        None
    }
    /// Whether the statistic is the largest of very many with exponential tails: then calibration fits an extreme value's law
    /// to few draws.
    fn extreme(&self) -> bool {
        false
    }
    /// Draws of the statistic under white noise: by making the samples, unless there is a shorter way with the same law.
    fn null(&self, samples: usize, backend: &Backend) -> Result<Null> {
        let mut statistic = self.statistic(samples, backend)?;
        let mut noise = Noise::new(samples);
        Ok(Box::new(move |rng| statistic(noise.draw(rng))))
    }
}

macro_rules! detectors {
    ($($(#[$doc:meta])* $method:ident = $name:literal,)*) => {
        /// The detectors: in a configuration `method = "energy"` and the method's own fields.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Detector {
            $($(#[$doc])* #[serde(rename = $name)] $method($method),)*
        }

        impl Detector {
            /// Every detector as it is by default.
            pub const ALL: &'static [Detector] =
                &[$(Detector::$method(<$method as WindowDetector>::DEFAULT),)*];

            /// Its name in configuration.
            pub fn name(&self) -> &'static str {
                match self { $(Detector::$method(_) => $name,)* }
            }

            fn check(&self, samples: usize) -> Result<()> {
                match self { $(Detector::$method(d) => d.check(samples),)* }
            }

            fn make(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
                match self { $(Detector::$method(d) => d.statistic(samples, backend),)* }
            }

            pub(super) fn exact(&self, samples: usize, pfa: f64) -> Option<f64> {
                match self { $(Detector::$method(d) => d.exact(samples, pfa),)* }
            }

            pub(super) fn extreme(&self) -> bool {
                match self { $(Detector::$method(d) => d.extreme(),)* }
            }

            pub(super) fn null(&self, samples: usize, backend: &Backend) -> Result<Null> {
                match self { $(Detector::$method(d) => d.null(samples, backend),)* }
            }
        }
    };
}

detectors! {
    /// Mean power, against noise of known power.
    Energy = "energy",
    /// Any bin's spectral kurtosis too low (a carrier) or too high (pulses).
    SpectralKurtosis = "spectral_kurtosis",
    /// The strongest bin's share of the power: a carrier.
    Line = "line",
    /// The same after unwinding each of many sweep rates: a sweep.
    Chirp = "chirp",
    /// MME: the largest over the smallest eigenvalue of the covariance.
    MaxMinEigenvalue = "max_min_eigenvalue",
    /// EME: the power over the smallest eigenvalue.
    EnergyMinEigenvalue = "energy_min_eigenvalue",
    /// MET: the largest eigenvalue over their sum.
    MaxEigenvalueTrace = "max_eigenvalue_trace",
    /// AGM, the generalised likelihood ratio of sphericity: the arithmetic over the geometric mean of the eigenvalues.
    ArithmeticGeometricMean = "arithmetic_geometric_mean",
    /// CAV: the sum of absolute values of the covariance over that of its diagonal.
    CovarianceAbsolute = "covariance_absolute",
    /// CFN: the same of squares.
    CovarianceFrobenius = "covariance_frobenius",
    /// MAC: the largest autocorrelation but that at zero.
    MaxAutocorrelation = "max_autocorrelation",
    /// The strongest spectral coherence: modulated signals, by what repeats in them.
    Cyclostationary = "cyclostationary",
}

pub(super) fn check_pfa(pfa: f64) -> Result<()> {
    if (1e-15..1.0).contains(&pfa) {
        return Ok(());
    }
    Err(Error::OutOfRange { field: "pfa", rule: "from 1e-15 to below 1", got: pfa.to_string() })
}

/// The longest window.
const LONGEST: usize = 1 << 24;

impl Detector {
    /// The statistic of one window.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration, [`Error::TooShort`] for a window that is too short for it,
    /// [`Error::NotFinite`] for a sample that is no number.
    pub fn statistic(&self, x: &[Complex32], backend: &Backend) -> Result<f64> {
        finite(x, 0)?;
        Ok(self.engine(x.len(), backend)?(x))
    }

    /// What white noise reaches with probability `pfa` in a window of `samples`.
    ///
    /// # Errors
    /// As [`Detector::statistic`]; [`Error::OutOfRange`] for a `pfa` that `calibration` has too few trials for.
    pub fn threshold(&self, samples: usize, pfa: f64, calibration: &mut Calibration) -> Result<f64> {
        check_pfa(pfa)?;
        self.fits(samples)?;
        match self.exact(samples, pfa) {
            Some(threshold) => Ok(threshold),
            None => calibration.threshold(self, samples, pfa),
        }
    }

    fn fits(&self, samples: usize) -> Result<()> {
        if samples > LONGEST {
            let rule = "at most 16777216";
            return Err(Error::OutOfRange { field: "samples", rule, got: samples.to_string() });
        }
        self.check(samples)
    }

    pub(super) fn engine(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
        self.fits(samples)?;
        self.make(samples, backend)
    }
}

fn finite(x: &[Complex32], before: usize) -> Result<()> {
    match x.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite { what: "samples", index: index + before }),
        None => Ok(()),
    }
}

/// A window that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Absolute index of its first sample.
    pub sample_start: u64,
    /// The detector's statistic; 0 for a window without any power.
    pub statistic: f64,
    /// Whether it reached the threshold.
    pub detected: bool,
}

/// A detector in a stream: windows end to end. Cutting the stream anywhere changes nothing.
pub struct WindowTest {
    samples: usize,
    threshold: f64,
    statistic: Statistic,
    pending: Vec<Complex32>,
    next: u64,
}

impl WindowTest {
    /// - `samples`: length of a window
    /// - `pfa`: probability that white noise is called detected in one
    ///
    /// # Errors
    /// As [`Detector::threshold`].
    pub fn new(
        detector: Detector,
        samples: usize,
        pfa: f64,
        calibration: &mut Calibration,
        backend: &Backend,
    ) -> Result<Self> {
        let threshold = detector.threshold(samples, pfa, calibration)?;
        let statistic = detector.engine(samples, backend)?;
        Ok(WindowTest { samples, threshold, statistic, pending: Vec::with_capacity(samples), next: 0 })
    }

    /// What the statistic has to reach.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The windows that `x` completes. Nothing is taken of an `x` that holds a sample that is no number.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn push(&mut self, mut x: &[Complex32]) -> Result<Vec<Judged>> {
        finite(x, 0)?;
        let mut judged = Vec::with_capacity((self.pending.len() + x.len()) / self.samples);
        while self.pending.len() + x.len() >= self.samples {
            let statistic = if self.pending.is_empty() {
                let (window, rest) = x.split_at(self.samples);
                x = rest;
                (self.statistic)(window)
            } else {
                let (head, rest) = x.split_at(self.samples - self.pending.len());
                self.pending.extend_from_slice(head);
                x = rest;
                let statistic = (self.statistic)(&self.pending);
                self.pending.clear();
                statistic
            };
            // Digital silence has no ratio to anything.
            let statistic = if statistic.is_nan() { 0.0 } else { statistic };
            judged.push(Judged { sample_start: self.next, statistic, detected: statistic >= self.threshold });
            self.next += self.samples as u64;
        }
        self.pending.extend_from_slice(x);
        Ok(judged)
    }

    /// Samples were lost: the window begun is dropped, and `next` is the absolute index of the sample that comes.
    pub fn gap(&mut self, next: u64) {
        self.pending.clear();
        self.next = next;
    }

    /// Ends the stream; a window that is not whole is not judged.
    pub fn finish(&mut self) {
        self.pending.clear();
    }

    /// Starts afresh at sample 0; the threshold stays.
    pub fn reset(&mut self) {
        self.gap(0);
    }
}

#[cfg(test)]
mod tests;
