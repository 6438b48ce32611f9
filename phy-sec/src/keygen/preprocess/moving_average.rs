//! A centred moving mean: takes noise out, and with it what changes from one measurement to the next.

use ndarray::{Array2, ArrayViewMut1};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MovingAverage {
    /// Measurements in the mean, odd and at least 3.
    pub window: usize,
}

impl Default for MovingAverage {
    fn default() -> Self {
        Self { window: 5 }
    }
}

impl MovingAverage {
    pub(super) fn check(&self) -> Result<()> {
        if self.window >= 3 && self.window % 2 == 1 {
            return Ok(());
        }
        let got = self.window.to_string();
        Err(Error::OutOfRange { field: "window", rule: "odd and at least 3", got })
    }

    /// At the edges the window shrinks to what is there on the shorter side, so that a straight line stays one.
    pub(super) fn apply(&self, mut series: Array2<f64>) -> Result<Array2<f64>> {
        series.rows_mut().into_iter().for_each(|row| replace_by_mean(row, self.window, |_, mean| mean));
        Ok(series)
    }
}

/// Replaces each value of `row` by `keep(value, mean of the window around it)`.
pub(super) fn replace_by_mean(
    mut row: ArrayViewMut1<'_, f64>,
    window: usize,
    keep: impl Fn(f64, f64) -> f64,
) {
    let n = row.len();
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0.0);
    sums.extend(row.iter().scan(0.0, |sum, x| {
        *sum += x;
        Some(*sum)
    }));
    for (k, x) in row.iter_mut().enumerate() {
        let half = (window / 2).min(k).min(n - 1 - k);
        *x = keep(*x, (sums[k + half + 1] - sums[k - half]) / (2 * half + 1) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_mean_of_the_window() {
        let got = MovingAverage { window: 3 }.apply(array![[1.0, 4.0, 1.0, 7.0, 3.0]]).unwrap();
        assert_eq!(got, array![[1.0, 2.0, 4.0, 11.0 / 3.0, 3.0]]);
        let err = MovingAverage { window: 4 }.check().unwrap_err();
        assert_eq!(err.to_string(), "window must be odd and at least 3, got 4");
    }
}
