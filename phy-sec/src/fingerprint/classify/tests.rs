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

/// Of its own Gaussian, the atypicality is nearly a standard normal deviate.
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
        // Two bounded squares are not quite a Gamma variate: 3 to 4 points off in the middle, less than one in the tail.
        assert!(
            (above(z) - want).abs() < if z > 1.0 { 0.025 } else { 0.055 },
            "P(> {z}) = {}, normal {want}",
            above(z)
        );
    }
}

/// One feature that is far off is no stranger among many that fit; the same distance spread over all of them is.
#[test]
fn one_wild_feature_makes_no_stranger() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut row = |emitter: f64| -> Vec<Option<f64>> {
        (0..8)
            .map(|j| {
                Some(emitter * f64::from(j % 2) + Distribution::<f64>::sample(&StandardNormal, &mut rng))
            })
            .collect()
    };
    let rows: Vec<(String, String, Vec<Option<f64>>)> = (0..400)
        .map(|i| {
            (if i % 2 == 0 { "left" } else { "right" }.into(), format!("{i}"), row(8.0 * f64::from(i % 2)))
        })
        .collect();
    let model = Method::Lda.fit(&examples(&rows)).unwrap();
    let atypicality = |features: &[Option<f64>]| model.scores(features)[0].atypicality;
    let mut wild = [Some(0.0); 8];
    wild[3] = Some(-60.0);
    let spread = [Some(-60.0 / 8f64.sqrt()); 8];
    assert!(atypicality(&wild) < 2.0, "{}", atypicality(&wild));
    assert!(atypicality(&spread) > 4.0, "{}", atypicality(&spread));
    // Farther is never nearer.
    wild[3] = Some(-61.0);
    let farther = atypicality(&wild);
    wild[3] = Some(-60.0);
    assert!(farther > atypicality(&wild));
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
