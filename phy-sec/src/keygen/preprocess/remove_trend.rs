//! Subtracts the mean, or a centred moving mean. Large-scale fading is what an eavesdropper nearby shares, and what
//! makes neighbouring bits alike.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::moving_average::replace_by_mean;
use crate::{Error, Result};

/// The length of the moving mean.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoveTrend {
    /// Measurements in the moving mean, odd; 0 is the mean of the whole series.
    pub window: usize,
}

impl RemoveTrend {
    pub(super) fn check(&self) -> Result<()> {
        if self.window == 0 || self.window >= 3 && self.window % 2 == 1 {
            return Ok(());
        }
        let got = self.window.to_string();
        Err(Error::OutOfRange { field: "window", rule: "0 (the whole series) or odd and at least 3", got })
    }

    /// At the edges the window shrinks to what is there on the shorter side, so that a straight line vanishes everywhere.
    pub(super) fn apply(&self, mut series: Array2<f64>) -> Result<Array2<f64>> {
        for mut row in series.rows_mut() {
            if self.window == 0 {
                let mean = row.mean().unwrap_or(0.0);
                row -= mean;
            } else {
                replace_by_mean(row, self.window, |x, mean| x - mean);
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_straight_line_is_all_trend() {
        let line = Array2::from_shape_fn((2, 50), |(lane, k)| lane as f64 + 0.5 * k as f64);
        let got = RemoveTrend { window: 7 }.apply(line).unwrap();
        assert!(got.iter().all(|x| x.abs() < 1e-12));
        assert_eq!(RemoveTrend { window: 0 }.apply(array![[1.0, 3.0]]).unwrap(), array![[-1.0, 1.0]]);
        let err = RemoveTrend { window: 4 }.check().unwrap_err();
        assert_eq!(err.to_string(), "window must be 0 (the whole series) or odd and at least 3, got 4");
    }
}
