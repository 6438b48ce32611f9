//! One bit from the order of two samples: whether the series rises or falls. What changes slowly drops out, gain and
//! offset with it, so that nothing has to be agreed on.
//!
//! Successive differences share a sample: independent samples have differences with correlation -1/2, which the
//! memory estimates of the ledger find. Disjoint pairs do not, for half as many bits.
//!
//! Source of the method: relative order of channel measurements, as in Zhang, Duong, Marshall, Woods, *Key generation
//! from wireless channels: a review*, IEEE Access 4, 2016.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::side::Shape;
use super::{LevelFrom, Quantized, Role, Sides, Theory};
use crate::Result;
use crate::keygen::within;

/// Which differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Differential {
    /// Differences smaller than this many root mean squares of the lane's differences are dropped.
    pub alpha: f64,
    /// Who drops them.
    pub sides: Sides,
    /// Whether a sample is used twice, with the one before and the one after.
    pub overlap: bool,
}

impl Default for Differential {
    fn default() -> Self {
        Self { alpha: 0.3, sides: Sides::Both, overlap: false }
    }
}

impl Differential {
    pub(super) fn check(&self) -> Result<()> {
        within("alpha", self.alpha, 0.0, 4.0, "within 0..=4")
    }

    fn shape(&self) -> Shape {
        let bob = if self.sides == Sides::Both { self.alpha } else { 0.0 };
        Shape { alice: self.alpha, bob, level: LevelFrom::Own }
    }

    /// A difference stands at the place of its first sample.
    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        super::nothing_announced(announced)?;
        let Shape { alice, bob, .. } = self.shape();
        let alpha = if role == Role::Alice { alice } else { bob };
        let stride = if self.overlap { 1 } else { 2 };
        let mut out = Quantized::with_capacity(series.len());
        for lane in series.rows() {
            let steps: Vec<f64> = (1..lane.len()).step_by(stride).map(|k| lane[k] - lane[k - 1]).collect();
            let power = steps.iter().map(|step| step * step).sum::<f64>() / steps.len().max(1) as f64;
            // Rounding is not a rise.
            let loudest = lane.iter().fold(0.0f64, |most, x| most.max(x.abs()));
            let least = (alpha * power.sqrt()).max(1e-12 * loudest);
            for k in 0..lane.len() {
                let step = if k % stride == 0 { steps.get(k / stride) } else { None };
                let clear = step.filter(|step| step.abs() >= least && **step != 0.0);
                out.push(clear.map(|&step| u8::from(step > 0.0)), 1, 0);
            }
        }
        // The list of dropped differences says where the series turns.
        out.runs = true;
        Ok(out)
    }

    /// Of the differences; `kept` is a share of the samples.
    pub(super) fn theory(&self, rho: f64) -> Theory {
        let of_differences = self.shape().theory(rho);
        let kept = if self.overlap { of_differences.kept } else { of_differences.kept / 2.0 };
        Theory { kept, ..of_differences }
    }

    /// Eve's differences correlate with the ends' as her values do, for independent samples.
    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        self.shape().min_entropy(rho)
    }
}
