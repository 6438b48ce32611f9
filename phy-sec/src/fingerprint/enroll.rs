//! Enrolment and identification: a gallery of transmitters, which of them sent a burst, or that none did.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::classify::{Evidence, Example, Method, Model, Score};
use crate::{Error, Result};

/// Schema of the gallery file.
pub const GALLERY_SCHEMA: &str = "phy-sec.gallery/1";

/// Largest gallery file that is read, in bytes.
pub const MAX_GALLERY_BYTES: usize = 64 << 20;

/// Most features of a gallery.
const MAX_FEATURES: usize = 4096;

/// How transmitters are enrolled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnrollConfig {
    /// The classifier.
    pub classifier: Method,
    /// Share of bursts of an enrolled transmitter, from a recording not yet seen, that may be called unknown. 0.001 to 0.5.
    /// Fewer than `1 / false_rejection` recordings cannot promise it: the threshold is then the greatest distance seen among them.
    pub false_rejection: f64,
}

impl Default for EnrollConfig {
    fn default() -> Self {
        EnrollConfig { classifier: Method::default(), false_rejection: 0.1 }
    }
}

/// Who sent a burst.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// This enrolled transmitter.
    Known(String),
    /// None of those enrolled.
    Unknown,
}

impl Decision {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Decision::Known(name) => Some(name),
            Decision::Unknown => None,
        }
    }
}

/// A decision and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Identification {
    /// Who.
    pub decision: Decision,
    /// How typical the burst is of the nearest transmitter, in standard normal deviates below the mean distance: higher is nearer.
    pub score: f64,
    /// The score below which the decision is *unknown*.
    pub threshold: f64,
    /// The nearest transmitter, whether near enough or not.
    pub nearest: String,
    /// What each feature said for (positive) or against the nearest, the weightiest first.
    pub evidence: Vec<Evidence>,
}

impl Identification {
    /// The features that spoke most for the decision, at most `most`: for the nearest transmitter, or against it where the
    /// decision is *unknown*.
    pub fn because(&self, most: usize) -> Vec<&str> {
        let sign = if self.decision.name().is_some() { 1.0 } else { -1.0 };
        let mut spoke: Vec<&Evidence> = self.evidence.iter().filter(|e| sign * e.weight > 0.0).collect();
        spoke.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        spoke.iter().take(most).map(|e| &*e.feature).collect()
    }
}

/// Enrolled transmitters. Safe to read from a file that somebody else wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gallery {
    schema: String,
    features: Vec<String>,
    threshold: f64,
    false_rejection: f64,
    /// Bursts of recordings left out, on which the threshold was set; 0 if it is the normal distribution's.
    calibration_bursts: usize,
    /// Hz, of the recordings enrolled; galleries of others do not fit them. Absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sample_rate: Option<f64>,
    model: Model,
}

impl Gallery {
    /// Learns from `examples`; the threshold is set on recordings left out one after the other.
    ///
    /// - `features`: names of the numbers in each vector
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::Shape`], [`Error::NotFinite`] as [`Method::fit`]; [`Error::Shape`] if the names
    /// do not fit the vectors; [`Error::OutOfRange`] for the false rejection rate.
    pub fn enroll(features: &[String], examples: &[Example], config: &EnrollConfig) -> Result<Gallery> {
        if !(0.001..=0.5).contains(&config.false_rejection) {
            let got = config.false_rejection.to_string();
            return Err(Error::OutOfRange { field: "false_rejection", rule: "0.001 to 0.5", got });
        }
        let model = config.classifier.fit(examples)?;
        if model.dimension() != features.len() {
            let (need, got) = (format!("[{}]", model.dimension()), format!("[{}]", features.len()));
            return Err(Error::Shape { what: "feature names", need, got });
        }
        let left_out = leave_recordings_out(examples, config.classifier)?;
        Ok(Gallery {
            schema: GALLERY_SCHEMA.into(),
            features: features.to_vec(),
            threshold: conformal(&left_out, config.false_rejection),
            false_rejection: config.false_rejection,
            calibration_bursts: left_out.iter().map(Vec::len).sum(),
            sample_rate: None,
            model,
        })
    }

    /// Names of the enrolled transmitters, sorted.
    pub fn emitters(&self) -> &[String] {
        self.model.emitters()
    }

    /// Names of the numbers in a feature vector.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The same gallery with a note of the rate at which its recordings were made, Hz: features measured at another rate
    /// are other features.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if it is not a positive number.
    pub fn at_sample_rate(self, sample_rate: f64) -> Result<Gallery> {
        positive_rate(sample_rate)?;
        Ok(Gallery { sample_rate: Some(sample_rate), ..self })
    }

    /// The rate at which the enrolled recordings were made, Hz, if it was noted.
    pub fn sample_rate(&self) -> Option<f64> {
        self.sample_rate
    }

    /// Whether features measured at `sample_rate`, Hz, can be compared with those enrolled.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if another rate was noted; a gallery without one takes any.
    pub fn check_rate(&self, sample_rate: f64) -> Result<()> {
        match self.sample_rate {
            Some(enrolled) if !same_rate(enrolled, sample_rate) => Err(Error::OutOfRange {
                field: "sample_rate",
                rule: "that of the recordings enrolled, within 1 %: features of different rates cannot be compared",
                got: format!("{sample_rate} Hz for {enrolled} Hz"),
            }),
            _ => Ok(()),
        }
    }

    /// The fitted classifier.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The score below which a burst is *unknown*.
    pub fn threshold(&self) -> f64 {
        -self.threshold
    }

    /// Who sent the burst with these features, `[feature]`. Without any usable feature: unknown.
    ///
    /// # Errors
    /// [`Error::Shape`] if the vector has another length than those enrolled.
    pub fn identify(&self, features: &[Option<f64>]) -> Result<Identification> {
        self.shape(features)?;
        let scores = self.model.scores(features);
        let best = nearest(&scores).ok_or(Error::TooShort {
            what: "a gallery",
            need: 1,
            unit: "emitters",
            got: 0,
        })?;
        let weights = self.model.explain(features, best.emitter);
        Ok(self.identification(best.emitter, -best.atypicality, weights))
    }

    /// Who sent all of these bursts of one recording: the emitter with the most evidence in sum, typical if its bursts'
    /// median is. The listed evidence is the sum.
    ///
    /// # Errors
    /// [`Error::TooShort`] without a burst; [`Error::Shape`] as [`Gallery::identify`].
    pub fn identify_all(&self, bursts: &[Vec<Option<f64>>]) -> Result<Identification> {
        let mut sums = vec![0.0; self.emitters().len()];
        for burst in bursts {
            self.shape(burst)?;
            self.model.scores(burst).iter().for_each(|s| sums[s.emitter] += s.evidence);
        }
        let best = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b]));
        let Some(best) = best.filter(|_| !bursts.is_empty()) else {
            return Err(Error::TooShort { what: "an identification", need: 1, unit: "bursts", got: 0 });
        };
        let mut scores: Vec<f64> = bursts.iter().map(|b| -self.model.scores(b)[best].atypicality).collect();
        scores.sort_by(f64::total_cmp);
        let mut weights = vec![0.0; self.features.len()];
        bursts.iter().flat_map(|b| self.model.explain(b, best)).for_each(|(j, weight)| weights[j] += weight);
        let weights = weights.into_iter().enumerate().filter(|w| w.1 != 0.0).collect();
        Ok(self.identification(best, scores[(scores.len() - 1) / 2], weights))
    }

    fn shape(&self, features: &[Option<f64>]) -> Result<()> {
        if features.len() == self.features.len() {
            return Ok(());
        }
        let (need, got) = (format!("[{}]", self.features.len()), format!("[{}]", features.len()));
        Err(Error::Shape { what: "feature vector", need, got })
    }

    fn identification(&self, emitter: usize, score: f64, weights: Vec<(usize, f64)>) -> Identification {
        let mut evidence: Vec<Evidence> = weights
            .into_iter()
            .map(|(j, weight)| Evidence { feature: self.features[j].clone(), weight })
            .collect();
        evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        let nearest = self.emitters()[emitter].clone();
        let known = score >= -self.threshold;
        Identification {
            decision: if known { Decision::Known(nearest.clone()) } else { Decision::Unknown },
            score,
            threshold: -self.threshold,
            nearest,
            evidence,
        }
    }

    /// The file's content: JSON with a schema version.
    pub fn to_json(&self) -> String {
        // Plain numbers, strings and lists, all finite: serialisation cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Gallery::to_json`] wrote, or refuses it.
    ///
    /// # Errors
    /// - [`Error::Malformed`] if it is larger than [`MAX_GALLERY_BYTES`], not JSON, or not a gallery of this version
    /// - [`Error::Shape`], [`Error::NotFinite`], [`Error::OutOfRange`] for content that cannot be a model
    pub fn from_json(bytes: &[u8]) -> Result<Gallery> {
        let malformed = |place: String, reason: String| Error::Malformed { what: "gallery", place, reason };
        if bytes.len() > MAX_GALLERY_BYTES {
            let reason = format!("{} bytes, at most {MAX_GALLERY_BYTES} are read", bytes.len());
            return Err(malformed("size".into(), reason));
        }
        let gallery: Gallery = serde_json::from_slice(bytes).map_err(|error| {
            malformed(format!("line {} column {}", error.line(), error.column()), error.to_string())
        })?;
        if gallery.schema != GALLERY_SCHEMA {
            let reason = format!("{:?} is not {GALLERY_SCHEMA:?}", gallery.schema);
            return Err(malformed("schema".into(), reason));
        }
        let features = gallery.features.len();
        if features != gallery.model.dimension() || features > MAX_FEATURES {
            let (need, got) =
                (format!("[{}]", gallery.model.dimension().min(MAX_FEATURES)), format!("[{features}]"));
            return Err(Error::Shape { what: "features", need, got });
        }
        if !gallery.threshold.is_finite() {
            return Err(Error::NotFinite { what: "threshold", index: 0 });
        }
        gallery.sample_rate.map_or(Ok(()), positive_rate)?;
        gallery.model.check()?;
        Ok(gallery)
    }
}

/// Whether two rates are one but for the radio's clock and rounding: within 1 %.
pub fn same_rate(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.01 * a.abs().max(b.abs())
}

fn positive_rate(rate: f64) -> Result<()> {
    if rate.is_finite() && rate > 0.0 {
        return Ok(());
    }
    Err(Error::OutOfRange { field: "sample_rate", rule: "a positive number of Hz", got: rate.to_string() })
}

/// The emitter with the most evidence.
pub(super) fn nearest(scores: &[Score]) -> Option<Score> {
    scores.iter().copied().max_by(|a, b| a.evidence.total_cmp(&b.evidence))
}

/// Atypicality of each burst to its nearest emitter when its recording was not learnt from, `[recording][burst]`.
/// Only emitters with another recording count; a recording that holds several emitters is left out as a whole.
fn leave_recordings_out(examples: &[Example], classifier: Method) -> Result<Vec<Vec<f64>>> {
    let recordings: BTreeSet<&str> = examples.iter().map(|e| e.recording).collect();
    let mut out = Vec::new();
    for recording in recordings {
        let (mut held, rest): (Vec<Example>, Vec<Example>) =
            examples.iter().partition(|e| e.recording == recording);
        let elsewhere: BTreeSet<&str> = rest.iter().map(|e| e.emitter).collect();
        held.retain(|e| elsewhere.contains(e.emitter));
        if held.is_empty() {
            continue;
        }
        let model = classifier.fit(&rest)?;
        let nearest = held.iter().filter_map(|e| nearest(&model.scores(e.features)));
        out.push(nearest.map(|s| s.atypicality).filter(|a| a.is_finite()).collect());
    }
    Ok(out)
}

/// The atypicality that a share `rate` of bursts exceeds, every recording counting the same (split conformal prediction:
/// Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005); the normal quantile without recordings.
fn conformal(recordings: &[Vec<f64>], rate: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    let groups = recordings.iter().filter(|r| !r.is_empty()).count() as f64;
    let normal = Normal::standard().inverse_cdf(1.0 - rate);
    if groups < 2.0 {
        return normal;
    }
    let mut weighted: Vec<(f64, f64)> = recordings
        .iter()
        .flat_map(|r| r.iter().map(|a| (*a, 1.0 / (r.len() as f64 * (groups + 1.0)))))
        .collect();
    weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0.0;
    for (value, weight) in &weighted {
        sum += weight;
        if sum >= 1.0 - rate {
            // Never stricter than the model itself would be if it were right.
            return value.max(normal);
        }
    }
    // Too few recordings to promise the rate: the greatest seen.
    weighted.last().map_or(normal, |last| last.0.max(normal))
}

#[cfg(test)]
mod tests;
