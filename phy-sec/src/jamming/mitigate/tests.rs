use nalgebra::{DMatrix, DVector};
use num_complex::Complex64;

use super::*;
use crate::jamming::array::{Arrival, Covariance, Geometry};
use crate::sim::{
    self,
    jammer::{Jammer, Ratio, SweepShape, mix},
};

const RATE: f64 = 1e6;

fn one(x: &[Complex32]) -> ArrayView2<'_, Complex32> {
    ArrayView2::from_shape((1, x.len()), x).unwrap()
}

/// A victim that fills the band, 20 dB over the noise, with a jammer 15 dB over the victim: gain of an answer, dB.
fn gain(jammer: &Jammer, method: Mitigation) -> f64 {
    let mut rng = sim::rng(5);
    let victim = sim::noise(&mut rng, 100_000, 1.0);
    let noise = sim::noise(&mut rng, victim.len(), 0.01);
    let mixed = mix(&victim, jammer, Ratio::Jsr(15.0), RATE, &mut rng).unwrap();
    let x: Vec<_> = mixed.samples.iter().zip(&noise).map(|(x, n)| x + n).collect();
    let (y, _) = mitigate(one(&x), method, RATE).unwrap();
    sinr_db(&victim, y.row(0).as_slice().unwrap()).unwrap() - sinr_db(&victim, &x).unwrap()
}

#[test]
fn each_answer_gains_against_its_own_jammer() {
    let tone = Jammer::Tone { frequency: 123_400.0 };
    let sweep = Jammer::Sweep { shape: SweepShape::Sawtooth, from: -400e3, to: 400e3, period: 0.05 };
    let pulsed = Jammer::Pulsed { period: 2e-3, duty: 0.1, of: Box::new(Jammer::Barrage) };
    let partial = Jammer::PartialBand { center: 200e3, bandwidth: 100e3 };
    let gain = |name: &str, jammer, method, least: f64| {
        let db = gain(jammer, method);
        println!("{name}: {db:.1} dB");
        assert!(db > least, "{name}: {db} dB, at least {least}");
    };
    gain(
        "notch, tone",
        &tone,
        Mitigation::Notch(Notch { frequencies: vec![123_400.0], bandwidth: None }),
        25.0,
    );
    gain("tracking notch, tone", &tone, Mitigation::TrackingNotch(TrackingNotch::default()), 15.0);
    gain("tracking notch, slow sweep", &sweep, Mitigation::TrackingNotch(TrackingNotch::default()), 12.0);
    gain("excision, tone", &tone, Mitigation::Excision(Excision::default()), 18.0);
    gain("excision, sweep", &sweep, Mitigation::Excision(Excision { size: 256, ..Default::default() }), 15.0);
    gain("blanking, pulses", &pulsed, Mitigation::Blanking(Blanking::default()), 10.0);
    gain(
        "mask, partial band",
        &partial,
        Mitigation::Mask(Mask { bands: vec![(150e3, 250e3)], size: 1024 }),
        15.0,
    );
}

/// Nothing there to answer: what it costs.
#[test]
fn a_clean_victim_comes_through() {
    let mut rng = sim::rng(6);
    let victim = sim::noise(&mut rng, 100_000, 1.0);
    for (method, least) in [
        (Mitigation::Notch(Notch::default()), 20.0),
        (Mitigation::TrackingNotch(TrackingNotch::default()), 10.0),
        (Mitigation::Blanking(Blanking::default()), 30.0),
        (Mitigation::Excision(Excision::default()), 20.0),
        (Mitigation::Mask(Mask::default()), 100.0),
    ] {
        let (y, removed) = mitigate(one(&victim), method.clone(), RATE).unwrap();
        let got = sinr_db(&victim, y.row(0).as_slice().unwrap()).unwrap();
        println!("{}: {got:.1} dB, {removed:?}", method.name());
        assert!(got > least, "{}: {got}", method.name());
        assert_eq!(y.ncols(), victim.len());
    }
}

/// Four antennas, a victim at 0°, a barrage at 40° 30 dB stronger.
#[test]
fn arrays_null_what_one_antenna_cannot() {
    let mut rng = sim::rng(7);
    let line = Geometry::Linear { antennas: 4, spacing: 0.5 };
    let (victim, jammer) = (sim::noise(&mut rng, 20_000, 1.0), sim::noise(&mut rng, 20_000, 1000.0));
    let arrivals =
        [(0.0, &victim), (0.7, &jammer)].map(|(azimuth, signal)| Arrival { azimuth, elevation: 0.0, signal });
    let x = line.receive(&arrivals, 20_000, 0.01, &mut rng).unwrap();
    let before = sinr_db(&victim, &x.row(0).to_vec()).unwrap();
    for (method, channels) in [
        (Mitigation::Null(Null::default()), 4),
        (Mitigation::Beam(Beam { geometry: line.clone(), ..Default::default() }), 1),
        (Mitigation::Beam(Beam { geometry: line.clone(), nulls: vec![0.7], ..Default::default() }), 1),
    ] {
        let (y, _) = mitigate(x.view(), method.clone(), RATE).unwrap();
        assert_eq!(y.dim(), (channels, 20_000));
        let got = sinr_db(&victim, &y.row(0).to_vec()).unwrap() - before;
        println!("{}: {got:.1} dB", method.name());
        assert!(got > 40.0, "{}: {got}", method.name());
    }
}

/// The mean of the SINR over the best, trained on 8 samples of four antennas: `(K + 2 - N)/(K + 1)` = 0.6667, jamming.json `N4_K8`.
#[test]
fn mvdr_loses_what_reed_mallett_and_brennan_say() {
    let mut rng = sim::rng(8);
    for (antennas, samples, want) in
        [(4usize, 8usize, 0.666_666_666_666_666_6), (8, 16, 0.588_235_294_117_647_1)]
    {
        let line = Geometry::Linear { antennas, spacing: 0.5 };
        let steering = line.steering(0.2, 0.0);
        let jam = DVector::from_vec(line.steering(-0.5, 0.0));
        let truth = DMatrix::identity(antennas, antennas) + &jam * jam.adjoint() * Complex64::from(100.0);
        let s = DVector::from_vec(steering.clone());
        let best = s.dotc(&(truth.clone().try_inverse().unwrap() * &s)).re;
        let trials = 4000;
        let mut sum = 0.0;
        for _ in 0..trials {
            let jammer = sim::noise(&mut rng, samples, 100.0);
            let arrival = Arrival { azimuth: -0.5, elevation: 0.0, signal: &jammer };
            let x = line.receive(&[arrival], samples, 1.0, &mut rng).unwrap();
            let covariance = Covariance::sample(x.view()).unwrap();
            let w = weights(&covariance, &[(steering.clone(), Complex64::ONE)], 0.0).unwrap();
            let w = DVector::from_vec(w);
            assert!((w.dotc(&s) - 1.0).norm() < 1e-9);
            sum += 1.0 / w.dotc(&(&truth * &w)).re / best;
        }
        let got = sum / f64::from(trials);
        // A beta variable of these parameters deviates by about 0.15.
        println!("N={antennas}, K={samples}: mean SINR loss {got:.4}, Reed, Mallett and Brennan {want:.4}");
        assert!((got - want).abs() < 4.0 * 0.16 / f64::from(trials).sqrt(), "{got} {want}");
    }
}

/// Every method; streams that are no whole number of blocks.
#[test]
fn cutting_the_stream_changes_nothing() {
    let mut rng = sim::rng(9);
    let line = Geometry::default();
    let x = {
        let jammer = sim::noise(&mut rng, 20_123, 100.0);
        line.receive(&[Arrival { azimuth: 0.4, elevation: 0.0, signal: &jammer }], 20_123, 1.0, &mut rng)
            .unwrap()
    };
    for method in Mitigation::all() {
        let (whole, removed) = mitigate(x.view(), method.clone(), RATE).unwrap();
        assert_eq!(whole.ncols(), x.ncols());
        let mut mitigator = Mitigator::new(method.clone(), 4, RATE).unwrap();
        for cut in [1, 100, 4097, 20_122] {
            let mut got = Array2::zeros((mitigator.channels_out(), 0));
            for piece in x.axis_chunks_iter(Axis(1), cut) {
                got.append(Axis(1), mitigator.push(piece).unwrap().view()).unwrap();
            }
            got.append(Axis(1), mitigator.finish().unwrap().view()).unwrap();
            assert_eq!(got, whole, "{} cut at {cut}", method.name());
            assert_eq!(mitigator.removed(), removed, "{}", method.name());
            mitigator.reset().unwrap();
        }
        // The next stream after `finish` is a new one.
        let _ = (mitigator.push(x.view()).unwrap(), mitigator.finish().unwrap());
        let first = mitigator.push(x.view()).unwrap();
        assert_eq!(
            first,
            whole.slice_axis(Axis(1), ndarray::Slice::from(..first.ncols())),
            "{}",
            method.name()
        );
        let json = serde_json::to_string(&method).unwrap();
        assert_eq!(serde_json::from_str::<Mitigation>(&json).unwrap(), method);
    }
}

#[test]
fn refuses_what_makes_no_sense() {
    let error =
        |method: Mitigation, channels| Mitigator::new(method, channels, RATE).err().unwrap().to_string();
    let notch = |frequencies, bandwidth| Mitigation::Notch(Notch { frequencies, bandwidth });
    assert_eq!(
        error(notch(vec![6e5], None), 1),
        "frequencies must be within half the sample rate, got 600000"
    );
    assert!(error(notch(vec![f64::NAN], None), 1).starts_with("frequencies"));
    assert!(error(notch(vec![], None), 1).starts_with("frequencies must be 1 to 64"));
    assert!(error(notch(vec![0.0], Some(0.0)), 1).starts_with("bandwidth"));
    for (method, channels, words) in [
        (Mitigation::Null(Null::default()), 1, "channels must be from 2 to 64"),
        (
            Mitigation::Null(Null { sources: 4, ..Default::default() }),
            4,
            "sources must be at least 1 and below",
        ),
        (Mitigation::Null(Null { block: 7, ..Default::default() }), 4, "block must be at least two"),
        (Mitigation::Beam(Beam::default()), 5, "samples must have shape [4, sample]"),
        (
            Mitigation::Beam(Beam { nulls: vec![0.1, 0.2, 0.3], ..Default::default() }),
            4,
            "nulls must be fewer",
        ),
        (Mitigation::Beam(Beam { azimuth: f64::NAN, ..Default::default() }), 4, "azimuth must be finite"),
        (
            Mitigation::Blanking(Blanking { block: usize::MAX, ..Default::default() }),
            1,
            "block must be within",
        ),
        (
            Mitigation::Excision(Excision { size: 100, ..Default::default() }),
            1,
            "size must be a power of two",
        ),
        (Mitigation::Mask(Mask { bands: vec![(1.0, -1.0)], size: 64 }), 1, "bands must be ascending"),
        (Mitigation::TrackingNotch(TrackingNotch { radius: 1.0, step: 0.1 }), 1, "radius must be from 0"),
        (Mitigation::Mask(Mask::default()), 65, "channels must be from 1 to 64"),
    ] {
        let said = error(method, channels);
        assert!(said.starts_with(words), "{said}");
    }
    assert!(Mitigator::new(Mitigation::Mask(Mask::default()), 1, 0.0).is_err());
    let mut mitigator = Mitigator::new(Mitigation::Mask(Mask::default()), 1, RATE).unwrap();
    let bad = [Complex32::new(f32::NAN, 0.0)];
    assert!(mitigator.push(one(&bad)).unwrap_err().to_string().contains("NaN"));
    assert!(mitigator.push(Array2::zeros((2, 5)).view()).is_err());
    // Silence has no covariance to invert and nothing to take out.
    let silent = Array2::zeros((4, 10_000));
    for method in Mitigation::all() {
        assert!(
            mitigate(silent.view(), method.clone(), RATE).unwrap().0.iter().all(|x| *x == Complex32::ZERO),
            "{}",
            method.name()
        );
        assert_eq!(mitigate(Array2::zeros((4, 0)).view(), method, RATE).unwrap().0.dim().1, 0);
    }
    assert!(
        weights(
            &Covariance::new(Array2::from_elem((2, 2), Complex64::ONE), 9).unwrap(),
            &[(vec![Complex64::ONE; 2], Complex64::ONE)],
            0.0
        )
        .is_err()
    );
}

#[test]
fn resources_that_a_band_leaves() {
    let resources = Resources { start: -1800.0, width: 360.0, count: 10 };
    let free = |bands: &[(f64, f64)], guard| {
        let mask = resource_mask(bands, &resources, guard).unwrap();
        mask.into_iter().map(|free| if free { '.' } else { 'x' }).collect::<String>()
    };
    assert_eq!(free(&[], 0.0), "..........");
    assert_eq!(free(&[(0.0, 0.0)], 1.0), "....xx....");
    assert_eq!(free(&[(10.0, 350.0)], 0.0), ".....x....");
    assert_eq!(free(&[(-1e9, -1000.0), (1500.0, 1e9)], 0.0), "xxx......x");
    assert!(resource_mask(&[(1.0, 0.0)], &resources, 0.0).is_err());
    assert!(resource_mask(&[], &Resources { count: usize::MAX, ..resources }, 0.0).is_err());
    assert!(resource_mask(&[(f64::NAN, 0.0)], &resources, 0.0).is_err());
}

/// Every class of the detector, and whatever else may come, has an answer that the samples' rate accepts.
#[test]
fn every_class_has_an_answer() {
    let names = crate::jamming::Class::ALL.iter().map(|class| class.name());
    for class in names.chain([
        "barrage",
        "partial_band",
        "multi_tone",
        "hopping",
        "reactive",
        "pilots",
        "preambles",
        "replay",
        "what",
    ]) {
        for width in [0.0, 1e4, 9.9e5] {
            let mut event: crate::event::Event = serde_json::from_value(serde_json::json!({
                "schema": crate::event::SCHEMA, "core:sample_start": 0, "core:sample_count": 1,
                "core:freq_lower_edge": 1e8 - width / 2.0, "core:freq_upper_edge": 1e8 + width / 2.0,
                "core:label": "", "core:comment": "", "class": class, "statistic": 1.0, "threshold": 1.0, "pfa": 0.1,
                "confidence": 1.0, "parameters": {},
            }))
            .unwrap();
            for rate in [1e3, 1e15] {
                event.set("sweep_rate", rate);
                event.set("pulse_period", 1.0 / rate);
                event.set("duty", 1.0);
                let suggestion = suggest(&event, RATE, 1e8);
                if let Some(method) = suggestion.mitigation {
                    Mitigator::new(method, 1, RATE).unwrap();
                }
                assert_eq!(suggestion.avoid.is_empty(), width > 9e5, "{class}");
            }
            let answer = suggest(&event, RATE, 1e8).mitigation.map(|method| method.name());
            match (class, width) {
                ("tone", _) => assert_eq!(answer, Some("notch")),
                ("sweep" | "multi_tone" | "hopping", _) => assert_eq!(answer, Some("excision")),
                ("pulsed", _) => assert_eq!(answer, Some("blanking")),
                ("wideband", 1e4) => assert_eq!(answer, Some("mask")),
                ("wideband", 9.9e5) | ("replay" | "reactive", _) => assert_eq!(answer, None),
                _ => {}
            }
        }
    }
}
