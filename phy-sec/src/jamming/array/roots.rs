//! Roots of polynomials and eigenvalues of general matrices.

use nalgebra::{DMatrix, linalg::Schur};
use num_complex::Complex64;

use super::out;
use crate::Result;

/// Eigenvalues of a general matrix, in no order.
pub(super) fn eigenvalues(matrix: DMatrix<Complex64>) -> Result<Vec<Complex64>> {
    let schur = Schur::try_new(matrix, f64::EPSILON, 100_000);
    let (_, triangle) = schur
        .ok_or_else(|| out("matrix", "one whose eigenvalues converge", "none after every step"))?
        .unpack();
    Ok(triangle.diagonal().iter().copied().collect())
}

/// Roots of `Σ c[k] z^k`, the leading coefficient not 0, as the eigenvalues of its companion matrix.
pub(super) fn polynomial(coefficients: &[Complex64]) -> Result<Vec<Complex64>> {
    let degree = coefficients.len().saturating_sub(1);
    let Some(leading) = coefficients.last().filter(|leading| leading.norm() > 0.0 && degree > 0) else {
        return Err(out("coefficients", "a polynomial of degree 1 or more", degree));
    };
    eigenvalues(DMatrix::from_fn(degree, degree, |row, column| {
        if column + 1 == degree {
            -coefficients[row] / leading
        } else {
            Complex64::from(f64::from(u8::from(row == column + 1)))
        }
    }))
}

/// The direction along a line of `spacing` wavelengths that turns the phase by `turn` rad from one antenna to the next, rad; `None` beyond the ends of the line.
pub(super) fn azimuth(turn: f64, spacing: f64, elevation: f64) -> Option<f64> {
    let sine = turn / (std::f64::consts::TAU * spacing * elevation.cos());
    (sine.abs() <= 1.0 + 1e-9).then(|| sine.clamp(-1.0, 1.0).asin())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a linear factor each, up to a degree of 30, some of them on the unit circle and close together.
    #[test]
    fn finds_the_roots_that_a_polynomial_was_made_of() {
        for degree in [1, 2, 5, 14, 30] {
            let made: Vec<Complex64> = (0..degree)
                .map(|k| {
                    Complex64::from_polar(
                        if k % 2 == 0 { 1.0 } else { 0.9 },
                        0.1 + 6.0 * k as f64 / degree as f64,
                    )
                })
                .collect();
            let mut coefficients = vec![Complex64::ONE];
            for root in &made {
                let mut next = vec![Complex64::ZERO; coefficients.len() + 1];
                for (k, c) in coefficients.iter().enumerate() {
                    next[k + 1] += c;
                    next[k] -= c * root;
                }
                coefficients = next;
            }
            let found = polynomial(&coefficients).unwrap();
            assert_eq!(found.len(), degree);
            for root in made {
                let nearest = found.iter().map(|x| (x - root).norm()).fold(f64::INFINITY, f64::min);
                assert!(nearest < 1e-5, "{degree}: {nearest}");
            }
        }
        assert!(
            polynomial(&[Complex64::ONE]).is_err() && polynomial(&[Complex64::ONE, Complex64::ZERO]).is_err()
        );
    }
}
