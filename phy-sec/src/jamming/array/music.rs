//! MUSIC: directions whose steering vectors are orthogonal to the noise.

use nalgebra::DVector;

use super::{Estimate, Scene, search};
use crate::Result;

/// `‖Gᴴ a‖² / ‖a‖²`, `G` the noise subspace.
pub(super) fn distance(scene: &Scene) -> impl Fn(f64) -> f64 + use<> {
    let noise = scene.noise().adjoint();
    let (geometry, elevation) = (scene.geometry.clone(), scene.config.elevation);
    move |azimuth| {
        let steering = DVector::from_vec(geometry.steering(azimuth, elevation));
        (&noise * &steering).norm_squared() / steering.len() as f64
    }
}

pub(super) fn estimate(scene: &Scene) -> Result<Vec<Estimate>> {
    let azimuths = search::minima(scene, distance(scene));
    Ok(azimuths.into_iter().map(|azimuth| Estimate { azimuth, variance: variance(scene, azimuth) }).collect())
}

/// `σ²/(2T) · aᴴ U a / (dᴴ G Gᴴ d)`, `U = Σ λ/(σ² - λ)² s sᴴ`.
///
/// Stoica and Nehorai, IEEE Trans. ASSP 37(5), 1989, theorem 3.1. Root-MUSIC has the same.
pub(super) fn variance(scene: &Scene, azimuth: f64) -> Option<f64> {
    if !scene.variances_are_known() {
        return None;
    }
    let elevation = scene.config.elevation;
    let steering = DVector::from_vec(scene.geometry.steering(azimuth, elevation));
    let derivative = DVector::from_vec(scene.geometry.derivative(azimuth, elevation));
    let along = scene.signal().adjoint() * steering;
    let spread: f64 =
        along.iter().zip(scene.leakage()).map(|(along, leakage)| along.norm_sqr() * leakage).sum();
    Some(0.5 * spread / (scene.noise().adjoint() * derivative).norm_squared())
}
