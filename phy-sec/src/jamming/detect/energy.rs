//! The energy detector against noise of known power, or of a power known within an interval.
//!
//! The mean power of `n` samples of complex noise is Gamma distributed; of a steady signal in noise, noncentral chi-square.
//! Both are used as they are, for any number of samples. Where the noise is known within `±uncertainty_db` only, the
//! threshold is that of the loudest noise allowed: the false-alarm probability holds for every noise of the interval, and
//! below the SNR wall no number of samples helps (Tandra and Sahai, IEEE J. Sel. Topics Signal Process. 2(1), 2008, pp. 4-17).

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::{gamma_ur, ln_gamma};

use super::{
    gamma::{known_level_multiplier, tail},
    window::{Statistic, WindowDetector},
};
use crate::{Backend, Error, Result};

/// Mean power of the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Energy {
    /// Mean power of the noise, full scale 1.
    pub noise_power: f64,
    /// The noise's power lies within a factor of this both ways, dB, 0..=20.
    pub uncertainty_db: f64,
}

impl Default for Energy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Energy {
    fn uncertainty(&self) -> f64 {
        10f64.powf(self.uncertainty_db / 10.0)
    }

    /// The threshold of the mean power of `samples` samples for a false-alarm probability of at most `pfa`; of exactly
    /// `pfa` at the loudest noise allowed.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration, and unless `samples` is at least 1 and `pfa` in 1e-15..1.
    pub fn threshold(&self, samples: usize, pfa: f64) -> Result<f64> {
        super::window::check_pfa(pfa)?;
        self.check(samples)?;
        Ok(self.noise_power * self.uncertainty() * known_level_multiplier(samples, pfa))
    }

    /// Probability that noise of `power` reaches `threshold`.
    pub fn pfa(&self, samples: usize, power: f64, threshold: f64) -> f64 {
        tail(samples.max(1), threshold / power)
    }

    /// Probability that a steady signal (a carrier, constant modulus) in noise of `power` reaches `threshold`: the tail of
    /// the noncentral chi-square law, `ncx2.sf(2nt, 2n, 2n·snr)`.
    ///
    /// - `snr`: linear
    pub fn pd_steady(&self, samples: usize, power: f64, snr: f64, threshold: f64) -> f64 {
        let (n, at) = (samples.max(1) as f64, samples.max(1) as f64 * threshold / power);
        let mean = n * snr.max(0.0);
        if at <= 0.0 {
            return 1.0;
        }
        // A Poisson mixture of Gamma tails; twelve deviations and some hold all of it that counts.
        let reach = 12.0 * mean.sqrt() + 40.0;
        let (low, high) = ((mean - reach).max(0.0) as u64, (mean + reach) as u64);
        let weight = |j: f64| {
            if mean > 0.0 { (j * mean.ln() - mean - ln_gamma(j + 1.0)).exp() } else { f64::from(j == 0.0) }
        };
        let mut tail = gamma_ur(n + low as f64, at);
        let mut sum = 0.0;
        for j in low..=high {
            let a = n + j as f64;
            sum += weight(j as f64) * tail;
            tail = (tail + (a * at.ln() - at - ln_gamma(a + 1.0)).exp()).min(1.0);
        }
        sum.min(1.0)
    }

    /// The same for a signal that is Gaussian noise itself: `Q(n, n·t/(1 + snr))`.
    pub fn pd_gaussian(&self, samples: usize, power: f64, snr: f64, threshold: f64) -> f64 {
        tail(samples.max(1), threshold / power / (1.0 + snr.max(0.0)))
    }

    /// The signal-to-noise ratio below which this detector can not decide, however long it listens, dB: `ρ - 1/ρ`; minus
    /// infinity where the noise is known.
    pub fn snr_wall_db(&self) -> f64 {
        let rho = self.uncertainty();
        10.0 * (rho - 1.0 / rho).log10()
    }
}

impl WindowDetector for Energy {
    const DEFAULT: Self = Energy { noise_power: 1.0, uncertainty_db: 0.0 };

    fn check(&self, samples: usize) -> Result<()> {
        let power = self.noise_power;
        if !(power.is_finite() && power > 0.0) {
            let rule = "a positive number";
            return Err(Error::OutOfRange { field: "noise_power", rule, got: power.to_string() });
        }
        if !(0.0..=20.0).contains(&self.uncertainty_db) {
            let got = self.uncertainty_db.to_string();
            return Err(Error::OutOfRange { field: "uncertainty_db", rule: "within 0..=20", got });
        }
        if samples == 0 {
            return Err(Error::TooShort { what: "energy", need: 1, unit: "samples", got: 0 });
        }
        Ok(())
    }

    fn statistic(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
        let backend = backend.clone();
        let n = samples as f64;
        Ok(Box::new(move |x: &[Complex32]| {
            // Blocks keep the sum from losing what is small beside it.
            x.chunks(4096).map(|x| f64::from(kernels::energy::energy(&backend, x))).sum::<f64>() / n
        }))
    }

    fn exact(&self, samples: usize, pfa: f64) -> Option<f64> {
        self.threshold(samples, pfa).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `energy_detector` of jamming.json (scipy).
    #[test]
    fn thresholds_and_detection_probabilities_of_the_table() {
        let energy = Energy::DEFAULT;
        for (n, pfa, snr_db, threshold, steady, gaussian) in [
            (10, 1e-1, 0.0, 1.4205990292152817, 0.8599559899800165, 0.8198999994379148),
            (10, 1e-3, 0.0, 2.265737330906293, 0.29225038164124667, 0.3059296652818099),
            (100, 1e-2, -5.0, 1.247225614907208, 0.6977866248728724, 0.6915343773162459),
            (100, 1e-3, -10.0, 1.337702639113786, 0.01950508582323896, 0.01993259300734965),
            (1000, 1e-2, -10.0, 1.075032832086435, 0.7629365533051098, 0.7619836142275135),
            (1000, 1e-3, -15.0, 1.1005780982933144, 0.018769255761393544, 0.018815060185002303),
            (10000, 1e-1, -20.0, 1.0128367373674176, 0.38822495400032553, 0.38823004816004464),
            (10000, 1e-3, -15.0, 1.0311875224539537, 0.5155101710032005, 0.5155004662963497),
        ] {
            let got = energy.threshold(n, pfa).unwrap();
            assert!((got - threshold).abs() < 1e-9, "{n} {pfa}: {got}, the table says {threshold}");
            let snr = 10f64.powf(snr_db / 10.0);
            let got = energy.pd_steady(n, 1.0, snr, threshold);
            assert!((got - steady).abs() < 1e-8, "{n} {pfa} {snr_db} dB: {got}, the table says {steady}");
            let got = energy.pd_gaussian(n, 1.0, snr, threshold);
            assert!((got - gaussian).abs() < 1e-8, "{n} {pfa} {snr_db} dB: {got}, the table says {gaussian}");
        }
    }

    /// `snr_wall_dB` of jamming.json.
    #[test]
    fn the_wall_of_the_table() {
        for (uncertainty_db, wall) in [
            (0.1, -13.367159398965436),
            (0.5, -6.368253243801157),
            (1.0, -3.3292343333624825),
            (2.0, -0.20480830541908496),
            (3.0, 1.743724225081849),
        ] {
            let energy = Energy { uncertainty_db, ..Energy::DEFAULT };
            assert!((energy.snr_wall_db() - wall).abs() < 1e-12, "{uncertainty_db} dB");
            // At the wall a signal over the quietest noise looks like the loudest noise alone, for any number of samples.
            let quiet = 1.0 / energy.uncertainty();
            let threshold = energy.threshold(100_000, 1e-2).unwrap();
            let snr = 10f64.powf(wall / 10.0) / quiet;
            assert!(energy.pd_gaussian(100_000, quiet, snr * 0.98, threshold) < 1e-2);
            assert!((energy.pfa(100_000, energy.uncertainty(), threshold) - 1e-2).abs() < 1e-9);
            assert!(energy.pfa(100_000, quiet, threshold) < 1e-2);
        }
        assert_eq!(Energy::DEFAULT.snr_wall_db(), f64::NEG_INFINITY);
    }

    #[test]
    fn refuses_what_has_no_answer() {
        assert!(Energy { noise_power: 0.0, ..Energy::DEFAULT }.threshold(10, 0.1).is_err());
        assert!(Energy { uncertainty_db: f64::NAN, ..Energy::DEFAULT }.threshold(10, 0.1).is_err());
        assert!(Energy::DEFAULT.threshold(0, 0.1).is_err());
        assert!(Energy::DEFAULT.threshold(10, 0.0).is_err());
    }
}
