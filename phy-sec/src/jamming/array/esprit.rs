//! ESPRIT: what the first antennas of a line hear, the last ones hear with each source turned by its own phase.

use nalgebra::DMatrix;
use num_complex::Complex64;

use super::{Estimate, Geometry, Scene, out, roots};
use crate::Result;

pub(super) fn estimate(scene: &Scene) -> Result<Vec<Estimate>> {
    let Geometry::Linear { spacing, antennas } = scene.geometry else {
        return Err(out("method", "music or capon for an array that is no line", "esprit"));
    };
    let elevation = scene.config.elevation;
    let signal = scene.signal();
    let plain = DMatrix::identity(antennas - 1, antennas - 1);
    let first = roots::eigenvalues(turning(&signal, &plain)?)?;
    let mut found = Vec::new();
    for rough in first {
        // The error of `last - φ first` is not white from antenna to antenna: weighted by its inverse, one step reaches the bound.
        let unit = rough / rough.norm().max(f64::MIN_POSITIVE);
        let Some(weight) = (difference(antennas, unit) * difference(antennas, unit).adjoint()).try_inverse()
        else {
            continue;
        };
        let psi = turning(&signal, &weight)?;
        let refined = roots::eigenvalues(psi.clone())?;
        let Some(root) = refined.into_iter().min_by(|a, b| (a - rough).norm().total_cmp(&(b - rough).norm()))
        else {
            continue;
        };
        if let Some(azimuth) = roots::azimuth(root.arg(), spacing, elevation) {
            let turn = std::f64::consts::TAU * spacing * elevation.cos() * azimuth.cos();
            let variance =
                scene.variances_are_known().then(|| variance(scene, &signal, &weight, &psi, root)).flatten();
            found.push(Estimate { azimuth, variance: variance.map(|variance| variance / (turn * turn)) });
        }
    }
    Ok(found)
}

/// `(E₁ᴴ W E₁)⁻¹ E₁ᴴ W E₂`, `E₁` and `E₂` the signal subspace without its last and its first antenna.
fn turning(signal: &DMatrix<Complex64>, weight: &DMatrix<Complex64>) -> Result<DMatrix<Complex64>> {
    let rows = signal.nrows() - 1;
    let inverse = inverse(signal, weight);
    let inverse =
        inverse.ok_or_else(|| out("covariance", "one whose sources part: fewer sources", signal.ncols()))?;
    Ok(inverse * signal.rows(1, rows))
}

fn inverse(signal: &DMatrix<Complex64>, weight: &DMatrix<Complex64>) -> Option<DMatrix<Complex64>> {
    let first = signal.rows(0, signal.nrows() - 1);
    let weighted = first.adjoint() * weight;
    Some((&weighted * first).try_inverse()? * weighted)
}

/// `J₂ - φ J₁`: how much the last antennas are not the first ones turned by `φ`.
fn difference(antennas: usize, turn: Complex64) -> DMatrix<Complex64> {
    DMatrix::from_fn(antennas - 1, antennas, |row, column| match column.checked_sub(row) {
        Some(0) => -turn,
        Some(1) => Complex64::ONE,
        _ => Complex64::ZERO,
    })
}

/// First-order variance of the phase of an eigenvalue: `½ Σₖ |gₖ|² λₖσ²/(T(λₖ - σ²)²) · ‖rᴴ G‖²` with `g` and `f` its right and left eigenvectors and
/// `rᴴ = fᴴ (E₁ᴴWE₁)⁻¹E₁ᴴW (J₂ - φJ₁)`, after Rao and Hari, IEEE Trans. ASSP 37(12), 1989.
fn variance(
    scene: &Scene,
    signal: &DMatrix<Complex64>,
    weight: &DMatrix<Complex64>,
    psi: &DMatrix<Complex64>,
    root: Complex64,
) -> Option<f64> {
    let right = eigenvector(psi, root)?;
    let left = eigenvector(&psi.adjoint(), root.conj())?;
    let scale = left.dotc(&right);
    let row = left.adjoint() * inverse(signal, weight)? * difference(signal.nrows(), root) / scale;
    let noise = (row * scene.noise()).norm_squared();
    let leakage: f64 = right.iter().zip(scene.leakage()).map(|(g, leakage)| g.norm_sqr() * leakage).sum();
    let variance = 0.5 * leakage * noise / root.norm_sqr();
    variance.is_finite().then_some(variance)
}

/// By inverse iteration from just beside the eigenvalue.
fn eigenvector(matrix: &DMatrix<Complex64>, root: Complex64) -> Option<nalgebra::DVector<Complex64>> {
    let n = matrix.nrows();
    let shift = root + Complex64::new(1e-9, 0.7e-9);
    let inverse = (matrix - DMatrix::identity(n, n) * shift).try_inverse()?;
    let mut vector = nalgebra::DVector::from_fn(n, |k, _| Complex64::new(1.0, 0.3 * k as f64));
    for _ in 0..4 {
        vector = &inverse * vector;
        vector /= Complex64::from(vector.norm());
    }
    vector.iter().all(|x| x.is_finite()).then_some(vector)
}
