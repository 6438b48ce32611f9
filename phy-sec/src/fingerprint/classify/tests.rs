use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;

/// Bursts of two emitters at ±`half` along the first axis, each recording of one burst, covariance with correlation `rho`.
fn two(seed: u64, recordings: usize, half: [f64; 2], rho: f64) -> Vec<(String, String, Vec<Option<f64>>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = Vec::new();
    for (emitter, sign) in [("left", -1.0), ("right", 1.0)] {
        for recording in 0..recordings {
            let (a, b): (f64, f64) = (StandardNormal.sample(&mut rng), StandardNormal.sample(&mut rng));
            let (x, y) = (sign * half[0] + a, sign * half[1] + rho * a + (1.0 - rho * rho).sqrt() * b);
            rows.push((emitter.to_string(), recording.to_string(), vec![Some(x), Some(y)]));
        }
    }
    rows
}

fn examples(rows: &[(String, String, Vec<Option<f64>>)]) -> Vec<Example<'_>> {
    rows.iter().map(|(emitter, recording, features)| Example { emitter, recording, features }).collect()
}

fn error_rate(model: &Model, rows: &[(String, String, Vec<Option<f64>>)]) -> f64 {
    let wrong = rows.iter().filter(|(emitter, _, features)| {
        let scores = model.scores(features);
        let best = scores.iter().max_by(|a, b| a.evidence.total_cmp(&b.evidence)).unwrap();
        model.emitters()[best.emitter] != *emitter
    });
    wrong.count() as f64 / rows.len() as f64
}

/// Bayes' error of two Gaussians is Φ(-Δ/2), Δ the Mahalanobis distance between them. LDA gets there; ignoring the
/// correlation, the nearest centroid's is Φ(-m'D⁻¹m / √(m'D⁻¹ΣD⁻¹m)), D the diagonal of Σ, m half the distance.
#[test]
fn reaches_the_closed_form() {
    let normal = Normal::standard();
    for (half, rho) in [([1.0, 0.0], 0.0), ([0.7, 0.2], 0.8), ([0.5, 0.5], -0.6)] {
        let (train, test) = (two(1, 3000, half, rho), two(2, 20_000, half, rho));
        let squared =
            (half[0] * half[0] - 2.0 * rho * half[0] * half[1] + half[1] * half[1]) / (1.0 - rho * rho);
        let bayes = normal.cdf(-f64::sqrt(squared));
        let plain = half[0] * half[0] + half[1] * half[1];
        let diagonal = normal.cdf(-plain / (plain + 2.0 * rho * half[0] * half[1]).sqrt());
        for (method, want) in [(Method::Lda, bayes), (Method::NearestCentroid, diagonal)] {
            let got = error_rate(&method.fit(&examples(&train)).unwrap(), &test);
            let sigma = (want * (1.0 - want) / 40_000.0).sqrt();
            println!("{method:?}, rho {rho}: error {got:.4}, closed form {want:.4}");
            // Four sigma of the test, and what 6,000 bursts leave uncertain in the boundary.
            assert!(
                (got - want).abs() < 4.0 * sigma + 0.004,
                "{method:?} {half:?} {rho}: {got}, closed form {want}"
            );
        }
    }
}

/// Of its own Gaussian, the atypicality is a standard normal deviate.
#[test]
fn atypicality_is_normal() {
    let (train, test) = (two(3, 3000, [4.0, 0.0], 0.5), two(4, 5000, [4.0, 0.0], 0.5));
    let model = Method::Lda.fit(&examples(&train)).unwrap();
    let values: Vec<f64> = test
        .iter()
        .map(|(emitter, _, features)| model.scores(features)[usize::from(emitter == "right")].atypicality)
        .collect();
    let above = |z: f64| values.iter().filter(|v| **v > z).count() as f64 / values.len() as f64;
    for z in [0.0, 1.0, 1.645, 2.326] {
        let want = 1.0 - Normal::standard().cdf(z);
        // Four sigma of 10,000 bursts, and what the variances from 6,000 others leave uncertain (1.8 % each).
        assert!((above(z) - want).abs() < 0.025, "P(> {z}) = {}, normal {want}", above(z));
    }
}

#[test]
fn every_method_takes_gaps_and_single_recordings() {
    for method in Method::ALL {
        let mut rows = two(9, 4, [3.0, 1.0], 0.2);
        rows[0].2[1] = None;
        rows.push(("once".into(), "0".into(), vec![None, Some(40.0)]));
        let model = method.fit(&examples(&rows)).unwrap();
        model.check().unwrap();
        assert_eq!(model.emitters(), ["left", "once", "right"]);
        assert!(model.scores(&[Some(f64::NAN), None]).iter().all(|s| s.evidence == f64::NEG_INFINITY));
        let far = model.scores(&[None, Some(41.0)]);
        assert!(far[1].evidence > far[0].evidence && far[1].evidence > far[2].evidence);
        assert!(model.explain(&[Some(1.0), Some(2.0)], 0).iter().all(|(_, w)| w.is_finite()));
        let (x, y) = model.project(&[Some(1.0), None]);
        assert!(x.is_finite() && y.is_finite());
        // A single burst, and constant features.
        for rows in [&rows[..1], &vec![("a".into(), "1".into(), vec![Some(1.0), Some(1.0)]); 3][..]] {
            let model = method.fit(&examples(rows)).unwrap();
            model.check().unwrap();
            assert!(model.scores(&[Some(1.0), Some(1.0)])[0].evidence.is_finite());
        }
    }
}

#[test]
fn shares_add_up_to_the_evidence() {
    let rows = two(9, 20, [2.0, 1.0], 0.4);
    let model = Method::Lda.fit(&examples(&rows)).unwrap();
    let x = [Some(1.3), Some(-0.4)];
    let sum: f64 = model.explain(&x, 1).iter().map(|(_, w)| w).sum();
    assert!((sum - model.scores(&x)[1].evidence).abs() < 1e-9);
}

#[test]
fn bad_input() {
    let fit = |rows: &[Example]| Method::Lda.fit(rows).unwrap_err().to_string();
    assert_eq!(fit(&[]), "a classifier needs at least 1 bursts, got 0");
    let example = |features| Example { emitter: "a", recording: "1", features };
    assert_eq!(fit(&[example(&[Some(1.0)]), example(&[])]), "feature vector must have shape [1], got [0]");
    assert_eq!(
        fit(&[example(&[Some(f64::INFINITY)])]),
        "feature vector holds a NaN or an infinity at index 0"
    );
}
