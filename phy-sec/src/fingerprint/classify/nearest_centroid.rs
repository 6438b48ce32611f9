//! The nearest mean in units of each feature's own spread, correlations ignored ("diagonal LDA"; Dudoit, Fridlyand and Speed,
//! J. American Statistical Association 97, 2002). What the linear discriminant has to beat, and what is left of it with
//! very few recordings.

use serde::{Deserialize, Serialize};

use super::{
    Example, Score,
    gaussian::{Gaussian, Shrinkage},
};
use crate::Result;

/// A fitted nearest-centroid classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NearestCentroid(Gaussian);

impl NearestCentroid {
    pub(super) fn fit(examples: &[Example]) -> NearestCentroid {
        NearestCentroid(Gaussian::fit(examples, Shrinkage::Diagonal))
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
