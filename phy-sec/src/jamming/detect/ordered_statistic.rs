//! OS-CFAR: the level is the training cell of a given rank, so that a few loud ones among them do not hide
//! a target. With rank 1 it is the loudest: "louder than anything seen there".
//!
//! One look: `Pfa = Π_{i<k} (N-i)/(N-i+α)`, Rohling, IEEE Trans. Aerosp. Electron. Syst. 19(4), 1983,
//! pp. 608-621. Several: the same integral over the k-th order statistic of Gamma variables, by the
//! trapezoidal rule in the logarithm of the level, where the integrand is smooth and dies out at both ends.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

use super::gamma::{solve, tail};
use crate::{Error, Result};

/// The training cell of a given rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderedStatistic {
    /// Rank as a share of the training cells, above 0 and at most 1: `k = floor(rank · N)`, at least 1.
    pub rank: f64,
}

impl Default for OrderedStatistic {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl OrderedStatistic {
    pub(super) const DEFAULT: Self = OrderedStatistic { rank: 0.75 };

    fn k(&self, training: usize) -> usize {
        // A rank that is no number is refused by `multiplier`; here it must only not panic.
        ((self.rank * training as f64) as usize).clamp(1, training)
    }

    pub(super) fn pfa(&self, looks: usize, training: usize, multiplier: f64) -> f64 {
        let k = self.k(training);
        if looks == 1 {
            product(training, k, multiplier)
        } else {
            Level::new(looks, training, k).pfa(multiplier)
        }
    }

    pub(super) fn multiplier(&self, looks: usize, training: usize, pfa: f64) -> Result<f64> {
        if !(self.rank > 0.0 && self.rank <= 1.0) {
            let got = self.rank.to_string();
            return Err(Error::OutOfRange { field: "rank", rule: "above 0 and at most 1", got });
        }
        let k = self.k(training);
        if looks == 1 {
            return Ok(solve(pfa, |multiplier| product(training, k, multiplier)));
        }
        Ok(Level::new(looks, training, k).multiplier(pfa))
    }

    pub(super) fn level(&self, training: &mut [f64]) -> f64 {
        let k = self.k(training.len());
        *training.select_nth_unstable_by(k - 1, f64::total_cmp).1
    }
}

/// One look.
fn product(training: usize, k: usize, multiplier: f64) -> f64 {
    let log: f64 = (0..k).map(|i| -(multiplier / (training - i) as f64).ln_1p()).sum();
    log.exp()
}

/// The density of the level over unit noise: places and their weights, which sum to 1.
pub(crate) struct Level {
    looks: usize,
    nodes: Vec<(f64, f64)>,
}

impl Level {
    /// Of the `k`-th of `training` cells.
    pub(crate) fn new(looks: usize, training: usize, k: usize) -> Self {
        let (l, n, rank) = (looks as f64, training as f64, k as f64);
        // The k-th: N!/((k-1)!(N-k)!) G^(k-1) (1-G)^(N-k) g, times z for the logarithmic measure.
        let constant =
            ln_gamma(n + 1.0) - ln_gamma(rank) - ln_gamma(n - rank + 1.0) + l * l.ln() - ln_gamma(l);
        let power = |exponent: f64, base: f64| if exponent == 0.0 { 0.0 } else { exponent * base.ln() };
        let step = 0.01f64.min(0.2 / l.sqrt());
        let count = (16.0 / step) as i64;
        let nodes = (-count..count / 3).map(|i| {
            let log = i as f64 * step;
            let z = log.exp();
            let (below, above) = (gamma_lr(l, l * z), gamma_ur(l, l * z));
            let weight = constant + power(rank - 1.0, below) + power(n - rank, above) + l * (log - z);
            (z, weight.exp() * step)
        });
        Level::of(looks, nodes)
    }

    /// A density given by places and weights of any common scale; those that do not count are left out.
    pub(super) fn of(looks: usize, nodes: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut nodes: Vec<_> = nodes.filter(|node| node.1 > 1e-40).collect();
        let sum: f64 = nodes.iter().map(|node| node.1).sum();
        nodes.iter_mut().for_each(|node| node.1 /= sum);
        Level { looks, nodes }
    }

    /// Probability that a cell of noise reaches `multiplier` times the level.
    pub(crate) fn pfa(&self, multiplier: f64) -> f64 {
        self.nodes.iter().map(|(z, weight)| weight * tail(self.looks, multiplier * z)).sum()
    }
}

impl Level {
    /// What noise reaches with probability `pfa`.
    pub(crate) fn multiplier(&self, pfa: f64) -> f64 {
        solve(pfa, |multiplier| self.pfa(multiplier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `os_cfar_alpha` of jamming.json (scipy), and the example of Richards.
    #[test]
    fn multipliers_of_one_look() {
        let os = OrderedStatistic::DEFAULT;
        for (training, pfa, want) in [
            (16, 1e-2, 4.425092681827698),
            (16, 1e-3, 7.421411314149083),
            (16, 1e-6, 20.95415996335462),
            (20, 1e-3, 6.85539322362585),
            (24, 1e-3, 6.502430709645975),
            (32, 1e-3, 6.086336856020893),
            (32, 1e-6, 14.398524731261482),
            (50, 1e-2, 3.7508060660058513),
            (50, 1e-6, 12.99256119276419),
        ] {
            let got = os.multiplier(1, training, pfa).unwrap();
            assert!(
                (got - want).abs() < 1e-9 * want,
                "N {training}, Pfa {pfa}: {got}, the table says {want}"
            );
        }
        let richards = os.pfa(1, 20, 6.857);
        assert!((richards - 0.0009987241208139525).abs() < 1e-12, "{richards}");
    }

    /// The integral must give the product for one look, and the F distribution for one training cell.
    #[test]
    fn the_integral_meets_the_closed_forms() {
        for (training, k, multiplier) in [(16, 12, 7.4), (64, 64, 2.0), (64, 64, 6.0), (5000, 5000, 1.5)] {
            let (want, got) = (product(training, k, multiplier), Level::new(1, training, k).pfa(multiplier));
            assert!((got / want - 1.0).abs() < 1e-7, "{training} {k} {multiplier}: {got} {want}");
        }
        for looks in [2, 8, 100] {
            let want = super::super::CellAveraging {}.pfa(looks, 1, 1.8);
            let got = Level::new(looks, 1, 1).pfa(1.8);
            assert!((got / want - 1.0).abs() < 1e-7, "{looks}: {got} {want}");
        }
    }

    #[test]
    fn a_loud_training_cell_does_not_move_the_level() {
        let os = OrderedStatistic::DEFAULT;
        let mut quiet = [1.0, 2.0, 3.0, 4.0];
        let mut loud = [1.0, 2.0, 3.0, 4e9];
        assert_eq!(os.level(&mut quiet), 3.0);
        assert_eq!(os.level(&mut loud), 3.0);
        assert_eq!(OrderedStatistic { rank: 1.0 }.level(&mut quiet), 4.0);
        assert!(OrderedStatistic { rank: f64::NAN }.multiplier(1, 4, 0.1).is_err());
    }
}
