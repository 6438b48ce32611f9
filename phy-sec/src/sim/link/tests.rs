//! What the three measure against theory.

use super::*;
use crate::sim::profile::Profile;
use crate::sim::rng;

/// Rounds so far apart that they are as good as independent, on one flat path.
fn sparse(rounds: usize) -> LinkConfig {
    let fading = FadingConfig { profile: Profile::Flat, doppler: 10.0, ..Default::default() };
    LinkConfig { fading, rounds, interval: 1.234, probing_delay: 0.0, subcarriers: 1, ..Default::default() }
}

fn correlation(a: &Csi, b: &Csi) -> Complex32 {
    let power = |c: &Csi| c.gains.iter().map(|g| g.norm_sqr()).sum::<f32>();
    let dot: Complex32 = a.gains.iter().zip(&b.gains).map(|(a, b)| a.conj() * b).sum();
    dot / (power(a) * power(b)).sqrt()
}

/// Alice and Bob: `J0(2π f_d δ)/(1 + 1/snr)`.
#[test]
fn reciprocity_is_what_delay_and_noise_leave() {
    for (probing_delay, snr_db) in [(0.0, 0.0), (0.0, 20.0), (0.01, 10.0), (0.02, 30.0), (0.0383, 30.0)] {
        let config = LinkConfig { probing_delay, snr_db, ..sparse(3000) };
        let probes = config.run(&mut rng(1)).unwrap();
        let (got, want) = (correlation(&probes.alice, &probes.bob), config.expected_correlation() as f32);
        let sigma = ((1.0 - want * want) / 1500.0).sqrt();
        assert!((got - want).norm() < 4.5 * sigma, "{probing_delay} {snr_db}: {got} {want}");
    }
}

/// Eve: `J0(2π d/λ)` over distance, including its first zero at 0.3827 λ, and any rho.
#[test]
fn eve_correlates_as_her_place_says() {
    for eve in [0.0, 0.1, 0.25, 0.38274, 0.5, 10.0]
        .map(Eve::Wavelengths)
        .into_iter()
        .chain([-0.5, 0.0, 0.5, 0.9].map(Eve::Correlation))
    {
        let config = LinkConfig { eve, eve_snr_db: 15.0, ..sparse(3000) };
        let probes = config.run(&mut rng(2)).unwrap();
        let want = config.expected_eve_correlation() as f32;
        for (ours, theory) in [(&probes.bob, want), (&probes.alice, want)] {
            let got = correlation(ours, &probes.eve);
            let sigma = ((1.0 - theory * theory) / 1500.0).sqrt();
            assert!((got - theory).norm() < 4.5 * sigma, "{eve:?}: {got} {theory}");
        }
    }
    assert!((Eve::Wavelengths(0.38274).rho()).abs() < 1e-4);
}

/// With nothing between them Alice and Bob differ by two independent noises, Eve's is a third.
#[test]
fn noises_are_independent() {
    let config = LinkConfig { snr_db: 10.0, eve_snr_db: 10.0, eve: Eve::Correlation(1.0), ..sparse(3000) };
    let probes = config.run(&mut rng(3)).unwrap();
    for (a, b) in [(&probes.alice, &probes.bob), (&probes.alice, &probes.eve), (&probes.bob, &probes.eve)] {
        let difference =
            a.gains.iter().zip(&b.gains).map(|(a, b)| f64::from((a - b).norm_sqr())).sum::<f64>() / 3000.0;
        assert!((difference / 0.2 - 1.0).abs() < 4.5 / 3000f64.sqrt(), "{difference}");
    }
}

/// Alice's own gains over rounds: J0(2π f_d · interval).
#[test]
fn rounds_correlate_as_they_are_spaced() {
    let fading = FadingConfig { profile: Profile::Flat, doppler: 2.0, ..FadingConfig::default() };
    let config = LinkConfig {
        fading,
        antennas: 8,
        subcarriers: 1,
        rounds: 2000,
        snr_db: 60.0,
        ..LinkConfig::default()
    };
    let alice = config.run(&mut rng(4)).unwrap().alice.gains;
    let power: f32 = alice.iter().map(|g| g.norm_sqr()).sum::<f32>() / 2000.0;
    for lag in [1usize, 2, 3, 5] {
        let mut dot = Complex32::ZERO;
        for k in 0..2000 - lag {
            dot += (0..8).map(|a| alice[[k, 0, a]].conj() * alice[[k + lag, 0, a]]).sum::<Complex32>();
        }
        let got = dot / (2000 - lag) as f32 / power;
        let want = j0(TAU * 2.0 * 0.1 * lag as f64) as f32;
        assert!((got - want).norm() < 0.06, "{lag}: {got} {want}");
    }
}

#[test]
fn a_static_channel_stays() {
    let fading = FadingConfig { doppler: 0.0, ..FadingConfig::default() };
    let config = LinkConfig { fading, rounds: 50, snr_db: 200.0, ..LinkConfig::default() };
    let alice = config.run(&mut rng(5)).unwrap().alice.gains;
    for k in 1..50 {
        for f in 0..52 {
            assert!((alice[[k, f, 0]] - alice[[0, f, 0]]).norm() < 1e-5);
        }
    }
}

/// A ripple of 1 dB RMS and 0.1 rad RMS, measured as the ratio of two noiseless ends; carrier phases that are
/// random destroy the correlation of gains but not that of magnitudes.
#[test]
fn chains_are_as_asymmetric_as_stated() {
    let asymmetry = Asymmetry { ripple_db: 1.0, ripple_phase: 0.1, ..Default::default() };
    let (mut db, mut phase, mut n) = (0.0, 0.0, 0.0);
    for seed in 0..300 {
        let config = LinkConfig {
            asymmetry: asymmetry.clone(),
            fading: FadingConfig { profile: Profile::Flat, ..Default::default() },
            rounds: 1,
            probing_delay: 0.0,
            snr_db: 200.0,
            ..Default::default()
        };
        let probes = config.run(&mut rng(seed)).unwrap();
        for (a, b) in probes.alice.gains.iter().zip(&probes.bob.gains) {
            let ratio = a / b;
            db += f64::from(20.0 * ratio.norm().log10()).powi(2);
            phase += f64::from(ratio.arg()).powi(2);
            n += 1.0;
        }
    }
    // Two chains: √2 of one.
    assert!(((db / n).sqrt() / 2f64.sqrt() - 1.0).abs() < 0.1, "{}", (db / n).sqrt());
    assert!(((phase / n).sqrt() / 0.02f64.sqrt() - 1.0).abs() < 0.1, "{}", (phase / n).sqrt());

    let turned = Asymmetry { random_phase: true, ..Default::default() };
    let probes = LinkConfig { asymmetry: turned, ..sparse(3000) }.run(&mut rng(6)).unwrap();
    assert!(correlation(&probes.alice, &probes.bob).norm() < 5.0 / 3000f32.sqrt());
    let magnitudes = |c: &Csi| Csi { gains: c.gains.mapv(|g| Complex32::new(g.norm(), 0.0)), ..c.clone() };
    assert!(correlation(&magnitudes(&probes.alice), &magnitudes(&probes.bob)).re > 0.98);
}

/// A timing offset is a phase slope over the subcarriers.
#[test]
fn timing_tilts_the_phase() {
    let fading = FadingConfig { profile: Profile::Flat, doppler: 0.0, ..Default::default() };
    let asymmetry = Asymmetry { timing: 20e-9, ..Default::default() };
    let config = LinkConfig { fading, asymmetry, rounds: 2000, snr_db: 200.0, ..LinkConfig::default() };
    let bob = config.run(&mut rng(7)).unwrap().bob.gains;
    let rms = (0..2000)
        .map(|k| {
            let step = f64::from((bob[[k, 1, 0]] * bob[[k, 0, 0]].conj()).arg());
            (step / (TAU * config.spacing)).powi(2)
        })
        .sum::<f64>()
        .sqrt()
        / 2000f64.sqrt();
    assert!((rms / 20e-9 - 1.0).abs() < 0.08, "{rms}");
}

#[test]
fn lost_packets_leave_gaps_in_the_sequence() {
    let config = LinkConfig {
        loss: 0.2,
        interval: 0.1,
        probing_delay: 1e-3,
        subcarriers: 2,
        antennas: 3,
        ..sparse(3000)
    };
    let probes = config.run(&mut rng(8)).unwrap();
    for (csi, delay) in [(&probes.alice, 1e-3), (&probes.bob, 0.0), (&probes.eve, 0.0)] {
        let sequence = csi.sequence.as_ref().unwrap();
        let kept = sequence.len() as f64;
        assert!((kept - 2400.0).abs() < 4.5 * (3000.0f64 * 0.16).sqrt(), "{kept}");
        assert_eq!(csi.gains.dim(), (sequence.len(), 2, 3));
        assert!(sequence.windows(2).all(|w| w[0] < w[1]));
        for (t, k) in csi.time.iter().zip(sequence) {
            assert!((t - *k as f64 * 0.1 - delay).abs() < 1e-9);
        }
    }
    assert_ne!(probes.alice.sequence, probes.bob.sequence);
    let again = config.run(&mut rng(8)).unwrap();
    assert_eq!(again.alice, probes.alice);
}

#[test]
fn configuration_is_checked() {
    let default = LinkConfig::default;
    for (bad, message) in [
        (LinkConfig { loss: 1.5, ..default() }, "loss must be a probability, got 1.5"),
        (
            LinkConfig { eve: Eve::Correlation(2.0), ..default() },
            "eve must be a correlation within -1 and 1, got 2",
        ),
        (LinkConfig { eve_antennas: 9, ..default() }, "eve_antennas must be within 1 and 8, got 9"),
        (
            LinkConfig { large_scale: LargeScale { time: 0.0, ..Default::default() }, ..default() },
            "time must be a positive number of seconds, got 0",
        ),
        (
            LinkConfig { blocking: vec![Blocking { period: -1.0, duty: 0.5, depth_db: 3.0 }], ..default() },
            "period must be a positive number of seconds, got -1",
        ),
        (
            LinkConfig { interval: f64::NAN, ..default() },
            "interval must be a number of seconds, 0 or more, got NaN",
        ),
        (
            LinkConfig { rounds: 0, ..default() },
            "rounds, subcarriers and antennas must have shape at least [1, 1, 1], got [0, 52, 1]",
        ),
        (
            LinkConfig { rounds: usize::MAX, ..default() },
            "rounds must be few enough for 2^27 gains in all, got 18446744073709551615",
        ),
    ] {
        assert_eq!(bad.run(&mut rng(0)).unwrap_err().to_string(), message);
    }
    let read: LinkConfig =
        serde_json::from_str(r#"{"eve": {"correlation": 0.3}, "fading": {"profile": "tdl_d"}, "rounds": 7}"#)
            .unwrap();
    assert_eq!((read.eve, read.rounds, read.fading.profile), (Eve::Correlation(0.3), 7, Profile::TdlD));
    assert!(serde_json::from_str::<LinkConfig>(r#"{"snr": 3}"#).is_err());
}

/// Shadowing of 6 dB decorrelates as `exp(-t/time)`, at both ends alike; a rhythm takes what it says for as long as it says.
#[test]
fn large_scale_fading_is_as_stated() {
    let large_scale = LargeScale { deviation_db: 6.0, time: 5.0, eve: 0.5 };
    let fading = FadingConfig { profile: Profile::Flat, doppler: 0.0, ..Default::default() };
    let link = LinkConfig {
        large_scale,
        fading,
        interval: 1.0,
        rounds: 40_000,
        subcarriers: 1,
        snr_db: 100.0,
        eve_snr_db: 100.0,
        ..Default::default()
    };
    let probes = link.run(&mut rng(9)).unwrap();
    let levels = |csi: &Csi| {
        let levels: Vec<f64> = csi.gains.iter().map(|gain| 20.0 * f64::from(gain.norm()).log10()).collect();
        let mean = levels.iter().sum::<f64>() / levels.len() as f64;
        levels.into_iter().map(|level| level - mean).collect::<Vec<_>>()
    };
    let [alice, bob, eve] = [&probes.alice, &probes.bob, &probes.eve].map(levels);
    let lagged = |x: &[f64], y: &[f64], lag: usize| {
        x.iter().zip(&y[lag..]).map(|(x, y)| x * y).sum::<f64>() / (x.len() - lag) as f64 / 36.0
    };
    // 8,000 decorrelation times; the static gain beneath was the mean.
    for (got, want) in [
        (lagged(&alice, &alice, 0), 1.0),
        (lagged(&alice, &bob, 0), 1.0),
        (lagged(&alice, &bob, 5), (-1.0f64).exp()),
        (lagged(&alice, &eve, 0), 0.5),
        (lagged(&eve, &eve, 0), 1.0),
    ] {
        assert!((got - want).abs() < 0.08, "{got} {want}");
    }

    let blocking = vec![Blocking { period: 10.0, duty: 0.35, depth_db: 20.0 }];
    let probes =
        LinkConfig { blocking, large_scale: LargeScale::default(), ..link }.run(&mut rng(9)).unwrap();
    for (gains, delay) in [(&probes.alice.gains, 1e-3), (&probes.bob.gains, 0.0)] {
        let clear = gains[[5, 0, 0]].norm();
        for (k, gain) in gains.iter().enumerate().take(200) {
            let blocked = (k as f64 + delay).rem_euclid(10.0) < 3.5;
            assert!((gain.norm() / clear - if blocked { 0.1 } else { 1.0 }).abs() < 1e-3, "{k}");
        }
    }
}
