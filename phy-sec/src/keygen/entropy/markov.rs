//! Each bit given the one before in its lane: the likeliest path of 128 bits. SP 800-90B, section 6.3.3, is the point
//! estimate. For the bound every probability of the path is replaced by the upper end of its confidence interval,
//! because a channel gives hundreds of bits where the standard has a million.

use super::{Sample, upper};

const PATH: usize = 128;

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let mut pairs = [[0.0f64; 2]; 2];
    for lane in sample.lanes {
        let bits: Vec<usize> =
            lane.clone().map(|k| usize::from(sample.bits.get(k).unwrap_or(false))).collect();
        for pair in bits.windows(2) {
            pairs[pair[0]][pair[1]] += 1.0;
        }
    }
    let n = sample.bits.len() as f64;
    if pairs.iter().flatten().sum::<f64>() < 2.0 {
        return (0.0, 0.0);
    }
    let ones = sample.bits.count_ones() as f64;
    let likeliest = |probability: &dyn Fn(f64, f64) -> f64| {
        // Logarithms: 0.99^128 is harmless, 0.5^128 is not.
        let mut path = [probability(n - ones, n).log2(), probability(ones, n).log2()];
        let step = |from: usize, to: usize| probability(pairs[from][to], pairs[from].iter().sum()).log2();
        for _ in 1..PATH {
            path = [0, 1].map(|to| (path[0] + step(0, to)).max(path[1] + step(1, to)));
        }
        -path[0].max(path[1]) / PATH as f64
    };
    let share = |hits: f64, trials: f64| if trials > 0.0 { hits / trials } else { 0.0 };
    (likeliest(&share), likeliest(&|hits, trials| upper(hits, trials)))
}

#[cfg(test)]
mod tests {
    use super::super::{Estimator, tests::serial};
    use crate::bits::Bits;

    /// Worked by hand: 0 1 0 1 … always changes, so the path is certain but for its first bit.
    #[test]
    fn an_alternating_string_is_one_bit() {
        let bits: Bits = (0..1000).map(|k| k % 2 == 1).collect();
        let got = serial(Estimator::Markov, &bits);
        assert!((got.point - 1.0 / 128.0).abs() < 1e-12, "{got:?}");
    }
}
