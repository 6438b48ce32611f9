//! Capon's beamformer: the least power that a beam with unit gain in one direction lets through.

use nalgebra::DVector;

use super::{Estimate, Scene, out, search, to_nalgebra};
use crate::Result;

/// `aᴴ R⁻¹ a`: the inverse of the power.
pub(super) fn distance(scene: &Scene) -> Result<impl Fn(f64) -> f64 + use<>> {
    let values = &scene.eigen.values;
    let (most, least) = (values[0], values[values.len() - 1]);
    if !(least > 1e-13 * most) {
        return Err(out(
            "covariance",
            "regular: its smallest eigenvalue above 1e-13 of the largest",
            format!("{least:e} of {most:e}"),
        ));
    }
    let inverse = to_nalgebra(scene.covariance.matrix()).cholesky().map(|cholesky| cholesky.inverse());
    let inverse = inverse.ok_or_else(|| out("covariance", "positive definite", format!("{least:e}")))?;
    let (geometry, elevation) = (scene.geometry.clone(), scene.config.elevation);
    Ok(move |azimuth| {
        let steering = DVector::from_vec(geometry.steering(azimuth, elevation));
        steering.dotc(&(&inverse * &steering)).re
    })
}

pub(super) fn estimate(scene: &Scene) -> Result<Vec<Estimate>> {
    let azimuths = search::minima(scene, distance(scene)?);
    Ok(azimuths.into_iter().map(|azimuth| Estimate { azimuth, variance: None }).collect())
}
