//! Pearson's chi-square tests. SP 800-90B, section 5.2.

use serde::Serialize;
use statrs::function::gamma::checked_gamma_ur;

use super::SIGNIFICANCE;

/// Bins are joined until this many are expected in each.
const LEAST_EXPECTED: f64 = 5.0;
/// Parts of the samples whose distributions are compared.
const PARTS: usize = 10;
/// Bits of the longest tuple that is counted.
const LONGEST: u32 = 11;

/// A chi-square test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquare {
    /// The sum of squared deviations over expectations.
    pub statistic: f64,
    /// Degrees of freedom.
    pub degrees: usize,
    /// Probability that independent samples deviate as much.
    pub p_value: f64,
    /// Whether that is at least 0.001.
    pub passes: bool,
}

impl ChiSquare {
    fn new(statistic: f64, degrees: usize) -> Option<Self> {
        if degrees == 0 {
            return None;
        }
        let p_value = checked_gamma_ur(degrees as f64 / 2.0, statistic / 2.0).ok()?;
        Some(Self { statistic, degrees, p_value, passes: p_value >= SIGNIFICANCE })
    }
}

/// Whether neighbours are independent: pairs (section 5.2.1), of bits tuples of up to 11 (section 5.2.3).
pub(super) fn independence(symbols: &[u8], alphabet: usize) -> Option<ChiSquare> {
    if alphabet == 2 {
        return tuples_of_bits(symbols);
    }
    let p = shares(symbols, alphabet);
    let pairs = (symbols.len() / 2) as f64;
    let expected = |pair: usize| p[pair / alphabet] * p[pair % alphabet] * pairs;
    let bins = Bins::new((0..alphabet * alphabet).map(expected).collect());
    let seen = symbols.chunks_exact(2).map(|pair| usize::from(pair[0]) * alphabet + usize::from(pair[1]));
    ChiSquare::new(bins.statistic(seen), bins.expected.len().saturating_sub(alphabet))
}

/// Whether each tenth of the samples has the distribution of all (sections 5.2.2 and 5.2.4).
pub(super) fn goodness_of_fit(symbols: &[u8], alphabet: usize) -> Option<ChiSquare> {
    let part = symbols.len() / PARTS;
    let expected: Vec<f64> = shares(symbols, alphabet).into_iter().map(|p| p * part as f64).collect();
    let parts = symbols.chunks_exact(part).take(PARTS);
    // Two bins of bits are not joined, however little is expected.
    let bins = if alphabet == 2 { Bins { of: vec![0, 1], expected } } else { Bins::new(expected) };
    let statistic = parts.map(|part| bins.statistic(part.iter().map(|&symbol| usize::from(symbol)))).sum();
    ChiSquare::new(statistic, (PARTS - 1) * (bins.expected.len() - 1))
}

fn tuples_of_bits(bits: &[u8]) -> Option<ChiSquare> {
    let p = shares(bits, 2);
    let rarer = p[0].min(p[1]);
    let enough = |m: u32| rarer.powi(m as i32) * (bits.len() / m as usize) as f64 >= LEAST_EXPECTED;
    let m = (2..=LONGEST).rev().find(|&m| enough(m))?;
    let mut counts = vec![0u32; 1 << m];
    let tuples = bits.chunks_exact(m as usize);
    let blocks = tuples.len() as f64;
    tuples.for_each(|tuple| counts[tuple.iter().fold(0, |word, &bit| word << 1 | usize::from(bit))] += 1);
    let deviation = |(tuple, &count): (usize, &u32)| {
        let ones = tuple.count_ones();
        let expected = p[1].powi(ones as i32) * p[0].powi((m - ones) as i32) * blocks;
        (f64::from(count) - expected).powi(2) / expected
    };
    ChiSquare::new(counts.iter().enumerate().map(deviation).sum(), (1 << m) - 2)
}

fn shares(symbols: &[u8], alphabet: usize) -> Vec<f64> {
    let mut counts = vec![0u32; alphabet];
    symbols.iter().for_each(|&symbol| counts[usize::from(symbol)] += 1);
    counts.into_iter().map(|count| f64::from(count) / symbols.len() as f64).collect()
}

/// Outcomes, joined from the rarest up until enough is expected of each bin.
struct Bins {
    of: Vec<usize>,
    expected: Vec<f64>,
}

impl Bins {
    fn new(expected: Vec<f64>) -> Self {
        let mut order: Vec<usize> = (0..expected.len()).collect();
        order.sort_by(|&a, &b| expected[a].total_cmp(&expected[b]).then(a.cmp(&b)));
        let mut of = vec![0; expected.len()];
        let mut bins = vec![0.0];
        for outcome in order {
            let last = bins.len() - 1;
            if bins[last] >= LEAST_EXPECTED {
                bins.push(0.0);
            }
            let last = bins.len() - 1;
            of[outcome] = last;
            bins[last] += expected[outcome];
        }
        // What is left over joins the bin before.
        if let [.., before, last] = bins[..]
            && last < LEAST_EXPECTED
        {
            bins.pop();
            let end = bins.len() - 1;
            bins[end] = before + last;
            of.iter_mut().for_each(|bin| *bin = (*bin).min(end));
        }
        Self { of, expected: bins }
    }

    fn statistic(&self, seen: impl Iterator<Item = usize>) -> f64 {
        let mut counts = vec![0u32; self.expected.len()];
        seen.for_each(|outcome| counts[self.of[outcome]] += 1);
        let deviation = |(&count, &expected): (&u32, &f64)| (f64::from(count) - expected).powi(2) / expected;
        counts.iter().zip(&self.expected).map(deviation).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand: expectations 3, 2, 6, 4, 8 come in the bins {2, 3}, {4, 6}, {8}.
    #[test]
    fn rare_outcomes_are_joined() {
        let bins = Bins::new(vec![3.0, 2.0, 6.0, 4.0, 8.0]);
        assert_eq!((&bins.of[..], &bins.expected[..]), (&[0, 0, 1, 1, 2][..], &[5.0, 10.0, 8.0][..]));
        // The last one alone is too rare, and joins the one before.
        let bins = Bins::new(vec![4.0, 4.5, 4.2]);
        assert_eq!((&bins.of[..], bins.expected.len()), (&[0, 0, 0][..], 1));
        assert!((bins.expected[0] - 12.7).abs() < 1e-12);
        let seen = [0usize, 0, 4, 4, 4, 2];
        let bins = Bins::new(vec![3.0, 2.0, 6.0, 4.0, 8.0]);
        assert!((bins.statistic(seen.into_iter()) - (9.0 / 5.0 + 81.0 / 10.0 + 25.0 / 8.0)).abs() < 1e-12);
    }

    /// On independent symbols of each width the p-values are as they should be: one in ten below 0.1, none near 0.
    #[test]
    fn independent_symbols_are_not_blamed() {
        let mut state = 3u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        for (bits, n, runs) in [(1, 10_000, 100), (3, 10_000, 100), (8, 1_000_000, 2)] {
            let mut low = [0; 2];
            for _ in 0..runs {
                let symbols: Vec<u8> = (0..n).map(|_| next() >> (8 - bits)).collect();
                let tests = [independence(&symbols, 1 << bits), goodness_of_fit(&symbols, 1 << bits)];
                for (low, test) in low.iter_mut().zip(tests) {
                    let p = test.unwrap().p_value;
                    assert!(p > 1e-5, "{bits}: {test:?}");
                    *low += usize::from(p < 0.1);
                }
            }
            assert!(runs < 50 || low.iter().all(|low| (1..=22).contains(low)), "{bits}: {low:?} of {runs}");
        }
    }

    /// Quantiles of the chi-square distribution from its tables, and for many degrees the cube-root normal
    /// approximation of Wilson and Hilferty (PNAS 17, 1931).
    #[test]
    fn p_values() {
        for (statistic, degrees, p) in [(16.919, 9, 0.05), (27.877, 9, 0.001), (3.841, 1, 0.05)] {
            let test = ChiSquare::new(statistic, degrees).unwrap();
            assert!((test.p_value - p).abs() < 2e-5 && (test.passes || p <= 0.001), "{test:?}");
        }
        for degrees in [2046usize, 65_000] {
            let k = degrees as f64;
            let statistic = k * (1.0 - 2.0 / (9.0 * k) + 1.644_854 * (2.0 / (9.0 * k)).sqrt()).powi(3);
            let test = ChiSquare::new(statistic, degrees).unwrap();
            assert!((test.p_value - 0.05).abs() < 1e-4, "{test:?}");
        }
    }
}
