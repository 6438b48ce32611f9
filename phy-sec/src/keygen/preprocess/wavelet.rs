//! Splits a series by an orthonormal wavelet transform into what changes slowly and what changes fast, and keeps one.
//!
//! Filters: Daubechies, Comm. Pure Appl. Math. 41, 1988, with 1, 2 and 4 vanishing moments (the first is Haar's). The series
//! is continued periodically, so that the transform stays orthonormal.

use ndarray::{Array2, Axis, Slice};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Two taps.
    Haar,
    /// Four taps, two vanishing moments.
    Db2,
    /// Eight taps, four vanishing moments.
    #[default]
    Db4,
}

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What changes within `2^levels` measurements: the series less its approximation.
    #[default]
    Detail,
    /// What changes more slowly.
    Approximation,
    /// The coefficients of the last level's detail: one for `2^levels` measurements.
    Coefficients,
}

/// The transform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wavelet {
    /// The filter.
    pub family: Family,
    /// How many times the slow part is split again, 1 to 16.
    pub levels: u32,
    /// What goes on.
    pub keep: Part,
}

impl Default for Wavelet {
    fn default() -> Self {
        Self { family: Family::Db4, levels: 4, keep: Part::Detail }
    }
}

const HAAR: [f64; 2] = [std::f64::consts::FRAC_1_SQRT_2; 2];
const DB2: [f64; 4] =
    [0.482_962_913_144_534_2, 0.836_516_303_737_807_9, 0.224_143_868_042_013_4, -0.129_409_522_551_260_4];
const DB4: [f64; 8] = [
    0.230_377_813_308_896_5,
    0.714_846_570_552_915_7,
    0.630_880_767_929_858_9,
    -0.027_983_769_416_859_85,
    -0.187_034_811_719_093_1,
    0.030_841_381_835_560_76,
    0.032_883_011_666_885_2,
    -0.010_597_401_785_069_03,
];

impl Wavelet {
    pub(super) fn check(&self) -> Result<()> {
        if (1..=16).contains(&self.levels) {
            return Ok(());
        }
        Err(Error::OutOfRange { field: "levels", rule: "1 to 16", got: self.levels.to_string() })
    }

    /// Measurements past a multiple of `2^levels` are dropped.
    pub(super) fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
        let whole = series.ncols() >> self.levels << self.levels;
        let mut series = series.slice_axis(Axis(1), Slice::from(..whole)).to_owned();
        let filter: &[f64] = match self.family {
            Family::Haar => &HAAR,
            Family::Db2 => &DB2,
            Family::Db4 => &DB4,
        };
        if self.keep == Part::Coefficients {
            let mut out = Array2::zeros((series.nrows(), whole >> self.levels));
            for (row, mut out) in series.rows().into_iter().zip(out.rows_mut()) {
                let (_, details) = self.analyse(&row.to_vec(), filter);
                let last = details.last().into_iter().flatten();
                out.iter_mut().zip(last).for_each(|(out, x)| *out = *x);
            }
            return Ok(out);
        }
        for mut row in series.rows_mut() {
            let (slow, details) = self.analyse(&row.to_vec(), filter);
            let silent = details.iter().map(|detail| vec![0.0; detail.len()]).collect();
            let slow = synthesise(slow, silent, filter);
            row.iter_mut()
                .zip(slow)
                .for_each(|(x, slow)| *x = if self.keep == Part::Detail { *x - slow } else { slow });
        }
        Ok(series)
    }

    /// The approximation, and the details from fine to coarse.
    fn analyse(&self, x: &[f64], low: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let high = mirror(low);
        let (mut slow, mut details) = (x.to_vec(), Vec::new());
        for _ in 0..self.levels {
            let n = slow.len();
            let part = |filter: &[f64]| -> Vec<f64> {
                let tap = |k: usize| filter.iter().enumerate().map(|(i, h)| h * slow[(2 * k + i) % n]).sum();
                (0..n / 2).map(tap).collect()
            };
            let (next, detail) = (part(low), part(&high));
            details.push(detail);
            slow = next;
        }
        (slow, details)
    }
}

fn synthesise(mut slow: Vec<f64>, mut details: Vec<Vec<f64>>, low: &[f64]) -> Vec<f64> {
    let high = mirror(low);
    while let Some(detail) = details.pop() {
        let n = 2 * slow.len();
        let mut x = vec![0.0; n];
        for (k, (a, d)) in slow.iter().zip(&detail).enumerate() {
            for (i, (l, h)) in low.iter().zip(&high).enumerate() {
                x[(2 * k + i) % n] += l * a + h * d;
            }
        }
        slow = x;
    }
    slow
}

/// The wavelet's filter to the scaling function's.
fn mirror(low: &[f64]) -> Vec<f64> {
    low.iter().rev().enumerate().map(|(i, h)| if i % 2 == 0 { *h } else { -h }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: [(Family, &[f64], usize); 3] =
        [(Family::Haar, &HAAR, 1), (Family::Db2, &DB2, 2), (Family::Db4, &DB4, 4)];

    /// Orthonormal to even shifts, and as many vanishing moments as the name says.
    #[test]
    fn filters_are_daubechies() {
        for (_, low, moments) in FILTERS {
            assert!((low.iter().sum::<f64>() - 2f64.sqrt()).abs() < 1e-12);
            for shift in (0..low.len()).step_by(2) {
                let product: f64 = low[shift..].iter().zip(low).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(shift == 0))).abs() < 1e-12);
            }
            for moment in 0..moments {
                let sum: f64 =
                    mirror(low).iter().enumerate().map(|(i, h)| h * (i as f64).powi(moment as i32)).sum();
                assert!(sum.abs() < 1e-9, "{moment}: {sum}");
            }
        }
    }

    #[test]
    fn perfect_reconstruction() {
        let x: Vec<f64> = (0..96).map(|k| f64::from((k * 37 + 11) % 53) - 20.0).collect();
        for (family, low, _) in FILTERS {
            for levels in 1..=5 {
                let method = Wavelet { family, levels, keep: Part::Detail };
                let (slow, details) = method.analyse(&x, low);
                let energy = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
                let parts = energy(&slow) + details.iter().map(|d| energy(d)).sum::<f64>();
                assert!((parts - energy(&x)).abs() < 1e-8);
                let back = synthesise(slow, details, low);
                assert!(back.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-9), "{family:?} {levels}");
                // Detail and approximation add up.
                let series = Array2::from_shape_vec((1, 96), x.clone()).unwrap();
                let fast = method.apply(series.clone()).unwrap();
                let slow =
                    Wavelet { keep: Part::Approximation, ..method.clone() }.apply(series.clone()).unwrap();
                assert!((&fast + &slow - &series).iter().all(|d| d.abs() < 1e-9));
                let coefficients = Wavelet { keep: Part::Coefficients, ..method }.apply(series).unwrap();
                assert_eq!(coefficients.dim(), (1, 96 >> levels));
            }
        }
        assert_eq!(Wavelet::default().apply(Array2::zeros((2, 9))).unwrap().dim(), (2, 0));
        let err = Wavelet { levels: 0, ..Wavelet::default() }.check().unwrap_err();
        assert_eq!(err.to_string(), "levels must be 1 to 16, got 0");
    }
}
