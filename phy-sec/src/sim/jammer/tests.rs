//! Each jammer against what it claims: power ratio, band, timing.

use std::f64::consts::TAU;

use rustfft::FftPlanner;

use super::*;
use crate::sim::{noise, phasor, rng};

const RATE: f64 = 1e6;

/// Power per bin of the whole block, ascending frequency from `-RATE / 2`, summing to the mean power.
fn spectrum(x: &[Complex32]) -> Vec<f64> {
    let n = x.len();
    let mut bins = x.to_vec();
    FftPlanner::new().plan_fft_forward(n).process(&mut bins);
    bins.rotate_right(n / 2);
    bins.iter().map(|x| f64::from(x.norm_sqr()) / (n * n) as f64).collect()
}

/// Fraction of the power within the bands, each widened by `margin` on both sides.
fn share(x: &[Complex32], bands: &[(f64, f64)], margin: f64) -> f64 {
    let power = spectrum(x);
    let frequency = |k: usize| (k as f64 / power.len() as f64 - 0.5) * RATE;
    let total: f64 = power.iter().sum();
    let inside = |f: f64| bands.iter().any(|(low, high)| (low - margin..=high + margin).contains(&f));
    power.iter().enumerate().filter(|(k, _)| inside(frequency(*k))).map(|(_, p)| p).sum::<f64>() / total
}

/// Frames of a chirp-like victim, 2000 samples each, starting at 1000, 5000, 9000, ...
fn frames(n: usize) -> Vec<Complex32> {
    (0..n)
        .map(|i| match i.checked_sub(1000).map(|i| i % 4000) {
            Some(k) if k < 2000 => 0.5 * phasor(1e-4 * (k * k) as f64),
            _ => Complex32::ZERO,
        })
        .collect()
}

fn barrage() -> Box<Jammer> {
    Box::new(Jammer::Barrage)
}

fn every_kind() -> Vec<Jammer> {
    vec![
        Jammer::Barrage,
        Jammer::PartialBand { center: 1e5, bandwidth: 2e5 },
        Jammer::Tone { frequency: -123_456.0 },
        Jammer::MultiTone { frequencies: vec![-2e5, 0.0, 3e5] },
        Jammer::Sweep { shape: SweepShape::Linear, from: -3e5, to: 3e5, period: 5e-3 },
        Jammer::Sweep { shape: SweepShape::Sawtooth, from: -3e5, to: 3e5, period: 1e-3 },
        Jammer::Sweep { shape: SweepShape::Triangular, from: 3e5, to: -1e5, period: 2e-3 },
        Jammer::Pulsed { period: 1e-3, duty: 0.25, of: barrage() },
        Jammer::Hopping { channels: vec![-3e5, -1e5, 1e5, 3e5], dwell: 5e-4, bandwidth: 2e4 },
        Jammer::Reactive { delay: 1e-4, duration: 5e-4, of: barrage() },
        Jammer::Pilots { frequencies: vec![-2e5, 2e5], bandwidth: 1e4 },
        Jammer::Preambles { schedule: Schedule::Bursts, duration: 3e-4, of: barrage() },
        Jammer::Replay { delay: 5e-4 },
        Jammer::Window { start: 2e-3, duration: 4e-3, of: Box::new(Jammer::Tone { frequency: 0.0 }) },
    ]
}

/// The ratio, of powers measured after mixing, for every kind and both references.
#[test]
fn the_ratio_is_the_one_stated() {
    let victim = frames(20_000);
    for jammer in every_kind() {
        for db in [-10.0, 0.0, 15.0] {
            let mixed = mix(&victim, &jammer, Ratio::Jsr(db), RATE, &mut rng(1)).unwrap();
            let got = 10.0 * (power_while_on(&mixed.jammer) / power_while_on(&victim)).log10();
            assert!((got - db).abs() < 0.01, "{}: {got} for {db}", jammer.name());
            let sum: Vec<_> = victim.iter().zip(&mixed.jammer).map(|(v, j)| v + j).collect();
            assert_eq!(sum, mixed.samples);

            let mixed = mix(&victim, &jammer, Ratio::MeanJsr(db), RATE, &mut rng(1)).unwrap();
            let got = 10.0 * (power(&mixed.jammer) / power_while_on(&victim)).log10();
            assert!((got - db).abs() < 0.01, "{}: {got} for {db}", jammer.name());

            let ratio = Ratio::Jnr { db, noise_power: 0.01 };
            let mixed = mix(&victim, &jammer, ratio, RATE, &mut rng(1)).unwrap();
            let got = 10.0 * (power_while_on(&mixed.jammer) / 0.01).log10();
            assert!((got - db).abs() < 0.01, "{}: {got} for {db}", jammer.name());
        }
    }
}

/// 98 % of the power within the stated bands. What is switched or swept spreads a little beyond them.
#[test]
fn the_band_is_the_one_stated() {
    let victim = frames(50_000);
    for (jammer, margin, least) in [
        (Jammer::PartialBand { center: 1e5, bandwidth: 2e5 }, 20.0, 0.999_999),
        (Jammer::Pilots { frequencies: vec![-2e5, 2e5], bandwidth: 1e4 }, 20.0, 0.999_999),
        (Jammer::Tone { frequency: -1e5 }, 20.0, 0.999_999),
        (Jammer::MultiTone { frequencies: vec![-2e5, 0.0, 3e5] }, 20.0, 0.999_999),
        (Jammer::Sweep { shape: SweepShape::Linear, from: -3e5, to: 1e5, period: 5e-2 }, 0.0, 0.98),
        (Jammer::Sweep { shape: SweepShape::Sawtooth, from: -3e5, to: 1e5, period: 5e-3 }, 5e3, 0.98),
        (Jammer::Sweep { shape: SweepShape::Triangular, from: 1e5, to: -3e5, period: 1e-2 }, 5e3, 0.98),
        (Jammer::Hopping { channels: vec![-3e5, 1e5], dwell: 5e-3, bandwidth: 0.0 }, 5e3, 0.98),
        (Jammer::Hopping { channels: vec![-3e5, 1e5, 2e5], dwell: 5e-3, bandwidth: 2e4 }, 5e3, 0.98),
    ] {
        let x = jammer.generate(&victim, RATE, &mut rng(2)).unwrap();
        let got = share(&x, &jammer.bands(RATE), margin);
        assert!(got > least, "{}: {got}", jammer.name());
    }
    // Within its band a partial-band jammer is flat: both halves alike to the scatter of 5,000 bins each.
    let jammer = Jammer::PartialBand { center: 1e5, bandwidth: 2e5 };
    let half = share(&jammer.generate(&victim, RATE, &mut rng(3)).unwrap(), &[(0.0, 1e5)], 0.0);
    assert!((half - 0.5).abs() < 4.5 * 0.5 / 1e4f64.sqrt(), "{half}");
    // And barrage over the whole of it.
    let half = share(&Jammer::Barrage.generate(&victim, RATE, &mut rng(3)).unwrap(), &[(0.0, 5e5)], 0.0);
    assert!((half - 0.5).abs() < 4.5 * 0.5 / 5e4f64.sqrt(), "{half}");
}

/// The instantaneous frequency of the three sweeps, from the phase step, at known times.
#[test]
fn sweeps_are_where_they_should_be() {
    let step = |shape, t: f64| {
        let jammer = Jammer::Sweep { shape, from: -2e5, to: 2e5, period: 1e-2 };
        let x = jammer.generate(&vec![Complex32::ZERO; 30_000], RATE, &mut rng(1)).unwrap();
        let n = (t * RATE) as usize;
        f64::from((x[n + 1] * x[n].conj()).arg()) / TAU * RATE
    };
    for (shape, t, want) in [
        (SweepShape::Sawtooth, 0.0, -2e5),
        (SweepShape::Sawtooth, 5e-3, 0.0),
        (SweepShape::Sawtooth, 1.25e-2, -1e5),
        (SweepShape::Triangular, 2.5e-3, 0.0),
        (SweepShape::Triangular, 5e-3, 2e5),
        (SweepShape::Triangular, 7.5e-3, 0.0),
        (SweepShape::Linear, 7.5e-3, 1e5),
    ] {
        assert!((step(shape, t) - want).abs() < 100.0, "{shape:?} {t}: {}", step(shape, t));
    }
    let once = Jammer::Sweep { shape: SweepShape::Linear, from: 0.0, to: 1e5, period: 1e-2 };
    let mixed = mix(&frames(30_000), &once, Ratio::Jsr(0.0), RATE, &mut rng(1)).unwrap();
    assert_eq!(mixed.active, vec![Range { start: 0, end: 10_000 }]);
}

#[test]
fn switched_jammers_are_on_when_they_should_be() {
    let victim = frames(20_000);
    let active = |jammer: &Jammer| mix(&victim, jammer, Ratio::Jsr(0.0), RATE, &mut rng(1)).unwrap().active;
    let every = |first: usize, step: usize, len: usize| -> Vec<_> {
        (first..20_000).step_by(step).map(|s| s..(s + len).min(20_000)).collect()
    };
    assert_eq!(active(&Jammer::Pulsed { period: 1e-3, duty: 0.25, of: barrage() }), every(0, 1000, 250));
    // After the victim's preamble of 100 µs, for half a millisecond.
    assert_eq!(
        active(&Jammer::Reactive { delay: 1e-4, duration: 5e-4, of: barrage() }),
        every(1100, 4000, 500)
    );
    let preambles = Jammer::Preambles { schedule: Schedule::Bursts, duration: 3e-4, of: barrage() };
    assert_eq!(active(&preambles), every(1000, 4000, 300));
    let periodic = Schedule::Periodic { period: 5e-3, offset: 1e-3 };
    let preambles = Jammer::Preambles { schedule: periodic, duration: 1e-4, of: barrage() };
    assert_eq!(active(&preambles), every(1000, 5000, 100));
    assert_eq!(
        active(&Jammer::Window { start: 2e-3, duration: 4e-3, of: barrage() }),
        vec![Range { start: 2000, end: 6000 }]
    );
    // Nothing to react to, nothing sent.
    let reactive = Jammer::Reactive { delay: 0.0, duration: 1e-3, of: barrage() };
    let mixed = mix(
        &vec![Complex32::ZERO; 100],
        &reactive,
        Ratio::Jnr { db: 0.0, noise_power: 1.0 },
        RATE,
        &mut rng(1),
    );
    assert!(mixed.unwrap().active.is_empty());
}

/// A burst start in 20 dB of noise is found within the detector's averaging length.
#[test]
fn a_reactive_jammer_hears_through_noise() {
    let victim: Vec<_> =
        frames(20_000).iter().zip(noise(&mut rng(5), 20_000, 0.0025)).map(|(x, w)| x + w).collect();
    let jammer = Jammer::Reactive { delay: 1e-4, duration: 5e-4, of: barrage() };
    let active = mix(&victim, &jammer, Ratio::Jsr(0.0), RATE, &mut rng(1)).unwrap().active;
    assert_eq!(active.len(), 5);
    for (run, start) in active.iter().zip([1100usize, 5100, 9100, 13_100, 17_100]) {
        assert!(run.start.abs_diff(start) <= 16, "{run:?} {start}");
    }
}

/// A tone that hops: on each dwell one channel, never the same twice in a row, all of them used.
#[test]
fn hops_visit_every_channel() {
    let channels = vec![-3e5, -1e5, 1e5, 3e5];
    let jammer = Jammer::Hopping { channels: channels.clone(), dwell: 5e-4, bandwidth: 0.0 };
    let x = jammer.generate(&vec![Complex32::ZERO; 50_000], RATE, &mut rng(6)).unwrap();
    let visited: Vec<_> = x
        .chunks(500)
        .map(|x| {
            let f = f64::from((x[300] * x[299].conj()).arg()) / TAU * RATE;
            channels.iter().position(|c| (c - f).abs() < 1e3).expect("a channel")
        })
        .collect();
    assert!(visited.windows(2).all(|w| w[0] != w[1]));
    for channel in 0..4 {
        // 100 hops: 25 expected, standard deviation below 4.4.
        let count = visited.iter().filter(|v| **v == channel).count();
        assert!((10..=40).contains(&count), "{count}");
    }
}

#[test]
fn a_replay_is_the_victim_later() {
    let victim = frames(20_000);
    let mixed = mix(&victim, &Jammer::Replay { delay: 5e-4 }, Ratio::Jsr(6.0), RATE, &mut rng(1)).unwrap();
    let gain = mixed.jammer[1600] / victim[1100];
    assert!((20.0 * f64::from(gain.norm()).log10() - 6.0).abs() < 0.1);
    for i in 500..20_000 {
        assert!((mixed.jammer[i] - gain * victim[i - 500]).norm() < 1e-4);
    }
}

#[test]
fn configuration_is_checked() {
    let victim = frames(5000);
    for (jammer, field) in [
        (Jammer::Tone { frequency: 6e5 }, "frequency"),
        (Jammer::Tone { frequency: f64::NAN }, "frequency"),
        (Jammer::PartialBand { center: 4.9e5, bandwidth: 1e5 }, "center"),
        (Jammer::MultiTone { frequencies: vec![] }, "frequencies"),
        (Jammer::Sweep { shape: SweepShape::Linear, from: 0.0, to: 1e5, period: 0.0 }, "period"),
        (Jammer::Pulsed { period: 1e-3, duty: 1.5, of: barrage() }, "duty"),
        (
            Jammer::Pulsed { period: 1e-3, duty: 0.5, of: Box::new(Jammer::Tone { frequency: 1e9 }) },
            "frequency",
        ),
        (Jammer::Hopping { channels: vec![0.0], dwell: -1.0, bandwidth: 0.0 }, "dwell"),
    ] {
        let err = mix(&victim, &jammer, Ratio::Jsr(0.0), RATE, &mut rng(1)).unwrap_err();
        assert!(err.to_string().starts_with(field), "{err}");
    }
    let silent = vec![Complex32::ZERO; 10];
    let err = mix(&silent, &Jammer::Barrage, Ratio::Jsr(0.0), RATE, &mut rng(1)).unwrap_err();
    assert_eq!(err.to_string(), "victim must be a signal with power, to relate the jammer to, got 0");
    assert!(mix(&[], &Jammer::Barrage, Ratio::Jnr { db: 0.0, noise_power: 1.0 }, RATE, &mut rng(1)).is_ok());
    assert!(mix(&victim, &Jammer::Barrage, Ratio::Jsr(f64::NAN), RATE, &mut rng(1)).is_err());
    assert!(mix(&victim, &Jammer::Barrage, Ratio::Jsr(0.0), 0.0, &mut rng(1)).is_err());
    let mut deep = Jammer::Barrage;
    for _ in 0..20 {
        deep = Jammer::Pulsed { period: 1e-3, duty: 0.5, of: Box::new(deep) };
    }
    assert!(mix(&victim, &deep, Ratio::Jsr(0.0), RATE, &mut rng(1)).is_err());
    let read =
        r#"{"kind": "pulsed", "period": 0.001, "duty": 0.5, "of": {"kind": "tone", "frequency": 1e3}}"#;
    let want = Jammer::Pulsed { period: 1e-3, duty: 0.5, of: Box::new(Jammer::Tone { frequency: 1e3 }) };
    assert_eq!(serde_json::from_str::<Jammer>(read).unwrap(), want);
    assert!(serde_json::from_str::<Jammer>(r#"{"kind": "tone", "frequency": 1, "power": 2}"#).is_err());
    for jammer in every_kind() {
        let text = serde_json::to_string(&jammer).unwrap();
        assert!(text.contains(jammer.name()));
        assert_eq!(serde_json::from_str::<Jammer>(&text).unwrap(), jammer);
    }
}
