//! Pilots that somebody else sends at the same time: by the power that is too much, and by the number of sources that is.

use super::{Verdict, out, two_sided};
use crate::{
    Result,
    jamming::array::{Covariance, Criterion, source_number},
};

/// Whether two directions of one reciprocal link, or two pilots of one sender, have the same power: a spoofer adds hers to one of them.
///
/// - `powers`: of the two channel estimates, noise taken out, at equal transmit power, linear
/// - `variances`: of the error of each complex estimate, summed over its gains, linear
/// - `gains`: complex gains of each estimate
/// - `pfa`: probability of calling an honest pair spoofed
///
/// The logarithm of the ratio over its standard error `√(2 v₁/(n p₁) + 2 v₂/(n p₂))` is normal for estimates well above their noise (first order).
///
/// # Errors
/// [`crate::Error::OutOfRange`].
///
/// # Source
/// The energy-ratio detector of Xiong, Liang, Li and Gong, IEEE Trans. IFS 10(5), 2015, with its threshold from the estimates' own noise.
pub fn pilot_power_ratio(powers: [f64; 2], variances: [f64; 2], gains: usize, pfa: f64) -> Result<Verdict> {
    if gains == 0 {
        return Err(out("gains", "at least 1", gains));
    }
    let mut square = 0.0;
    for (power, variance) in powers.into_iter().zip(variances) {
        if !(power > 0.0 && power.is_finite()) {
            return Err(out("powers", "above 0 and finite", power));
        }
        if !(variance > 0.0 && variance.is_finite()) {
            return Err(out("variances", "above 0 and finite", variance));
        }
        square += 2.0 * variance / (gains as f64 * power);
    }
    two_sided((powers[0] / powers[1]).ln() / square.sqrt(), pfa)
}

/// How many senders are in what an array hears while one of them trains, by MDL: more than one is contamination, provided that the sender adds a random
/// sequence of its own to the pilot, for equal pilots are one source.
///
/// # Errors
/// [`crate::Error::OutOfRange`] for a singular covariance.
///
/// # Source
/// Tugnait, IEEE Wireless Commun. Lett. 4(5), 2015 (self-contamination).
pub fn pilot_sources(covariance: &Covariance) -> Result<usize> {
    let eigenvalues = crate::hermitian::eigenvalues(covariance.matrix())?;
    source_number(&eigenvalues, covariance.snapshots(), Criterion::Mdl)
}
