//! How many sources there are, from the eigenvalues of a covariance: information criteria of Wax and Kailath, IEEE Trans.
//! Acoust. Speech Signal Process. 33(2), 1985, pp. 387-392. There is no threshold to choose, and so no false-alarm
//! probability to ask for: MDL's falls to 0 with the number of samples, AIC's stays at some percent.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceNumber {
    /// Minimum description length: consistent.
    Mdl,
    /// Akaike's criterion: finds weaker sources, and sources that are not there.
    Aic,
}

impl SourceNumber {
    /// Sources, 0 to one less than there are eigenvalues.
    ///
    /// - `eigenvalues`: of the sample covariance, largest first
    /// - `samples`: that it was made of
    ///
    /// # Errors
    /// [`Error::TooShort`] for fewer than two eigenvalues or no samples; [`Error::OutOfRange`] unless they are positive and
    /// fall.
    pub fn count(self, eigenvalues: &[f64], samples: usize) -> Result<usize> {
        let m = eigenvalues.len();
        if m < 2 {
            return Err(Error::TooShort { what: "source number", need: 2, unit: "eigenvalues", got: m });
        }
        if samples == 0 {
            return Err(Error::TooShort { what: "source number", need: 1, unit: "samples", got: 0 });
        }
        let falling = eigenvalues.windows(2).all(|pair| pair[0] >= pair[1]);
        if !(falling && eigenvalues[m - 1] > 0.0 && eigenvalues[0].is_finite()) {
            let (rule, got) = ("positive, largest first", format!("{eigenvalues:?}"));
            return Err(Error::OutOfRange { field: "eigenvalues", rule, got });
        }
        let n = samples as f64;
        let criterion = |k: usize| {
            let rest = &eigenvalues[k..];
            let count = rest.len() as f64;
            let mean = rest.iter().sum::<f64>() / count;
            let log: f64 = rest.iter().map(|value| (value / mean).ln()).sum();
            let free = (k * (2 * m - k)) as f64;
            match self {
                Self::Mdl => -n * log + 0.5 * free * n.ln(),
                Self::Aic => -2.0 * n * log + 2.0 * free,
            }
        };
        Ok((0..m).min_by(|&a, &b| criterion(a).total_cmp(&criterion(b))).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::eigenvalues;
    use super::*;
    use crate::{Backend, sim};
    use ndarray::Array2;
    use num_complex::Complex32;

    /// 0, 1 and 2 sources at 0 dB on six antennas, 200 samples.
    #[test]
    fn counts_sources() {
        let (antennas, samples, trials) = (6usize, 200usize, 200);
        for sources in 0..3usize {
            let mut right = [0; 2];
            for trial in 0..trials {
                let mut rng = sim::rng(1000 * sources as u64 + trial);
                let mut x = Array2::from_shape_vec(
                    (antennas, samples),
                    sim::noise(&mut rng, antennas * samples, 1.0),
                )
                .unwrap();
                for source in 0..sources {
                    let signal = sim::noise(&mut rng, samples, 1.0);
                    for ((i, _), x) in x.indexed_iter_mut().map(|((i, n), x)| ((i, n), (n, x))) {
                        let (n, x) = x;
                        *x += signal[n] * Complex32::cis((1.0 + source as f32) * i as f32);
                    }
                }
                let values = eigenvalues(x.view(), &Backend::default()).unwrap();
                for (criterion, right) in [SourceNumber::Mdl, SourceNumber::Aic].into_iter().zip(&mut right) {
                    *right += usize::from(criterion.count(&values, samples).unwrap() == sources);
                }
            }
            assert!(right[0] >= trials as usize * 98 / 100, "MDL, {sources}: {}", right[0]);
            assert!(right[1] >= trials as usize * 80 / 100, "AIC, {sources}: {}", right[1]);
        }
    }

    #[test]
    fn refuses_what_is_no_spectrum() {
        for values in [&[1.0][..], &[1.0, 2.0], &[1.0, 0.0], &[f64::NAN, 1.0]] {
            assert!(SourceNumber::Mdl.count(values, 10).is_err(), "{values:?}");
        }
        assert!(SourceNumber::Mdl.count(&[2.0, 1.0], 0).is_err());
        assert_eq!(SourceNumber::Mdl.count(&[100.0, 1.0, 1.0], 100).unwrap(), 1);
    }
}
