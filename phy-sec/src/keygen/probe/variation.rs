//! Did the channel change over time, and did both ends see the same change? A static channel holds no fresh secret.

use ndarray::{Array2, ArrayView1};
use statrs::distribution::{ContinuousCDF, Normal};

/// Pearson's correlation coefficient, `None` when either side is constant or shorter than two.
#[must_use]
pub fn pearson(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> Option<f64> {
    let (ma, mb) = (a.mean()?, b.mean()?);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += (a - ma) * (b - mb);
        aa += (a - ma) * (a - ma);
        bb += (b - mb) * (b - mb);
    }
    let scale = (aa * bb).sqrt();
    (scale > 0.0 && scale.is_finite()).then(|| (ab / scale).clamp(-1.0, 1.0))
}

/// Mean over the lanes of the correlation over time, `None` when every lane is constant at an end.
#[must_use]
pub fn correlation(a: &Array2<f64>, b: &Array2<f64>) -> Option<f64> {
    let lanes: Vec<f64> = a.rows().into_iter().zip(b.rows()).filter_map(|(a, b)| pearson(a, b)).collect();
    (!lanes.is_empty()).then(|| lanes.iter().sum::<f64>() / lanes.len() as f64)
}

/// How the changes over time at the two ends go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variation {
    /// Mean over the lanes of the correlation over time; 0 for constant series.
    pub correlation: f64,
    /// As many independent pairs would scatter the correlation as much.
    pub effective_pairs: f64,
    /// Fisher's z of the correlation, in standard deviations under *unrelated*.
    pub deviations: f64,
}

impl Variation {
    /// Three standard deviations, one-sided: unrelated series pass with probability 0.0013.
    pub const LIMIT: f64 = 3.0;

    /// Whether the ends demonstrably saw the same changes.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.deviations > Self::LIMIT
    }
}

/// Tests whether `a` and `b` (`[lane, time]`) vary together over time.
///
/// Neighbouring measurements resemble one another, so `n` of them say less than `n` independent ones:
/// `n / (1 + 2 Σ ρ_a(k) ρ_b(k))` (Bartlett, J. R. Stat. Soc. 98, 1935), the median over at most eight lanes.
#[must_use]
pub fn variation(a: &Array2<f64>, b: &Array2<f64>) -> Variation {
    let correlation = correlation(a, b).unwrap_or(0.0);
    let step = a.nrows().div_ceil(8).max(1);
    let mut effective: Vec<f64> = (0..a.nrows().min(b.nrows()))
        .step_by(step)
        .map(|lane| effective_pairs(a.row(lane), b.row(lane)))
        .collect();
    effective.sort_by(f64::total_cmp);
    let effective_pairs = effective.get(effective.len() / 2).copied().unwrap_or(0.0);
    let z = correlation.clamp(-0.999_999, 0.999_999).atanh();
    let deviations = z * (effective_pairs - 3.0).max(0.0).sqrt();
    Variation { correlation, effective_pairs, deviations }
}

/// How much `b` tells of `a` at most: by the mean over the lanes of the correlation's magnitude (whoever knows a lane turned around knows it), or
/// by that of their ranks, which one wild value cannot hide and which sees through any monotone change of scale. Independent pairs are the fewer
/// of the two.
#[must_use]
pub fn resemblance(a: &Array2<f64>, b: &Array2<f64>) -> Variation {
    let (scores_a, scores_b) = (normal_scores(a), normal_scores(b));
    let (plain, ranked) = (variation(a, b), variation(&scores_a, &scores_b));
    let effective_pairs = plain.effective_pairs.min(ranked.effective_pairs);
    let (plain, ranked) = (magnitude(a, b), magnitude(&scores_a, &scores_b));
    let correlation = plain.max(ranked);
    let z = correlation.clamp(-0.999_999, 0.999_999).atanh();
    Variation { correlation, effective_pairs, deviations: z * (effective_pairs - 3.0).max(0.0).sqrt() }
}

/// Mean over the lanes of the magnitude of the correlation, 0 without any.
fn magnitude(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let lanes = a.rows().into_iter().zip(b.rows()).filter_map(|(a, b)| Some(pearson(a, b)?.abs()));
    let (sum, count) = lanes.fold((0.0, 0usize), |(sum, count), r| (sum + r, count + 1));
    if count > 0 { sum / count as f64 } else { 0.0 }
}

/// Each lane's values replaced by the normal quantiles of their ranks; equal ones share the middle of theirs.
pub(in crate::keygen) fn normal_scores(x: &Array2<f64>) -> Array2<f64> {
    let mut scores = Array2::zeros(x.dim());
    let normal = Normal::standard();
    for (row, mut out) in x.outer_iter().zip(scores.outer_iter_mut()) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&i, &j| row[i].total_cmp(&row[j]));
        for equal in order.chunk_by(|&i, &j| row[i] == row[j]) {
            let below = order.partition_point(|&i| row[i] < row[equal[0]]);
            let rank = (below as f64 + equal.len() as f64 / 2.0) / row.len() as f64;
            equal.iter().for_each(|&i| out[i] = normal.inverse_cdf(rank));
        }
    }
    scores
}

/// Lags beyond this add nothing that the test needs, and would make it quadratic.
const LONGEST_LAG: usize = 256;

fn effective_pairs(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let n = a.len();
    let centred = |x: ArrayView1<'_, f64>| {
        let mean = x.mean().unwrap_or(0.0);
        x.iter().map(|x| x - mean).collect::<Vec<_>>()
    };
    let (a, b) = (centred(a), centred(b));
    let lagged = |x: &[f64], lag: usize| x.iter().zip(&x[lag..]).map(|(p, q)| p * q).sum::<f64>();
    let (power_a, power_b) = (lagged(&a, 0), lagged(&b, 0));
    if power_a <= 0.0 || power_b <= 0.0 {
        return 0.0;
    }
    let sum: f64 = (1..(n / 4).min(LONGEST_LAG))
        .map(|lag| lagged(&a, lag) * lagged(&b, lag) / (power_a * power_b))
        .sum();
    n as f64 / (1.0 + 2.0 * sum).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// Slow random walks that have nothing to do with one another correlate by chance; they must not pass.
    /// One wild value hides a copy from Pearson's coefficient, and so does a change of scale; neither from the ranks.
    #[test]
    fn a_copy_is_seen_through_a_wild_value() {
        let mut rng = crate::sim::rng(4);
        let noise = crate::sim::noise(&mut rng, 2000, 2.0);
        let a = Array2::from_shape_fn((1, 2000), |(_, t)| f64::from(noise[t].re));
        let mut wild = a.clone();
        wild[[0, 77]] = -1e9;
        assert!(variation(&a, &wild).correlation.abs() < 0.1);
        assert!(resemblance(&a, &wild).correlation > 0.99);
        assert!(resemblance(&a, &a.mapv(|x| -(3.0 * x).exp())).correlation > 0.999);
        let other = Array2::from_shape_fn((1, 2000), |(_, t)| f64::from(noise[t].im));
        assert!(resemblance(&a, &other).correlation.abs() < 0.1);
    }

    /// Lanes turned around do not cancel those that are not.
    #[test]
    fn signs_of_lanes_hide_nothing() {
        let noise = crate::sim::noise(&mut crate::sim::rng(4), 4 * 500, 2.0);
        let a = Array2::from_shape_fn((4, 500), |(lane, t)| f64::from(noise[lane * 500 + t].re));
        let turned = Array2::from_shape_fn((4, 500), |(lane, t)| a[[lane, t]] * [1.0, -1.0][lane % 2]);
        assert!(correlation(&a, &turned).unwrap().abs() < 1e-9);
        assert!(resemblance(&a, &turned).correlation > 0.999_999);
    }

    #[test]
    fn unrelated_slow_series_do_not_pass() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut passed = [0, 0];
        for _ in 0..200 {
            let mut series = |shared: Option<&Array2<f64>>| {
                let mut state = 0.0;
                Array2::from_shape_fn((1, 400), |(_, k)| {
                    let noise: f64 = StandardNormal.sample(&mut rng);
                    state = 0.95 * state + noise;
                    shared.map_or(state, |s| s[[0, k]] + 0.3 * noise)
                })
            };
            let (a, b) = (series(None), series(None));
            let c = series(Some(&a));
            passed[0] += usize::from(variation(&a, &b).is_common());
            passed[1] += usize::from(variation(&a, &c).is_common());
        }
        assert!(passed[0] <= 5, "{passed:?}");
        assert_eq!(passed[1], 200);
    }

    #[test]
    fn a_stuck_receiver_does_not_pass() {
        let a = Array2::from_elem((3, 100), 5.0);
        let got = variation(&a, &a);
        assert_eq!((got.correlation, got.is_common()), (0.0, false));
        assert_eq!(correlation(&a, &a), None);
    }
}
