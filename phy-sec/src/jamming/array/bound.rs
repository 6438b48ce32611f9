//! The Cramér-Rao bound of directions: no unbiased estimator errs less.

use nalgebra::DMatrix;
use num_complex::Complex64;

use super::{Geometry, out, steering_matrix};
use crate::{Error, Result};

/// What is taken for known of the signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// Gaussian signals of unknown covariance: the one that subspace methods can reach.
    Stochastic,
    /// Every sample of every signal an unknown of its own.
    Deterministic,
}

/// Root of the Cramér-Rao bound of each azimuth, rad.
///
/// - `azimuths`: of the sources, rad; `elevation`: of all of them
/// - `powers`: covariance of the sources, `[source, source]`, linear
/// - `noise_power`: of one antenna, linear
/// - `snapshots`: independent samples
///
/// With `D` the derivatives, `Π` the projection off the steering vectors `A`, `P` the powers and `R = A P Aᴴ + σ²I`:
/// stochastic `σ²/(2T) Re[(Dᴴ Π D) ⊙ (P Aᴴ R⁻¹ A P)ᵀ]⁻¹`, deterministic the same with `Pᵀ`.
///
/// # Errors
/// [`Error::Shape`] unless there is a power for each pair; [`Error::OutOfRange`] for as many sources as antennas, a noise power that is not positive, or sources
/// that no array could part.
///
/// # Source
/// Stoica and Nehorai, IEEE Trans. ASSP 37(5), 1989; Stoica, Larsson and Gershman, IEEE SPL 8(5), 2001.
pub fn cramer_rao(
    geometry: &Geometry,
    azimuths: &[f64],
    elevation: f64,
    powers: &DMatrix<Complex64>,
    noise_power: f64,
    snapshots: usize,
    bound: Bound,
) -> Result<Vec<f64>> {
    geometry.check()?;
    let (antennas, sources) = (geometry.antennas(), azimuths.len());
    if powers.shape() != (sources, sources) {
        return Err(Error::Shape {
            what: "powers",
            need: format!("[{sources}, {sources}]"),
            got: format!("[{}, {}]", powers.nrows(), powers.ncols()),
        });
    }
    if sources >= antennas {
        return Err(out("sources", "below the number of antennas", sources));
    }
    if !(noise_power > 0.0 && noise_power.is_finite()) {
        return Err(out("noise_power", "above 0 and finite", noise_power));
    }
    if snapshots == 0 {
        return Err(out("snapshots", "at least 1", snapshots));
    }
    let close = || out("azimuths", "directions that the array can part", format!("{azimuths:?}"));
    let a = steering_matrix(geometry, azimuths, elevation);
    let columns: Vec<_> = azimuths.iter().map(|&azimuth| geometry.derivative(azimuth, elevation)).collect();
    let d = DMatrix::from_fn(antennas, sources, |row, column| columns[column][row]);
    let gram = (a.adjoint() * &a).try_inverse().ok_or_else(close)?;
    let off = DMatrix::identity(antennas, antennas) - &a * gram * a.adjoint();
    let curvature = d.adjoint() * off * d;
    let weights = match bound {
        Bound::Deterministic => powers.clone(),
        Bound::Stochastic => {
            let noise = DMatrix::identity(antennas, antennas) * Complex64::from(noise_power);
            let covariance = &a * powers * a.adjoint() + noise;
            let inverse = covariance.try_inverse().ok_or_else(close)?;
            powers * a.adjoint() * inverse * &a * powers
        }
    };
    let information = DMatrix::from_fn(sources, sources, |row, column| {
        (curvature[(row, column)] * weights[(column, row)]).re
    });
    let inverse = information.try_inverse().ok_or_else(close)?;
    let scale = noise_power / (2.0 * snapshots as f64);
    let bounds: Vec<f64> = (0..sources).map(|k| (scale * inverse[(k, k)]).sqrt()).collect();
    if bounds.iter().all(|bound| bound.is_finite()) { Ok(bounds) } else { Err(close()) }
}
