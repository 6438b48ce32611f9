//! The joint fit of a transmitter's impairments against the Cramér-Rao bound, how honest its standard errors are, and how fast it is:
//! the tables of `docs/results/impairments.md`.
//!
//! ```text
//! cargo run --release -p phy-sec --no-default-features --example impairments
//! ```

use std::time::Instant;

use num_complex::{Complex32, Complex64};
use phy_sec::{
    fingerprint::impairment::{Config, Estimator, Impairment, Reference},
    sim,
};
use rand::RngExt;

#[path = "../src/fingerprint/impairment/tests/scene.rs"]
mod scene;
use scene::{NAMES, Scene, Truth};

const RATE: f64 = 20e6;

fn main() {
    let mut rng = sim::rng(1);
    let mut qpsk = |samples| Scene::qpsk(samples, RATE, || rng.random::<bool>());
    let wifi = Reference::wifi().expect("the training fields are a reference");
    let wifi = Scene { samples: wifi.samples().to_vec(), used: wifi.used(), sample_rate: RATE };
    // Name, waveform, radios, bursts of each.
    let scenes = [
        ("802.11 training fields, 288 samples", wifi, 20, 500),
        ("QPSK, 320 samples", qpsk(320), 20, 500),
        ("QPSK, 8192 samples", qpsk(8192), 8, 250),
    ];
    for (name, scene, radios, bursts) in &scenes {
        against_the_bound(name, scene, *radios, *bursts);
    }
    println!("| bursts per second of one core | default | with DC and amplifier |\n| --- | --- | --- |");
    for (name, scene, ..) in &scenes {
        let both = Config { dc: true, amplifier: true, ..Config::default() };
        println!("| {name} | {:.0} | {:.0} |", speed(scene, &Config::default()), speed(scene, &both));
    }
}

fn reference(scene: &Scene) -> Reference {
    Reference::new(&scene.samples, scene.used.clone(), scene.sample_rate).expect("a reference")
}

/// Offsets as radios of common quality have them.
fn radio(rng: &mut impl RngExt, samples: usize) -> Truth {
    let mut within = |most: f64| rng.random_range(-most..most);
    // A slope that turns the longest burst by a fraction of a turn.
    let drift = 0.2 * (RATE / samples as f64).powi(2);
    let gain = Complex64::from_polar(0.3, within(3.1));
    [
        within(50e3),
        within(0.5) / RATE,
        within(drift),
        within(40.0),
        within(0.05),
        within(0.05),
        within(1.0),
        within(0.06),
        gain.re,
        gain.im,
    ]
}

fn received(
    scene: &Scene,
    clean: &[Complex64],
    variance: f64,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> Vec<Complex32> {
    let mut x = sim::noise(rng, scene.samples.len() + 20, variance);
    for (x, y) in x[10 + scene.used.start..].iter_mut().zip(clean) {
        *x += Complex32::new(y.re as f32, y.im as f32);
    }
    x
}

fn power(clean: &[Complex64]) -> f64 {
    clean.iter().map(|y| y.norm_sqr()).sum::<f64>() / clean.len() as f64
}

fn against_the_bound(name: &str, scene: &Scene, radios: usize, bursts: usize) {
    println!("**{name}**, {} bursts for each row\n", radios * bursts);
    println!("| SNR | {} |\n| --- |{}", NAMES.join(" | "), " --- |".repeat(NAMES.len()));
    let mut estimator = Estimator::new(reference(scene), &Config::default()).expect("a configuration");
    let mut rng = sim::rng(2);
    let radios: Vec<(Truth, Vec<Complex64>, [f64; 8])> = (0..radios)
        .map(|_| {
            let truth = radio(&mut rng, scene.used.len());
            let clean = scene.received(&truth);
            let bound = scene.bound(&truth, 1.0);
            (truth, clean, bound)
        })
        .collect();
    for snr_db in [0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0] {
        let (mut square, mut inside, mut found) = ([0.0; 8], [0usize; 8], 0usize);
        for (truth, clean, bound) in &radios {
            let variance = power(clean) / sim::from_db(snr_db);
            for _ in 0..bursts {
                let x = received(scene, clean, variance, &mut rng);
                let got = estimator.fit(&x, 10 + scene.used.start).expect("finite samples");
                found += usize::from(got.get(Impairment::Cfo).is_ok());
                for (i, name) in NAMES.iter().enumerate() {
                    let which = Impairment::ALL.iter().find(|which| which.name() == *name);
                    let Some(Ok(got)) = which.map(|which| got.get(*which)) else { continue };
                    let off = got.value - truth[i];
                    square[i] += (off / bound[i]).powi(2) / variance;
                    inside[i] += usize::from(got.standard_error.is_some_and(|error| off.abs() < error));
                }
            }
        }
        let cell = |i: usize| {
            let over = 10.0 * (square[i] / found as f64).log10();
            format!("{over:+.2} dB, {:.1} %", 100.0 * inside[i] as f64 / found as f64)
        };
        let cells: Vec<String> = (0..NAMES.len()).map(cell).collect();
        println!("| {snr_db} dB | {} |", cells.join(" | "));
        assert_eq!(found, radios.len() * bursts, "bursts that were not found");
    }
    println!();
}

/// Bursts per second of processor time, where the system tells that of a thread (Linux), otherwise of the clock's.
fn speed(scene: &Scene, config: &Config) -> f64 {
    let mut estimator = Estimator::new(reference(scene), config).expect("a configuration");
    let mut rng = sim::rng(3);
    let clean = scene.received(&radio(&mut rng, scene.used.len()));
    let bursts: Vec<_> =
        (0..50).map(|_| received(scene, &clean, power(&clean) / sim::from_db(20.0), &mut rng)).collect();
    let clock = Instant::now();
    let now = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse::<f64>().ok());
        nanoseconds.map_or_else(|| clock.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
    };
    let rounds = (200_000 / scene.used.len() / bursts.len()).max(4);
    let began = now();
    for x in bursts.iter().cycle().take(rounds * bursts.len()) {
        let got = estimator.fit(x, 10 + scene.used.start).expect("finite samples");
        assert!(got.get(Impairment::Cfo).is_ok(), "a burst that was not found");
    }
    (rounds * bursts.len()) as f64 / (now() - began)
}
