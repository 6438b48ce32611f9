//! Karhunen-Loève transform across the lanes (principal component analysis): neighbouring subcarriers and antennas repeat one
//! another, their principal components do not. Scaled to unit variance (*whitened*) if asked for.
//!
//! Both ends must use the same basis, and two ends' own measurements give two bases. So either
//!
//! - nothing is said: the basis is that of a model, `correlation` between a lane and the next, its powers beyond
//!   (`calibration = 0`); or
//! - Alice says hers, measured on the first `calibration` columns alone. Both ends throw those columns away: the basis is a
//!   function of them and of nothing that the key is made of. An eavesdropper is taken to know these columns entirely.
//!   What they tell about the first measurement after them is charged as that measurement's whole symbol, four bits for
//!   each component; the ledger's memory estimates bound what each measurement tells about the next.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, Axis, Slice};
use serde::{Deserialize, Serialize};

use crate::keygen::within;
use crate::{Error, Result};

/// Where the basis comes from and what of it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pca {
    /// Columns at the beginning on which Alice measures the basis, and which are then dropped; 0 for the model.
    pub calibration: usize,
    /// Of the model: correlation between a lane and the next, 0 to 0.9999.
    pub correlation: f64,
    /// How many components go on, 0 for all. Those with less than 1e-9 of the greatest variance never do.
    pub components: usize,
    /// Whether each component is scaled to unit variance.
    pub whiten: bool,
    /// The basis that Alice said, `[component, lane]`; without one it is measured or modelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<Vec<Vec<f64>>>,
}

impl Default for Pca {
    fn default() -> Self {
        Self { calibration: 0, correlation: 0.9, components: 0, whiten: true, basis: None }
    }
}

/// More lanes have covariances of more than 8 MiB.
const MOST_LANES: usize = 1024;

/// What is charged for each component of a measured basis.
const BITS_PER_COMPONENT: usize = 4;

impl Pca {
    pub(super) fn check(&self) -> Result<()> {
        within("correlation", self.correlation, 0.0, 0.9999, "within 0..=0.9999")?;
        let bad = self.basis.iter().flatten().flatten().position(|x| !x.is_finite());
        bad.map_or(Ok(()), |index| Err(Error::NotFinite { what: "basis", index }))
    }

    /// The same with its basis, and what Alice is charged for saying it.
    pub(super) fn learn(&self, series: &Array2<f64>) -> Result<(Self, usize)> {
        if self.basis.is_some() || self.calibration == 0 {
            return Ok((self.clone(), 0));
        }
        let basis = self.measure(series)?;
        let bits = BITS_PER_COMPONENT * basis.len();
        Ok((Self { basis: Some(basis), ..self.clone() }, bits))
    }

    fn measure(&self, series: &Array2<f64>) -> Result<Vec<Vec<f64>>> {
        let lanes = series.nrows();
        if lanes > MOST_LANES {
            let got = lanes.to_string();
            return Err(Error::OutOfRange { field: "lanes of pca", rule: "at most 1024", got });
        }
        let covariance = if self.calibration == 0 {
            DMatrix::from_fn(lanes, lanes, |i, j| self.correlation.powi(i.abs_diff(j) as i32))
        } else {
            let columns = self.calibration.min(series.ncols());
            let part = series.slice_axis(Axis(1), Slice::from(..columns));
            let centred = match part.mean_axis(Axis(1)) {
                Some(mean) => &part - &mean.insert_axis(Axis(1)),
                None => part.to_owned(),
            };
            let product = centred.dot(&centred.t()) / columns.max(1) as f64;
            DMatrix::from_fn(lanes, lanes, |i, j| product[[i, j]])
        };
        // An overflow would keep the iteration busy for ever.
        let too_large = || {
            let rule = "so small that its covariance is finite";
            Error::OutOfRange { field: "series of pca", rule, got: "an overflow".into() }
        };
        if covariance.iter().any(|x| !x.is_finite()) {
            return Err(too_large());
        }
        let rounds = 1000 + 100 * lanes;
        let eigen = SymmetricEigen::try_new(covariance, f64::EPSILON, rounds).ok_or_else(too_large)?;
        let mut order: Vec<usize> = (0..lanes).collect();
        order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
        let greatest = order.first().map_or(0.0, |&k| eigen.eigenvalues[k]);
        let most = if self.components == 0 { lanes } else { self.components };
        let usable = order.into_iter().filter(|&k| eigen.eigenvalues[k] > 1e-9 * greatest).take(most);
        let component = |k: usize| {
            let vector = eigen.eigenvectors.column(k);
            // A sign that does not hang on rounding: the greatest entry is positive.
            let sign = vector
                .iter()
                .copied()
                .fold(0.0f64, |most, x| if x.abs() > most.abs() + 1e-9 { x } else { most })
                .signum();
            let scale = if self.whiten { sign / eigen.eigenvalues[k].sqrt() } else { sign };
            vector.iter().map(|x| x * scale).collect()
        };
        Ok(usable.map(component).collect())
    }

    /// `[lane, time]` to `[component, time - calibration]`.
    pub(super) fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
        let measured;
        let basis = match &self.basis {
            Some(basis) => basis,
            None => {
                measured = self.measure(&series)?;
                &measured
            }
        };
        let lanes = series.nrows();
        if let Some(row) = basis.iter().find(|row| row.len() != lanes) {
            let (need, got) = (format!("[component, {lanes}]"), format!("[component, {}]", row.len()));
            return Err(Error::Shape { what: "basis", need, got });
        }
        let matrix = Array2::from_shape_fn((basis.len(), lanes), |(component, lane)| basis[component][lane]);
        let rest = series.slice_axis(Axis(1), Slice::from(self.calibration.min(series.ncols())..));
        Ok(matrix.dot(&rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// Lanes with correlation 0.8 from one to the next, means and scales of their own.
    fn lanes(n: usize, time: usize) -> Array2<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut series = Array2::zeros((n, time));
        for t in 0..time {
            let mut x = 0.0f64;
            for lane in 0..n {
                let w: f64 = StandardNormal.sample(&mut rng);
                x = if lane == 0 { w } else { 0.8 * x + 0.6 * w };
                series[[lane, t]] = 5.0 + (1.0 + lane as f64) * x;
            }
        }
        series
    }

    fn covariance(x: &Array2<f64>) -> Array2<f64> {
        let centred = x - &x.mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
        centred.dot(&centred.t()) / x.ncols() as f64
    }

    /// What the basis was measured on becomes white exactly; what comes after it, up to sampling.
    #[test]
    fn components_are_white() {
        let series = lanes(5, 40_000);
        let method = Pca { calibration: 20_000, ..Pca::default() };
        let (learnt, bits) = method.learn(&series).unwrap();
        assert_eq!(bits, 20);
        let part = |from: usize, to: usize| series.slice_axis(Axis(1), Slice::from(from..to)).to_owned();
        let of_calibration = Pca { calibration: 0, ..learnt.clone() }.apply(part(0, 20_000)).unwrap();
        assert!((covariance(&of_calibration) - Array2::<f64>::eye(5)).iter().all(|d| d.abs() < 1e-9));
        let rest = learnt.apply(series.clone()).unwrap();
        assert_eq!(rest.dim(), (5, 20_000));
        assert!((covariance(&rest) - Array2::<f64>::eye(5)).iter().all(|d| d.abs() < 0.05));
        // The model's own covariance, without whitening: diagonal.
        let model = Pca { correlation: 0.8, whiten: false, ..Pca::default() };
        let mut unit = lanes(5, 40_000);
        unit.rows_mut().into_iter().enumerate().for_each(|(lane, mut row)| row /= 1.0 + lane as f64);
        let got = covariance(&model.apply(unit).unwrap());
        let off = got.indexed_iter().filter(|((i, j), _)| i != j).map(|(_, x)| x.abs()).fold(0.0, f64::max);
        assert!(off < 0.05 && got[[0, 0]] > got[[4, 4]], "{got}");
    }

    /// The basis does not know what comes after the calibration, and Bob's is Alice's.
    #[test]
    fn nothing_of_the_rest_is_said() {
        let series = lanes(3, 400);
        let method = Pca { calibration: 100, ..Pca::default() };
        let mut other = series.clone();
        other.slice_axis_mut(Axis(1), Slice::from(100..)).fill(-3.0);
        let (learnt, _) = method.learn(&series).unwrap();
        assert_eq!(method.learn(&other).unwrap().0, learnt);
        assert_eq!(learnt.learn(&other).unwrap(), (learnt.clone(), 0));
        assert_eq!(method.apply(series.clone()).unwrap(), learnt.apply(series).unwrap());
        let err = learnt.apply(Array2::zeros((4, 200))).unwrap_err();
        assert_eq!(err.to_string(), "basis must have shape [component, 4], got [component, 3]");
        let bad = Pca { basis: Some(vec![vec![f64::NAN]]), ..Pca::default() };
        assert!(matches!(bad.check(), Err(Error::NotFinite { .. })));
        assert!(Pca::default().apply(Array2::zeros((MOST_LANES + 1, 1))).is_err());
        let huge = Array2::from_shape_fn((2, 200), |(lane, k)| 1e200 * (k * (lane + 1) % 7) as f64);
        let err = method.apply(huge).unwrap_err();
        assert_eq!(
            err.to_string(),
            "series of pca must be so small that its covariance is finite, got an overflow"
        );
        // A constant has no component.
        assert_eq!(method.learn(&Array2::from_elem((3, 200), 2.0)).unwrap().0.basis.unwrap().len(), 0);
    }
}
