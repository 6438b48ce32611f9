use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// Three emitters in two dimensions, two recordings of six bursts each, one sigma within.
fn gallery() -> Gallery {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut rows = Vec::new();
    for (emitter, at) in [("a", [0.0, 0.0]), ("b", [20.0, 0.0]), ("c", [0.0, 20.0])] {
        for recording in ["1", "2", "3"] {
            for _ in 0..6 {
                let mut draw = |mean: f64| -> Option<f64> {
                    let x: f64 = StandardNormal.sample(&mut rng);
                    Some(mean + x)
                };
                rows.push((emitter, recording, vec![draw(at[0]), draw(at[1])]));
            }
        }
    }
    let examples: Vec<Example> =
        rows.iter().map(|(emitter, recording, features)| Example { emitter, recording, features }).collect();
    Gallery::enroll(&["x".into(), "y".into()], &examples, &EnrollConfig::default()).unwrap()
}

#[test]
fn knows_its_own_and_no_stranger() {
    let gallery = gallery();
    for (at, want) in
        [([0.3, -0.5], Some("a")), ([19.0, 1.0], Some("b")), ([10.0, 10.0], None), ([90.0, -70.0], None)]
    {
        let found = gallery.identify(&at.map(Some)).unwrap();
        assert_eq!(found.decision.name(), want, "{found:?}");
        assert_eq!(found.score >= found.threshold, want.is_some());
        assert_eq!(found.evidence.len(), 2);
    }
    let both = gallery.identify_all(&[vec![Some(20.0), Some(0.4)], vec![Some(20.5), None]]).unwrap();
    assert_eq!(both.decision.name(), Some("b"));
}

/// What was not measured neither speaks nor breaks anything.
#[test]
fn gaps_in_the_vector() {
    let gallery = gallery();
    assert_eq!(gallery.identify(&[Some(20.0), None]).unwrap().decision.name(), Some("b"));
    assert_eq!(gallery.identify(&[None, None]).unwrap().decision, Decision::Unknown);
    assert_eq!(gallery.identify(&[Some(f64::NAN), Some(f64::INFINITY)]).unwrap().decision, Decision::Unknown);
    assert!(gallery.identify(&[Some(1.0)]).unwrap_err().to_string().contains("must have shape [2], got [1]"));
    assert!(gallery.identify_all(&[]).is_err());
}

#[test]
fn file_survives_and_bad_ones_do_not() {
    let gallery = gallery();
    let json = gallery.to_json();
    assert_eq!(Gallery::from_json(json.as_bytes()).unwrap(), gallery);
    let refused = |bytes: &[u8], part: &str| {
        let error = Gallery::from_json(bytes).unwrap_err().to_string();
        assert!(error.contains(part), "{error:?} should say {part:?}");
    };
    refused(b"", "EOF");
    refused(&json.as_bytes()[..json.len() / 2], "EOF");
    refused(b"{}", "missing field");
    refused(&vec![b' '; MAX_GALLERY_BYTES + 1], "bytes, at most");
    refused(json.replace("gallery/1", "gallery/9").as_bytes(), "gallery/9");
    refused(json.replace("\"features\":[\"x\",", "\"features\":[").as_bytes(), "shape [2], got [1]");
    refused(json.replacen("\"a\"", "\"z\"", 1).as_bytes(), "sorted");
    refused(json.replacen("\"center\":[", "\"center\":[1e999,", 1).as_bytes(), "out of range");
    refused(json.replacen("\"center\":[", "\"center\":[NaN,", 1).as_bytes(), "expected");
    refused(json.replacen("\"center\":[", "\"center\":[1.0,", 1).as_bytes(), "shape");
    refused(json.replacen("\"variance\":[", "\"variance\":[-", 1).as_bytes(), "variance must be positive");
    refused(
        json.replacen("\"correlation\":[[1.0", "\"correlation\":[[7.0", 1).as_bytes(),
        "correlation must be",
    );
    refused(json.replacen("{", "{\"extra\":1,", 1).as_bytes(), "unknown field");
    refused("[".repeat(100_000).as_bytes(), "");
}

#[test]
fn bad_input() {
    let names = ["x".to_string()];
    let error = |features: &[Option<f64>], rate| {
        let examples = [Example { emitter: "a", recording: "1", features }];
        Gallery::enroll(&names, &examples, &EnrollConfig { false_rejection: rate, ..EnrollConfig::default() })
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(&[Some(1.0)], f64::NAN), "false_rejection must be 0.001 to 0.5, got NaN");
    assert_eq!(error(&[Some(f64::NAN)], 0.05), "feature vector holds a NaN or an infinity at index 0");
    assert_eq!(error(&[Some(1.0), None], 0.05), "feature names must have shape [2], got [1]");
    assert!(Gallery::enroll(&names, &[], &EnrollConfig::default()).is_err());
}
