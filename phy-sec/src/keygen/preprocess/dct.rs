//! Orthonormal discrete cosine transform (DCT-II) of blocks over time: for slow fading it comes close to the transform that
//! makes coefficients uncorrelated (Ahmed, Natarajan, Rao, IEEE Trans. Comput. 23(1), 1974). Each coefficient becomes a lane
//! of its own, so that each is quantized by its own spread.

use std::f64::consts::PI;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The blocks, and which coefficients go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dct {
    /// Measurements of a block, 2 to 1,024; what is left at the end is dropped.
    pub block: usize,
    /// Coefficients left out at the slow end: 1 is the mean alone.
    pub skip: usize,
    /// Coefficients that go on after those, 0 for all: the fast ones hold more noise than channel.
    pub keep: usize,
}

impl Default for Dct {
    fn default() -> Self {
        Self { block: 8, skip: 0, keep: 0 }
    }
}

impl Dct {
    pub(super) fn check(&self) -> Result<()> {
        if !(2..=1024).contains(&self.block) {
            let got = self.block.to_string();
            return Err(Error::OutOfRange { field: "block", rule: "2 to 1024", got });
        }
        if self.skip >= self.block {
            let got = self.skip.to_string();
            return Err(Error::OutOfRange { field: "skip", rule: "less than the block", got });
        }
        Ok(())
    }

    /// `[lane, time]` to `[lane and coefficient, block]`, the coefficients of a lane one after another.
    pub(super) fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
        let n = self.block;
        let most = n - self.skip;
        let keep = if self.keep == 0 { most } else { self.keep.min(most) };
        let blocks = series.ncols() / n;
        let basis = Array2::from_shape_fn((keep, n), |(k, t)| {
            let frequency = k + self.skip;
            let scale = if frequency == 0 { 1.0 } else { 2.0 } / n as f64;
            scale.sqrt() * (PI / n as f64 * (t as f64 + 0.5) * frequency as f64).cos()
        });
        let value = |lane: usize, k: usize, block: usize| -> f64 {
            (0..n).map(|t| basis[[k, t]] * series[[lane, block * n + t]]).sum()
        };
        Ok(Array2::from_shape_fn((series.nrows() * keep, blocks), |(row, block)| {
            value(row / keep, row % keep, block)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// The unit vectors' transforms are orthonormal; DC and a known coefficient.
    #[test]
    fn the_transform_is_orthonormal() {
        for block in [2, 5, 16] {
            let method = Dct { block, skip: 0, keep: 0 };
            // Blocks that are the unit vectors one after another.
            let units = Array2::from_shape_fn((1, block * block), |(_, k)| {
                f64::from(u8::from(k % block == k / block))
            });
            let matrix = method.apply(units).unwrap();
            let gram = matrix.dot(&matrix.t());
            assert!((gram - Array2::<f64>::eye(block)).iter().all(|d| d.abs() < 1e-12), "{block}");
        }
        let got = Dct { block: 4, skip: 0, keep: 0 }.apply(array![[1.0, 2.0, 3.0, 4.0, 9.0]]).unwrap();
        // scipy.fft.dct([1, 2, 3, 4], norm="ortho")
        for (got, want) in got.iter().zip([5.0, -2.230442497387663, 0.0, -0.15851266778110726]) {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
        let got = Dct { block: 4, skip: 1, keep: 2 }.apply(Array2::from_elem((3, 9), 7.0)).unwrap();
        assert!(got.dim() == (6, 2) && got.iter().all(|x| x.abs() < 1e-12));
        let err = Dct { block: 4, skip: 4, keep: 0 }.check().unwrap_err();
        assert_eq!(err.to_string(), "skip must be less than the block, got 4");
    }
}
