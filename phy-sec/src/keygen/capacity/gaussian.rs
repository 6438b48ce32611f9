//! Mutual information of jointly Gaussian samples. Cover and Thomas, Elements of Information Theory, section 8.5.

use nalgebra::{ComplexField, DMatrix};
use ndarray::{ArrayView2, Axis, concatenate};
use num_complex::Complex64;

use super::Information;
use crate::{Error, Result};

/// Of two real samples with correlation `rho`: `-log2(1 - rho²) / 2`.
///
/// # Errors
/// [`Error::OutOfRange`] if `rho` is not within -1..1; at either end the information is infinite.
pub fn real(rho: f64) -> Result<f64> {
    if !(rho.abs() < 1.0) {
        return Err(Error::OutOfRange {
            field: "rho",
            rule: "within -1..1, ends excluded",
            got: rho.to_string(),
        });
    }
    Ok(-0.5 * (-rho * rho).ln_1p() / std::f64::consts::LN_2 + 0.0)
}

/// Of two circular complex samples with correlation of magnitude `rho`: twice that.
///
/// # Errors
/// Those of [`real`].
pub fn complex(rho: f64) -> Result<f64> {
    Ok(2.0 * real(rho)?)
}

/// Of the first `split` of real samples and the others, by their covariance: `log2(det S_a · det S_b / det S) / 2`.
///
/// # Errors
/// [`Error::Shape`] if `covariance` is not square or `split` leaves one side empty; [`Error::OutOfRange`] if it is not
/// positive definite.
pub fn vector(covariance: &DMatrix<f64>, split: usize) -> Result<f64> {
    Ok(0.5 * log2_ratio(covariance, split)?)
}

/// The same of circular complex samples, by their Hermitian covariance: `log2(det S_a · det S_b / det S)`.
///
/// # Errors
/// Those of [`vector`].
pub fn vector_complex(covariance: &DMatrix<Complex64>, split: usize) -> Result<f64> {
    log2_ratio(covariance, split)
}

fn log2_ratio<T: ComplexField<RealField = f64>>(covariance: &DMatrix<T>, split: usize) -> Result<f64> {
    let (rows, columns) = covariance.shape();
    if rows != columns || split == 0 || split >= rows {
        let need = format!("[n, n] with n above {}", split.max(1));
        return Err(Error::Shape { what: "covariance", need, got: format!("[{rows}, {columns}]") });
    }
    let rest = rows - split;
    let a = covariance.view((0, 0), (split, split)).into_owned();
    let b = covariance.view((split, split), (rest, rest)).into_owned();
    let bits = log_det(a)? + log_det(b)? - log_det(covariance.clone())?;
    Ok((bits / std::f64::consts::LN_2).max(0.0))
}

fn log_det<T: ComplexField<RealField = f64>>(matrix: DMatrix<T>) -> Result<f64> {
    let scale = matrix.diagonal().iter().map(|x| x.clone().real()).fold(0.0, f64::max);
    let unfit = || Error::OutOfRange {
        field: "covariance",
        rule: "positive definite: no sample may determine another",
        got: "a matrix that is not".into(),
    };
    let factor = matrix.cholesky().ok_or_else(unfit)?;
    let mut sum = 0.0;
    for pivot in factor.l_dirty().diagonal().iter() {
        let pivot = pivot.clone().real();
        // Below that, a pivot is what rounding left of nothing.
        if !(pivot * pivot > 1e-14 * scale) {
            return Err(unfit());
        }
        sum += 2.0 * pivot.ln();
    }
    Ok(sum)
}

/// Sample covariance of traces `[lane, time]`, by lane.
///
/// # Errors
/// [`Error::TooShort`] below two instants, [`Error::NotFinite`].
pub fn covariance(traces: ArrayView2<f64>) -> Result<DMatrix<f64>> {
    let n = traces.ncols();
    if n < 2 {
        return Err(Error::TooShort { what: "covariance", need: 2, unit: "samples", got: n });
    }
    if let Some(index) = traces.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "traces", index });
    }
    let mean = traces.sum_axis(Axis(1)) / n as f64;
    let centred = &traces - &mean.insert_axis(Axis(1));
    let product = centred.dot(&centred.t()) / (n - 1) as f64;
    Ok(DMatrix::from_fn(traces.nrows(), traces.nrows(), |row, column| product[(row, column)]))
}

pub(super) fn of_traces(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Result<Information> {
    super::ksg::check(a, b, 3)?;
    let all = concatenate(Axis(0), &[a, b]).map_err(|error| Error::Shape {
        what: "b",
        need: "[lane, time]".into(),
        got: error.to_string(),
    })?;
    let lanes = all.nrows();
    if all.ncols() <= lanes + 1 {
        let (need, got) = (lanes + 2, all.ncols());
        return Err(Error::TooShort { what: "Gaussian mutual information", need, unit: "samples", got });
    }
    let covariance = covariance(all.view())?;
    let bits = vector(&covariance, a.nrows())?;
    // The density ratio of a Gaussian pair has the variance of the sum of its squared canonical correlations (nat²):
    // tr(S_a^-1 S_ab S_b^-1 S_ba).
    let split = a.nrows();
    let part = |rows: (usize, usize), columns: (usize, usize)| {
        covariance.view((rows.0, columns.0), (rows.1 - rows.0, columns.1 - columns.0)).into_owned()
    };
    let (first, second) = ((0, split), (split, lanes));
    let cross = part(first, second);
    let canonical = part(first, first)
        .cholesky()
        .zip(part(second, second).cholesky())
        .map_or(0.0, |(a, b)| (a.solve(&cross) * b.solve(&cross.transpose())).trace());
    let standard_error = (canonical.max(0.0) / all.ncols() as f64).sqrt() / std::f64::consts::LN_2;
    Ok(Information { bits, standard_error })
}
