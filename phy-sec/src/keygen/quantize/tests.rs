//! The table of quantizers, read from the table; and every method with a closed form against it, by simulation.

use super::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};
use std::f64::consts::PI;

/// Unit normal pairs with correlation `rho`, `[lanes, n]` each.
fn pairs(rho: f64, lanes: usize, n: usize, seed: u64) -> (Array2<f64>, Array2<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
    let a = Array2::from_shape_simple_fn((lanes, n), &mut draw);
    let b = a.mapv(|a| rho * a + (1.0 - rho * rho).sqrt() * draw());
    (a, b)
}

struct Measured {
    kdr: f64,
    kept: f64,
    symbols: usize,
    bits: usize,
}

fn measure(quantizer: &Quantizer, a: &Array2<f64>, b: &Array2<f64>) -> Measured {
    let a = quantizer.quantize(Role::Alice, a, &[]).unwrap();
    let b = quantizer.quantize(Role::Bob, b, &a.announced).unwrap();
    assert_eq!((a.symbols.len(), &a.widths, &a.classes), (b.symbols.len(), &b.widths, &b.classes));
    let (mut symbols, mut bits, mut wrong) = (0, 0, 0);
    for place in 0..a.symbols.len() {
        if a.kept.get(place) == Some(true) && b.kept.get(place) == Some(true) {
            symbols += 1;
            bits += usize::from(a.widths[place]);
            wrong += (a.symbols[place] ^ b.symbols[place]).count_ones() as usize;
        }
    }
    let kept = symbols as f64 / a.symbols.len() as f64;
    Measured { kdr: wrong as f64 / bits as f64, kept, symbols, bits }
}

fn default_of(name: &str) -> Quantizer {
    serde_json::from_str(&format!(r#"{{"method":"{name}"}}"#)).unwrap()
}

/// Every method in its default form and in the others that work differently.
fn forms() -> Vec<Quantizer> {
    let mut forms: Vec<_> = Quantizer::ALL.iter().map(|name| default_of(name)).collect();
    let others = [
        r#"{"method":"threshold","centre":"median","level":"alice"}"#,
        r#"{"method":"guard_band","sides":"alice","level":"alice"}"#,
        r#"{"method":"level_crossing","share":0.5,"excursion":3}"#,
        r#"{"method":"adaptive_block","bits":3,"block":50}"#,
        r#"{"method":"adaptive_block","bits":4,"step":0.9}"#,
        r#"{"method":"equiprobable","bits":4,"offsets":8}"#,
        r#"{"method":"equiprobable","bits":3,"offsets":1,"guard":0.3}"#,
        r#"{"method":"equiprobable","bits":1,"offsets":1,"guard":0.3,"sides":"alice","distribution":"normal"}"#,
        r#"{"method":"differential","overlap":true,"sides":"alice"}"#,
        r#"{"method":"vector","sectors":8,"rings":2}"#,
    ];
    forms.extend(others.map(|text| serde_json::from_str(text).unwrap()));
    forms
}

#[test]
fn every_method_keeps_the_rules_of_the_table() {
    let (a, _) = pairs(0.9, 2, 2000, 3);
    for quantizer in forms() {
        let text = serde_json::to_string(&quantizer).unwrap();
        quantizer.check().unwrap();
        assert_eq!(serde_json::from_str::<Quantizer>(&text).unwrap(), quantizer, "{text}");
        // A constant lane holds no decision, beside one that does.
        for lanes in [0..2, 1..2] {
            let mut series = a.clone();
            for lane in lanes.clone() {
                series.row_mut(lane).fill(0.1);
            }
            let got = quantizer.quantize(Role::Alice, &series, &[]).unwrap();
            let bob = quantizer.quantize(Role::Bob, &series, &got.announced).unwrap();
            let from = if lanes.start == 0 { 0 } else { got.kept.len() - got.kept.len() / 2 };
            let constant = (from..got.kept.len())
                .filter(|&k| got.kept.get(k) == Some(true) || bob.kept.get(k) == Some(true));
            if lanes.start == 0 || !matches!(quantizer, Quantizer::Vector(_)) {
                assert_eq!(constant.count(), 0, "{text}");
            }
        }
        // The same series at both ends: the same symbols, wherever both are kept.
        let same = measure(&quantizer, &a, &a);
        assert!(same.symbols > 0 && same.kdr == 0.0, "{text}: {}", same.kdr);
        // Deterministic, whatever the length.
        for n in [0, 1, 2, 3, 7, 100] {
            let part = a.select(ndarray::Axis(1), &(0..n).collect::<Vec<_>>());
            let once = quantizer.quantize(Role::Alice, &part, &[]).unwrap();
            let again = quantizer.quantize(Role::Alice, &part, &[]).unwrap();
            assert!(once.symbols == again.symbols && once.kept == again.kept, "{text}");
            assert_eq!(once.kept.len(), once.symbols.len());
            quantizer.quantize(Role::Bob, &part, &once.announced).unwrap();
        }
        let err = quantizer.quantize(Role::Alice, &Array2::from_elem((2, 3), f64::NAN), &[]).unwrap_err();
        assert_eq!(err.to_string(), "series to quantize holds a NaN or an infinity at index 0");
        // An announcement of another length is refused.
        let said = quantizer.quantize(Role::Alice, &a, &[]).unwrap().announced.len();
        assert!(
            matches!(quantizer.quantize(Role::Bob, &a, &vec![0; said + 1]), Err(Error::Shape { .. })),
            "{text}"
        );
        // What Eve knows takes entropy away, all of it in the end.
        let entropies = [0.0, 0.5, 0.9, 1.0].map(|rho| quantizer.min_entropy(rho));
        assert!(entropies.windows(2).all(|pair| pair[1] <= pair[0] + 1e-6), "{text}: {entropies:?}");
        assert!(entropies[0] > 0.4 && entropies[3] < 0.06, "{text}: {entropies:?}");
    }
    for name in Quantizer::ALL {
        let bad = serde_json::from_str::<Quantizer>(&format!(r#"{{"method":"{name}","alhpa":1}}"#));
        assert!(bad.unwrap_err().to_string().contains("alhpa"), "{name}");
    }
    assert!(
        serde_json::from_str::<Quantizer>(r#"{"method":"magic"}"#).unwrap_err().to_string().contains("magic")
    );
    let alice = Quantizer::GuardBand(GuardBand { level: LevelFrom::Alice, ..GuardBand::default() });
    let err = alice.quantize(Role::Bob, &a, &[1]).unwrap_err();
    assert_eq!(err.to_string(), "levels must have shape [2], got [1]");
    let err = alice.quantize(Role::Bob, &a, &[0, f64::NAN.to_bits()]).unwrap_err();
    assert_eq!(err.to_string(), "levels holds a NaN or an infinity at index 1");
}

/// acos(rho) / π within four standard deviations.
#[test]
fn one_bit_disagrees_as_theory_says() {
    let n = 100_000;
    for rho in [0.0, 0.5, 0.9, 0.99] {
        for centre in [Centre::Mean, Centre::Median] {
            let (a, b) = pairs(rho, 1, n, 7);
            let got = measure(&Quantizer::Threshold(Threshold { centre, ..Threshold::default() }), &a, &b);
            let want = f64::acos(rho) / PI;
            let sigma = (want * (1.0 - want) / n as f64).sqrt();
            assert!((got.kdr - want).abs() < 4.0 * sigma, "{rho}: {}, theory {want} ± {sigma}", got.kdr);
            assert_eq!(got.kept, 1.0);
        }
    }
}

/// Eve's own quantized value agrees with the bit in 1/2 + asin(rho)/π of the cases: within 4 sigma at nine correlations.
#[test]
fn eve_agrees_as_theory_says() {
    let n = 100_000;
    for k in 1..=9 {
        let rho = 0.1 * f64::from(k);
        let (a, e) = pairs(rho, 1, n, 100 + k as u64);
        let got = 1.0 - measure(&Quantizer::Threshold(Threshold::default()), &a, &e).kdr;
        let want = 0.5 + rho.asin() / PI;
        let sigma = (want * (1.0 - want) / n as f64).sqrt();
        assert!((got - want).abs() < 4.0 * sigma, "{rho}: {got}, theory {want} ± {sigma}");
        let model = 2f64.powf(-Quantizer::Threshold(Threshold::default()).min_entropy(rho));
        assert!((model - want).abs() < 1e-5);
    }
}

/// Every method with a model, at 1e-3: more samples than that takes (sigma is below 3e-4).
#[test]
fn methods_disagree_as_theory_says() {
    let n = 600_000;
    let (a, noise) = pairs(0.0, 2, n / 2, 8);
    for rho in [0.8, 0.95] {
        let b = rho * &a + (1.0f64 - rho * rho).sqrt() * &noise;
        for (text, tolerance) in [
            (r#"{"method":"guard_band","alpha":0.2}"#, 1e-3),
            (r#"{"method":"guard_band","alpha":0.6}"#, 1e-3),
            (r#"{"method":"guard_band","alpha":0.6,"sides":"alice","level":"alice"}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":1,"offsets":1}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":2,"offsets":1}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":3,"offsets":1,"distribution":"normal"}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":4,"offsets":1}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":2,"offsets":2}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":4,"offsets":8}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":2,"offsets":1,"guard":0.3}"#, 1e-3),
            (r#"{"method":"equiprobable","bits":3,"offsets":1,"guard":0.3,"sides":"alice"}"#, 1e-3),
            (r#"{"method":"differential"}"#, 2e-3),
            (r#"{"method":"differential","overlap":true,"alpha":0.0}"#, 2e-3),
            (r#"{"method":"level_crossing","alpha":0.2,"excursion":2}"#, 3e-3),
            (r#"{"method":"level_crossing","alpha":0.0,"excursion":4}"#, 4e-3),
            (r#"{"method":"adaptive_block","block":2000}"#, 2e-3),
            (r#"{"method":"vector","guard":0.0}"#, 3e-3),
            (r#"{"method":"vector","sectors":8,"rings":2,"guard":0.2}"#, 5e-3),
        ] {
            let quantizer: Quantizer = serde_json::from_str(text).unwrap();
            let (got, want) = (measure(&quantizer, &a, &b), quantizer.theory(rho));
            assert!((got.kdr - want.kdr).abs() < tolerance, "{rho} {text}: {}, theory {want:?}", got.kdr);
            assert!((got.kept - want.kept).abs() < tolerance, "{rho} {text}: {}, theory {want:?}", got.kept);
            assert!(got.bits > 0);
        }
    }
}

/// The guessing probability of whole symbols, measured: Eve knows her value and what is public, and names the likeliest
/// symbol, which she learned from as many other samples.
#[test]
fn eve_guesses_symbols_as_well_as_the_model_says() {
    let n = 400_000;
    let rho = 0.6f64;
    let (a, e) = pairs(rho, 1, n, 11);
    for text in [
        r#"{"method":"equiprobable","bits":3,"offsets":1}"#,
        r#"{"method":"equiprobable","bits":2,"offsets":4}"#,
        r#"{"method":"equiprobable","bits":2,"offsets":1,"guard":0.4,"sides":"alice"}"#,
    ] {
        let quantizer: Quantizer = serde_json::from_str(text).unwrap();
        let alice = quantizer.quantize(Role::Alice, &a, &[]).unwrap();
        let kept: Vec<usize> = (0..n).filter(|&k| alice.kept.get(k) == Some(true)).collect();
        // Her value in 40 steps, the class, and how often each symbol came with them.
        let context = |k: usize| {
            let step = ((e[[0, k]] + 4.0) * 5.0).clamp(0.0, 39.0) as usize;
            step * 8 + usize::from(alice.classes[k])
        };
        let mut seen = vec![[0u32; 16]; 40 * 8];
        let (learn, test) = kept.split_at(kept.len() / 2);
        learn.iter().for_each(|&k| seen[context(k)][usize::from(alice.symbols[k])] += 1);
        let likeliest = |k: usize| (0..16).max_by_key(|&symbol| seen[context(k)][symbol]).unwrap();
        let right = test.iter().filter(|&&k| likeliest(k) == usize::from(alice.symbols[k])).count();
        let got = right as f64 / test.len() as f64;
        let width = f64::from(alice.widths[0]);
        let model = 2f64.powf(-width * quantizer.min_entropy(rho));
        let sigma = (model * (1.0 - model) / test.len() as f64).sqrt();
        assert!(got < model + 4.0 * sigma && got > model - 0.01, "{text}: {got}, model {model}");
    }
}

/// Eve's measured agreement with a kept bit against the model of the ledger (genie and 0.8 pairs).
#[test]
fn eve_guesses_no_better_than_the_model() {
    let n = 200_000;
    for (rho, alpha) in [(0.5f64, 0.0), (0.5, 0.3), (0.8, 0.6)] {
        let quantizer = Quantizer::GuardBand(GuardBand { alpha, sides: Sides::Both, level: LevelFrom::Own });
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
        // e = rho (a + b) / 1.9 + rest, for ends with correlation 0.9
        let (mut kept, mut right) = (0, 0);
        for _ in 0..n {
            let (a, w) = (draw(), draw());
            let b = 0.9 * a + (1.0f64 - 0.81).sqrt() * w;
            let e = rho * (a + b) / 1.9 + (1.0 - 2.0 * rho * rho / 1.9).sqrt() * draw();
            if a.abs() > alpha && b.abs() > alpha {
                kept += 1;
                right += usize::from((a > 0.0) == (e > 0.0));
            }
        }
        let (got, model) =
            (f64::from(right as u32) / f64::from(kept), 2f64.powf(-quantizer.min_entropy(rho)));
        let sigma = (model * (1.0 - model) / f64::from(kept)).sqrt();
        assert!(got < model + 4.0 * sigma && got > model - 0.02, "{rho} {alpha}: {got}, model {model}");
    }
}

/// The guide lists every method of both tables, and every field of its configuration.
#[test]
fn the_guide_names_every_method() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/keygen.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let default_step = |name: &str| {
        let step: crate::keygen::preprocess::Preprocess =
            serde_json::from_str(&format!(r#"{{"method":"{name}"}}"#)).unwrap();
        serde_json::to_value(step).unwrap()
    };
    let steps = crate::keygen::preprocess::Preprocess::ALL.iter().map(|name| (name, default_step(name)));
    let quantizers =
        Quantizer::ALL.iter().map(|name| (name, serde_json::to_value(default_of(name)).unwrap()));
    for (name, fields) in steps.chain(quantizers) {
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/guide/keygen.md has no row for {name}"));
        for field in fields.as_object().unwrap().keys().filter(|field| *field != "method") {
            assert!(row.contains(&format!("`{field}`")), "docs/guide/keygen.md, {name}: no {field}");
        }
    }
}
