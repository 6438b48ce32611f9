//! Covariance detectors over several antennas: independent noise of equal power has a covariance of equal eigenvalues, and
//! a jammer raises one of them.
//!
//! Under white noise the covariance of `samples` complex samples is a Wishart matrix: calibration draws it directly by its
//! Bartlett factors (Goodman, Ann. Math. Statist. 34(1), 1963, pp. 152-177), so it takes as long for a million samples as
//! for ten.

use ndarray::ArrayView2;
use num_complex::{Complex32, Complex64};
use rand::RngExt;
use rand_distr::{Distribution, Gamma, StandardNormal};
use serde::{Deserialize, Serialize};

use super::{calibrate::Calibration, covariance::Measure, window::Null};
use crate::{Backend, Error, Result, hermitian::Scratch};

/// A covariance detector over antennas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Antennas {
    /// What is measured of the covariance.
    pub measure: Measure,
    /// Antennas, 2..=64.
    pub antennas: usize,
}

impl Antennas {
    /// The statistic of `x`, `[antenna, sample]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of antennas, [`Error::TooShort`] for fewer samples than antennas,
    /// [`Error::NotFinite`].
    pub fn statistic(&self, x: ArrayView2<'_, Complex32>, backend: &Backend) -> Result<f64> {
        self.check(x.ncols())?;
        if x.nrows() != self.antennas {
            let need = format!("[{}, samples]", self.antennas);
            return Err(Error::Shape { what: "samples", need, got: format!("{:?}", x.shape()) });
        }
        let mut matrix = Scratch::new(self.antennas);
        covariance(x, backend, &mut matrix.entries)?;
        Ok(self.measure.of(&mut matrix))
    }

    /// What independent white noise of equal power reaches with probability `pfa` in `samples` samples.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the number of antennas, for `pfa`; [`Error::TooShort`].
    pub fn threshold(&self, samples: usize, pfa: f64, calibration: &mut Calibration) -> Result<f64> {
        super::window::check_pfa(pfa)?;
        self.check(samples)?;
        calibration.quantile(&format!("{self:?} {samples}"), pfa, || Ok(self.null(samples)))
    }

    fn check(&self, samples: usize) -> Result<()> {
        if !(2..=64).contains(&self.antennas) {
            let got = self.antennas.to_string();
            return Err(Error::OutOfRange { field: "antennas", rule: "within 2..=64", got });
        }
        if samples < self.antennas {
            let need = self.antennas;
            return Err(Error::TooShort { what: "covariance", need, unit: "samples", got: samples });
        }
        Ok(())
    }

    fn null(&self, samples: usize) -> Null {
        let (m, measure) = (self.antennas, self.measure);
        let mut matrix = Scratch::new(m);
        let mut factor = vec![Complex64::ZERO; m * m];
        let gammas: Vec<_> = (0..m)
            .map(|i| Gamma::new((samples - i) as f64, 1.0).expect("as many samples as antennas"))
            .collect();
        Box::new(move |rng| {
            for i in 0..m {
                for j in 0..i {
                    let (re, im): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
                    factor[i * m + j] = Complex64::new(re, im) * std::f64::consts::FRAC_1_SQRT_2;
                }
                factor[i * m + i] = gammas[i].sample(rng).sqrt().into();
            }
            for i in 0..m {
                for j in 0..=i {
                    let value: Complex64 =
                        (0..=j).map(|k| factor[i * m + k] * factor[j * m + k].conj()).sum();
                    matrix.entries[i * m + j] = value;
                    matrix.entries[j * m + i] = value.conj();
                }
            }
            measure.of(&mut matrix)
        })
    }
}

/// `Σ x_i[n] x_j*[n]` of the antennas of `x`, `[antenna, sample]`, into `[i, j]`.
fn covariance(x: ArrayView2<'_, Complex32>, backend: &Backend, out: &mut [Complex64]) -> Result<()> {
    let n = x.nrows();
    if let Some(index) = x.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "samples", index });
    }
    let rows = x.as_standard_layout();
    for i in 0..n {
        for j in 0..=i {
            let (a, b) = (rows.row(i), rows.row(j));
            let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) else { continue };
            let sum = kernels::correlate::conjugate_dot(backend, a, b);
            out[i * n + j] = Complex64::new(sum.re.into(), sum.im.into());
            out[j * n + i] = out[i * n + j].conj();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;
    use ndarray::Array2;

    /// `MME_threshold_complex` of jamming.json: 20,000 trials there, whose own deviation is half a percent at 0.1 of the
    /// distance to 1; the asymptotic formula's values are far outside.
    #[test]
    fn mme_thresholds_are_the_true_ones() {
        let mut calibration = Calibration::new(100_000, 1).unwrap();
        for (antennas, samples, pfa, want, asymptotic) in [
            (4, 100, 0.1, 1.8927993293258651, 2.155611772440657),
            (4, 1000, 0.1, 1.2204758966373026, 1.269769851006623),
            (4, 1000, 0.01, 1.2637131892961653, 1.3031215436172965),
            (8, 1000, 0.1, 1.3676507415290415, 1.4134651791079904),
            (16, 1000, 0.1, 1.59771857607562, 1.644844797250945),
            (16, 1000, 0.01, 1.6451889497490484, 1.6777261998876132),
        ] {
            let detector = Antennas { measure: Measure::MaxMinEigenvalue, antennas };
            let got = detector.threshold(samples, pfa, &mut calibration).unwrap();
            assert!((got / want - 1.0).abs() < 4e-3, "{antennas} {samples} {pfa}: {got} for {want}");
            assert!(got < asymptotic - 0.02, "{antennas} {samples} {pfa}: {got}");
        }
    }

    /// Real windows of noise, not drawn matrices, have the false alarms asked for; every measure; as few as 20 samples.
    #[test]
    fn false_alarms_of_windows_of_noise() {
        let (antennas, trials) = (3, 8000);
        let mut calibration = Calibration::new(50_000, 2).unwrap();
        for samples in [20, 100] {
            let detectors: Vec<_> =
                Measure::ALL.iter().map(|&measure| Antennas { measure, antennas }).collect();
            let thresholds: Vec<_> =
                detectors.iter().map(|d| d.threshold(samples, 0.05, &mut calibration).unwrap()).collect();
            let mut alarms = vec![0usize; detectors.len()];
            let mut rng = sim::rng(9);
            for _ in 0..trials {
                let x = sim::noise(&mut rng, antennas * samples, 0.3);
                let x = Array2::from_shape_vec((antennas, samples), x).unwrap();
                for ((detector, threshold), alarms) in detectors.iter().zip(&thresholds).zip(&mut alarms) {
                    let statistic = detector.statistic(x.view(), &Backend::default()).unwrap();
                    *alarms += usize::from(statistic >= *threshold);
                }
            }
            for (detector, alarms) in detectors.iter().zip(alarms) {
                let got = alarms as f64 / trials as f64;
                let sigma = (0.05 * 0.95 * (1.0 / trials as f64 + 1.0 / 50_000.0)).sqrt();
                assert!((got - 0.05).abs() < 4.0 * sigma, "{detector:?} {samples}: {got}");
            }
        }
    }

    #[test]
    fn refuses_other_shapes() {
        let detector = Antennas { measure: Measure::CovarianceAbsolute, antennas: 4 };
        let x = Array2::from_elem((3, 50), Complex32::ONE);
        assert_eq!(
            detector.statistic(x.view(), &Backend::default()).unwrap_err().to_string(),
            "samples must have shape [4, samples], got [3, 50]"
        );
        assert!(detector.threshold(3, 0.1, &mut Calibration::default()).is_err());
        assert!(Antennas { antennas: 1, ..detector }.threshold(9, 0.1, &mut Calibration::default()).is_err());
    }
}
