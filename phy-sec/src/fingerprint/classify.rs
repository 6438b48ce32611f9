//! Classifiers: from feature vectors with gaps to *which emitter*, *how typical of it*, and *which features say so*.
//!
//! | Row | What it is |
//! | --- | --- |
//! | [`lda`] | linear discriminant: one covariance for all emitters, correlations shrunk (Ledoit and Wolf) |
//! | [`nearest_centroid`] | the same without correlations: what LDA has to beat |
//!
//! A feature that could not be measured is left out of the likelihood of that burst; nothing is imputed, and nothing that
//! is not finite gets in. An emitter's likelihood is compared with the population's over the same features, so
//! that bursts and emitters with different features remain comparable.
//!
//! A classifier is a file with a model type, its `mod` line and its row in the table.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

pub mod gaussian;
pub mod lda;
pub mod nearest_centroid;

/// A burst to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// Who sent it.
    pub emitter: &'a str,
    /// The group it belongs to: bursts of one recording share receiver, place and time.
    pub recording: &'a str,
    /// `[feature]`, `None` where it could not be measured.
    pub features: &'a [Option<f64>],
}

/// How much a burst is like one emitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Index into [`Model::emitters`].
    pub emitter: usize,
    /// Log-likelihood ratio of the emitter against the population, natural logarithm.
    pub evidence: f64,
    /// How far the burst is from the emitter, as a standard normal deviate: the sum of the whitened features' squares, each
    /// bounded so that one feature alone makes no stranger, brought to that scale for any number of features.
    pub atypicality: f64,
}

/// What a feature said: positive for the emitter, negative against, in nats against the population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its name.
    pub feature: String,
    /// Its share of the log-likelihood ratio.
    pub weight: f64,
}

/// The one list of classifiers: method name, model and dispatch.
macro_rules! classifiers {
    ($($(#[$doc:meta])* $name:ident => $module:ident,)*) => {
        /// A classifier by name: `classifier = "lda"`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Method { #[default] $($(#[$doc])* $name,)* }

        /// A fitted classifier.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
        pub enum Model { $($(#[$doc])* $name($module::$name),)* }

        impl Method {
            /// Every classifier there is.
            pub const ALL: &[Method] = &[$(Method::$name,)*];

            /// Learns from `examples`.
            ///
            /// # Errors
            /// - [`Error::TooShort`] without an example
            /// - [`Error::Shape`] where vectors differ in length; [`Error::OutOfRange`] where they hold nothing
            /// - [`Error::NotFinite`] for a NaN or infinite value
            pub fn fit(self, examples: &[Example]) -> Result<Model> {
                check(examples)?;
                Ok(match self { $(Method::$name => Model::$name($module::$name::fit(examples)),)* })
            }
        }

        impl Model {
            /// Names of the emitters, sorted.
            pub fn emitters(&self) -> &[String] {
                match self { $(Model::$name(model) => model.emitters(),)* }
            }

            /// Length of the feature vector.
            pub fn dimension(&self) -> usize {
                match self { $(Model::$name(model) => model.dimension(),)* }
            }

            /// A score for each emitter, in order. Values that are not finite count as missing.
            pub fn scores(&self, features: &[Option<f64>]) -> Vec<Score> {
                match self { $(Model::$name(model) => model.scores(features),)* }
            }

            /// Each measured feature's share of the evidence for `emitter` (an index): index and weight.
            pub fn explain(&self, features: &[Option<f64>], emitter: usize) -> Vec<(usize, f64)> {
                match self { $(Model::$name(model) => model.explain(features, emitter),)* }
            }

            /// The two leading discriminant axes' coordinates of a burst, for pictures.
            pub fn project(&self, features: &[Option<f64>]) -> (f64, f64) {
                match self { $(Model::$name(model) => model.project(features),)* }
            }

            /// What a model read from a file must satisfy.
            ///
            /// # Errors
            /// [`Error::Shape`], [`Error::NotFinite`], [`Error::OutOfRange`] name what does not fit.
            pub fn check(&self) -> Result<()> {
                match self { $(Model::$name(model) => model.check(),)* }
            }
        }
    };
}

classifiers! {
    /// Linear discriminant with shrunk correlations.
    Lda => lda,
    /// The nearest mean, each feature by itself.
    NearestCentroid => nearest_centroid,
}

fn check(examples: &[Example]) -> Result<()> {
    let Some(first) = examples.first() else {
        return Err(Error::TooShort { what: "a classifier", need: 1, unit: "bursts", got: 0 });
    };
    if first.features.is_empty() {
        return Err(Error::OutOfRange { field: "features", rule: "at least one", got: "none".into() });
    }
    for example in examples {
        if example.features.len() != first.features.len() {
            let (need, got) =
                (format!("[{}]", first.features.len()), format!("[{}]", example.features.len()));
            return Err(Error::Shape { what: "feature vector", need, got });
        }
        if let Some(index) = example.features.iter().position(|v| v.is_some_and(|v| !v.is_finite())) {
            return Err(Error::NotFinite { what: "feature vector", index });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
