//! How much a channel keeps secret by itself: secrecy rates, their outage over fading, and noise that only the eavesdropper hears.
//!
//! All of it presumes what is known of the eavesdropper's channel; see docs/guide/array.md.

mod artificial_noise;

pub use artificial_noise::{ArtificialNoise, eve_sinr_ccdf};

use crate::{Error, Result};

/// Secrecy capacity of a Gaussian wiretap channel, `[log2(1 + main) - log2(1 + eve)]⁺`, bits per complex sample.
///
/// - `main`, `eve`: linear SNRs
///
/// # Errors
/// [`Error::OutOfRange`] for an SNR below 0 or not finite.
///
/// # Source
/// Leung-Yan-Cheong and Hellman, IEEE Trans. IT 24(4), 1978.
pub fn secrecy_rate(main: f64, eve: f64) -> Result<f64> {
    snr("main", main)?;
    snr("eve", eve)?;
    Ok(((main.ln_1p() - eve.ln_1p()) / std::f64::consts::LN_2).max(0.0))
}

/// Probability that the secrecy rate of two independent Rayleigh channels is below `rate`:
/// `1 - m/(m + 2^R e) · exp(-(2^R - 1)/m)`.
///
/// - `main`, `eve`: mean SNRs, linear
/// - `rate`: bits per complex sample
///
/// # Errors
/// [`Error::OutOfRange`] for numbers below 0 or not finite, or a main channel without power.
///
/// # Source
/// Bloch, Barros, Rodrigues and McLaughlin, IEEE Trans. IT 54(6), 2008, theorem 1.
pub fn secrecy_outage(main: f64, eve: f64, rate: f64) -> Result<f64> {
    snr("main", main)?;
    snr("eve", eve)?;
    if main == 0.0 {
        return Err(out("main", "above 0", main));
    }
    if !(0.0..=1000.0).contains(&rate) {
        return Err(out("rate", "within 0 and 1000 bits", rate));
    }
    let factor = rate.exp2();
    Ok(1.0 - main / (main + factor * eve) * (-(factor - 1.0) / main).exp())
}

/// Probability that there is any secrecy at all over two independent Rayleigh channels, `m/(m + e)`.
///
/// # Errors
/// As [`secrecy_outage`].
pub fn positive_probability(main: f64, eve: f64) -> Result<f64> {
    Ok(1.0 - secrecy_outage(main, eve, 0.0)?)
}

fn snr(field: &'static str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(out(field, "a linear SNR, 0 or more and finite", value))
    }
}

fn out(field: &'static str, rule: &'static str, got: impl std::fmt::Display) -> Error {
    Error::OutOfRange { field, rule, got: got.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// jamming.json, `secrecy_outage_rayleigh`.
    #[test]
    fn outage_has_its_closed_form() {
        for (main_db, eve_db, rate, want) in [
            (10.0, 0.0, 0.1, 0.10326168364692434),
            (10.0, 0.0, 1.0, 0.24596881830336703),
            (20.0, 0.0, 1.0, 0.029362908089051065),
            (20.0, 10.0, 1.0, 0.17495847187569336),
            (20.0, 10.0, 2.0, 0.30682461889392276),
        ] {
            let linear = crate::sim::from_db;
            let got = secrecy_outage(linear(main_db), linear(eve_db), rate).unwrap();
            assert!((got - want).abs() < 1e-12, "{main_db} {eve_db} {rate}: {got} {want}");
        }
        assert!((positive_probability(10.0, 1.0).unwrap() - 0.9090909090909091).abs() < 1e-12);
        assert!((positive_probability(100.0, 1.0).unwrap() - 0.9900990099009901).abs() < 1e-12);
    }

    /// The same by drawing the two channels.
    #[test]
    fn outage_is_what_happens() {
        let mut rng = crate::sim::rng(2);
        let n = 100_000;
        let (main, eve) = (crate::sim::noise(&mut rng, n, 10.0), crate::sim::noise(&mut rng, n, 1.0));
        let below = main
            .iter()
            .zip(&eve)
            .filter(|(m, e)| secrecy_rate(m.norm_sqr().into(), e.norm_sqr().into()).unwrap() < 1.0);
        let (got, want) = (below.count() as f64 / n as f64, secrecy_outage(10.0, 1.0, 1.0).unwrap());
        assert!((got - want).abs() < 4.0 * (want * (1.0 - want) / n as f64).sqrt(), "{got} {want}");
    }

    #[test]
    fn refuses_what_is_no_snr() {
        assert_eq!(secrecy_rate(3.0, 0.0).unwrap(), 2.0);
        assert_eq!(secrecy_rate(1.0, 3.0).unwrap(), 0.0);
        assert!(secrecy_rate(-1.0, 0.0).is_err() && secrecy_rate(1.0, f64::NAN).is_err());
        assert!(secrecy_outage(0.0, 1.0, 1.0).is_err() && secrecy_outage(1.0, 1.0, -1.0).is_err());
        assert!(
            secrecy_outage(1.0, f64::INFINITY, 1.0).is_err() && secrecy_outage(1.0, 1.0, f64::NAN).is_err()
        );
    }
}
