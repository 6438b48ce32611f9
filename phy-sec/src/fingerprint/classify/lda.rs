//! Linear discriminant analysis: Gaussian emitters with one covariance, whose correlations are shrunk towards none by
//! Ledoit and Wolf's estimator ("A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate
//! Analysis 88, 2004), with recordings for observations, because bursts of one recording are not independent.

use serde::{Deserialize, Serialize};

use super::{
    Example, Score,
    gaussian::{Gaussian, Shrinkage},
};
use crate::Result;

/// A fitted linear discriminant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lda(Gaussian);

impl Lda {
    pub(super) fn fit(examples: &[Example]) -> Lda {
        Lda(Gaussian::fit(examples, Shrinkage::LedoitWolf))
    }
    pub(super) fn emitters(&self) -> &[String] {
        self.0.emitters()
    }
    pub(super) fn dimension(&self) -> usize {
        self.0.dimension()
    }
    pub(super) fn scores(&self, features: &[Option<f64>]) -> Vec<Score> {
        self.0.scores(features)
    }
    pub(super) fn explain(&self, features: &[Option<f64>], emitter: usize) -> Vec<(usize, f64)> {
        self.0.explain(features, emitter)
    }
    pub(super) fn project(&self, features: &[Option<f64>]) -> (f64, f64) {
        self.0.project(features)
    }
    pub(super) fn check(&self) -> Result<()> {
        self.0.check()
    }
}
