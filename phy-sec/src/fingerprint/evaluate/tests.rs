use rand_distr::{Distribution, StandardNormal};

use super::*;

/// `emitters` with `recordings` of 5 bursts each in 3 dimensions; `identity` is how far apart the emitters are.
fn observations(emitters: usize, recordings: usize, identity: f64, enrolled: bool) -> Vec<Observation> {
    let mut rng = ChaCha8Rng::seed_from_u64(17 + u64::from(enrolled));
    let mut draw = move || -> f64 { StandardNormal.sample(&mut rng) };
    let mut out = Vec::new();
    for e in 0..emitters {
        let place: Vec<f64> = (0..3).map(|_| identity * draw()).collect();
        for r in 0..recordings {
            for _ in 0..5 {
                let emitter = format!("{}{e}", if enrolled { "e" } else { "s" });
                out.push(Observation {
                    recording: format!("{emitter}-{r}"),
                    emitter,
                    enrolled,
                    features: place.iter().map(|p| Some(p + draw())).collect(),
                });
            }
        }
    }
    out
}

fn names() -> Vec<String> {
    ["x", "y", "z"].map(String::from).to_vec()
}

#[test]
fn grouped_split_never_cuts_a_recording() {
    let all = [observations(7, 4, 1.0, true), observations(3, 1, 1.0, false)].concat();
    for count in [2, 3, 5, 28] {
        let config = EvaluateConfig { folds: Some(count), ..EvaluateConfig::default() };
        let (assigned, got) = folds(&all, &config, 1);
        assert_eq!(got, count);
        for (a, fa) in all.iter().zip(&assigned) {
            assert_eq!(fa.is_some(), a.enrolled);
            for (b, fb) in all.iter().zip(&assigned) {
                assert!(a.recording != b.recording || fa == fb, "{a:?} {b:?}");
            }
        }
        // Every emitter remains in training.
        for fold in 0..count {
            let left: BTreeSet<&str> = all
                .iter()
                .zip(&assigned)
                .filter(|(o, f)| o.enrolled && **f != Some(fold))
                .map(|(o, _)| &*o.emitter)
                .collect();
            assert_eq!(left.len(), 7);
        }
    }
    let random = EvaluateConfig { split: Split::Random, ..EvaluateConfig::default() };
    let (assigned, _) = folds(&all, &random, 1);
    assert_ne!(assigned[0..5].iter().collect::<BTreeSet<_>>().len(), 1, "a random split cuts recordings");
    assert_eq!(assigned, folds(&all, &random, 1).0, "and is repeatable");
}

/// Every recording holds two enrolled emitters and a stranger: no fold learns from what it tests on.
#[test]
fn a_recording_of_several_emitters_stays_together() {
    let mut all = [observations(4, 4, 1.0, true), observations(2, 4, 1.0, false)].concat();
    for o in &mut all {
        let place = usize::from(o.emitter.as_bytes()[1] - b'0') % 2;
        o.recording = format!("{place}{}", &o.recording[2..]);
    }
    for count in [2, 3, 8] {
        let config = EvaluateConfig { folds: Some(count), ..EvaluateConfig::default() };
        let (assigned, _) = folds(&all, &config, 1);
        for (a, fa) in all.iter().zip(&assigned) {
            assert!(fa.is_some());
            for (b, fb) in all.iter().zip(&assigned) {
                assert!(a.recording != b.recording || fa == fb, "{a:?} {b:?}");
            }
        }
    }
    let result = evaluate("test", &names(), &all, &[], &EvaluateConfig::default(), 1).unwrap();
    assert_eq!((result.bursts, result.unknown_bursts), (80, 40), "each is tested once");
}

#[test]
fn why_there_was_no_control_is_said() {
    let bursts = observations(3, 3, 5.0, true);
    let warning = |noise: &[Observation]| {
        let result = evaluate("test", &names(), &bursts, noise, &EvaluateConfig::default(), 1).unwrap();
        assert_eq!(result.noise_only_balanced_accuracy, None);
        result.warnings.join("; ")
    };
    assert_eq!(warning(&[]), "the noise-only control could not be run: no stretch without a burst");
    let mut broken = observations(3, 3, 5.0, true);
    broken[4].features[1] = Some(f64::NAN);
    assert_eq!(
        warning(&broken),
        "the noise-only control could not be run: feature vector holds a NaN or an infinity at index 1"
    );
}

#[test]
fn well_apart_is_perfect_and_noise_is_chance() {
    let bursts = [observations(8, 3, 30.0, true), observations(4, 1, 30.0, false)].concat();
    let noise = observations(8, 12, 0.0, true);
    let config = EvaluateConfig::default();
    let result = evaluate("test", &names(), &bursts, &noise, &config, 1).unwrap();
    println!("{result:?}");
    assert_eq!((result.emitters, result.bursts, result.recordings), (8, 120, 24));
    assert_eq!((result.unknown_emitters, result.unknown_bursts), (4, 20));
    assert_eq!(result.accuracy, Some(1.0));
    assert_eq!(result.recording_accuracy, Some(1.0));
    assert!(result.eer.unwrap() < 0.02 && result.auroc_unknown.unwrap() > 0.98);
    // 480 stretches: chance 0.125 with a standard deviation of 0.015, three of them for the correlation within folds.
    let noise = result.noise_only_balanced_accuracy.unwrap();
    assert!((noise - 0.125).abs() < 0.06, "noise without identity: {noise}");
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    assert_eq!(
        result,
        evaluate("test", &names(), &bursts, &observations(8, 12, 0.0, true), &config, 2).unwrap()
    );
}

#[test]
fn a_control_that_explains_the_result_is_said_aloud() {
    let bursts = observations(6, 3, 5.0, true);
    let result =
        evaluate("test", &names(), &bursts, &observations(6, 3, 5.0, true), &EvaluateConfig::default(), 1)
            .unwrap();
    assert!(result.warnings.iter().any(|w| w.contains("noise alone")), "{:?}", result.warnings);
    let random = EvaluateConfig { split: Split::Random, ..EvaluateConfig::default() };
    let result = evaluate("test", &names(), &bursts, &[], &random, 1).unwrap();
    assert_eq!(serde_json::to_value(&result).unwrap()["split"], "random");
    assert!(result.warnings.iter().any(|w| w.contains("random split")));
    assert!(result.noise_only_balanced_accuracy.is_none() && result.auroc_unknown.is_none());
}

#[test]
fn bad_input() {
    let one = observations(1, 3, 1.0, true);
    let run = |o: &[Observation], config: &EvaluateConfig| {
        evaluate("t", &names(), o, &[], config, 1).unwrap_err().to_string()
    };
    assert_eq!(
        run(&one, &EvaluateConfig::default()),
        "an evaluation needs at least 2 enrolled emitters, got 1"
    );
    assert_eq!(
        run(&[], &EvaluateConfig::default()),
        "an evaluation needs at least 2 enrolled emitters, got 0"
    );
    let mut together = observations(3, 1, 1.0, true);
    together.iter_mut().for_each(|o| o.recording = "one".into());
    assert_eq!(
        run(&together, &EvaluateConfig::default()),
        "an evaluation by recording needs at least 2 recordings, got 1"
    );
    let folds = EvaluateConfig { folds: Some(1), ..EvaluateConfig::default() };
    assert_eq!(run(&one, &folds), "folds must be at least 2, got 1");
    let three = observations(3, 3, 1.0, true);
    for split in [Split::Recording, Split::Random] {
        let folds = |count| EvaluateConfig { split, folds: Some(count), ..EvaluateConfig::default() };
        assert_eq!(
            run(&three, &folds(10)),
            "folds must be at most the number of enrolled recordings, got 10 for 9"
        );
        assert!(evaluate("t", &names(), &three, &[], &folds(9), 1).is_ok());
    }
    let mut bad = observations(3, 3, 1.0, true);
    bad[4].features[1] = Some(f64::NAN);
    assert!(run(&bad, &EvaluateConfig::default()).contains("NaN"));
}
