//! Attackers of the simulator against the ledger: what they know of the raw bits is what it charges, or more is charged.

use super::*;
use crate::keygen::probe::{Component, Overheard, Trace, overheard::regress};
use crate::keygen::{Agreement, Config, agree, agree_against, capacity};
use crate::sim::adversary::injection::{Ends, Injection};
use crate::sim::fading::FadingConfig;
use crate::sim::link::{Blocking, Eve, LargeScale, LinkConfig, Probes};
use crate::sim::profile::Profile;
use crate::sim::rng;

/// Rounds so far apart that they are as good as independent, on one flat path.
fn sparse(rounds: usize) -> LinkConfig {
    let fading = FadingConfig { profile: Profile::Flat, doppler: 10.0, ..Default::default() };
    LinkConfig {
        fading,
        rounds,
        interval: 1.234,
        subcarriers: 1,
        probing_delay: 0.0,
        snr_db: 30.0,
        ..Default::default()
    }
}

fn run(probes: &Probes, eve: Option<&crate::channel::Csi>, config: &Config) -> Agreement {
    let [alice, bob] = [&probes.alice, &probes.bob].map(|csi| config.trace(csi).unwrap());
    let eve = eve.map(|csi| config.trace(csi).unwrap());
    agree(&alice, &bob, eve.as_ref(), config, 1, Default::default()).unwrap()
}

/// Min-entropy a raw bit that the ledger claims, and what is left of a bit for who agrees with it as often as `eve` does.
fn claims(
    probes: &Probes,
    eve: &crate::channel::Csi,
    config: &Config,
    with_trace: bool,
) -> (f64, f64, usize) {
    let agreement = 1.0 - run(probes, Some(eve), config).report.eve_kdr.unwrap();
    let report = run(probes, with_trace.then_some(eve), config).report;
    let claimed = report.min_entropy.unwrap_or(0.0) / report.raw_bits.max(1) as f64;
    (claimed, -agreement.max(1.0 - agreement).log2(), report.released_bits)
}

/// A share of the rounds injected at both ends, in the manner of fading: he agrees with the raw bits as often as theory says, and what is granted or
/// measured leaves no bit more than he leaves. **What is not granted is not charged**: with every probe injected the ledger alone sees good fading.
#[test]
fn injected_probes_are_charged_where_they_are_granted_or_measured() {
    for share in [0.05, 0.2, 0.5, 1.0] {
        let mut probes = sparse(4000).run(&mut rng(1)).unwrap();
        let injection = Injection { share, snr_db: 30.0, ..Default::default() };
        let injected = injection.apply(&mut probes, &mut rng(2)).unwrap();
        let rounds = injected.rounds.len() as f64 / 4000.0;
        assert!((rounds - share).abs() < 4.5 * (share * (1.0 - share) / 4000.0).sqrt() + 1e-9, "{rounds}");
        let known = &injected.known;
        let (blind, left, blind_bits) = claims(&probes, known, &Config::default(), false);
        let active = Active { injected: share, ..Default::default() };
        let (granted, _, granted_bits) =
            claims(&probes, known, &Config { active, ..Config::default() }, false);
        let (traced, _, traced_bits) = claims(&probes, known, &Config::default(), true);
        // Certain of his own, by chance right about half of the others; the receiver ten wavelengths away knows a little of those.
        let theory = -f64::log2(f64::midpoint(1.0, share));
        assert!((left - theory).abs() < 0.08, "{share}: {left} {theory}");
        assert!(granted <= left + 1e-9 && traced <= left + 1e-9, "{share}: {granted} {traced}, left {left}");
        assert!(granted <= blind && granted_bits <= blind_bits);
        if share == 1.0 {
            assert!(
                blind_bits > 0 && left < 0.05,
                "the estimates alone do not see him: {blind_bits}, {left}"
            );
            assert_eq!((granted_bits, traced_bits), (0, 0));
        }
    }
}

#[test]
fn what_is_granted_is_a_share_of_the_symbols() {
    let active = |injected, guess| Active { injected, guess, ..Default::default() };
    assert_eq!(active(0.0, 0.0).guess_of(0.6, 100, 50, 1.0), 0.6);
    // 10 of 100 samples, all among the 50 symbols: a fifth is known.
    assert!((active(0.1, 0.0).guess_of(0.6, 100, 50, 1.0) - (0.2 + 0.8 * 0.6)).abs() < 1e-12);
    assert!((active(0.1, 0.0).guess_of(0.5, 100, 50, 2.0).powi(2) - (0.2 + 0.8 * 0.25)).abs() < 1e-12);
    assert!((active(0.0, 0.7).guess_of(0.6, 100, 50, 1.0) - 0.7).abs() < 1e-12);
    assert_eq!(active(1.0, 0.0).guess_of(0.6, 100, 30, 1.0), 1.0);
    assert_eq!(active(0.1, 0.0).guess_of(0.6, 100, 0, 1.0), 1.0);
    let bad = Config { active: active(1.5, 0.0), ..Config::default() };
    assert_eq!(bad.check().unwrap_err().to_string(), "active.injected must be within 0..=1, got 1.5");
    let link = sparse(10).run(&mut rng(1)).unwrap();
    for injection in [
        Injection { share: 2.0, ..Default::default() },
        Injection { burst: 0, ..Default::default() },
        Injection { snr_db: f64::NAN, ..Default::default() },
    ] {
        assert!(injection.apply(&mut link.clone(), &mut rng(1)).is_err());
    }
}

/// A path that is blocked in one rhythm, or in three that do not fit one another, whether the rest of the channel stands still or fades a little: who
/// watches knows nearly every bit, and none is released.
#[test]
fn rhythms_release_no_key() {
    for periods in [&[7.3][..], &[2.37], &[2.618_033_988], &[3.718_281_8, 5.141_592_6, 8.577_215_6]] {
        for doppler in [0.0, 10.0] {
            let fading = FadingConfig {
                profile: Profile::Flat,
                doppler,
                k_factor_db: Some(15.0),
                ..Default::default()
            };
            let blocking =
                periods.iter().map(|&period| Blocking { period, duty: 0.5, depth_db: 6.0 }).collect();
            let link = LinkConfig { fading, blocking, interval: 1.0, ..sparse(3000) };
            let probes = link.run(&mut rng(3)).unwrap();
            let mut known = probes.eve.clone();
            for (mut row, t) in known.gains.outer_iter_mut().zip(&known.time) {
                let factor: f64 = link.blocking.iter().map(|blocking| blocking.at(*t)).product();
                row.fill(num_complex::Complex32::new(factor as f32, 0.0));
            }
            let (claimed, left, released) = claims(&probes, &known, &Config::default(), false);
            assert!(left < 0.05, "{periods:?}: the rhythm tells it: {left}");
            assert!(
                claimed <= left.max(0.01) && released == 0,
                "{periods:?}: {claimed} claimed, {released} released"
            );
        }
    }
}

/// An Eve behind the same corner, with small-scale fading of her own: she correlates as shadowing's share of the level's variance says (that of Rayleigh
/// fading is 5.57 dB), is charged for it, and what tracks the shadowing takes it from her.
#[test]
fn shadowing_is_charged_and_taken_out() {
    let fast = std::f64::consts::PI * 10.0 / (std::f64::consts::LN_10 * 6f64.sqrt());
    let large_scale = LargeScale { deviation_db: 8.0, time: 40.0, eve: 1.0 };
    // Hundreds of decorrelation times.
    let fading = FadingConfig { profile: Profile::Flat, doppler: 10.0, ..Default::default() };
    let link = LinkConfig { large_scale, fading, interval: 4.0, eve: Eve::Correlation(0.0), ..sparse(6000) };
    let probes = link.run(&mut rng(4)).unwrap();
    let [alice, eve] =
        [&probes.alice, &probes.eve].map(|csi| Trace::from_csi(csi, Component::LogMagnitude).unwrap());
    let got = crate::keygen::probe::variation::pearson(alice.values().row(0), eve.values().row(0)).unwrap();
    let want = 64.0 / (64.0 + fast * fast);
    assert!((got - want).abs() < 0.06, "{got} {want}");
    let of = |preprocess: &str| {
        let preprocess = serde_json::from_str(preprocess).unwrap();
        let config = Config { component: Component::LogMagnitude, preprocess, ..Config::default() };
        let (claimed, left, _) = claims(&probes, &probes.eve, &config, true);
        assert!(claimed <= left, "{claimed} {left}");
        run(&probes, Some(&probes.eve), &config).report.eve_rho
    };
    let (as_it_is, tracked) = (of("null"), of(r#"[{"method":"difference"}]"#));
    assert!(as_it_is > want - 0.06 && tracked < 0.3, "{as_it_is} {tracked}");
    let elsewhere = LargeScale { eve: 0.0, ..large_scale };
    let probes = LinkConfig { large_scale: elsewhere, ..link }.run(&mut rng(5)).unwrap();
    let [alice, eve] =
        [&probes.alice, &probes.eve].map(|csi| Trace::from_csi(csi, Component::LogMagnitude).unwrap());
    let got = crate::keygen::probe::variation::pearson(alice.values().row(0), eve.values().row(0)).unwrap();
    assert!(got.abs() < 0.15, "{got}");
}

/// Mathur's check: an end to which somebody sends in bursts names excursions that the other has not; where he sends to both, it sees nothing.
#[test]
fn spoofing_one_end_is_seen() {
    let fading = FadingConfig { doppler: 0.12, ..FadingConfig::default() };
    let link =
        LinkConfig { fading, interval: 1.0, probing_delay: 0.0, rounds: 4000, snr_db: 35.0, ..sparse(4000) };
    let quantize = Some(Quantizer::LevelCrossing(LevelCrossing { alpha: 1.0, excursion: 4, share: 1.0 }));
    let active = Active { least_common: 0.6, ..Default::default() };
    let config = Config { quantize, active, ..Config::default() };
    for (ends, share, seen) in
        [(Ends::Both, 0.0, false), (Ends::Alice, 0.4, true), (Ends::Bob, 0.6, true), (Ends::Both, 0.5, false)]
    {
        let mut probes = link.run(&mut rng(6)).unwrap();
        let injection = Injection { share, ends, burst: 8, snr_db: 35.0, ..Default::default() };
        injection.apply(&mut probes, &mut rng(7)).unwrap();
        let [a, b] = [&probes.alice, &probes.bob].map(|csi| config.trace(csi).unwrap().values().to_owned());
        let excursions = LevelCrossing { alpha: 1.0, excursion: 4, share: 1.0 };
        let check = Check::new(&a, &b, &excursions).unwrap();
        let report = run(&probes, None, &config).report;
        eprintln!("{ends:?} {share}: {check:?} {:.3}; {}", check.share(), report.reason);
        assert_eq!(
            report.reason.contains("somebody sends to one end alone"),
            seen,
            "{ends:?} {share}: {}",
            report.reason
        );
        assert!(seen || check.share() > 0.7, "{check:?}");
    }
}

/// Eve's antennas together: correlation, capacity's own formula, and how often she guesses a sign.
#[test]
fn antennas_together_know_what_theory_says() {
    for (antennas, rho) in [(1usize, 0.6), (2, 0.6), (4, 0.3), (8, 0.6)] {
        // Several draws: one has no more independent values than its sum of waves.
        let link = LinkConfig {
            eve: Eve::Correlation(rho),
            eve_antennas: antennas,
            eve_snr_db: 15.0,
            ..sparse(600)
        };
        let real = Component::Real;
        let (mut target, mut views) =
            (Vec::new(), vec![Vec::new(); if antennas == 1 { 1 } else { antennas + 1 }]);
        let mut last = None;
        for seed in 0..10 {
            let probes = link.run(&mut rng(seed)).unwrap();
            assert_eq!(probes.eve.gains.dim(), (600, 1, antennas));
            let alice = Trace::from_csi(&probes.alice, real).unwrap();
            let overheard = Overheard::from_csi(&probes.eve, real).unwrap();
            target.extend(alice.values().iter().copied());
            assert_eq!(overheard.views().len(), views.len());
            for (all, view) in views.iter_mut().zip(overheard.views()) {
                all.extend(view.values().iter().copied());
            }
            last = Some((probes, alice, overheard));
        }
        let row = |values: Vec<f64>| Array2::from_shape_vec((1, values.len()), values).unwrap();
        let (target, views) = (row(target), views.into_iter().map(row).collect::<Vec<_>>());

        let (ends, hers) = (1.0 + 1e-3, 1.0 + 10f64.powf(-1.5));
        let (each, among) = (rho / f64::sqrt(ends * hers), rho * rho / hers);
        let m = antennas as f64;
        let want = (m * each * each / (1.0 + (m - 1.0) * among)).sqrt();
        let model =
            capacity::Eve { alice: vec![each; antennas], bob: vec![each; antennas], correlation: among };
        assert!((model.effective_rho().unwrap() - want).abs() < 1e-9);

        let (known, joint) = regress(&target, &views);
        assert!((joint - want).abs() < 4.0 / 6000f64.sqrt(), "{antennas} at {rho}: {joint} {want}");
        let hits = known.iter().zip(&target).filter(|(e, a)| (**e > 0.0) == (**a > 0.0)).count();
        let (got, theory) = (hits as f64 / 6000.0, 0.5 + want.asin() / std::f64::consts::PI);
        assert!(
            (got - theory).abs() < 4.0 * (0.25f64 / 6000.0).sqrt(),
            "{antennas} at {rho}: {got} {theory}"
        );

        // The ledger's correlation is that of all of them, and no less than it is.
        let Some((probes, alice, overheard)) = last else { unreachable!() };
        let config = Config { component: real, ..Config::default() };
        let bob = config.trace(&probes.bob).unwrap();
        let against = |eve: &Overheard| {
            agree_against(&alice, &bob, Some(eve), &config, 1, Default::default()).unwrap().report.eve_rho
        };
        let (all, one) = (against(&overheard), against(&overheard.views()[0].clone().into()));
        assert!(all > want - 0.03 && (antennas == 1 || one < all), "{antennas} at {rho}: {one} {all} {want}");
    }
}
