//! Savitzky-Golay smoothing: each value becomes that of the polynomial that fits its window best, which keeps the height and
//! width of fades where a moving mean flattens them. Or what the polynomial leaves.
//!
//! Source: Savitzky, Golay, Anal. Chem. 36(8), 1964; the first and last half window take the values of the polynomial
//! through the first and last whole one.

use nalgebra::{DMatrix, DVector};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is kept of a series that is split in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The smooth part.
    #[default]
    Smooth,
    /// What the smooth part leaves.
    Residual,
}

/// Window and polynomial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SavitzkyGolay {
    /// Measurements in the window, odd, 3 to 1,025.
    pub window: usize,
    /// Order of the polynomial, below the window's length and at most 8.
    pub order: usize,
    /// Which part goes on.
    pub keep: Keep,
}

impl Default for SavitzkyGolay {
    fn default() -> Self {
        Self { window: 7, order: 2, keep: Keep::Smooth }
    }
}

impl SavitzkyGolay {
    pub(super) fn check(&self) -> Result<()> {
        let (window, order) = (self.window, self.order);
        if window % 2 == 0 || !(3..=1025).contains(&window) {
            let got = window.to_string();
            return Err(Error::OutOfRange { field: "window", rule: "odd, 3 to 1025", got });
        }
        if order >= window || order > 8 {
            let got = order.to_string();
            return Err(Error::OutOfRange { field: "order", rule: "below the window and at most 8", got });
        }
        Ok(())
    }

    /// `[position, measurement]`: row `k` weights a window's measurements to the value of the polynomial at `k`.
    fn weights(window: usize, order: usize) -> DMatrix<f64> {
        let half = (window as f64 - 1.0) / 2.0;
        // The powers of -1..=1: well conditioned up to the order that is allowed.
        let powers = DMatrix::from_fn(window, order + 1, |k, power| {
            let at = if half > 0.0 { (k as f64 - half) / half } else { 0.0 };
            at.powi(power as i32)
        });
        let q = powers.qr().q();
        &q * q.transpose()
    }

    pub(super) fn apply(&self, mut series: Array2<f64>) -> Result<Array2<f64>> {
        let n = series.ncols();
        if n == 0 {
            return Ok(series);
        }
        // A series shorter than the window is one window.
        let window = self.window.min(n);
        let weights = Self::weights(window, self.order.min(window - 1));
        let middle = weights.row(window / 2).transpose();
        for mut row in series.rows_mut() {
            let x = DVector::from_iterator(n, row.iter().copied());
            let edges = [&weights * x.rows(0, window), &weights * x.rows(n - window, window)];
            for k in 0..n {
                let smooth = if k < window / 2 {
                    edges[0][k]
                } else if k + window - window / 2 > n {
                    edges[1][k + window - n]
                } else {
                    x.rows(k - window / 2, window).dot(&middle)
                };
                row[k] = if self.keep == Keep::Smooth { smooth } else { x[k] - smooth };
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of Savitzky and Golay (as `scipy.signal.savgol_coeffs` gives them too).
    #[test]
    fn published_weights() {
        for (window, order, divisor, want) in [
            (5, 2, 35.0, vec![-3.0, 12.0, 17.0, 12.0, -3.0]),
            (7, 2, 21.0, vec![-2.0, 3.0, 6.0, 7.0, 6.0, 3.0, -2.0]),
            (7, 4, 231.0, vec![5.0, -30.0, 75.0, 131.0, 75.0, -30.0, 5.0]),
            (9, 2, 231.0, vec![-21.0, 14.0, 39.0, 54.0, 59.0, 54.0, 39.0, 14.0, -21.0]),
        ] {
            let weights = SavitzkyGolay::weights(window, order);
            for (got, want) in weights.row(window / 2).iter().zip(want) {
                assert!((got - want / divisor).abs() < 1e-12, "{window} {order}: {got}, {want}/{divisor}");
            }
        }
    }

    /// A polynomial of the order passes unchanged, edges and short series included.
    #[test]
    fn polynomials_pass() {
        for (n, window, order) in [(50, 7, 2), (50, 11, 3), (6, 7, 2), (3, 9, 4), (1, 3, 1), (30, 1025, 8)] {
            let poly =
                |k: usize| (0..=order.min(n - 1)).fold(0.0, |y, _| y * (k as f64 / n as f64 - 0.3) + 1.0);
            let series = Array2::from_shape_fn((2, n), |(lane, k)| (lane + 1) as f64 * poly(k));
            let smooth = SavitzkyGolay { window, order, keep: Keep::Smooth };
            let got = smooth.apply(series.clone()).unwrap();
            assert!((&got - &series).iter().all(|d| d.abs() < 1e-10), "{n} {window} {order}");
            let rest = SavitzkyGolay { keep: Keep::Residual, ..smooth }.apply(series).unwrap();
            assert!(rest.iter().all(|d| d.abs() < 1e-10));
        }
        let err = SavitzkyGolay { window: 5, order: 5, keep: Keep::Smooth }.check().unwrap_err();
        assert_eq!(err.to_string(), "order must be below the window and at most 8, got 5");
    }
}
