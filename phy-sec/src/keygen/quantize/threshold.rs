//! One bit a sample: its side of the mean or of the median. For jointly Gaussian ends the bits disagree with
//! probability `acos(rho) / π` (the orthant probability: Sheppard, Phil. Trans. R. Soc. A 192, 1899).

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::side::{Rule, Shape};
use super::{LevelFrom, Quantized, Role, Theory, mean_and_deviation};
use crate::Result;

/// What a sample is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centre {
    /// The lane's mean.
    #[default]
    Mean,
    /// The lane's median: as many ones as zeros, whatever the distribution.
    Median,
}

/// Where the threshold lies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// What a sample is compared with.
    pub centre: Centre,
    /// Whose.
    pub level: LevelFrom,
}

impl Threshold {
    pub(super) fn check(&self) -> Result<()> {
        Ok(())
    }

    fn shape(&self) -> Shape {
        Shape { alice: 0.0, bob: 0.0, level: self.level }
    }

    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        self.shape().decide(role, series, announced, |lane| {
            let (mean, scale) = mean_and_deviation(lane);
            let level = match self.centre {
                Centre::Mean => mean,
                Centre::Median => median(lane),
            };
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

fn median(lane: ArrayView1<'_, f64>) -> f64 {
    let mut sorted = lane.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
