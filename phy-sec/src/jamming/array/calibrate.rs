//! Gains and phases of the antennas' receivers, from one source at a known direction.

use ndarray::{Array2, ArrayView2};
use num_complex::{Complex32, Complex64};
use serde::Serialize;

use super::{Covariance, Criterion, Geometry, out, source_number};
use crate::{Error, Result, hermitian::Eigen};

/// What each antenna's receiver does to the signal, relative to the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Complex gain of each antenna; of the first it is 1.
    pub gains: Vec<Complex64>,
    /// Standard error of the phase of each, rad; of the first it is 0.
    pub phase_errors: Vec<f64>,
}

impl Calibration {
    /// From what the array hears of one source at `azimuth`, `elevation`, rad. Reflections of it must be weak: what they do to the wave is taken for the antennas'.
    ///
    /// The largest eigenvector of the covariance is the steering vector times the gains.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless exactly one source is heard (by MDL), or if an antenna hears nothing of it; [`Error::Shape`] if geometry and covariance do not
    /// fit.
    pub fn from_source(
        covariance: &Covariance,
        geometry: &Geometry,
        azimuth: f64,
        elevation: f64,
    ) -> Result<Self> {
        geometry.check()?;
        let n = covariance.antennas();
        if geometry.antennas() != n {
            return Err(Error::Shape {
                what: "the covariance",
                need: format!("[{0}, {0}], as the geometry has antennas", geometry.antennas()),
                got: format!("[{n}, {n}]"),
            });
        }
        if !(azimuth.is_finite() && elevation.is_finite()) {
            return Err(out("azimuth", "a finite number of rad", azimuth));
        }
        let eigen = Eigen::new(covariance.matrix())?;
        let sources = source_number(&eigen.values, covariance.snapshots(), Criterion::Mdl)?;
        if sources != 1 {
            return Err(out("calibration", "by exactly one source above the noise", sources));
        }
        let vector = eigen.vectors.column(0);
        let steering = geometry.steering(azimuth, elevation);
        let raw: Vec<Complex64> = vector.iter().zip(&steering).map(|(v, a)| v / a).collect();
        let most = raw.iter().map(|g| g.norm()).fold(0.0, f64::max);
        if let Some(deaf) = raw.iter().position(|g| !(g.norm() > 1e-3 * most)) {
            return Err(out(
                "calibration",
                "by a source that every antenna hears",
                format!("antenna {deaf} deaf"),
            ));
        }
        let noise = eigen.values[1..].iter().sum::<f64>() / (n - 1) as f64;
        // As the errors of any eigenvector: Brillinger, Time Series, 1981, section 9.4.
        let spread =
            eigen.values[0] * noise / (covariance.snapshots() as f64 * (eigen.values[0] - noise).powi(2));
        let share = |k: usize| -> f64 { 1.0 / vector[k].norm_sqr() };
        let error = |k: usize| if k == 0 { 0.0 } else { (0.5 * spread * (share(k) + share(0))).sqrt() };
        Ok(Self {
            gains: raw.iter().map(|g| g / raw[0]).collect(),
            phase_errors: (0..n).map(error).collect(),
        })
    }

    /// The covariance that antennas without these gains would have.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not as many antennas.
    pub fn apply(&self, covariance: &Covariance) -> Result<Covariance> {
        self.fits(covariance.antennas())?;
        Ok(covariance.divided(&self.gains))
    }

    /// The samples that antennas without these gains would have, `[antenna, sample]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not as many antennas.
    pub fn apply_to_samples(&self, x: ArrayView2<Complex32>) -> Result<Array2<Complex32>> {
        self.fits(x.nrows())?;
        let mut x = x.to_owned();
        for (mut row, gain) in x.rows_mut().into_iter().zip(&self.gains) {
            let inverse = gain.inv();
            let inverse = Complex32::new(inverse.re as f32, inverse.im as f32);
            row.mapv_inplace(|x| x * inverse);
        }
        Ok(x)
    }

    fn fits(&self, antennas: usize) -> Result<()> {
        if antennas == self.gains.len() {
            return Ok(());
        }
        Err(Error::Shape {
            what: "the array",
            need: format!("{} antennas, as were calibrated", self.gains.len()),
            got: antennas.to_string(),
        })
    }
}
