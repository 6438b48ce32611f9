//! The asymmetry that was put in is found, and what it cost comes back.

use super::*;
use crate::keygen::probe::{Pairing, Trace, pair, variation::correlation};
use crate::keygen::{self, Config, EveModel, preprocess::Preprocess};
use crate::sim::link::{Asymmetry, LinkConfig, Probes};
use crate::sim::rng;

fn probes(asymmetry: Asymmetry, seed: u64) -> Probes {
    let link = LinkConfig {
        rounds: 2000,
        interval: 0.3,
        subcarriers: 16,
        spacing: 1.2e6,
        snr_db: 25.0,
        asymmetry,
        ..LinkConfig::default()
    };
    link.run(&mut rng(seed)).unwrap()
}

fn pairs(probes: &Probes, component: Component) -> Pairs {
    let [alice, bob] = [&probes.alice, &probes.bob].map(|csi| Trace::from_csi(csi, component).unwrap());
    pair(&alice, &bob, &Pairing::default()).unwrap()
}

/// Complex gains through chains of 2 dB and 0.7 rad of ripple: lane by lane the correlation of ideal chains, which is that of theory.
#[test]
fn complex_response_is_undone() {
    let asymmetry = Asymmetry { ripple_db: 2.0, ripple_phase: 0.7, ..Default::default() };
    let want = LinkConfig { snr_db: 25.0, ..LinkConfig::default() }.expected_correlation();
    let calibrate = Calibrate { columns: 200, response: true, ..Default::default() };
    for seed in 0..2 {
        let raw = pairs(&probes(asymmetry.clone(), seed), Component::Complex);
        let before = correlation(&raw.alice, &raw.bob).unwrap();
        let (rest, learnt) = calibrate.apply(raw, Component::Complex, Kind::Csi).unwrap();
        let after = correlation(&rest.alice, &rest.bob).unwrap();
        eprintln!("complex: {before:.4} to {after:.4}, ideal {want:.4}; {learnt:?}");
        assert!(before < 0.93 && (after - want).abs() < 0.005, "{before} {after} {want}");
        assert_eq!((rest.len(), rest.alice_column[0], learnt.announced_bits), (1800, 200, 4 * 32));
        // Two chains of 2 dB: between none and twice that, drawn for each.
        assert!((0.5..6.0).contains(&learnt.response_db) && learnt.response_phase > 0.1);
    }
}

/// Magnitudes at unit norm: what the ripple took from the correlation comes back. Levels in dB likewise, where a ripple is an offset and costs nothing
/// over time, but does across the lanes.
#[test]
fn magnitudes_and_levels() {
    let asymmetry = Asymmetry { ripple_db: 4.0, gain_db: 3.0, random_phase: true, ..Default::default() };
    let ideal = Asymmetry { gain_db: 3.0, random_phase: true, ..Default::default() };
    let calibrate = Calibrate { columns: 400, response: true, ..Default::default() };
    let unit = Preprocess::UnitNorm(Default::default());
    let after_norm = |pairs: &Pairs| {
        let [a, b] = [&pairs.alice, &pairs.bob].map(|series| unit.apply(series.clone()).unwrap());
        correlation(&a, &b).unwrap()
    };
    for seed in 0..2 {
        let raw = pairs(&probes(asymmetry.clone(), seed), Component::Magnitude);
        let best = after_norm(&pairs(&probes(ideal.clone(), seed), Component::Magnitude));
        let before = after_norm(&raw);
        let (rest, learnt) = calibrate.apply(raw, Component::Magnitude, Kind::Csi).unwrap();
        let after = after_norm(&rest);
        eprintln!("magnitude: {before:.4} to {after:.4}, ideal chains {best:.4}; {learnt:?}");
        assert!(after > before + 0.3 * (best - before) && after > 0.9, "{before} {after} {best}");

        let raw = pairs(&probes(asymmetry.clone(), seed), Component::LogMagnitude);
        let apart = |pairs: &Pairs| {
            let difference = &pairs.alice - &pairs.bob;
            let lanes: Vec<f64> = difference.rows().into_iter().map(|lane| lane.mean().unwrap()).collect();
            let mean = lanes.iter().sum::<f64>() / 16.0;
            (lanes.iter().map(|lane| (lane - mean).powi(2)).sum::<f64>() / 16.0).sqrt()
        };
        let before = apart(&raw);
        let (rest, learnt) = calibrate.apply(raw, Component::LogMagnitude, Kind::Csi).unwrap();
        assert!(before > 1.0 && apart(&rest) < 0.3, "{before} {} {learnt:?}", apart(&rest));
        assert!((learnt.response_db / before - 1.0).abs() < 0.2);
    }
}

/// A reversed end through the whole chain: no key as it is, the key of an end that is not reversed when its order is found or stated;
/// and the ledger is charged.
#[test]
fn a_reversed_end_agrees() {
    let link = LinkConfig {
        rounds: 9000,
        interval: 0.7,
        subcarriers: 4,
        spacing: 5e6,
        snr_db: 30.0,
        ..LinkConfig::default()
    };
    let mut probes = link.run(&mut rng(3)).unwrap();
    let gains = &mut probes.bob.gains;
    gains.invert_axis(Axis(1));
    let run = |calibrate: Calibrate| {
        let config = Config { calibrate, eve: EveModel::of(0.2), ..Config::default() };
        let [alice, bob, eve] =
            [&probes.alice, &probes.bob, &probes.eve].map(|csi| config.trace(csi).unwrap());
        keygen::agree(&alice, &bob, Some(&eve), &config, 1, Default::default()).unwrap().report
    };
    let none = run(Calibrate::default());
    assert_eq!((none.released_bits, none.calibration), (0, None), "{}", none.reason);
    let auto: Calibrate = serde_json::from_str(r#"{"columns":300,"order":"auto"}"#).unwrap();
    let stated: Calibrate = serde_json::from_str(r#"{"order":"reversed"}"#).unwrap();
    for (calibrate, announced) in [(auto, 16.0), (stated, 0.0)] {
        let report = run(calibrate);
        let learnt = report.calibration.unwrap();
        assert_eq!(learnt.order, Some(Order::Reversed), "{learnt:?}");
        assert!(report.released_bits > 500, "{}", report.reason);
        assert_eq!(report.pairs, 9000 - calibrate.columns);
        let line = report.ledger.iter().find(|line| line.name == "announced").unwrap();
        assert_eq!(line.bits, -announced);
    }
    let err =
        Config { calibrate: Calibrate { columns: 10, ..auto }, ..Config::default() }.check().unwrap_err();
    assert_eq!(
        err.to_string(),
        "calibrate.columns must be at least 48 where something is to be learnt from them, got 10"
    );
    let calibrate = Calibrate { columns: 100, response: true, ..Default::default() };
    let err = Config { calibrate, component: Component::Phase, ..Config::default() }.check().unwrap_err();
    assert!(err.to_string().starts_with("component must be magnitude, log_magnitude or complex"), "{err}");
    assert!(serde_json::from_str::<Calibrate>(r#"{"order":"odd"}"#).is_err());
    assert_eq!(serde_json::to_string(&auto).unwrap(), r#"{"columns":300,"order":"auto","response":false}"#);
    // All columns given away leave nothing.
    let all = Calibrate { columns: 10_000, response: true, ..Default::default() };
    assert_eq!(run(all).pairs, 0);
}
