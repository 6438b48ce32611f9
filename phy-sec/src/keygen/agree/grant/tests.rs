//! An eavesdropper who has the channel, but with a phase, signs, an order, a delay or antennas of her own.

use ndarray::{Array2, Array3};
use num_complex::Complex32;

use super::super::{Agreement, agree, agree_against};
use super::*;
use crate::channel::Csi;
use crate::keygen::evaluate::Recording;
use crate::keygen::probe::Kind;
use crate::sim;

const ROUNDS: usize = 1500;

/// Independent complex gains, `[time, subcarrier, antenna]`.
fn gains(subcarriers: usize, antennas: usize, seed: u64) -> Array3<Complex32> {
    let values = sim::noise(&mut sim::rng(seed), ROUNDS * subcarriers * antennas, 1.0);
    Array3::from_shape_vec((ROUNDS, subcarriers, antennas), values).unwrap()
}

/// As a receiver measures them, at 30 dB.
fn measured(gains: &Array3<Complex32>, seed: u64) -> Csi {
    let noise = sim::noise(&mut sim::rng(seed), gains.len(), 1e-3);
    let noise = Array3::from_shape_vec(gains.dim(), noise).unwrap();
    let times = 0..gains.dim().0;
    Csi::new(
        gains + &noise,
        times.clone().map(|t| t as f64).collect(),
        Some(times.map(|t| t as u64).collect()),
    )
    .unwrap()
}

fn against(h: &Array3<Complex32>, eve: &Array3<Complex32>, config: &Config) -> Agreement {
    let [alice, bob] = [1, 2].map(|seed| config.trace(&measured(h, seed)).unwrap());
    let eve = Overheard::from_csi(&measured(eve, 3), config.component).unwrap();
    agree_against(&alice, &bob, Some(&eve), config, 1, Default::default()).unwrap()
}

fn plain(component: Component) -> Config {
    Config { component, preprocess: Some(vec![]), ..Config::default() }
}

fn has_nothing_to_give(got: &Agreement, least: f64, what: &str) {
    let report = &got.report;
    assert!(report.eve_rho > least && got.keys.is_none(), "{what}: {} {}", report.eve_rho, report.reason);
}

/// A carrier phase, a mirrored spectrum (conjugated gains), a delay.
#[test]
fn a_phase_of_her_own() {
    let h = gains(4, 1, 7);
    let turned = |degrees: f32| h.mapv(|h| h * Complex32::cis(degrees.to_radians()));
    let ramp = Array3::from_shape_fn(h.dim(), |(t, k, m)| h[[t, k, m]] * Complex32::cis(1.1 * k as f32));
    for component in [Component::Complex, Component::Real, Component::Imaginary] {
        for (what, eve) in [
            ("j", turned(90.0)),
            ("half a turn", turned(180.0)),
            ("67 degrees", turned(67.0)),
            ("conjugated", h.mapv(|h| h.conj())),
            ("delayed", ramp.clone()),
        ] {
            let got = against(&h, &eve, &plain(component));
            has_nothing_to_give(&got, 0.97, &format!("{component:?} {what}"));
        }
    }
    // Phases wrap where the carrier phase says.
    for degrees in [0.0, 90.0, 180.0, 67.0] {
        let got = against(&h, &turned(degrees), &plain(Component::Phase));
        has_nothing_to_give(&got, 0.8, &format!("phase turned by {degrees}"));
    }
}

/// Unit norm and principal components are taken over the lanes as they are.
#[test]
fn steps_over_the_lanes_hide_nothing() {
    let h = gains(4, 1, 8);
    let reversed = Array3::from_shape_fn(h.dim(), |(t, k, m)| h[[t, 3 - k, m]]);
    let ramp = Array3::from_shape_fn(h.dim(), |(t, k, m)| h[[t, k, m]] * Complex32::cis(1.1 * k as f32));
    for steps in [
        r#"[{"method":"unit_norm"},{"method":"remove_trend"}]"#,
        r#"[{"method":"pca"}]"#,
        r#"[{"method":"pca","calibration":200},{"method":"remove_trend"}]"#,
        r#"[{"method":"decimate","lane":3}]"#,
    ] {
        let config =
            |component| Config { preprocess: serde_json::from_str(steps).unwrap(), ..plain(component) };
        has_nothing_to_give(&against(&h, &ramp, &config(Component::Complex)), 0.97, steps);
        has_nothing_to_give(&against(&h, &reversed, &config(Component::Magnitude)), 0.97, steps);
    }
}

/// Series of no gains: every other lane upside down, or in reverse order.
#[test]
fn signs_and_order_of_lanes() {
    let h = gains(4, 1, 9);
    let trace = |values: Array2<f64>| {
        Trace::new(values, Some((0..ROUNDS as u64).collect()), None, Kind::Csi).unwrap()
    };
    let lanes = |seed, rows: [usize; 4], signs: [f64; 4]| {
        let csi = measured(&h, seed);
        trace(Array2::from_shape_fn((4, ROUNDS), |(lane, t)| {
            signs[lane] * f64::from(csi.gains[[t, rows[lane], 0]].re)
        }))
    };
    let (order, same) = ([0, 1, 2, 3], [1.0; 4]);
    let (alice, bob) = (lanes(1, order, same), lanes(2, order, same));
    let config = plain(Component::Magnitude);
    for eve in [lanes(3, order, [1.0, -1.0, 1.0, -1.0]), lanes(3, [3, 2, 1, 0], same), lanes(3, order, same)]
    {
        let got = agree(&alice, &bob, Some(&eve), &config, 1, Default::default()).unwrap();
        has_nothing_to_give(&got, 0.97, "lanes");
        // And she guesses as often as that says.
        assert!(got.report.eve_kdr.unwrap() < 0.05, "{:?}", got.report.eve_kdr);
    }
}

/// Several antennas of which one has the channel, and ends with several that hers are not in the order of.
#[test]
fn antennas_of_her_own() {
    let h = gains(1, 1, 10);
    let mut three = gains(1, 3, 11);
    three.index_axis_mut(Axis(2), 1).assign(&h.index_axis(Axis(2), 0).mapv(|h| h * Complex32::cis(2.0)));
    for component in [Component::Magnitude, Component::Complex] {
        has_nothing_to_give(&against(&h, &three, &plain(component)), 0.97, "second antenna");
    }
    let both = gains(1, 2, 12);
    let exchanged = both.select(Axis(2), &[1, 0]);
    let all = Config { antennas: Antennas::All, ..plain(Component::Magnitude) };
    has_nothing_to_give(&against(&both, &exchanged, &all), 0.97, "exchanged");
    // The same through the table of chains.
    let config = plain(Component::Complex);
    let [alice, bob] = [1, 2].map(|seed| config.trace(&measured(&h, seed)).unwrap());
    let eve = Some(Overheard::from_csi(&measured(&three, 3), config.component).unwrap());
    let recording = Recording { name: String::new(), source: vec![], alice, bob, eve };
    let rows = crate::keygen::evaluate::evaluate(&[recording], &[config], 1, &Default::default());
    let rho = |row: usize| rows[row].report.as_ref().unwrap().eve_rho;
    assert!(rho(0) == 0.5 && rho(1) > 0.97, "{}", rho(1));
}

/// One who has nothing is granted what so few values cannot rule out, and no more: whatever she may choose from.
#[test]
fn who_has_nothing_is_granted_little() {
    let h = gains(4, 1, 13);
    let mut total = 0.0;
    for (seed, antennas) in [(14, 1), (15, 2), (16, 4)] {
        for component in [Component::Magnitude, Component::Complex, Component::Real] {
            let report = against(&h, &gains(4, antennas, seed), &plain(component)).report;
            // 2.3 / √1500 is 0.06.
            assert!(report.eve_rho < 0.13, "{component:?} {antennas}: {}", report.eve_rho);
            assert!(report.eve_kdr.unwrap() > 0.44 && report.released_bits > 0, "{report:?}");
            total += report.eve_rho;
        }
    }
    assert!(total / 9.0 < 0.11, "{total}");
}
