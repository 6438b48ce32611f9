//! The chain over simulated links and over the recordings.

use std::fs;

use ndarray::Array3;
use num_complex::Complex32;

use super::*;
use crate::channel::{Csi, intel5300};
use crate::keygen::preprocess::{Preprocess, RemoveTrend};
use crate::keygen::probe::{Antennas, Component, Kind, table};
use crate::keygen::quantize::{Centre, GuardBand, LevelFrom, Sides, Threshold};
use crate::sim::{self, fading::FadingConfig, link::LinkConfig};
use crate::testdata;

fn session(name: &str, config: &Config) -> Option<Agreement> {
    let folder = testdata::folder("keygen/csi_intel5300")?;
    let [alice, bob] = ["alice", "bob"].map(|end| {
        let bytes = fs::read(folder.join(format!("{name}__{end}.dat"))).unwrap();
        config.trace(&intel5300::parse(&bytes).unwrap()).unwrap()
    });
    Some(agree(&alice, &bob, None, config, 1, Backend::default()).unwrap())
}

fn within(got: Option<f64>, want: f64, error: f64) {
    let got = got.unwrap();
    assert!((got - want).abs() <= error, "{got}, should be {want}");
}

/// The figures of the recordings' notes.
#[test]
fn intel_5300_sessions() {
    let Some(got) = session("tmp_521_12", &Config::default()) else { return };
    assert_eq!(got.report.pairs, 299);
    within(got.report.correlation, 0.893, 0.0005);
    within(got.report.correlation_processed, 0.950, 0.0005);
    within(got.report.kdr, 0.0044, 0.00005);
    within(got.report.kept, 0.68, 0.005);
    eprintln!("tmp_521_12: {}", got.report.reason);

    let median = Threshold { centre: Centre::Median, level: LevelFrom::Own };
    let one_bit = Config { quantize: Some(Quantizer::Threshold(median)), ..Config::default() };
    within(session("tmp_521_12", &one_bit).unwrap().report.kdr, 0.158, 0.0005);

    for (name, pairs, correlation) in [("tmp_522_17_2", 97, 0.884), ("tmp_927_16", 36, 0.965)] {
        let got = session(name, &Config::default()).unwrap();
        assert_eq!(got.report.pairs, pairs);
        within(got.report.correlation_processed, correlation, 0.0005);
        assert_eq!(got.report.released_bits, 0, "{}", got.report.reason);
        eprintln!("{name}: {}", got.report.reason);
    }
    // Three antennas at one end of some packets; the two ends have nothing in common.
    let got = session("tmp_510_12", &Config::default()).unwrap();
    assert!(got.report.reason.contains("do not demonstrably see the same changes"), "{}", got.report.reason);
}

#[test]
fn lora_indoor_gives_no_key() {
    let Some(folder) = testdata::folder("keygen/lora_rssi_indoor_outdoor") else { return };
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let [alice, bob] = ["alice_rssi.csv", "bob_rssi.csv"].map(|name| table::series(&read(name)).unwrap());
    let got = agree(&alice, &bob, None, &Config::default(), 1, Backend::default()).unwrap();
    let report = got.report;
    assert_eq!(report.pairs, 2000);
    within(report.correlation, 0.8459308868623955, 1e-12);
    assert_eq!((report.errors, report.raw_bits, report.released_bits), (66, 1029, 0));
    within(report.kdr, 66.0 / 1029.0, 1e-15);
    let markov = report.estimates.iter().find(|e| e.name == "markov").unwrap();
    // The rate of the likeliest path, plus its first bit over the standard's 128.
    within(Some(markov.point), 0.171, 0.007);
    assert!(markov.bound < 0.171 && report.leaked_bits.unwrap() >= 354, "{report:?}");
    assert!(report.reason.starts_with("no key: 1029 raw bits hold at least"), "{}", report.reason);
    eprintln!("lora indoor: {}", report.reason);

    // The source's own bits, one by one: Alice's band, Bob on her level, no trend removed.
    let quantizer =
        Quantizer::GuardBand(GuardBand { alpha: 0.6, sides: Sides::Alice, level: LevelFrom::Alice });
    let (a, b) = (alice.values().to_owned(), bob.values().to_owned());
    let a = quantizer.quantize(Role::Alice, &a, &[]).unwrap();
    assert_eq!((a.announced.as_slice(), a.announced_bits), (&[34.3145f64.to_bits()][..], 64));
    let b = quantizer.quantize(Role::Bob, &b, &a.announced).unwrap();
    for (symbols, name) in [(&a.symbols, "alice_pre_bits.txt"), (&b.symbols, "bob_pre_bits.txt")] {
        let ours: String = (0..symbols.len())
            .filter(|&k| a.kept.get(k) == Some(true) && b.kept.get(k) == Some(true))
            .map(|k| if symbols[k] == 1 { '1' } else { '0' })
            .collect();
        assert_eq!(ours, String::from_utf8(read(name)).unwrap().trim());
    }
}

#[test]
fn a_static_link_gives_no_key() {
    let Some(folder) = testdata::folder("keygen/static_negative") else { return };
    let [alice, bob] = ["512alice_abs.csv", "512bob_abs.txt"]
        .map(|name| table::magnitudes(&fs::read(folder.join(name)).unwrap()).unwrap());
    assert_eq!((alice.lanes(), alice.len(), bob.lanes(), bob.len()), (56, 164, 56, 114));
    let config = Config::default();
    let got = agree(&alice, &bob, None, &config, 1, Backend::default()).unwrap().report;
    assert_eq!((got.pairs, got.released_bits), (0, 0));
    assert!(got.reason.contains("0 measurements can be paired"), "{}", got.reason);
    assert!(got.reason.contains("the channel is static"), "{}", got.reason);
    eprintln!("static: {}", got.reason);
    // Somebody who insists on pairing them in order gets none either.
    let order = Pairing { by: PairBy::Order, ..Pairing::default() };
    let config = Config { pairing: order, ..config };
    let got = agree(&alice, &bob, None, &config, 1, Backend::default()).unwrap().report;
    assert_eq!((got.pairs, got.released_bits), (114, 0));
    assert!(got.reason.contains("the channel is static"), "{}", got.reason);
}

fn link() -> LinkConfig {
    LinkConfig { rounds: 8000, interval: 1.0, subcarriers: 1, snr_db: 30.0, ..LinkConfig::default() }
}

fn over(link: &LinkConfig, config: &Config, with_eve: bool) -> Agreement {
    let probes = link.run(&mut sim::rng(5)).unwrap();
    let [alice, bob, eve] = [&probes.alice, &probes.bob, &probes.eve].map(|csi| config.trace(csi).unwrap());
    agree(&alice, &bob, with_eve.then_some(&eve), config, 1, Backend::default()).unwrap()
}

#[test]
fn a_mobile_link_gives_a_key_and_eve_does_not_have_it() {
    for with_eve in [false, true] {
        let got = over(&link(), &Config::default(), with_eve);
        let (alice, bob) = got.keys.as_ref().unwrap_or_else(|| panic!("{:#?}", got.report));
        assert!(alice.matches(bob));
        assert!(got.report.released_bits >= 128, "{}", got.report.reason);
        assert_eq!(alice.bits(), got.report.released_bits);
        if with_eve {
            assert!(got.report.eve_kdr.unwrap() > 0.4 && got.report.eve_rho < 0.2, "{:?}", got.report);
        }
        eprintln!("mobile: {}", got.report.reason);
    }
    // The same with lost packets and a moving mean taken out.
    let config = Config {
        preprocess: Some(vec![Preprocess::RemoveTrend(RemoveTrend { window: 101 })]),
        ..Config::default()
    };
    let got = over(&LinkConfig { loss: 0.1, ..link() }, &config, false);
    assert!(got.report.released_bits > 0 && got.report.pairs < 6800, "{}", got.report.reason);
}

#[test]
fn static_slow_and_overheard_links_give_none() {
    let stands = FadingConfig { doppler: 0.0, ..FadingConfig::default() };
    let got = over(
        &LinkConfig { fading: stands, subcarriers: 16, rounds: 500, ..link() },
        &Config::default(),
        false,
    );
    assert_eq!(got.report.released_bits, 0);
    assert!(got.report.reason.contains("the channel is static"), "{}", got.report.reason);

    // Forty measurements to a coherence time: neighbours repeat one another.
    let slow = FadingConfig { doppler: 0.01, ..FadingConfig::default() };
    let got = over(&LinkConfig { fading: slow, ..link() }, &Config::default(), false);
    assert_eq!(got.report.released_bits, 0, "{}", got.report.reason);

    let close = LinkConfig { eve: sim::link::Eve::Correlation(0.99), eve_snr_db: 30.0, ..link() };
    let got = over(&close, &Config::default(), true);
    assert!(got.report.eve_rho > 0.9 && got.report.released_bits == 0, "{:?}", got.report);
}

/// Sixteen subcarriers within one coherence bandwidth are one: their bits are worth hardly more.
#[test]
fn correlated_subcarriers_are_not_counted_twice() {
    let flat = FadingConfig { delay_spread: 1e-9, ..FadingConfig::default() };
    let config = Config { preprocess: Some(vec![]), ..Config::default() };
    let one = over(&LinkConfig { fading: flat.clone(), rounds: 2000, ..link() }, &config, false).report;
    let many =
        over(&LinkConfig { fading: flat, subcarriers: 16, rounds: 2000, ..link() }, &config, false).report;
    assert!(many.raw_bits > 10 * one.raw_bits);
    assert_eq!(many.released_bits, 0, "{}", many.reason);
}

/// Two antennas that fade on their own are two channels, and each of the eavesdropper's is held against both: hers are good copies, one of each.
#[test]
fn all_antennas_are_lanes() {
    let two = LinkConfig { antennas: 2, rounds: 4000, ..link() };
    let all = Config { antennas: Antennas::All, ..Config::default() };
    let none = Config { preprocess: Some(vec![]), ..Config::default() };
    let every = Config { antennas: Antennas::All, ..none.clone() };
    let (first, both) = (over(&two, &none, false).report, over(&two, &every, false).report);
    assert!(both.raw_bits > first.raw_bits * 19 / 10 && both.raw_bits < first.raw_bits * 21 / 10);
    assert!(both.released_bits > first.released_bits * 3 / 2, "{} {}", both.reason, first.reason);

    let close = LinkConfig { eve: sim::link::Eve::Correlation(0.9), eve_snr_db: 60.0, ..two };
    let probes = close.run(&mut sim::rng(5)).unwrap();
    let [alice, bob] = [&probes.alice, &probes.bob].map(|csi| every.trace(csi).unwrap());
    // Whichever of hers is a copy of whichever of theirs.
    for order in [[0, 1], [1, 0]] {
        let gains = probes.eve.gains.select(ndarray::Axis(2), &order);
        let eve = crate::channel::Csi { gains, ..probes.eve.clone() };
        let eve = Overheard::from_csi(&eve, every.component).unwrap();
        let got = agree_against(&alice, &bob, Some(&eve), &every, 1, Backend::default()).unwrap().report;
        // Of magnitudes: rho squared, nearly.
        assert!((0.76..0.85).contains(&got.eve_rho), "{order:?} {}", got.eve_rho);
    }
    let calibrate =
        crate::keygen::probe::calibrate::Calibrate { columns: 64, response: true, ..Default::default() };
    let error = Config { calibrate, ..all }.check().unwrap_err().to_string();
    assert!(error.starts_with("antennas must be first"), "{error}");
}

/// Six complex taps, seen by eight subcarriers of thirteen antennas, whose real and imaginary parts are 208 lanes: their signs take at most 2 Σ_(i < 12) C(207, i) patterns, 60.1 bits a time.
#[test]
fn few_taps_on_many_lanes_are_not_paid_for_each() {
    let (taps, rounds) = (6, 400);
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut draw = || {
        let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
        let radius = (-2.0 * uniform().ln()).sqrt();
        Complex32::from_polar(radius as f32, (std::f64::consts::TAU * uniform()) as f32)
    };
    let mixing = Array3::from_shape_simple_fn((8, 13, taps), &mut draw);
    let fading: Vec<Vec<Complex32>> = (0..rounds).map(|_| (0..taps).map(|_| draw()).collect()).collect();
    let gains = Array3::from_shape_fn((rounds, 8, 13), |(time, subcarrier, antenna)| {
        (0..taps).map(|tap| fading[time][tap] * mixing[[subcarrier, antenna, tap]]).sum::<Complex32>()
    });
    let csi = Csi::new(gains, (0..rounds).map(|t| t as f64).collect(), None).unwrap();
    let mut config = Config {
        component: Component::Complex,
        antennas: Antennas::All,
        preprocess: Some(vec![]),
        quantize: Some(Quantizer::Threshold(Threshold::default())),
        ..Config::default()
    };
    (config.eve.rho, config.error_rate.sample) = (0.0, 0.005);
    let trace = config.trace(&csi).unwrap();
    let report = agree(&trace, &trace, None, &config, 1, Backend::default()).unwrap().report;
    let (credited, released) = (report.min_entropy.unwrap(), report.released_bits as f64);
    let limit = 60.1 * rounds as f64;
    assert!(credited <= limit && released < limit && released > 0.4 * limit, "{}", report.reason);
    // By the estimates that see one other lane, it was more.
    let others = report.estimates.iter().filter(|e| e.counts && !e.conditional && e.name != "rank");
    let others = others.map(|e| e.bound).fold(1.0, f64::min) * report.raw_bits as f64;
    assert!(others > limit, "{others} {limit}");
}

#[test]
fn bad_input_is_an_error() {
    let trace = |lanes: usize, kind| {
        Trace::new(Array2::zeros((lanes, 40)), Some((0..40).collect()), None, kind).unwrap()
    };
    let try_agree = |a: &Trace, b: &Trace, config: &Config| agree(a, b, None, config, 1, Backend::Scalar);
    let one = trace(1, Kind::Rssi);
    let err = try_agree(&one, &trace(2, Kind::Rssi), &Config::default()).unwrap_err();
    assert_eq!(err.to_string(), "Bob's measurements must have shape [1, time], got [2, time]");
    assert!(try_agree(&one, &trace(1, Kind::Csi), &Config::default()).is_err());
    let bad = Config { eve: super::super::EveModel::of(f64::NAN), ..Config::default() };
    assert_eq!(try_agree(&one, &one, &bad).unwrap_err().to_string(), "eve.rho must be within 0..=1, got NaN");
    // Constant at both ends: no error, and no key.
    let got = try_agree(&one, &one, &Config::default()).unwrap().report;
    assert_eq!((got.correlation, got.kdr, got.raw_bits, got.released_bits), (None, None, 0, 0));
    assert!(serde_json::from_str::<Config>(r#"{"quantise":{}}"#).is_err());
    assert!(
        serde_json::from_str::<Config>(
            r#"{"eve":{"rho":0.3},"quantize":{"method":"guard_band","alpha":0.5}}"#
        )
        .is_ok()
    );
}

fn agreed(probes: &sim::link::Probes, config: &Config) -> Agreement {
    let [alice, bob] = [&probes.alice, &probes.bob].map(|csi| config.trace(csi).unwrap());
    agree(&alice, &bob, None, config, 1, Backend::default()).unwrap()
}

/// Every quantizer of the table through the whole chain: a key from a mobile link, and the same at both ends. Excursions want
/// a channel that is slow enough to have some.
#[test]
fn every_quantizer_agrees_on_a_key() {
    let run = |doppler: f64, rounds: usize| {
        let fading = FadingConfig { doppler, ..FadingConfig::default() };
        let link = LinkConfig { fading, rounds, snr_db: 35.0, ..link() };
        link.run(&mut sim::rng(5)).unwrap()
    };
    let (fast, slow) = (run(FadingConfig::default().doppler, 5000), run(0.12, 40_000));
    for name in Quantizer::ALL {
        let quantize = serde_json::from_str(&format!(r#"{{"method":"{name}"}}"#)).unwrap();
        let (component, probes) = match *name {
            "vector" => (crate::keygen::probe::Component::Complex, &fast),
            "level_crossing" => (Default::default(), &slow),
            _ => (Default::default(), &fast),
        };
        let eve = crate::keygen::EveModel::of(0.1);
        let security = crate::keygen::Security { epsilon: 2f64.powi(-20), ..Default::default() };
        let got = agreed(
            probes,
            &Config { component, quantize: Some(quantize), eve, security, ..Config::default() },
        );
        eprintln!("{name}: {} at kdr {:?}", got.report.reason, got.report.kdr);
        let (alice, bob) = got.keys.as_ref().unwrap_or_else(|| panic!("{name}: {:#?}", got.report));
        assert!(alice.matches(bob) && alice.bits() == got.report.released_bits, "{name}");
        assert_eq!(got.report.ledger[0].bits, got.report.raw_bits as f64, "{name}");
        let has = |estimate: &str| got.report.estimates.iter().any(|e| e.name == estimate);
        assert_eq!(has("symbols"), !["threshold", "guard_band", "adaptive_block"].contains(name), "{name}");
    }
}

/// Every preprocessor likewise; what was learnt is charged. Filtering measurements that are independent makes them alike, and
/// the ledger sees that.
#[test]
fn every_preprocessor_leaves_the_ends_alike() {
    let link = LinkConfig { rounds: 5000, spacing: 3e6, subcarriers: 2, snr_db: 35.0, ..link() };
    let probes = link.run(&mut sim::rng(5)).unwrap();
    for name in Preprocess::ALL {
        let text = match *name {
            "pca" => r#"[{"method":"pca","calibration":500},{"method":"remove_trend"}]"#.to_owned(),
            name => format!(r#"[{{"method":"{name}"}},{{"method":"remove_trend"}}]"#),
        };
        let config = Config {
            preprocess: Some(serde_json::from_str(&text).unwrap()),
            eve: crate::keygen::EveModel::of(0.2),
            ..Config::default()
        };
        let got = agreed(&probes, &config);
        eprintln!("{name}: {} at kdr {:?}", got.report.reason, got.report.kdr);
        assert!(got.report.kdr.unwrap() < 0.05, "{name}: {:#?}", got.report);
        match &got.keys {
            Some((alice, bob)) => assert!(alice.matches(bob) && alice.bits() == got.report.released_bits),
            None => assert!(
                ["unit_norm", "moving_average", "savitzky_golay", "difference", "dct", "wavelet"]
                    .contains(name),
                "{name}: {}",
                got.report.reason
            ),
        }
        let announced = got.report.ledger.iter().find(|line| line.name == "announced").unwrap().bits;
        let want = match *name {
            "pca" => -8.0,
            "coherence" => -16.0,
            _ => 0.0,
        };
        assert_eq!(announced, want, "{name}");
    }
}
