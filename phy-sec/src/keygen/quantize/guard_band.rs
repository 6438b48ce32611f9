//! One bit a sample, its side of the mean; samples within `alpha` standard deviations of the mean are dropped, for they
//! are where the ends disagree. Which were kept is said in public.
//!
//! Source: Mathur, Trappe, Mandayam, Ye, Reznik, Radio-telepathy, MobiCom 2008 (levels and index exchange; its
//! excursions are the method `level_crossing`).

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::side::{Rule, Shape};
use super::{LevelFrom, Quantized, Role, Theory, mean_and_deviation};
use crate::Result;
use crate::keygen::within;

/// Who drops samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// Both ends: a sample stays if it is clear to both.
    #[default]
    Both,
    /// Alice alone: Bob takes the side of every sample that she names.
    Alice,
}

/// The width of the band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardBand {
    /// Half the width, in standard deviations of the end's own lane.
    pub alpha: f64,
    /// Who drops samples.
    pub sides: Sides,
    /// Whose mean.
    pub level: LevelFrom,
}

impl Default for GuardBand {
    fn default() -> Self {
        Self { alpha: 0.3, sides: Sides::Both, level: LevelFrom::Own }
    }
}

impl GuardBand {
    pub(super) fn check(&self) -> Result<()> {
        within("alpha", self.alpha, 0.0, 4.0, "within 0..=4")
    }

    fn shape(&self) -> Shape {
        let bob = match self.sides {
            Sides::Both => self.alpha,
            Sides::Alice => 0.0,
        };
        Shape { alice: self.alpha, bob, level: self.level }
    }

    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        self.shape().decide(role, series, announced, |lane| {
            let (level, scale) = mean_and_deviation(lane);
            Rule { level, scale }
        })
    }

    pub(super) fn theory(&self, rho: f64) -> Theory {
        self.shape().theory(rho)
    }

    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        self.shape().min_entropy(rho)
    }
}
