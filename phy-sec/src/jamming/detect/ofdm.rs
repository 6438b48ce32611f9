//! Protocol-aware detection on an OFDM resource grid: where the standard sends nothing, and where it sends what is known.
//!
//! - [`null_energy`]: the power of resource elements that must be empty, over that of reference ones that are empty too (guard
//!   band, another slot). A ratio of means of exponentials: F distributed, exact.
//! - [`pilot_error`]: what is left of pilots after the channel is taken out, over the same reference. Neighbouring pilots'
//!   channel estimates are compared in threes, `(h₁ - 2h₂ + h₃)/√6`: a channel that is straight over three of them drops out,
//!   noise and jammer stay, and so the law is F as well.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;

use super::gamma::solve;
use crate::{Error, Result};

/// A test on a resource grid.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GridTest {
    /// Mean power tested, over the mean power of the reference.
    pub statistic: f64,
    /// What it had to reach.
    pub threshold: f64,
    /// Probability of so much under noise.
    pub p_value: f64,
    /// Whether it did.
    pub detected: bool,
    /// Of the pilots: error vector magnitude, linear; of the empty elements nothing.
    pub evm: Option<f64>,
}

/// Probability that the mean of `tested` exponentials is `ratio` times that of `reference` others, or more.
pub fn ratio_tail(tested: usize, reference: usize, ratio: f64) -> f64 {
    let (l, m) = (tested.max(1) as f64, reference.max(1) as f64);
    if ratio > 0.0 { beta_reg(m, l, m / (m + l * ratio)) } else { 1.0 }
}

/// Power on empty elements against that of reference ones.
///
/// # Errors
/// [`Error::TooShort`] for none of either, [`Error::NotFinite`], [`Error::OutOfRange`] for `pfa` and a reference without power.
pub fn null_energy(tested: &[Complex32], reference: &[Complex32], pfa: f64) -> Result<GridTest> {
    let (power, count) = mean("null resource elements", tested)?;
    judge(power, count, reference, pfa, None)
}

/// Errors of pilots against the power of empty elements.
///
/// - `received`, `sent`: pilots of one symbol in order of frequency, evenly spaced; the channel changes its slope little over
///   three of them
///
/// # Errors
/// As [`null_energy`]; [`Error::Shape`] for unequal lengths; [`Error::TooShort`] for fewer than three pilots;
/// [`Error::OutOfRange`] for a pilot sent without power.
pub fn pilot_error(
    received: &[Complex32],
    sent: &[Complex32],
    reference: &[Complex32],
    pfa: f64,
) -> Result<GridTest> {
    if received.len() != sent.len() {
        let (need, got) = (format!("[{}]", sent.len()), format!("[{}]", received.len()));
        return Err(Error::Shape { what: "received", need, got });
    }
    if received.len() < 3 {
        return Err(Error::TooShort { what: "pilot error", need: 3, unit: "pilots", got: received.len() });
    }
    let pilots = mean("sent", sent)?.0;
    if sent.iter().any(|sent| f64::from(sent.norm_sqr()) < 1e-9 * pilots || sent.norm_sqr() == 0.0) {
        return Err(Error::OutOfRange { field: "sent", rule: "pilots with power", got: "0".into() });
    }
    let channel: Vec<_> = received.iter().zip(sent).map(|(y, p)| y / p).collect();
    // In threes that share no pilot, so that errors are independent. They are noise times 1/|p|: back to its own scale.
    let errors: Vec<_> = channel
        .chunks_exact(3)
        .zip(sent.chunks_exact(3))
        .map(|(h, p)| {
            let weight = 1.0 / p[0].norm_sqr() + 4.0 / p[1].norm_sqr() + 1.0 / p[2].norm_sqr();
            (h[0] - h[1] * 2.0 + h[2]) / weight.sqrt()
        })
        .collect();
    let (power, count) = mean("received", &errors)?;
    let signal = mean("received", received)?.0;
    judge(power, count, reference, pfa, Some((power / (signal - power).max(1e-30)).sqrt()))
}

fn judge(power: f64, count: usize, reference: &[Complex32], pfa: f64, evm: Option<f64>) -> Result<GridTest> {
    super::window::check_pfa(pfa)?;
    let (floor, references) = mean("reference", reference)?;
    if !(floor > 0.0) {
        return Err(Error::OutOfRange { field: "reference", rule: "louder than silence", got: "0".into() });
    }
    let threshold = solve(pfa, |ratio| ratio_tail(count, references, ratio));
    let statistic = power / floor;
    let p_value = ratio_tail(count, references, statistic);
    Ok(GridTest { statistic, threshold, p_value, detected: statistic >= threshold, evm })
}

fn mean(what: &'static str, x: &[Complex32]) -> Result<(f64, usize)> {
    if x.is_empty() {
        return Err(Error::TooShort { what, need: 1, unit: "elements", got: 0 });
    }
    match x.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index }),
        None => Ok((x.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / x.len() as f64, x.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    /// One of each: P(A ≥ rB) = 1/(1 + r). One tested against N: cell averaging.
    #[test]
    fn tail_in_closed_form() {
        for ratio in [0.5, 2.0, 30.0] {
            assert!((ratio_tail(1, 1, ratio) - 1.0 / (1.0 + ratio)).abs() < 1e-12);
            let averaging = super::super::CellAveraging {}.pfa(1, 16, ratio);
            assert!((ratio_tail(1, 16, ratio) - averaging).abs() < 1e-12);
        }
        assert_eq!(ratio_tail(3, 3, 0.0), 1.0);
    }

    /// 12 empty elements against 24; 36 pilots of a channel with a slope.
    #[test]
    fn false_alarms_are_those_asked_for_and_a_weak_jammer_is_found() {
        let mut rng = sim::rng(3);
        let trials = 20_000;
        let sent: Vec<_> = (0..36).map(|k| Complex32::cis(k as f32 * k as f32 * 0.3) * 1.4).collect();
        let (mut alarms, mut found) = ([0usize; 2], [0usize; 2]);
        for trial in 0..trials {
            let noise = sim::noise(&mut rng, 12 + 24 + 36, 0.3);
            let (tested, rest) = noise.split_at(12);
            let (reference, errors) = rest.split_at(24);
            let pilots = |jammer: f32, rng: &mut rand_chacha::ChaCha8Rng| -> Vec<Complex32> {
                let jam = sim::noise(rng, 36, f64::from(jammer));
                let parts = sent.iter().zip(errors).zip(jam).enumerate();
                parts.map(|(k, ((p, w), j))| p * Complex32::new(2.0, 0.02 * k as f32) + w + j).collect()
            };
            alarms[0] += usize::from(null_energy(tested, reference, 1e-2).unwrap().detected);
            let received = pilots(0.0, &mut rng);
            alarms[1] += usize::from(pilot_error(&received, &sent, reference, 1e-2).unwrap().detected);
            if trial < 500 {
                let jammed: Vec<_> =
                    tested.iter().zip(sim::noise(&mut rng, 12, 2.0)).map(|(x, j)| x + j).collect();
                found[0] += usize::from(null_energy(&jammed, reference, 1e-2).unwrap().detected);
                let received = pilots(2.0, &mut rng);
                let test = pilot_error(&received, &sent, reference, 1e-2).unwrap();
                found[1] += usize::from(test.detected);
                assert!(test.evm.unwrap() > 0.1);
            }
        }
        let sigma = (0.01 * 0.99 / trials as f64).sqrt();
        for (name, alarms) in ["null energy", "pilot error"].into_iter().zip(alarms) {
            let got = alarms as f64 / trials as f64;
            println!("{name}: asked 1e-2, measured {got:.3e} ± {:.1e}", 1.96 * sigma);
            assert!((got - 0.01).abs() < 3.5 * sigma, "{name}: {got}");
        }
        assert!(found.iter().all(|found| *found > 490), "{found:?}");
    }

    #[test]
    fn refuses_grids_that_say_nothing() {
        let x = [Complex32::ONE; 3];
        assert!(null_energy(&[], &x, 0.1).is_err());
        assert!(null_energy(&x, &[Complex32::ZERO], 0.1).is_err());
        assert!(null_energy(&x, &x, 0.0).is_err());
        assert!(pilot_error(&x, &x[..2], &x, 0.1).is_err());
        assert!(pilot_error(&x, &[Complex32::ZERO; 3], &x, 0.1).is_err());
        assert!(pilot_error(&[Complex32::new(f32::NAN, 0.0); 3], &x, &x, 0.1).is_err());
    }
}
