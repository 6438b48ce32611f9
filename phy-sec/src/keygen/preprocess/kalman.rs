//! Large-scale fading as a level that walks at random, tracked by a Kalman filter and subtracted. Causal: what is left of a
//! measurement depends on those before it alone.
//!
//! Local level model, with process to measurement noise ratio λ: `level[t] = level[t-1] + √λ·w`, `x[t] = level[t] + v`.
//! The variance `p` of the prediction starts without any knowledge and settles at `(λ + √(λ² + 4λ)) / 2`, the gain
//! `p / (1 + p)` with it (Harvey, *Forecasting, structural time series models and the Kalman filter*, 1989).

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::keygen::within;

/// The model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kalman {
    /// Variance of the level's step over that of the measurements around it: the square of the gain, nearly.
    pub ratio: f64,
}

impl Default for Kalman {
    fn default() -> Self {
        Self { ratio: 1e-3 }
    }
}

impl Kalman {
    pub(super) fn check(&self) -> Result<()> {
        within("ratio", self.ratio, 1e-12, 1e6, "within 1e-12..=1e6")
    }

    /// Where the gain settles.
    #[must_use]
    pub fn steady_gain(&self) -> f64 {
        let p = f64::midpoint(self.ratio, (self.ratio * self.ratio + 4.0 * self.ratio).sqrt());
        p / (1.0 + p)
    }

    pub(super) fn apply(&self, mut series: Array2<f64>) -> Result<Array2<f64>> {
        for row in series.rows_mut() {
            // The first measurement is all that is known of the level.
            let (mut level, mut gain) = (0.0, 1.0);
            for x in row {
                level += gain * (*x - level);
                *x -= level;
                let predicted = gain + self.ratio;
                gain = predicted / (1.0 + predicted);
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gain_settles_where_theory_says() {
        for ratio in [1e-4, 1e-2, 1.0, 100.0] {
            // A step is left over by (1 - gain) of it at first, and decays by that factor.
            let method = Kalman { ratio };
            let n = 2000;
            let series = Array2::from_shape_fn((1, n + 2), |(_, k)| if k < n { 0.0 } else { 1.0 });
            let got = method.apply(series).unwrap();
            let left = 1.0 - method.steady_gain();
            assert!(
                (got[[0, n]] - left).abs() < 1e-9 && (got[[0, n + 1]] - left * left).abs() < 1e-9,
                "{ratio}: {got}"
            );
        }
        // λ = 1: the golden ratio.
        assert!((Kalman { ratio: 1.0 }.steady_gain() - 0.618_033_988_749_895).abs() < 1e-12);
        let err = Kalman { ratio: 0.0 }.check().unwrap_err();
        assert_eq!(err.to_string(), "ratio must be within 1e-12..=1e6, got 0");
    }
}
