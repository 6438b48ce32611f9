//! The correlation that interpolation gains back, against Clarke's J0.

use super::*;
use crate::keygen::probe::{Component, PairBy, Pairing, Trace, pair, variation::pearson};
use crate::sim::fading::FadingConfig;
use crate::sim::link::LinkConfig;
use crate::sim::profile::Profile;
use crate::sim::{j0, rng};
use ndarray::Array1;
use std::f64::consts::TAU;

const METHODS: [Between; 3] = [Between::Linear, Between::Cubic, Between::BandLimited];

/// `w·r / √(w·R·w + |w|²/snr)(1 + 1/snr)` with `R` and `r` from J0: what weights `w` on probes `interval` apart leave at `delay` after
/// the first one on the left.
fn theory(weights: &[f64], first: isize, interval: f64, delay: f64, doppler: f64, snr: f64) -> f64 {
    let place = |k: usize| (first + k as isize) as f64 * interval;
    let (mut cross, mut own) = (0.0, 0.0);
    for (i, w) in weights.iter().enumerate() {
        cross += w * j0(TAU * doppler * (place(i) - delay));
        own += w * w / snr;
        for (j, v) in weights.iter().enumerate() {
            own += w * v * j0(TAU * doppler * (place(i) - place(j)));
        }
    }
    cross / (own * (1.0 + 1.0 / snr)).sqrt()
}

/// Ten probes a second at 1 and 2 Hz of Doppler, answered half an interval later: 0.95 and 0.90 without, as theory says with each method.
#[test]
fn gains_what_theory_says() {
    let (interval, delay, snr_db) = (0.1, 0.05, 25.0);
    let snr = 10f64.powf(snr_db / 10.0);
    for doppler in [1.0, 2.0, 3.0] {
        let fading = FadingConfig { profile: Profile::Flat, doppler, ..Default::default() };
        // Independent antennas are independent channels of the same statistics.
        let link = LinkConfig {
            fading,
            interval,
            probing_delay: delay,
            snr_db,
            rounds: 2500,
            subcarriers: 1,
            antennas: 12,
            ..Default::default()
        };
        let probes = link.run(&mut rng(1)).unwrap();
        let of = |compensate: Compensation| {
            let mut all = (Vec::new(), Vec::new());
            for antenna in 0..12 {
                let trace = |csi: &crate::channel::Csi| {
                    let one = csi.gains.select(ndarray::Axis(2), &[antenna]);
                    let csi = crate::channel::Csi { gains: one, ..csi.clone() };
                    Trace::from_csi(&csi, Component::Real).unwrap()
                };
                let pairing = Pairing { compensate, ..Pairing::default() };
                let pairs = pair(&trace(&probes.alice), &trace(&probes.bob), &pairing).unwrap();
                // The last answer has nothing after it.
                let want = if compensate.method == Between::None { 2500 } else { 2499 };
                assert_eq!(pairs.len(), want);
                all.0.extend(pairs.alice.iter().copied());
                all.1.extend(pairs.bob.iter().copied());
            }
            pearson(Array1::from(all.0).view(), Array1::from(all.1).view()).unwrap()
        };
        let without = of(Compensation::default());
        let plain = theory(&[1.0], 0, interval, delay, doppler, snr);
        assert!((plain - link.expected_correlation()).abs() < 1e-12);
        assert!((without - plain).abs() < 0.01, "{doppler} Hz: {without} {plain}");
        for method in METHODS {
            for delay_known in [None, Some(delay)] {
                let bandwidth = if method == Between::BandLimited { doppler } else { 0.0 };
                let compensate = Compensation { method, delay: delay_known, bandwidth, ..Default::default() };
                let (weights, first) = match method {
                    Between::Linear => (vec![0.5; 2], 0),
                    Between::Cubic => (vec![-1.0 / 16.0, 9.0 / 16.0, 9.0 / 16.0, -1.0 / 16.0], -1),
                    _ => {
                        let nodes: Vec<f64> = (-7..=8).map(|k| f64::from(k) * interval).collect();
                        (wiener(&nodes, delay, doppler).unwrap(), -7)
                    }
                };
                let want = theory(&weights, first, interval, delay, doppler, snr);
                let got = of(compensate);
                eprintln!(
                    "{doppler} Hz, {method:?}: {without:.4} to {got:.4}, theory {plain:.4} to {want:.4}"
                );
                assert!(
                    (got - want).abs() < 0.004 && got > without,
                    "{doppler} Hz, {method:?}: {got} {want}"
                );
            }
        }
    }
}

/// A polynomial of their order is read exactly, at times in any order, with holes in them.
#[test]
fn polynomials_are_read_exactly() {
    let time: Vec<f64> = [3.0, 0.0, 1.0, 2.5, 4.0, 1.75, 0.5].to_vec();
    let cubic = |t: f64| 2.0 - t + 0.5 * t * t - 0.3 * t.powi(3);
    let values = Array2::from_shape_fn(
        (2, 7),
        |(lane, k)| {
            if lane == 0 { cubic(time[k]) } else { 1.0 - 3.0 * time[k] }
        },
    );
    let at = [0.0, 0.2, 0.7, 1.9, 3.9, 4.0, 4.1, -0.1];
    for method in METHODS {
        let compensation = Compensation { method, max_gap: 1.0, ..Default::default() };
        let (read, which) = compensation.read(values.view(), &time, &at).unwrap();
        assert_eq!(which, [0, 1, 2, 3, 4, 5]);
        for (k, &t) in at[..6].iter().enumerate() {
            // Close to an end the cubic has but three measurements, and what was measured is left as it is.
            let exact = method == Between::Cubic && (t == 0.7 || t == 1.9);
            assert!(!exact || (read[[0, k]] - cubic(t)).abs() < 1e-12, "{method:?} {t}");
            let straight = method != Between::BandLimited;
            assert!(!straight || (read[[1, k]] - (1.0 - 3.0 * t)).abs() < 1e-12, "{method:?} {t}");
        }
        assert_eq!((read[[0, 0]], read[[0, 5]]), (cubic(0.0), cubic(4.0)));
    }
}

/// Across a gap, before the first and after the last nothing is read, and the measurements beyond a gap weigh nothing.
#[test]
fn gaps_are_respected() {
    let time: Vec<f64> = (0..10).chain(14..24).map(f64::from).collect();
    let values = Array2::from_shape_fn((1, 20), |(_, k)| if k < 10 { 1.0 } else { 1e9 });
    let at: Vec<f64> = (-1..25).map(|k| f64::from(k) + 0.5).collect();
    for method in METHODS {
        let compensation = Compensation { method, ..Default::default() };
        let (read, which) = compensation.read(values.view(), &time, &at).unwrap();
        let want: Vec<usize> = (1..10).chain(15..24).collect();
        assert_eq!(which, want, "{method:?}");
        assert!(read.iter().take(9).all(|x| (x - 1.0).abs() < 0.05), "{method:?}: {read}");
    }
    let none = Compensation { method: Between::Cubic, ..Default::default() };
    let (read, which) = none.read(Array2::zeros((3, 0)).view(), &[], &[1.0]).unwrap();
    assert_eq!((read.dim(), which.len()), ((3, 0), 0));
}

#[test]
fn bad_arguments() {
    let cubic = Compensation { method: Between::Cubic, ..Default::default() };
    let values = Array2::zeros((1, 2));
    let err = cubic.read(values.view(), &[0.0], &[]).unwrap_err();
    assert_eq!(err.to_string(), "time must have shape [2], got [1]");
    let err = cubic.read(values.view(), &[0.0, 1.0], &[f64::NAN]).unwrap_err();
    assert_eq!(err.to_string(), "times to read at holds a NaN or an infinity at index 0");
    let bad = Compensation { max_gap: -1.0, ..cubic };
    assert_eq!(bad.check().unwrap_err().to_string(), "compensate.max_gap must be within 0..=1e6 s, got -1");
    // Without times there is nothing to read by.
    let trace =
        Trace::new(Array2::zeros((1, 40)), Some((0..40).collect()), None, crate::keygen::probe::Kind::Rssi)
            .unwrap();
    let pairing = Pairing { by: PairBy::Sequence, compensate: cubic, ..Default::default() };
    let err = pair(&trace, &trace, &pairing).unwrap_err();
    assert_eq!(
        err.to_string(),
        "pairing.compensate must be none where the measurements carry no times, got Cubic"
    );
}
