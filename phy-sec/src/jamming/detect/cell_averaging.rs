//! CA-CFAR: the level is the mean of the training cells.
//!
//! The ratio of two means of exponentials is F distributed: `F(2L, 2NL)` for `L` looks and `N` cells. For one
//! look this is `α = N (Pfa^(-1/N) - 1)`: Finn and Johnson, RCA Review 29, 1968, pp. 414-464.

use serde::{Deserialize, Serialize};
use statrs::function::{beta::beta_reg, gamma::ln_gamma};

use super::gamma::solve;
use crate::Result;

/// The mean of the training cells.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CellAveraging {}

impl CellAveraging {
    pub(super) const DEFAULT: Self = CellAveraging {};

    pub(super) fn pfa(&self, looks: usize, training: usize, multiplier: f64) -> f64 {
        let (l, n) = (looks as f64, training as f64);
        if multiplier <= 0.0 {
            return 1.0;
        }
        if looks == 1 {
            return (-n * (multiplier / n).ln_1p()).exp();
        }
        beta_reg(n * l, l, n / (n + multiplier))
    }

    /// Probability that a target of steady power (Swerling 0) in a cell of `looks` looks reaches `multiplier` times the mean of
    /// `training` cells of noise: over the Poisson mixture that a noncentral chi-square variable is, the F distribution.
    ///
    /// - `snr`: of one look, linear
    pub fn pd_steady(&self, looks: usize, training: usize, multiplier: f64, snr: f64) -> f64 {
        let (l, n) = (looks.max(1) as f64, training.max(1) as f64);
        let mean = l * snr.max(0.0);
        if multiplier <= 0.0 {
            return 1.0;
        }
        let reach = 12.0 * mean.sqrt() + 40.0;
        let (low, high) = ((mean - reach).max(0.0) as u64, (mean + reach) as u64);
        (low..=high)
            .map(|j| {
                let j = j as f64;
                let weight = if mean > 0.0 {
                    (j * mean.ln() - mean - ln_gamma(j + 1.0)).exp()
                } else {
                    f64::from(j == 0.0)
                };
                weight * beta_reg(n * l, l + j, n / (n + multiplier))
            })
            .sum::<f64>()
            .min(1.0)
    }

    /// The same of a target that fluctuates from look to look like noise (Swerling 2; 1 for one look).
    pub fn pd_fluctuating(&self, looks: usize, training: usize, multiplier: f64, snr: f64) -> f64 {
        self.pfa(looks.max(1), training.max(1), multiplier / (1.0 + snr.max(0.0)))
    }

    pub(super) fn multiplier(&self, looks: usize, training: usize, pfa: f64) -> Result<f64> {
        if looks == 1 {
            let n = training as f64;
            return Ok(n * (-pfa.ln() / n).exp_m1());
        }
        Ok(solve(pfa, |multiplier| self.pfa(looks, training, multiplier)))
    }

    pub(super) fn level(&self, training: &mut [f64]) -> f64 {
        training.iter().sum::<f64>() / training.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ca_cfar_alpha` of jamming.json (scipy).
    #[test]
    fn multipliers_of_one_look() {
        for (training, pfa, want) in [
            (8, 1e-2, 6.226235280311382),
            (8, 1e-6, 36.98730601522793),
            (16, 1e-2, 5.3363429146131836),
            (16, 1e-3, 8.638824416951874),
            (16, 1e-4, 12.452470560622764),
            (16, 1e-6, 21.94197929058648),
            (24, 1e-3, 8.004514371919775),
            (32, 1e-3, 7.710008344055026),
            (64, 1e-2, 4.774901012564314),
            (64, 1e-6, 15.420016688110053),
        ] {
            let got = CellAveraging {}.multiplier(1, training, pfa).unwrap();
            assert!(
                (got - want).abs() < 1e-12 * want,
                "N {training}, Pfa {pfa}: {got}, the table says {want}"
            );
            // The general way must meet the closed form.
            let general = solve(pfa, |alpha| {
                let n = training as f64;
                beta_reg(n, 1.0, n / (n + alpha))
            });
            assert!((general - want).abs() < 1e-9 * want, "{general} {want}");
        }
    }

    /// `ca_cfar_pd_nonfluct` and `ca_cfar_pd_swerling1` of jamming.json (scipy).
    #[test]
    fn detection_probabilities_of_the_table() {
        let method = CellAveraging {};
        for (training, pfa, snr_db, steady, fluctuating) in [
            (16, 1e-3, 5.0, 0.0993617738174517, 0.14206039843737298),
            (16, 1e-3, 10.0, 0.6606436569808829, 0.46455192416788105),
            (16, 1e-6, 15.0, 0.8674447888422169, 0.5174491861956496),
            (32, 1e-3, 5.0, 0.12209811079446335, 0.16517932061418888),
            (32, 1e-6, 10.0, 0.12734819560617308, 0.21580849024808071),
        ] {
            let multiplier = method.multiplier(1, training, pfa).unwrap();
            let snr = 10f64.powf(snr_db / 10.0);
            let got = method.pd_steady(1, training, multiplier, snr);
            assert!(
                (got - steady).abs() < 1e-8,
                "{training} {pfa} {snr_db} dB: {got}, the table says {steady}"
            );
            let got = method.pd_fluctuating(1, training, multiplier, snr);
            assert!((got - fluctuating).abs() < 1e-9, "{training} {pfa} {snr_db} dB: {got} {fluctuating}");
        }
    }
}
