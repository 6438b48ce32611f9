//! How many sources there are.

use serde::{Deserialize, Serialize};

use super::out;
use crate::{Error, Result};

/// What an additional source must gain in likelihood to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Minimum description length: right with probability one as samples grow.
    #[default]
    Mdl,
    /// Akaike's: sees weaker sources, and counts one too many now and then whatever the number of samples.
    Aic,
}

/// Number of sources by the eigenvalues of a covariance of white noise and narrowband sources, from 0 to one below the number of antennas.
///
/// - `eigenvalues`: descending
/// - `snapshots`: independent samples behind the covariance
///
/// # Errors
/// [`Error::TooShort`] for fewer than two eigenvalues; [`Error::OutOfRange`] without snapshots, or for eigenvalues that are not above 0 (a singular covariance) or rise.
///
/// # Source
/// Wax and Kailath, IEEE Trans. ASSP 33(2), 1985, eqs. 16 and 17.
pub fn source_number(eigenvalues: &[f64], snapshots: usize, criterion: Criterion) -> Result<usize> {
    let n = eigenvalues.len();
    if n < 2 {
        return Err(Error::TooShort { what: "the number of sources", need: 2, unit: "eigenvalues", got: n });
    }
    if snapshots == 0 {
        return Err(out("snapshots", "at least 1", 0));
    }
    let most = eigenvalues[0];
    if let Some(bad) = eigenvalues.iter().find(|l| !(**l > 1e-14 * most && l.is_finite())) {
        return Err(out(
            "eigenvalues",
            "above 0: a singular covariance has no noise to tell sources from",
            format!("{bad:e}"),
        ));
    }
    if let Some(pair) = eigenvalues.windows(2).find(|pair| pair[1] > pair[0]) {
        return Err(out("eigenvalues", "descending", format!("{:e} before {:e}", pair[0], pair[1])));
    }
    let cost = |k: usize| {
        let rest = &eigenvalues[k..];
        let arithmetic = rest.iter().sum::<f64>() / rest.len() as f64;
        let geometric = rest.iter().map(|l| l.ln()).sum::<f64>() / rest.len() as f64;
        let misfit = snapshots as f64 * rest.len() as f64 * (arithmetic.ln() - geometric);
        let free = (k * (2 * n - k)) as f64;
        misfit
            + match criterion {
                Criterion::Mdl => 0.5 * free * (snapshots as f64).ln(),
                Criterion::Aic => free,
            }
    };
    Ok((0..n).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_spectrum() {
        for values in [&[1.0][..], &[1.0, 2.0], &[1.0, 0.0], &[f64::NAN, 1.0], &[1.0, f64::NAN]] {
            assert!(source_number(values, 10, Criterion::Mdl).is_err(), "{values:?}");
        }
        assert!(source_number(&[2.0, 1.0], 0, Criterion::Mdl).is_err());
        assert_eq!(source_number(&[100.0, 1.0, 1.0], 100, Criterion::Mdl).unwrap(), 1);
    }
}
