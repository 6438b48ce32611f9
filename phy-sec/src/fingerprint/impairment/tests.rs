use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::sim;

mod scene;
use scene::{NAMES, Scene, Truth};

const RATE: f64 = 20e6;

fn qpsk(samples: usize, seed: u64) -> Scene {
    let mut rng = sim::rng(seed);
    Scene::qpsk(samples, RATE, || rng.random::<bool>())
}

/// A radio of common quality: 50 kHz, a third of a sample, 20 ppm, -26 dB of leakage, half a decibel and three degrees.
fn radio(rng: &mut ChaCha8Rng) -> Truth {
    let mut within = |most: f64| rng.random_range(-most..most);
    let mut truth = [
        within(50e3),
        within(0.5) / RATE,
        within(1e8),
        within(40.0),
        within(0.05),
        within(0.05),
        within(1.0),
        within(0.06),
        0.0,
        0.0,
    ];
    let gain = Complex64::from_polar(0.3, within(3.1));
    (truth[8], truth[9]) = (gain.re, gain.im);
    truth
}

fn reference(scene: &Scene) -> Reference {
    Reference::new(&scene.samples, scene.used.clone(), scene.sample_rate).unwrap()
}

/// The noiseless burst with `lead` samples before it, and noise of `variance`.
fn burst(
    scene: &Scene,
    clean: &[Complex64],
    lead: usize,
    variance: f64,
    rng: &mut ChaCha8Rng,
) -> Vec<Complex32> {
    let mut x = sim::noise(rng, scene.samples.len() + 2 * lead, variance);
    for (x, y) in x[lead + scene.used.start..].iter_mut().zip(clean) {
        *x += Complex32::new(y.re as f32, y.im as f32);
    }
    x
}

fn value(got: &Impairments, name: &str) -> Estimate {
    let which = Impairment::ALL.iter().find(|which| which.name() == name).unwrap();
    got.get(*which).unwrap()
}

/// Without noise every parameter comes back: the model is that of the definition, to the rounding of the samples.
#[test]
fn a_noiseless_burst_gives_every_parameter_back() {
    let mut rng = sim::rng(11);
    for seed in 0..6 {
        let scene = qpsk(320, seed);
        let mut estimator = Estimator::new(reference(&scene), &Config::default()).unwrap();
        let truth = radio(&mut rng);
        let x = burst(&scene, &scene.received(&truth), 20, 0.0, &mut rng);
        let got = estimator.fit(&x, 20).unwrap();
        let tolerance = [0.5, 2e-12, 1e6, 0.2, 1e-5, 1e-5, 1e-4, 1e-5];
        for ((name, truth), tolerance) in NAMES.iter().zip(truth).zip(tolerance) {
            let got = value(&got, name).value;
            assert!((got - truth).abs() < tolerance, "{name}: {got}, the truth is {truth}");
        }
        assert_eq!(got.start, 20);
        let gain = Complex64::new(truth[8], truth[9]);
        assert!((got.gain - gain).norm() < 1e-4, "{} {gain}", got.gain);
    }
}

/// At 10 dB and at 30 dB the mean square errors are within 0.5 dB of the Cramér-Rao bound, and 68 % of the truths within one
/// standard error, ±3 points (three sigma of what this many runs can tell is 2.9 points).
#[test]
fn errors_are_at_the_bound_and_error_bars_are_honest() {
    const RUNS: usize = 2400;
    let scene = qpsk(160, 5);
    let mut estimator = Estimator::new(reference(&scene), &Config::default()).unwrap();
    for snr_db in [10.0, 30.0] {
        let mut rng = sim::rng(snr_db as u64);
        let (mut square, mut inside) = ([0.0; 8], [0usize; 8]);
        for _ in 0..RUNS / 300 {
            let truth = radio(&mut rng);
            let clean = scene.received(&truth);
            let power = clean.iter().map(|y| y.norm_sqr()).sum::<f64>() / clean.len() as f64;
            let variance = power / sim::from_db(snr_db);
            let bound = scene.bound(&truth, variance);
            for _ in 0..300 {
                let x = burst(&scene, &clean, 10, variance, &mut rng);
                let got = estimator.fit(&x, 10).unwrap();
                for (i, name) in NAMES.iter().enumerate() {
                    let got = value(&got, name);
                    let off = got.value - truth[i];
                    square[i] += (off / bound[i]).powi(2);
                    inside[i] += usize::from(off.abs() < got.standard_error.unwrap());
                }
            }
        }
        for (i, name) in NAMES.iter().enumerate() {
            let over = 10.0 * (square[i] / RUNS as f64).log10();
            let share = inside[i] as f64 / RUNS as f64;
            assert!(over.abs() < 0.5, "{snr_db} dB, {name}: {over:.2} dB over the bound");
            assert!((share - 0.6827).abs() < 0.03, "{snr_db} dB, {name}: {share:.3} inside");
        }
    }
}

fn noisy(s: &[Complex32], variance: f64, seed: u64) -> Vec<Complex32> {
    let noise = sim::noise(&mut sim::rng(seed), s.len() + 40, variance);
    let mut x = noise;
    x[20..].iter_mut().zip(s).for_each(|(x, s)| *x += s);
    x
}

fn missing(s: &[Complex32], config: &Config) -> Vec<&'static str> {
    let reference = Reference::new(s, 0..s.len(), 1e6).unwrap();
    let got = Estimator::new(reference, config).unwrap().fit(&noisy(s, 1e-3, 1), 20).unwrap();
    let none = |which: &&Impairment| got.get(**which) == Err(Missing::NotIdentifiable);
    Impairment::ALL.iter().filter(none).map(|which| which.name()).collect()
}

/// A real constellation is its own conjugate: no image. A tone that is late or fast is one that is turned or of another frequency. With
/// no carrier offset, DC is leakage.
#[test]
fn what_a_waveform_cannot_show_has_no_value() {
    let optional = ["dc_i", "dc_q", "am_am_db", "am_pm"];
    let bpsk: Vec<Complex32> = qpsk(320, 1).samples.iter().map(|s| Complex32::new(s.re, 0.0)).collect();
    assert_eq!(missing(&bpsk, &Config::default()), [&["iq_gain_db", "iq_phase"], &optional[..]].concat());
    assert_eq!(missing(&qpsk(320, 1).samples, &Config::default()), optional);
    let both = Config { amplifier: true, dc: true, ..Config::default() };
    assert_eq!(missing(&qpsk(320, 1).samples, &both), ["dc_i", "dc_q"]);
    let tone: Vec<Complex32> = (0..512)
        .map(|n| {
            let end = (f64::from(n.min(511 - n)) / 128.0).min(1.0);
            let z = Complex64::cis(0.3 * f64::from(n)) * (std::f64::consts::FRAC_PI_2 * end).sin().powi(2);
            Complex32::new(z.re as f32, z.im as f32)
        })
        .collect();
    let reference = Reference::new(&tone, 160..352, 1e6).unwrap();
    let mut estimator = Estimator::new(reference, &Config::default()).unwrap();
    let got = estimator.fit(&noisy(&tone, 1e-3, 1), 20 + 160).unwrap();
    for which in [Impairment::Delay, Impairment::Sfo] {
        assert_eq!(got.get(which), Err(Missing::NotIdentifiable), "{which:?}");
    }
    assert!(got.get(Impairment::Cfo).is_ok() && got.get(Impairment::IqGain).is_ok());
}

/// The cubic amplifier of the simulator: at the greatest amplitude the gain is `1 - third r²` in dB. White phase noise of 0.05 rad. The receiver's DC, told from the leakage by the carrier offset.
#[test]
fn amplifier_dc_and_phase_noise_are_found() {
    let scene = qpsk(640, 3);
    let mut rng = sim::rng(4);
    let mut truth = radio(&mut rng);
    (truth[0], truth[8], truth[9]) = (240e3, 1.0, 0.0);
    let third = 0.02;
    let clean: Vec<Complex64> = scene
        .received(&truth)
        .iter()
        .map(|u| u * (1.0 - third * u.norm_sqr()) + Complex64::new(0.02, 0.03))
        .collect();
    let config = Config { dc: true, amplifier: true, ..Config::default() };
    let mut estimator = Estimator::new(reference(&scene), &config).unwrap();
    let got = estimator.fit(&burst(&scene, &clean, 20, 1e-3, &mut rng), 20).unwrap();
    let am_am = 20.0 * (1.0 - third * estimator.reference().peak().powi(2)).log10();
    let wanted = [("am_am_db", am_am), ("am_pm", 0.0), ("dc_i", 0.02), ("dc_q", 0.03)];
    for (name, want) in wanted.into_iter().chain(NAMES.into_iter().zip(truth)) {
        let got = value(&got, name);
        let error = got.standard_error.unwrap();
        assert!((got.value - want).abs() < 4.0 * error, "{name}: {got:?}, the truth is {want}");
    }
    assert!(value(&got, "am_am_db").standard_error.unwrap() < 0.1);
    assert_eq!(got.get(Impairment::PhaseNoise), Err(Missing::BelowNoise));

    let jitter: Vec<Complex64> = clean
        .iter()
        .map(|y| y * Complex64::cis(0.05 * rng.sample::<f64, _>(rand_distr::StandardNormal)))
        .collect();
    let got = estimator.fit(&burst(&scene, &jitter, 20, 1e-3, &mut rng), 20).unwrap();
    let phase = value(&got, "phase_noise");
    assert!((phase.value - 0.05).abs() < 3.0 * phase.standard_error.unwrap(), "{phase:?}");
    assert!(phase.standard_error.unwrap() < 0.01);
}

/// Only noise at 25 dB: the error vector is the noise, half along and half across.
#[test]
fn the_error_vector_of_noise_is_the_noise() {
    let scene = qpsk(640, 8);
    let mut estimator = Estimator::new(reference(&scene), &Config::default()).unwrap();
    let truth = [1e3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let clean = scene.received(&truth);
    let power = clean.iter().map(|y| y.norm_sqr()).sum::<f64>() / clean.len() as f64;
    let got =
        estimator.fit(&burst(&scene, &clean, 20, power / sim::from_db(25.0), &mut sim::rng(2)), 20).unwrap();
    let evm = sim::from_db(-25.0).sqrt();
    for (name, want) in [
        ("evm", evm),
        ("evm_magnitude", evm / 2f64.sqrt()),
        ("evm_phase", evm / 2f64.sqrt()),
        ("snr_db", 25.0),
    ] {
        let got = value(&got, name);
        assert!((got.value - want).abs() < 3.5 * got.standard_error.unwrap(), "{name}: {got:?}, not {want}");
    }
}

/// The training fields of 802.11, late by ten and a half samples and 180 kHz off.
#[test]
fn a_frame_of_802_11_is_found_and_measured() {
    let known = Reference::wifi().unwrap();
    let scene = Scene { samples: known.samples().to_vec(), used: known.used(), sample_rate: RATE };
    let truth = [180e3, 0.5 / RATE, 0.0, 15.0, 0.02, -0.03, 0.5, 0.03, 0.1, 0.2];
    let mut x = sim::noise(&mut sim::rng(3), 600, 5e-5);
    for (x, y) in x[110 + scene.used.start..].iter_mut().zip(scene.received(&truth)) {
        *x += Complex32::new(y.re as f32, y.im as f32);
    }
    let mut estimator = Estimator::new(known, &Config { search: 40, ..Config::default() }).unwrap();
    let got = estimator.fit(&x, 100 + scene.used.start).unwrap();
    for (name, mut want) in NAMES.into_iter().zip(truth) {
        want += if name == "delay" { 10.0 / RATE } else { 0.0 };
        let got = value(&got, name);
        assert!((got.value - want).abs() < 4.0 * got.standard_error.unwrap(), "{name}: {got:?}, not {want}");
    }

    // Two of them, in a longer stretch of noise, without being told where.
    let mut long = sim::noise(&mut sim::rng(4), 700, 5e-5);
    long.extend_from_slice(&x);
    long.extend_from_slice(&x);
    let found = estimator.find(&long).unwrap();
    assert_eq!(found.len(), 2);
    for (burst, lead) in found.iter().zip([700, 1300]) {
        // Half a sample late: either neighbour is the nearest.
        let late = burst.start - (lead + 110 + scene.used.start);
        let delay = value(burst, "delay").value * RATE + late as f64;
        assert!(late <= 1 && (delay - 0.5).abs() < 0.02, "{late} {delay}");
    }
    assert!(Reference::wifi_at(20.001e6).is_ok() && Reference::wifi_at(1e6).is_err());
    assert!(estimator.find(&long[..700]).unwrap().is_empty() && estimator.find(&[]).unwrap().is_empty());
}

#[test]
fn bad_input_is_an_error_and_noise_is_no_burst() {
    let scene = qpsk(320, 1);
    let mut estimator = Estimator::new(reference(&scene), &Config::default()).unwrap();
    let mut errors = |x: &[Complex32], start: usize| estimator.fit(x, start).unwrap_err().to_string();
    assert_eq!(
        errors(&scene.samples[..319], 0),
        "the fit of a reference needs at least 320 samples, got 319"
    );
    assert!(errors(&scene.samples, 9).contains("at least 321 samples"));
    assert!(errors(&scene.samples, usize::MAX).contains("samples"));
    assert!(errors(&[Complex32::ZERO; 400], 10).contains("power"));
    let mut x = scene.samples.clone();
    x[7].re = f32::NAN;
    assert!(errors(&x, 0).contains("index 7"));
    x[7] = Complex32::new(f32::MAX, 0.0);
    assert!(errors(&x, 0).contains("power"));
    for seed in 0..50 {
        let noise = sim::noise(&mut sim::rng(seed), 400, 1.0);
        let got = estimator.fit(&noise, 10).unwrap();
        assert!(got.values.iter().all(|value| *value == Err(Missing::BelowNoise)), "{seed}: {got:?}");
    }
    // The burst itself, without any noise, and one that hardly differs from it.
    let got = estimator.fit(&scene.samples, 0).unwrap();
    assert!(got.get(Impairment::Cfo).unwrap().value.abs() < 1e-2);
    assert!(Estimator::new(reference(&scene), &Config { search: 1 << 17, ..Config::default() }).is_err());
}
