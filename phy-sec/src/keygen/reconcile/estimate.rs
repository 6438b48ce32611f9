//! How often two strings differ, from what was said of them, and with what confidence.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

use super::binary_entropy;
use crate::{Error, Result};

/// An error rate, and between what it lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ErrorEstimate {
    /// The estimate: half an error more than was seen, for none seen is not none there (Jeffreys' prior).
    pub rate: f64,
    /// Ends of the confidence interval: the true rate is outside with at most the probability asked for.
    pub low: f64,
    /// The other one.
    pub high: f64,
}

/// From `errors` among `compared` bits that were said at both ends and thrown away.
///
/// - `confidence`: of the interval, 0 to 1, both ends excluded
///
/// # Errors
/// [`Error::TooShort`] without bits, [`Error::OutOfRange`] for more errors than bits or an impossible confidence.
///
/// # Source
/// Clopper and Pearson, Biometrika 26(4), 1934.
pub fn from_sample(errors: usize, compared: usize, confidence: f64) -> Result<ErrorEstimate> {
    if compared == 0 {
        return Err(Error::TooShort { what: "an error rate", need: 1, unit: "compared bits", got: 0 });
    }
    // Quantiles of a Beta distribution with larger shapes are not found.
    if compared > 1 << 48 {
        return Err(Error::OutOfRange { field: "compared", rule: "at most 2^48", got: compared.to_string() });
    }
    if errors > compared {
        let got = format!("{errors} of {compared}");
        return Err(Error::OutOfRange { field: "errors", rule: "at most as many as bits", got });
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        let got = confidence.to_string();
        return Err(Error::OutOfRange { field: "confidence", rule: "between 0 and 1", got });
    }
    let (k, n) = (errors as f64, compared as f64);
    let tail = (1.0 - confidence) / 2.0;
    // The shapes are at least 1 where they are asked for: `new` cannot fail.
    let quantile =
        |a: f64, b: f64, p: f64, none: f64| Beta::new(a, b).map_or(none, |beta| beta.inverse_cdf(p));
    let low = if errors == 0 { 0.0 } else { quantile(k, n - k + 1.0, tail, 0.0) };
    let high = if errors == compared { 1.0 } else { quantile(k + 1.0, n - k, 1.0 - tail, 1.0) };
    Ok(ErrorEstimate { rate: (k + 0.5) / (n + 1.0), low, high })
}

/// From parities of `weight` bits each, of which `odd` of `parities` differ between the ends, as a first Cascade pass, a Winnow pass
/// or a syndrome of rows of one weight shows for free: nothing is thrown away.
///
/// A parity differs with probability `(1 - (1 - 2q)^weight) / 2`; the interval is that of a sample, carried over. Above half
/// of the parities the rate is a half. Of one bit each they are a sample.
///
/// # Errors
/// As [`from_sample`]; [`Error::OutOfRange`] for a weight of 0.
///
/// # Source
/// Kiktenko, Malyshev, Bozhedarov, Pozhar, Anufriev and Fedorov, Error estimation at the information reconciliation stage of
/// quantum key distribution, J. Russian Laser Research 39, 2018 (arXiv:1810.05841).
pub fn from_parities(odd: usize, parities: usize, weight: usize, confidence: f64) -> Result<ErrorEstimate> {
    if weight == 0 {
        return Err(Error::OutOfRange { field: "weight", rule: "at least 1", got: "0".into() });
    }
    let of = from_sample(odd, parities, confidence)?;
    if weight == 1 {
        return Ok(of);
    }
    let rate = |p: f64| if p >= 0.5 { 0.5 } else { (1.0 - (1.0 - 2.0 * p).powf(1.0 / weight as f64)) / 2.0 };
    Ok(ErrorEstimate { rate: rate(of.rate), low: rate(of.low), high: rate(of.high) })
}

/// The error rate from which on no key can come of bits that hold `min_entropy` each: reconciliation says `h(q)` of each at the
/// least (Slepian and Wolf), which leaves nothing.
#[must_use]
pub fn hopeless(min_entropy: f64) -> f64 {
    if min_entropy >= 1.0 {
        return 0.5;
    }
    let (mut low, mut high) = (0.0, 0.5);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if binary_entropy(middle) < min_entropy { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closed forms where no or all bits differ: 1 - (tail)^(1/n); and 10 of 100, whose interval is tabled as 0.0490 to 0.1762.
    #[test]
    fn intervals_are_clopper_and_pearsons() {
        let none = from_sample(0, 50, 0.95).unwrap();
        assert!((none.low, none.rate) == (0.0, 0.5 / 51.0));
        assert!((none.high - (1.0 - 0.025f64.powf(1.0 / 50.0))).abs() < 1e-9, "{none:?}");
        let all = from_sample(50, 50, 0.95).unwrap();
        assert!(all.high == 1.0 && (all.low - 0.025f64.powf(1.0 / 50.0)).abs() < 1e-9);
        let some = from_sample(10, 100, 0.95).unwrap();
        assert!((some.low - 0.0490).abs() < 1e-4 && (some.high - 0.1762).abs() < 1e-4, "{some:?}");
        assert!(
            from_sample(0, 0, 0.9).is_err()
                && from_sample(2, 1, 0.9).is_err()
                && from_sample(1, 2, 1.0).is_err()
        );
    }

    /// The interval holds the true rate at least as often as it says: summed over the binomial law, for samples and for parities.
    #[test]
    fn intervals_cover() {
        for (n, q, weight) in [(40usize, 0.03, 1usize), (200, 0.1, 1), (60, 0.02, 8), (100, 0.05, 20)] {
            let p = (1.0 - (1.0f64 - 2.0 * q).powi(weight as i32)) / 2.0;
            let (mut covered, mut chance) = (0.0, (1.0 - p).powi(n as i32));
            for k in 0..=n {
                let of = from_parities(k, n, weight, 0.9).unwrap();
                assert!(of.low <= of.rate && of.rate <= of.high);
                if of.low <= q && q <= of.high {
                    covered += chance;
                }
                chance *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
            }
            assert!((0.9..0.99).contains(&covered), "{n} {q} {weight}: {covered}");
        }
        assert!(from_parities(1, 2, 0, 0.9).is_err());
        // Parities of one bit are the bits.
        assert_eq!(from_parities(99, 100, 1, 0.9).unwrap(), from_sample(99, 100, 0.9).unwrap());
    }

    /// h(0.11) = 0.4999 (Shannon's limit of BB84 at one way), and the ends.
    #[test]
    fn the_hopeless_rate_inverts_the_entropy() {
        assert!((hopeless(0.5) - 0.110_028).abs() < 1e-6);
        for q in [0.001, 0.05, 0.2, 0.49] {
            assert!((hopeless(binary_entropy(q)) - q).abs() < 1e-9);
        }
        assert!(hopeless(1.0) == 0.5 && hopeless(0.0) < 1e-9);
    }
}
