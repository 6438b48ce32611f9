//! Eigenvalues and eigenvectors of small Hermitian matrices: covariances of antennas or of delayed samples.
//!
//! The decomposition is `nalgebra`'s (Householder tridiagonalisation and implicit QR), with the order, the checks and the bound on iterations that
//! callers here rely on.

mod scratch;

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::ArrayView2;
use num_complex::Complex64;

pub(crate) use scratch::Scratch;

use crate::{Error, Result};

/// Largest matrix that is taken: the work grows with the cube.
pub const MOST: usize = 1024;
/// QR steps in all; a matrix of finite numbers needs two or three for each row.
const STEPS: usize = 100 * MOST;
/// Share of the largest entry by which an entry may differ from the conjugate of its mirror image.
const TOLERANCE: f64 = 1e-6;

/// `A = V Λ Vᴴ`, largest eigenvalue first.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// Eigenvalues, descending.
    pub values: Vec<f64>,
    /// Their eigenvectors as columns, orthonormal, `[row, value]`. The phase of each is arbitrary.
    pub vectors: DMatrix<Complex64>,
}

impl Eigen {
    /// Of a Hermitian `matrix`, `[row, column]`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless it is square, of 1 to [`MOST`] rows; [`Error::NotFinite`]; [`Error::OutOfRange`] if it is not Hermitian.
    pub fn new(matrix: ArrayView2<Complex64>) -> Result<Self> {
        let eigen = SymmetricEigen::try_new(checked(matrix)?, f64::EPSILON, STEPS).ok_or_else(stubborn)?;
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        Ok(Self {
            values: order.iter().map(|&k| eigen.eigenvalues[k]).collect(),
            vectors: eigen.eigenvectors.select_columns(&order),
        })
    }
}

/// The eigenvalues of a Hermitian `matrix`, `[row, column]`, descending.
///
/// # Errors
/// As [`Eigen::new`].
pub fn eigenvalues(matrix: ArrayView2<Complex64>) -> Result<Vec<f64>> {
    // `symmetric_eigenvalues` would iterate without end on what does not converge: the vectors are the price of the bound.
    Ok(Eigen::new(matrix)?.values)
}

/// The matrix as `nalgebra` has it, its two halves averaged.
fn checked(matrix: ArrayView2<Complex64>) -> Result<DMatrix<Complex64>> {
    let (rows, columns) = matrix.dim();
    if rows != columns || !(1..=MOST).contains(&rows) {
        return Err(Error::Shape {
            what: "a Hermitian matrix",
            need: format!("[n, n] with n from 1 to {MOST}"),
            got: format!("[{rows}, {columns}]"),
        });
    }
    if let Some(index) = matrix.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "the matrix", index });
    }
    let most = matrix.iter().map(|x| x.norm()).fold(0.0, f64::max);
    let mirrored = |row: usize, column: usize| matrix[[column, row]].conj();
    for row in 0..rows {
        for column in 0..=row {
            let difference = (matrix[[row, column]] - mirrored(row, column)).norm();
            if difference > TOLERANCE * most {
                return Err(Error::OutOfRange {
                    field: "matrix",
                    rule: "Hermitian",
                    got: format!("a difference of {difference:e} at [{row}, {column}]"),
                });
            }
        }
    }
    Ok(DMatrix::from_fn(rows, rows, |row, column| (matrix[[row, column]] + mirrored(row, column)) * 0.5))
}

fn stubborn() -> Error {
    Error::OutOfRange {
        field: "matrix",
        rule: "one whose eigenvalues converge",
        got: "none after every step".into(),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    fn c(re: f64, im: f64) -> Complex64 {
        Complex64::new(re, im)
    }

    /// `[[2, j], [-j, 2]]` has 3 and 1; the Pauli matrices have 1 and -1.
    #[test]
    fn matrices_whose_eigenvalues_are_known() {
        let (zero, one, j) = (c(0.0, 0.0), c(1.0, 0.0), c(0.0, 1.0));
        for (matrix, want) in [
            (array![[c(2.0, 0.0), j], [-j, c(2.0, 0.0)]], [3.0, 1.0]),
            (array![[zero, one], [one, zero]], [1.0, -1.0]),
            (array![[zero, -j], [j, zero]], [1.0, -1.0]),
            (array![[one, zero], [zero, -one]], [1.0, -1.0]),
            (array![[zero, zero], [zero, zero]], [0.0, 0.0]),
        ] {
            let got = eigenvalues(matrix.view()).unwrap();
            assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15), "{got:?} {want:?}");
        }
        // The chain of n equal springs: 2 - 2 cos(πk/(n+1)).
        let n = 64;
        let chain = Array2::from_shape_fn((n, n), |(a, b)| match a.abs_diff(b) {
            0 => c(2.0, 0.0),
            1 => c(-1.0, 0.0),
            _ => zero,
        });
        for (k, got) in eigenvalues(chain.view()).unwrap().into_iter().rev().enumerate() {
            let want = 2.0 - 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
            assert!((got - want).abs() < 1e-13, "{k}: {got} {want}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// `A V = V Λ`, `Vᴴ V = I`, descending, for every size; products of narrow factors have equal eigenvalues 0.
        #[test]
        fn decomposes(
            n in 1usize..24,
            rank in 1usize..24,
            scale in -30i32..30,
            seed in prop::collection::vec((-1f64..1.0, -1f64..1.0), 24 * 24),
        ) {
            let factor = DMatrix::from_fn(n, rank, |a, b| c(seed[a * 24 + b].0, seed[a * 24 + b].1) * 2f64.powi(scale));
            let matrix = &factor * factor.adjoint();
            let eigen = Eigen::new(Array2::from_shape_fn((n, n), |at| matrix[at]).view()).unwrap();
            prop_assert!(eigen.values.windows(2).all(|pair| pair[0] >= pair[1]));
            let most = eigen.values[0].max(f64::MIN_POSITIVE);
            let lambda = DMatrix::from_fn(n, n, |a, b| if a == b { c(eigen.values[a], 0.0) } else { c(0.0, 0.0) });
            let residue = (&matrix * &eigen.vectors - &eigen.vectors * lambda).norm() / most;
            prop_assert!(residue < 1e-13 * n as f64, "{residue}");
            let unitary = (eigen.vectors.adjoint() * &eigen.vectors - DMatrix::identity(n, n)).norm();
            prop_assert!(unitary < 1e-13 * n as f64, "{unitary}");
        }
    }

    #[test]
    fn refuses_what_is_no_hermitian_matrix() {
        let error = |matrix: Array2<Complex64>| Eigen::new(matrix.view()).unwrap_err().to_string();
        let (one, j) = (c(1.0, 0.0), c(0.0, 1.0));
        assert_eq!(
            error(Array2::zeros((2, 3))),
            "a Hermitian matrix must have shape [n, n] with n from 1 to 1024, got [2, 3]"
        );
        assert!(error(Array2::zeros((0, 0))).contains("got [0, 0]"));
        assert_eq!(
            error(array![[one, one], [one, c(f64::NAN, 0.0)]]),
            "the matrix holds a NaN or an infinity at index 3"
        );
        assert!(error(array![[one, j], [j, one]]).starts_with("matrix must be Hermitian"));
        assert!(error(array![[j]]).starts_with("matrix must be Hermitian"));
    }
}
