//! Key generation's rows: the SP 800-22 tests, each and all, on a million bits; every quantizer and every preprocessor of
//! the tables, in its default form.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench keygen -- randomness
//! ```
//!
//! Throughput is in bits for the tests, checked first against another implementation's answers, and in samples for the
//! methods, whose two ends are checked to see the same of a good channel.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use phy_sec::keygen::{
    preprocess::Preprocess,
    quantize::{Quantizer, Role},
    randomness::{Config, Test, report, test},
};
use phy_sec_benches::{
    inputs,
    randomness::{bits, wrong},
};

fn randomness(c: &mut Criterion) {
    let (bits, config) = (bits(), Config::default());
    let checked = report(&bits, 1, &config).expect("a million bits");
    assert_eq!(wrong(&checked), 0, "fast and wrong: {}", checked.verdict);
    let mut group = c.benchmark_group(format!("randomness/{}", bits.len()));
    group.throughput(Throughput::Elements(bits.len() as u64));
    for which in Test::ALL {
        group.bench_function(which.name(), |b| b.iter(|| test(*which, black_box(&bits), &config)));
    }
    group.bench_function("all", |b| b.iter(|| report(black_box(&bits), 1, &config)));
    group.finish();
}

/// Lanes, and times of each.
const SHAPE: (usize, usize) = (8, 4096);

/// Normal samples, correlated over time, and the same 30 dB above a second end's own noise.
fn ends() -> (Array2<f64>, Array2<f64>) {
    let index = |(lane, time): (usize, usize)| (lane * SHAPE.1 + time) as u64;
    let alice = Array2::from_shape_fn(SHAPE, |at| {
        (0..16).map(|k| inputs::gauss(1, index(at) + k)).sum::<f64>() / 4.0
    });
    let bob = Array2::from_shape_fn(SHAPE, |at| alice[at] + 0.0316 * inputs::gauss(2, index(at)));
    (alice, bob)
}

fn quantizers(c: &mut Criterion) {
    let (alice, bob) = ends();
    let mut group = c.benchmark_group(format!("quantize/{}", alice.len()));
    group.throughput(Throughput::Elements(alice.len() as u64));
    for name in Quantizer::ALL {
        let method: Quantizer = serde_json::from_value(serde_json::json!({ "method": name }))
            .expect("a method has a default form");
        // `optimal` is a search, done once for a session, and then another method.
        let method = method.resolved();
        let quantize = |role, series, announced: &[u64]| {
            method.quantize(role, series, announced).expect("finite series in pairs of lanes")
        };
        let at_alice = quantize(Role::Alice, &alice, &[]);
        let at_bob = quantize(Role::Bob, &bob, &at_alice.announced);
        let (bits, wrong) = at_alice.differences(&at_bob, &at_bob);
        assert!(bits > 0 && wrong * 5 < bits, "fast and wrong: {name} differs in {wrong} of {bits} bits");
        group.bench_function(*name, |b| b.iter(|| quantize(Role::Alice, black_box(&alice), &[])));
    }
    group.finish();
}

fn preprocessors(c: &mut Criterion) {
    let (alice, bob) = ends();
    let mut group = c.benchmark_group(format!("preprocess/{}", alice.len()));
    group.throughput(Throughput::Elements(alice.len() as u64));
    for name in Preprocess::ALL {
        let method: Preprocess = serde_json::from_value(serde_json::json!({ "method": name }))
            .expect("a method has a default form");
        let apply = |series: &Array2<f64>| method.apply(series.clone()).expect("finite series");
        // What Alice learns she announces; these ends are so alike that each learns the same shape.
        assert_eq!(apply(&alice).nrows(), apply(&bob).nrows(), "fast and wrong: {name}");
        group.bench_function(*name, |b| b.iter(|| apply(black_box(&alice))));
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = randomness, quantizers, preprocessors
}
criterion_main!(all);
