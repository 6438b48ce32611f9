//! CA-CFAR: the level is the mean of the training cells.
//!
//! The ratio of two means of exponentials is F distributed: `F(2L, 2NL)` for `L` looks and `N` cells. For one
//! look this is `α = N (Pfa^(-1/N) - 1)`: Finn and Johnson, RCA Review 29, 1968, pp. 414-464.

use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;

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
}
