//! GO- and SO-CFAR: the level is the greater, or the smaller, of the means of the two halves of the training cells.
//!
//! The greater keeps false alarms down where the noise changes under the window; the smaller finds a target beside another.
//! The halves are the first and the second half of the training cells in order of place: the cells before and after the
//! one under test, and at an edge, where one side is short, the nearer and the farther cells.
//!
//! The probability is the integral over the density of the greater (smaller) of two Gamma variables, by the trapezoidal
//! rule in the logarithm of the level: any number of looks, halves of unequal size. For one look and equal halves it is
//! the sum of Gandhi and Kassam, IEEE Trans. Aerosp. Electron. Syst. 24(4), 1988, pp. 427-445, which the tests hold it against.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

use super::ordered_statistic::Level;
use crate::Result;

/// The greater of the means of the two halves.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GreatestOf {}

/// The smaller of the means of the two halves.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmallestOf {}

macro_rules! half {
    ($method:ident, $pick:path, $greatest:literal) => {
        impl $method {
            pub(super) const DEFAULT: Self = $method {};

            pub(super) fn pfa(&self, looks: usize, training: usize, multiplier: f64) -> f64 {
                level_of_halves(looks, training, $greatest).pfa(multiplier)
            }

            pub(super) fn multiplier(&self, looks: usize, training: usize, pfa: f64) -> Result<f64> {
                Ok(level_of_halves(looks, training, $greatest).multiplier(pfa))
            }

            pub(super) fn level(&self, training: &mut [f64]) -> f64 {
                let (first, second) = training.split_at(training.len() / 2);
                let mean = |half: &[f64]| half.iter().sum::<f64>() / half.len() as f64;
                if first.is_empty() { mean(second) } else { $pick(mean(first), mean(second)) }
            }
        }
    };
}
half!(GreatestOf, f64::max, true);
half!(SmallestOf, f64::min, false);

/// The density of the greater or the smaller mean over unit noise.
fn level_of_halves(looks: usize, training: usize, greatest: bool) -> Level {
    let shape = |cells: usize| (cells * looks) as f64;
    let (a, b) = (shape(training / 2), shape(training - training / 2));
    // Logarithm of the density of the logarithm of a mean of unit noise.
    let density = |k: f64, log: f64| k * k.ln() - ln_gamma(k) + k * (log - log.exp());
    let weight = |log: f64| {
        if a == 0.0 {
            return density(b, log).exp();
        }
        let z = log.exp();
        // Above for the smaller, below for the greater.
        let other = |k: f64| if greatest { gamma_lr(k, k * z) } else { gamma_ur(k, k * z) };
        density(a, log).exp() * other(b) + density(b, log).exp() * other(a)
    };
    // Where the smaller half's density has died out: as z^k below, as exp(-kz) above.
    let least = if a == 0.0 { b } else { a };
    let reach = 46.0 / least + 12.0 / least.sqrt();
    let step = 0.02f64.min(0.2 / (a + b).sqrt());
    let (low, high) = (-(reach / step) as i64, (reach.ln_1p() / step) as i64);
    Level::of(looks, (low..=high).map(|i| (i as f64 * step).exp()).map(|z| (z, weight(z.ln()) * step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multipliers of the half window's sum: `so_cfar_T`, `go_cfar_T` of jamming.json (scipy).
    #[test]
    fn multipliers_of_one_look() {
        for (training, pfa, smallest, greatest) in [
            (16, 1e-3, 1.5749644314416744, 0.935914181102432),
            (16, 1e-4, 2.444585288889187, 1.3588714345666772),
            (16, 1e-6, 5.132083786137164, 2.419452925395145),
            (24, 1e-3, 0.8734046454958113, 0.590753204317788),
            (24, 1e-6, 2.349703169826113, 1.4003349477555247),
            (32, 1e-3, 0.5980884059564217, 0.43249697358112027),
            (32, 1e-4, 0.8519073572159578, 0.6019195109246377),
            (32, 1e-6, 1.475406146219154, 0.9827644810727586),
        ] {
            let half = training as f64 / 2.0;
            for (got, want) in [
                (SmallestOf {}.multiplier(1, training, pfa).unwrap() / half, smallest),
                (GreatestOf {}.multiplier(1, training, pfa).unwrap() / half, greatest),
            ] {
                assert!(
                    (got / want - 1.0).abs() < 1e-9,
                    "{training} cells, Pfa {pfa}: {got}, the table says {want}"
                );
            }
        }
    }

    /// With `looks` looks the halves are sums of so many more exponentials, and the cell is not one: only a single cell
    /// has the closed form of cell averaging.
    #[test]
    fn one_cell_is_cell_averaging() {
        for looks in [1, 3, 50] {
            for multiplier in [0.5, 2.0, 8.0] {
                let want = super::super::CellAveraging {}.pfa(looks, 1, multiplier);
                for got in [GreatestOf {}.pfa(looks, 1, multiplier), SmallestOf {}.pfa(looks, 1, multiplier)]
                {
                    assert!((got - want).abs() < 1e-9 * want.max(1e-9), "{looks} {multiplier}: {got} {want}");
                }
            }
        }
    }

    #[test]
    fn halves_go_by_place() {
        let mut cells = [1.0, 1.0, 5.0, 7.0];
        assert_eq!(GreatestOf {}.level(&mut cells), 6.0);
        assert_eq!(SmallestOf {}.level(&mut cells), 1.0);
        assert_eq!(SmallestOf {}.level(&mut [3.0]), 3.0);
    }
}
