//! Figures of merit, each with the closed form that its test holds it against.

use std::collections::BTreeMap;

/// Share that is right; `None` of nothing.
pub fn accuracy(right: &[(&str, bool)]) -> Option<f64> {
    (!right.is_empty()).then(|| right.iter().filter(|r| r.1).count() as f64 / right.len() as f64)
}

/// Mean over classes of the share that is right; `None` of nothing.
pub fn balanced_accuracy(right: &[(&str, bool)]) -> Option<f64> {
    let mut classes: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (class, right) in right {
        let (hits, all) = classes.entry(class).or_default();
        *hits += f64::from(u8::from(*right));
        *all += 1.0;
    }
    (!classes.is_empty())
        .then(|| classes.values().map(|(hits, all)| hits / all).sum::<f64>() / classes.len() as f64)
}

/// Area under the receiver operating characteristic: the probability that a positive scores above a negative, ties counting
/// half (Mann and Whitney's U). `None` if either side is empty. `O(n log n)`.
pub fn auroc(positive: &[f64], negative: &[f64]) -> Option<f64> {
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let mut sorted = negative.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |p: &f64| {
        let less = sorted.partition_point(|n| n < p);
        let ties = sorted[less..].partition_point(|n| n <= p);
        less as f64 + 0.5 * ties as f64
    };
    let sum: f64 = positive.iter().map(below).sum();
    Some(sum / (positive.len() as f64 * negative.len() as f64))
}

/// Equal error rate: where as many genuine claims are refused as false ones accepted, interpolated between scores.
/// `None` if either side is empty.
pub fn eer(genuine: &[f64], impostor: &[f64]) -> Option<f64> {
    if genuine.is_empty() || impostor.is_empty() {
        return None;
    }
    let mut all: Vec<(f64, bool)> =
        genuine.iter().map(|s| (*s, true)).chain(impostor.iter().map(|s| (*s, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (g, i) = (genuine.len() as f64, impostor.len() as f64);
    // Raising the threshold past each score: refused genuine grows from 0, accepted impostors falls from 1.
    let (mut refused, mut accepted) = (0.0, 1.0);
    let mut at = 0;
    while at < all.len() {
        let (before_refused, before_accepted) = (refused, accepted);
        let score = all[at].0;
        while at < all.len() && all[at].0 == score {
            if all[at].1 {
                refused += 1.0 / g;
            } else {
                accepted -= 1.0 / i;
            }
            at += 1;
        }
        if refused >= accepted {
            // Where the line from the point before to this one crosses the diagonal.
            let (a, b) = (before_accepted - before_refused, refused - accepted);
            let t = if a + b > 0.0 { a / (a + b) } else { 0.0 };
            return Some((before_refused + t * (refused - before_refused)).clamp(0.0, 1.0));
        }
    }
    Some(refused)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;

    /// Two unit normals `d` apart: AUROC = Φ(d/√2), EER = Φ(-d/2) (Green and Swets, Signal Detection Theory, 1966).
    #[test]
    fn two_normals() {
        let normal = Normal::standard();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let n = 40_000;
        for d in [0.0, 0.5, 1.0, 2.0, 3.0] {
            let mut draw = |mean: f64| -> Vec<f64> {
                (0..n)
                    .map(|_| {
                        let x: f64 = StandardNormal.sample(&mut rng);
                        x + mean
                    })
                    .collect()
            };
            let (genuine, impostor) = (draw(d), draw(0.0));
            let (want_auroc, want_eer) = (normal.cdf(d / 2f64.sqrt()), normal.cdf(-d / 2.0));
            let (auroc, eer) = (auroc(&genuine, &impostor).unwrap(), eer(&genuine, &impostor).unwrap());
            println!("d' {d}: AUROC {auroc:.4} (closed form {want_auroc:.4}), EER {eer:.4} ({want_eer:.4})");
            assert!((auroc - want_auroc).abs() < 4.0 * (0.25 / n as f64).sqrt());
            assert!((eer - want_eer).abs() < 4.0 * (0.25 / n as f64).sqrt());
        }
    }

    #[test]
    fn edges() {
        assert_eq!(auroc(&[], &[1.0]), None);
        assert_eq!(eer(&[1.0], &[]), None);
        assert_eq!(auroc(&[1.0, 1.0], &[1.0]), Some(0.5));
        assert_eq!(eer(&[2.0, 3.0], &[0.0, 1.0]), Some(0.0));
        assert_eq!(eer(&[0.0, 1.0], &[2.0, 3.0]), Some(1.0));
        assert_eq!(accuracy(&[]), None);
        assert_eq!(balanced_accuracy(&[("a", true), ("a", true), ("a", true), ("b", false)]), Some(0.5));
    }
}
