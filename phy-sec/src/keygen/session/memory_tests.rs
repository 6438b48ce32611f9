//! Slow fading: what the ledger says of correlated series, against what is known of their min-entropy.

use kernels::Backend;
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::super::gaussian::density;
use super::super::probe::Kind;
use super::super::quantize::Role;
use super::*;

/// A first-order autoregressive series of unit variance with coefficient `phi`.
fn autoregressive(phi: f64, n: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
    let mut x = draw();
    Array2::from_shape_simple_fn((1, n), || {
        x = phi * x + (1.0 - phi * phi).sqrt() * draw();
        x
    })
}

/// Min-entropy of a raw bit given its past and the public list that the ledger of a session over `series` counts with; Eve
/// knows nothing, and the ends measure the same.
fn counted(quantize: &str, series: &Array2<f64>) -> f64 {
    let config = Config {
        quantize: Some(serde_json::from_str(quantize).unwrap()),
        eve: EveModel::of(0.0),
        ..Config::default()
    };
    let settings = config.session(Kind::Csi);
    let alice = Alice::new(series.clone(), &settings, [1; 32], Authentication::Insecure, &Backend::default())
        .unwrap();
    let bob =
        Bob::new(series.clone(), &settings, [2; 32], Authentication::Insecure, &Backend::default()).unwrap();
    let (alice, _) = run(alice, bob).unwrap();
    let ledger = alice.ledger().unwrap();
    let strictest = ledger.estimates().iter().filter(|e| e.counts).map(|e| e.bound).fold(1.0, f64::min);
    let of = |name: &str| ledger.lines().iter().find(|line| line.name == name).unwrap().bits;
    let per_bit = (of("raw_bits") + of("memory") + of("indices")) / of("raw_bits");
    assert!((per_bit - strictest).abs() < 2.0 / of("raw_bits"), "{per_bit} {strictest}");
    per_bit
}

/// The greatest eigenvalue of the series' transition kernel within `from..`: with what probability it stays there from one
/// sample to the next, in the long run. One path of symbols is as likely as that, so the min-entropy rate of the symbols is not
/// more than its logarithm.
fn staying(phi: f64, from: f64) -> f64 {
    let (n, end) = (300, 5.0);
    let step = (end - from) / n as f64;
    let at = |k: usize| from + step * (k as f64 + 0.5);
    let spread = (1.0 - phi * phi).sqrt();
    let kernel = |from: usize, to: usize| density((at(to) - phi * at(from)) / spread) / spread * step;
    let mut share = vec![1.0 / n as f64; n];
    let mut eigenvalue = 0.0;
    for _ in 0..60 {
        let next: Vec<f64> =
            (0..n).map(|to| (0..n).map(|from| share[from] * kernel(from, to)).sum()).collect();
        eigenvalue = next.iter().sum();
        share = next.iter().map(|x| x / eigenvalue).collect();
    }
    eigenvalue
}

#[test]
fn symbols_of_a_slow_series_are_not_overestimated() {
    // The top cell's lower edge: the normal quantiles of 3/4 and 7/8.
    for (bits, edge) in [(2, 0.674_489_75), (3, 1.150_349_38)] {
        for phi in [0.0, 0.8, 0.95] {
            let bound = -staying(phi, edge).log2() / f64::from(bits);
            for offsets in [1, 2] {
                let quantize = format!(r#"{{"method":"equiprobable","bits":{bits},"offsets":{offsets}}}"#);
                let got = counted(&quantize, &autoregressive(phi, 30_000, 5));
                eprintln!("{bits} bits, {offsets} offsets, phi {phi}: {got:.4}, bound {bound:.4}");
                assert!(got <= bound + 1e-3, "{quantize} {phi}: {got}, bound {bound}");
                assert!(got > 0.0 || phi > 0.9, "{quantize} {phi}: {got}, bound {bound}");
            }
        }
        assert!((staying(0.0, edge) - 0.5f64.powi(bits)).abs() < 1e-4);
    }
}

/// Excursions: with the exact distance from one to the next, and ten times as many of them, a bit is guessed from the
/// last as well as this.
#[test]
fn excursions_of_a_slow_series_are_not_overestimated() {
    for phi in [0.8, 0.95] {
        let quantize = r#"{"method":"level_crossing","alpha":0.2,"excursion":4}"#;
        let quantizer: Quantizer = serde_json::from_str(quantize).unwrap();
        let long = quantizer.quantize(Role::Alice, &autoregressive(phi, 500_000, 6), &[]).unwrap();
        let mut counts = vec![[0.0f64; 2]; 200];
        let mut before: Option<usize> = None;
        for place in (0..long.symbols.len()).filter(|&place| long.kept.get(place) == Some(true)) {
            if let Some(last) = before {
                let same = long.symbols[last] == long.symbols[place];
                counts[(place - last).min(199)][usize::from(same)] += 1.0;
            }
            before = Some(place);
        }
        let total: f64 = counts.iter().flatten().sum();
        let guessed: f64 = counts.iter().map(|count| count[0].max(count[1])).sum();
        let bound = -(guessed / total).log2();
        let got = counted(quantize, &autoregressive(phi, 60_000, 7));
        eprintln!("excursions, phi {phi}: {got:.4}, bound {bound:.4}");
        assert!(got <= bound && got > 0.5 * bound, "{phi}: {got}, bound {bound}");
    }
}
