//! Gaussian frequency-shift keying: Bluetooth Low Energy (h = 0.5, BT = 0.5), DECT, toys and sensors.
//!
//! Bit `k` adds the frequency pulse `±h/(4T)·[erf(a(t + T/2)) - erf(a(t - T/2))]`, `a = π·B·√(2/ln 2)`: a
//! rectangle of one bit through a Gaussian filter of 3 dB bandwidth `B` (Murota and Hirade, IEEE Trans. Commun.
//! 29(7), 1981). The envelope is constant.

use std::f64::consts::{LN_2, PI, TAU};

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::{phasor, require};
use crate::Result;

/// A GFSK transmitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gfsk {
    /// Sample rate over bit rate, at least 2.
    pub samples_per_bit: usize,
    /// `h`: distance of the two frequencies over the bit rate.
    pub modulation_index: f64,
    /// `BT`: bandwidth of the filter times the duration of a bit.
    pub bandwidth_time: f64,
}

impl Default for Gfsk {
    /// Bluetooth Low Energy at 8 samples a bit.
    fn default() -> Self {
        Self { samples_per_bit: 8, modulation_index: 0.5, bandwidth_time: 0.5 }
    }
}

/// The pulse is cut this many bits from its middle; at BT = 0.1 it has fallen to 1e-4 there.
const REACH: usize = 4;

impl Gfsk {
    /// The signal of `bits`, `samples_per_bit` samples each: a one is the higher frequency. Bit `k` is centred
    /// at sample `(k + ½) · samples_per_bit`; before and after them the frequency is 0.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for parameters outside of `2..=1024`, `0..=100`, `0.1..=10`.
    pub fn modulate(&self, bits: &[bool]) -> Result<Vec<Complex32>> {
        let per_bit = self.samples_per_bit;
        require((2..=1024).contains(&per_bit), "samples_per_bit", "within 2 and 1024", per_bit)?;
        let h = self.modulation_index;
        require((0.0..=100.0).contains(&h), "modulation_index", "within 0 and 100", h)?;
        let bt = self.bandwidth_time;
        require((0.1..=10.0).contains(&bt), "bandwidth_time", "within 0.1 and 10", bt)?;
        let a = PI * bt * (2.0 / LN_2).sqrt();
        // Phase steps in turns, one pulse; sample i lies (i + ½)/per_bit - REACH - ½ bits from its middle.
        let pulse: Vec<f64> = (0..(2 * REACH + 1) * per_bit)
            .map(|i| {
                let t = (i as f64 + 0.5) / per_bit as f64 - REACH as f64 - 0.5;
                h / 4.0 / per_bit as f64 * (libm::erf(a * (t + 0.5)) - libm::erf(a * (t - 0.5)))
            })
            .collect();
        let mut step = vec![0.0; bits.len() * per_bit];
        for (k, &bit) in bits.iter().enumerate() {
            let sign = if bit { 1.0 } else { -1.0 };
            let first = k as isize * per_bit as isize - (REACH * per_bit) as isize;
            for (i, p) in pulse.iter().enumerate() {
                if let Some(step) = usize::try_from(first + i as isize).ok().and_then(|n| step.get_mut(n)) {
                    *step += sign * p;
                }
            }
        }
        let mut phase = 0.0f64;
        Ok(step
            .into_iter()
            .map(|step| {
                // The sample sits in the middle of its step.
                let now = phasor(TAU * (phase + step / 2.0));
                phase = (phase + step).fract();
                now
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rng;
    use crate::sim::waveform::{papr_db, random_bits};

    #[test]
    fn a_long_run_reaches_the_deviation() {
        for (h, bt) in [(0.5, 0.5), (1.0, 0.3), (0.32, 5.0)] {
            let config = Gfsk { modulation_index: h, bandwidth_time: bt, samples_per_bit: 10 };
            let mut bits = vec![true; 20];
            bits.extend([false; 20]);
            let x = config.modulate(&bits).unwrap();
            let cycles = |n: usize| f64::from((x[n + 1] * x[n].conj()).arg()) / TAU;
            // Deviation h/2 of the bit rate, up in the first run and down in the second.
            assert!((cycles(100) - h / 2.0 / 10.0).abs() < 1e-5, "{}", cycles(100));
            assert!((cycles(300) + h / 2.0 / 10.0).abs() < 1e-5);
        }
    }

    /// Each bit turns the phase by ±πh in all, and a differential detector reads BT = 0.5 without error.
    #[test]
    fn bits_come_back_and_the_envelope_is_constant() {
        let bits = random_bits(&mut rng(1), 500);
        let config = Gfsk::default();
        let x = config.modulate(&bits).unwrap();
        assert!(papr_db(&x) < 1e-5);
        for (k, &bit) in bits.iter().enumerate() {
            let middle = k * 8 + 4;
            assert_eq!((x[middle] * x[middle - 1].conj()).im > 0.0, bit, "{k}");
        }
        let turn: f64 = x.windows(2).map(|w| f64::from((w[1] * w[0].conj()).arg())).sum();
        let ones = bits.iter().filter(|b| **b).count() as f64;
        let want = PI * 0.5 * (2.0 * ones - 500.0);
        assert!((turn - want).abs() < 0.5, "{turn} {want}");
        assert!(Gfsk { bandwidth_time: 0.0, ..config }.modulate(&bits).is_err());
    }
}
