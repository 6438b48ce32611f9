//! Fingerprinting: bursts found, bursts measured, bursts given to transmitters.
//!
//! ```text
//! cargo bench -p phy-sec-benches --bench fingerprint -- features
//! ```
//!
//! Throughput is in samples for the stages that read the stream, in bursts for the others.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use num_complex::Complex32;
use phy_sec::{
    Backend,
    burst::{self, Burst, BurstConfig},
    fingerprint::{
        classify::{Example, Method},
        feature::{Extractor, Feature},
        impairment::{Config, Estimator, Impairment, Reference},
        recording::{FingerprintConfig, Vector, measure},
    },
    sim::{
        self,
        impairment::{Impairments, IqImbalance},
        waveform::{SingleCarrier, random_symbols},
    },
};

const SAMPLE_RATE: f64 = 1e6;
const BURSTS: usize = 20;

/// 20 QPSK bursts of one transmitter, 25 dB above the noise.
fn scene(seed: u64) -> Vec<Complex32> {
    let mut rng = sim::rng(seed);
    let radio = Impairments {
        cfo: -2e3 + 700.0 * seed as f64,
        tx_iq: IqImbalance { gain_db: 0.3 * seed as f64, phase: 0.02 },
        iq_offset: Complex32::new(0.05 + 0.02 * seed as f32, 0.0),
        ..Impairments::default()
    };
    let mut x = Vec::new();
    for _ in 0..BURSTS {
        x.resize(x.len() + 6000, Complex32::ZERO);
        let symbols = random_symbols(&mut rng, 1000, 4);
        let mut sent = SingleCarrier::default().modulate(&symbols).expect("a default waveform");
        radio.transmit(&mut sent, SAMPLE_RATE, &mut rng).expect("possible impairments");
        x.extend(sent);
    }
    x.resize(x.len() + 6000, Complex32::ZERO);
    let noise = sim::noise(&mut rng, x.len(), sim::from_db(-25.0));
    x.iter().zip(noise).map(|(x, n)| x + n).collect()
}

fn found(x: &[Complex32], backend: &Backend) -> Vec<Burst> {
    let bursts = burst::detect(x, &BurstConfig::default(), backend).expect("finite samples");
    assert_eq!(bursts.len(), BURSTS, "fast and wrong");
    bursts
}

fn detection(c: &mut Criterion) {
    let x = scene(1);
    let mut rows = c.benchmark_group("burst_detection");
    rows.throughput(Throughput::Elements(x.len() as u64));
    for (name, backend) in [("scalar", Backend::Scalar), ("simd", Backend::default())] {
        rows.bench_function(name, |b| b.iter(|| found(black_box(&x), &backend)));
    }
    rows.finish();
    let config = FingerprintConfig::default();
    let mut rows = c.benchmark_group("measure");
    rows.throughput(Throughput::Elements(x.len() as u64)).sample_size(10);
    for (name, backend) in [("scalar", Backend::Scalar), ("simd", Backend::default())] {
        rows.bench_function(name, |b| b.iter(|| measure(black_box(&x), SAMPLE_RATE, &config, &backend)));
    }
    rows.finish();
}

/// Each feature alone (what all share, the look at the burst, is in each row), and all of them.
fn features(c: &mut Criterion) {
    let x = scene(1);
    let burst = found(&x, &Backend::default()).swap_remove(3);
    let range = burst.range.start as usize..burst.range.end as usize;
    let mut rows = c.benchmark_group(format!("features/{}", range.len()));
    rows.throughput(Throughput::Elements(1));
    let alone = Feature::ALL.iter().map(|feature| (format!("{feature:?}"), vec![*feature]));
    for (name, features) in alone.chain([("all".to_owned(), Feature::ALL.to_vec())]) {
        let extractor = Extractor::new(&features, SAMPLE_RATE).expect("a positive rate");
        let extract = || extractor.extract(black_box(&x), range.clone(), burst.noise_power);
        assert_eq!(extract().expect("a burst").len(), extractor.names().len());
        rows.bench_function(name, |b| b.iter(extract));
    }
    rows.finish();
}

/// The joint fit of all impairments to one burst whose waveform is known: the preamble of 802.11, and 8192 samples of QPSK.
fn impairments(c: &mut Criterion) {
    let mut rng = sim::rng(1);
    let wifi = Reference::wifi().expect("the training fields are a reference");
    let qpsk =
        SingleCarrier::default().modulate(&random_symbols(&mut rng, 4096, 4)).expect("a default waveform");
    let qpsk = Reference::new(&qpsk[..8192], 0..8192, SAMPLE_RATE).expect("a reference");
    for (name, reference) in [("802.11", wifi), ("qpsk", qpsk)] {
        let radio = Impairments {
            cfo: 1e-3 * reference.sample_rate(),
            tx_iq: IqImbalance { gain_db: 0.3, phase: 0.02 },
            iq_offset: Complex32::new(0.05, 0.0),
            ..Impairments::default()
        };
        let mut x = reference.samples().to_vec();
        radio.transmit(&mut x, reference.sample_rate(), &mut rng).expect("possible impairments");
        let noise = sim::noise(&mut rng, x.len(), 1e-2 * sim::power(&x));
        x.iter_mut().zip(noise).for_each(|(x, n)| *x += n);
        let used = reference.used();
        let mut estimator = Estimator::new(reference, &Config::default()).expect("a configuration");
        let got = estimator.fit(&x, used.start).expect("a burst").get(Impairment::IqGain).expect("an image");
        assert!((got.value - 0.3).abs() < 0.3, "fast and wrong: {got:?}");
        let mut rows = c.benchmark_group(format!("impairments/{name}/{}", used.len()));
        rows.throughput(Throughput::Elements(1));
        rows.bench_function("fit", |b| b.iter(|| estimator.fit(black_box(&x), used.start)));
        rows.finish();
    }
}

/// Eight transmitters: learning from 160 bursts, and all scores of one.
fn classification(c: &mut Criterion) {
    let names: Vec<String> = (0..8).map(|t| format!("transmitter {t}")).collect();
    let mut vectors = Vec::new();
    for seed in 0..8 {
        let config = FingerprintConfig::default();
        let got = measure(&scene(seed), SAMPLE_RATE, &config, &Backend::default()).expect("finite samples");
        vectors.extend(got.bursts.iter().map(Vector::values).map(|values| (seed as usize, values)));
    }
    let example = |(t, features): &'_ (usize, Vec<Option<f64>>)| (names[*t].clone(), features.clone());
    let owned: Vec<_> = vectors.iter().map(example).collect();
    let examples: Vec<Example> =
        owned.iter().map(|(emitter, features)| Example { emitter, recording: emitter, features }).collect();
    for method in Method::ALL {
        let model = method.fit(&examples).expect("measured vectors");
        let best = |features: &[Option<f64>]| {
            let scores = model.scores(features);
            scores.into_iter().max_by(|a, b| a.evidence.total_cmp(&b.evidence)).map(|s| s.emitter)
        };
        let right = vectors.iter().filter(|(t, features)| best(features) == Some(*t)).count();
        assert!(right * 10 >= vectors.len() * 9, "{method:?}: {right} of {}", vectors.len());
        let mut rows = c.benchmark_group(format!("classify/{method:?}"));
        rows.throughput(Throughput::Elements(examples.len() as u64));
        rows.bench_function("fit", |b| b.iter(|| method.fit(black_box(&examples))));
        rows.throughput(Throughput::Elements(1));
        rows.bench_function("scores", |b| b.iter(|| model.scores(black_box(&vectors[5].1))));
        rows.finish();
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = detection, features, impairments, classification
}
criterion_main!(all);
