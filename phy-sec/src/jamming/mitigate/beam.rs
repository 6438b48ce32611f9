//! Beams of least power: MVDR with one constraint, LCMV with several.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Stage, check, null::Blocks};
use crate::{
    Error, Result,
    hermitian::eigenvalues,
    jamming::array::{Covariance, Geometry},
};

/// Unit gain towards `azimuth`, none towards `nulls`, and otherwise the least power, block by block.
///
/// Where the victim itself is in the block, its own power is minimised too as soon as its direction is a little wrong: `loading_db` limits that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Beam {
    /// Where the antennas are.
    pub geometry: Geometry,
    /// Where the victim is, rad.
    pub azimuth: f64,
    /// Of everything, rad.
    pub elevation: f64,
    /// Directions without response, rad; fewer than antennas.
    pub nulls: Vec<f64>,
    /// Diagonal loading over the covariance's smallest eigenvalue, dB; `null` for none.
    pub loading_db: Option<f64>,
    /// Samples of a block, at least two for each antenna.
    pub block: usize,
}

impl Default for Beam {
    fn default() -> Self {
        Self {
            geometry: Geometry::default(),
            azimuth: 0.0,
            elevation: 0.0,
            nulls: Vec::new(),
            loading_db: Some(10.0),
            block: 4096,
        }
    }
}

impl Beam {
    pub(super) fn stage(&self, channels: usize, _: f64) -> Result<Box<dyn Stage>> {
        self.geometry.check()?;
        if self.geometry.antennas() != channels {
            return Err(Error::Shape {
                what: "samples",
                need: format!("[{}, sample], as the geometry has antennas", self.geometry.antennas()),
                got: format!("[{channels}, sample]"),
            });
        }
        check("nulls", "fewer than antennas less one", self.nulls.len() + 1 < channels, self.nulls.len())?;
        let directions = [self.azimuth, self.elevation];
        let finite = directions.iter().chain(&self.nulls).all(|x| x.is_finite());
        check("azimuth", "finite, as all directions", finite, self.azimuth)?;
        if let Some(db) = self.loading_db {
            check("loading_db", "within -100 and 100 dB", db.abs() <= 100.0, db)?;
        }
        let wanted =
            std::iter::once((self.azimuth, 1.0)).chain(self.nulls.iter().map(|&azimuth| (azimuth, 0.0)));
        let constraints: Vec<_> = wanted
            .map(|(azimuth, response)| {
                (self.geometry.steering(azimuth, self.elevation), Complex64::from(response))
            })
            .collect();
        let identity = ndarray::Array2::from_diag_elem(channels, Complex64::ONE);
        let initial = row(&weights(&Covariance::new(identity, 1)?, &constraints, 0.0)?);
        let loading_db = self.loading_db;
        let weigh = move |covariance: &Covariance| {
            let least = eigenvalues(covariance.matrix())?.last().copied().unwrap_or(0.0).max(0.0);
            let loading = loading_db.map_or(0.0, |db| least * 10f64.powf(db / 10.0));
            Ok(row(&weights(covariance, &constraints, loading)?))
        };
        Ok(Box::new(Blocks::new(Arc::new(weigh), initial, self.block)?))
    }
}

fn row(weights: &[Complex64]) -> DMatrix<Complex64> {
    DMatrix::from_fn(1, weights.len(), |_, k| weights[k].conj())
}

/// Weights `w` of the output `wᴴ x` with the least power under `wᴴ a = response` for every constraint: `R⁻¹ C (Cᴴ R⁻¹ C)⁻¹ f̄`.
///
/// - `constraints`: steering vector and response of each; one with response 1 is MVDR
/// - `loading`: power added to every antenna, linear
///
/// Trained on `K` samples of jammer and noise alone, MVDR keeps on average `(K + 2 - N) / (K + 1)` of the best SINR, `N` antennas, whatever the jammers
/// (Reed, Mallett and Brennan, IEEE Trans. AES 10(6), 1974).
///
/// # Errors
/// [`Error::Shape`] for vectors of another length; [`Error::OutOfRange`] without constraints, for a loading below 0, for a singular covariance, or for
/// constraints that contradict one another.
///
/// # Source
/// Van Trees, Optimum Array Processing, 2002, sections 6.2 and 6.7.
pub fn weights(
    covariance: &Covariance,
    constraints: &[(Vec<Complex64>, Complex64)],
    loading: f64,
) -> Result<Vec<Complex64>> {
    let n = covariance.antennas();
    check(
        "constraints",
        "at least one, and no more than antennas",
        (1..=n).contains(&constraints.len()),
        constraints.len(),
    )?;
    check("loading", "0 or more, and finite", loading >= 0.0 && loading.is_finite(), loading)?;
    if let Some(odd) = constraints.iter().find(|constraint| constraint.0.len() != n) {
        return Err(Error::Shape {
            what: "a constraint",
            need: format!("[{n}]"),
            got: format!("[{}]", odd.0.len()),
        });
    }
    let matrix = covariance.matrix();
    let loaded = DMatrix::from_fn(n, n, |a, b| matrix[[a, b]] + if a == b { loading } else { 0.0 });
    let singular = || Error::OutOfRange {
        field: "covariance",
        rule: "regular: more samples, or more loading",
        got: "one that is singular".into(),
    };
    let cholesky = loaded.cholesky().ok_or_else(singular)?;
    let columns = DMatrix::from_fn(n, constraints.len(), |a, k| constraints[k].0[a]);
    let solved = cholesky.solve(&columns);
    let gram = (columns.adjoint() * &solved).try_inverse().ok_or_else(|| Error::OutOfRange {
        field: "constraints",
        rule: "directions that the array can part",
        got: format!("{} that are not independent", constraints.len()),
    })?;
    let responses = DVector::from_fn(constraints.len(), |k, _| constraints[k].1.conj());
    let weights = solved * (gram * responses);
    if weights.iter().all(|w| w.is_finite()) {
        Ok(weights.iter().copied().collect())
    } else {
        Err(singular())
    }
}
