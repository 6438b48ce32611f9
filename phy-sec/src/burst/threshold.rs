//! The exact threshold of an order-statistic detector on white Gaussian noise.
//!
//! The energy of `block` complex Gaussian samples of unit power is `Gamma(block, 1)`. With `Y` the `rank`-th smallest of
//! `cells` such energies, independent of the judged one,
//!
//! ```text
//! P(false alarm) = P(X > ratio · Y) = ∫ Q(block, ratio · y) f_Y(y) dy
//! f_Y(y) ∝ P(block, y)^(rank-1) · Q(block, y)^(cells-rank) · y^(block-1) e^(-y)
//! ```
//!
//! with the regularised incomplete gamma functions `P` and `Q`. It holds for any window length; nothing is asymptotic.
//! For `block = 1` it is Rohling's closed form (IEEE Trans. AES 19(4), 1983), which the tests hold it against.

use statrs::function::gamma::{gamma_lr, gamma_ur};

/// The distribution of the floor: weights over nodes in `y`.
pub struct OrderStatistic {
    shape: f64,
    nodes: Vec<(f64, f64)>,
}

impl OrderStatistic {
    /// The `rank`-th smallest (from 1) of `cells` block energies. All three are at least 1, `rank` at most `cells`.
    pub fn new(block: usize, cells: usize, rank: usize) -> OrderStatistic {
        let shape = block.max(1) as f64;
        let (cells, rank) = (cells.max(1) as f64, rank.clamp(1, cells.max(1)) as f64);
        // In ln y, so that the long lower tail of small blocks costs no more nodes than the rest.
        let log_weight = |t: f64| {
            let y = t.exp();
            let (lower, upper) = (gamma_lr(shape, y), gamma_ur(shape, y));
            let term =
                |exponent: f64, p: f64| if exponent == 0.0 { 0.0 } else { exponent * p.max(1e-300).ln() };
            term(rank - 1.0, lower) + term(cells - rank, upper) + shape * t - y
        };
        // First find where the weight is, then place the nodes there.
        let (mut low, mut high) = (-40.0, shape.ln() + 5.0);
        for _ in 0..4 {
            let step = (high - low) / 400.0;
            let grid: Vec<_> =
                (0..=400).map(|i| low + step * f64::from(i)).map(|t| (t, log_weight(t))).collect();
            let peak = grid.iter().fold(f64::NEG_INFINITY, |peak, (_, w)| peak.max(*w));
            let heavy = |(_, w): &&(f64, f64)| *w > peak - 60.0;
            low = grid.iter().find(heavy).map_or(low, |(t, _)| t - step);
            high = grid.iter().rev().find(heavy).map_or(high, |(t, _)| t + step);
        }
        // The trapezoid rule converges faster than any power here: the integrand vanishes at both ends.
        let step = (high - low) / 400.0;
        let grid: Vec<_> =
            (0..=400).map(|i| low + step * f64::from(i)).map(|t| (t.exp(), log_weight(t))).collect();
        let peak = grid.iter().fold(f64::NEG_INFINITY, |peak, (_, w)| peak.max(*w));
        let mut nodes: Vec<_> = grid.into_iter().map(|(y, w)| (y, (w - peak).exp())).collect();
        let total: f64 = nodes.iter().map(|(_, w)| w).sum();
        nodes.iter_mut().for_each(|(_, w)| *w /= total);
        OrderStatistic { shape, nodes }
    }

    /// Probability that the energy of a noise block is more than `ratio` (positive) times the order statistic.
    pub fn pfa(&self, ratio: f64) -> f64 {
        self.nodes.iter().map(|(y, w)| w * gamma_ur(self.shape, ratio * y)).sum()
    }

    /// The ratio whose false-alarm probability is `pfa` (between 0 and 1).
    pub fn ratio(&self, pfa: f64) -> f64 {
        let (mut low, mut high) = (-20f64, 20f64);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.pfa(middle.exp()) > pfa { low = middle } else { high = middle }
        }
        (0.5 * (low + high)).exp()
    }

    /// Median of the order statistic, for noise of unit power and energies that are sums over the block.
    pub fn median(&self) -> f64 {
        let mut sum = 0.0;
        for (y, w) in &self.nodes {
            sum += w;
            if sum >= 0.5 {
                return *y;
            }
        }
        self.shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rohling 1983: Pfa = k C(N, k) B(k, N - k + 1 + T) for exponential cells.
    #[test]
    fn single_sample_blocks_follow_rohling() {
        for (cells, rank) in [(8, 2), (24, 18), (32, 8), (1024, 256)] {
            let statistic = OrderStatistic::new(1, cells, rank);
            for pfa in [1e-1, 1e-3, 1e-6] {
                let ratio = statistic.ratio(pfa);
                // prod_{i=0}^{k-1} (N - i) / (N - i + T)
                let closed: f64 = (0..rank).map(|i| (cells - i) as f64).map(|n| n / (n + ratio)).product();
                assert!(
                    (closed / pfa - 1.0).abs() < 1e-6,
                    "N {cells} k {rank}: asked {pfa}, closed form {closed}"
                );
            }
        }
    }

    /// Many cells: the order statistic becomes the quantile, and the ratio that of two quantiles.
    #[test]
    fn large_windows_tend_to_quantiles() {
        let statistic = OrderStatistic::new(16, 60_000, 15_000);
        let floor = statistic.median();
        assert!((gamma_lr(16.0, floor) - 0.25).abs() < 1e-3);
        let tail = gamma_ur(16.0, statistic.ratio(1e-3) * floor);
        assert!((tail / 1e-3 - 1.0).abs() < 0.02, "{tail}");
    }
}
