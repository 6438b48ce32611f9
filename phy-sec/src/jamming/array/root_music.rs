//! root-MUSIC: the noise subspace of a line as a polynomial, whose roots next to the unit circle are the sources.

use num_complex::Complex64;

use super::{Estimate, Geometry, Scene, music, out, roots};
use crate::Result;

pub(super) fn estimate(scene: &Scene) -> Result<Vec<Estimate>> {
    let Geometry::Linear { spacing, antennas } = scene.geometry else {
        return Err(out("method", "music or capon for an array that is no line", "root_music"));
    };
    let noise = scene.noise();
    let projector = &noise * noise.adjoint();
    // Sums along the diagonals: coefficient k of z^(k - n + 1).
    let coefficients: Vec<Complex64> = (0..2 * antennas - 1)
        .map(|k| {
            (0..antennas)
                .filter_map(|row| {
                    let column = (row + k).checked_sub(antennas - 1)?;
                    (column < antennas).then(|| projector[(row, column)])
                })
                .sum()
        })
        .collect();
    // A diagonal in the corner may vanish: its roots are at infinity and at 0.
    let most = coefficients.iter().map(|c| c.norm()).fold(0.0, f64::max);
    let cut = coefficients.iter().take_while(|c| c.norm() <= 1e-14 * most).count().min(antennas - 1);
    let coefficients = &coefficients[cut..coefficients.len() - cut];
    let mut inside: Vec<Complex64> = roots::polynomial(coefficients)?;
    // Each root has a mirror image: of every pair near the circle, the one inside, or on it, is taken once.
    inside.sort_by(|a, b| a.norm().total_cmp(&b.norm()));
    inside.truncate(coefficients.len() / 2);
    inside.reverse();
    let azimuths =
        inside.iter().filter_map(|root| roots::azimuth(root.arg(), spacing, scene.config.elevation));
    Ok(azimuths
        .take(scene.sources)
        .map(|azimuth| Estimate { azimuth, variance: music::variance(scene, azimuth) })
        .collect())
}
