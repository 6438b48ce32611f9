//! What can be had without a reference, from moments alone. The standard errors are jackknifed over stretches of the burst, so
//! that neighbouring samples may depend on one another.
//!
//! These are values of the *receiver*: its DC, and the imbalance of its demodulator, which makes a circular signal non-circular
//! (Windisch and Fettweis, Proc. IEEE ICASSP 2004). What the modulator did is turned by the carrier and needs a reference.

use num_complex::Complex32;

use super::measured;
use crate::{
    Error, Result,
    fingerprint::feature::{Measured, Missing},
};

/// Stretches.
const PARTS: usize = 32;
/// The fewest samples: eight for each stretch.
const LEAST: usize = 8 * PARTS;

/// What the moments tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Blind {
    /// DC in I, full scale 1.
    pub dc_i: Measured,
    /// DC in Q, full scale 1.
    pub dc_q: Measured,
    /// Gain of the receiver's Q branch over that of I, dB; as [`crate::sim::impairment::IqImbalance::receiver`]. Only if the signal is circular: a carrier
    /// offset of some turns over the burst makes every signal so.
    pub iq_gain_db: Measured,
    /// Error of the angle between the two, rad.
    pub iq_phase: Measured,
}

/// Sums over a stretch: count, I, Q, I², Q², IQ.
type Moments = [f64; 6];

/// Moments of `x`: complex baseband, `[sample]`, full scale 1.
///
/// # Errors
/// - [`Error::TooShort`] for less than 256 samples
/// - [`Error::NotFinite`]
/// - [`Error::OutOfRange`] for silence
pub fn measure(x: &[Complex32]) -> Result<Blind> {
    if x.len() < LEAST {
        return Err(Error::TooShort { what: "a blind estimate", need: LEAST, unit: "samples", got: x.len() });
    }
    if let Some(index) = x.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "samples", index });
    }
    let parts: Vec<Moments> = x.chunks(x.len().div_ceil(PARTS)).map(moments).collect();
    let mut all = [0.0; 6];
    parts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(all, part)| *all += part));
    let power = (all[3] + all[4]) / all[0];
    if !(power > f64::from(f32::MIN_POSITIVE) && power < 1e30) {
        let rule = "positive, and below 1e30";
        return Err(Error::OutOfRange { field: "power", rule, got: power.to_string() });
    }
    let jackknife = |value: fn(&Moments) -> f64| {
        let whole = value(&all);
        let without = |part: &Moments| value(&std::array::from_fn(|i| all[i] - part[i]));
        let count = parts.len() as f64;
        let spread: f64 = parts.iter().map(|part| (without(part) - whole).powi(2)).sum();
        if whole.is_finite() && spread.is_finite() {
            measured(whole, (spread * (count - 1.0) / count).sqrt())
        } else {
            Err(Missing::NotIdentifiable)
        }
    };
    Ok(Blind {
        dc_i: jackknife(|m| m[1] / m[0]),
        dc_q: jackknife(|m| m[2] / m[0]),
        iq_gain_db: jackknife(|m| {
            let [i, q, _] = central(m);
            10.0 * (q / i).log10()
        }),
        iq_phase: jackknife(|m| {
            let [i, q, both] = central(m);
            -(both / (i * q).sqrt()).asin()
        }),
    })
}

/// Variances of I and Q and their covariance.
fn central(m: &Moments) -> [f64; 3] {
    let (i, q) = (m[1] / m[0], m[2] / m[0]);
    [m[3] / m[0] - i * i, m[4] / m[0] - q * q, m[5] / m[0] - i * q]
}

fn moments(x: &[Complex32]) -> Moments {
    let mut sums = [0.0; 6];
    for x in x {
        let (i, q) = (f64::from(x.re), f64::from(x.im));
        sums.iter_mut().zip([1.0, i, q, i * i, q * q, i * q]).for_each(|(sum, term)| *sum += term);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{self, impairment::IqImbalance};

    /// Circular noise through a demodulator of 0.8 dB and 0.05 rad, with DC: each value within four standard errors, and over 200
    /// bursts 68 % within one.
    #[test]
    fn a_receivers_own_marks() {
        let truth = [0.03, -0.02, 0.8, 0.05];
        let (mut inside, mut runs) = (0, 0);
        for seed in 0..200 {
            let mut x = sim::noise(&mut sim::rng(seed), 2000, 0.25);
            IqImbalance { gain_db: 0.8, phase: 0.05 }.receiver().apply(&mut x);
            x.iter_mut().for_each(|x| *x += Complex32::new(0.03, -0.02));
            let got = measure(&x).unwrap();
            // Of independent Gaussian samples: σ/√(2n), 20/ln 10 /√n, 1/√n.
            let errors = [0.0079, 0.0079, 0.194, 0.0224];
            let values = [got.dc_i, got.dc_q, got.iq_gain_db, got.iq_phase];
            for ((got, truth), usual) in values.into_iter().zip(truth).zip(errors) {
                let got = got.unwrap();
                let error = got.standard_error.unwrap();
                assert!((got.value - truth).abs() < 5.0 * error, "{truth}: {got:?}");
                assert!((0.5..2.0).contains(&(error / usual)), "{truth}: {got:?}");
                inside += usize::from((got.value - truth).abs() < error);
                runs += 1;
            }
        }
        let share = inside as f64 / runs as f64;
        assert!((share - 0.68).abs() < 0.05, "{share}");
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert!(measure(&[Complex32::ONE; 255]).unwrap_err().to_string().contains("256 samples"));
        assert!(measure(&[Complex32::ZERO; 300]).unwrap_err().to_string().contains("power"));
        let mut x = vec![Complex32::ONE; 300];
        // A constant has no variance to compare.
        assert_eq!(measure(&x).unwrap().iq_phase, Err(Missing::NotIdentifiable));
        x[7].im = f32::INFINITY;
        assert!(measure(&x).unwrap_err().to_string().contains("index 7"));
    }
}
