//! Arrangements that were made are found, and where nothing tells them apart that is said.

use super::*;
use crate::sim::fading::FadingConfig;
use crate::sim::link::{Asymmetry, LinkConfig, Probes};
use crate::sim::profile::Profile;
use crate::sim::rng;

fn probes(subcarriers: usize, antennas: usize, fading: FadingConfig, seed: u64) -> Probes {
    let asymmetry = Asymmetry { ripple_db: 1.0, gain_db: 2.0, random_phase: true, ..Default::default() };
    let link = LinkConfig { fading, rounds: 600, subcarriers, antennas, asymmetry, ..LinkConfig::default() };
    link.run(&mut rng(seed)).unwrap()
}

/// Bob's gains as an end with another arrangement would have written them: the inverse of what is to be found.
fn arranged(bob: &Csi, order: Order, transposed: bool, in_shape: bool) -> Csi {
    let (time, subcarriers, antennas) = bob.gains.dim();
    let places = rows(order, transposed, subcarriers, antennas);
    let (n, m) = if transposed && in_shape { (antennas, subcarriers) } else { (subcarriers, antennas) };
    let mut gains = Array3::zeros((time, n, m));
    for row in 0..time {
        for (lane, &place) in places.iter().enumerate() {
            gains[[row, place / m, place % m]] = bob.gains[[row, lane / antennas, lane % antennas]];
        }
    }
    Csi { gains, ..bob.clone() }
}

#[test]
fn every_arrangement_is_found_and_undone() {
    for (seed, (subcarriers, antennas)) in [(52, 1), (53, 1), (30, 3), (4, 4)].into_iter().enumerate() {
        let fading = FadingConfig { delay_spread: 150e-9, ..FadingConfig::default() };
        let probes = probes(subcarriers, antennas, fading, seed as u64);
        for order in Order::ALL {
            for (transposed, in_shape) in [(false, false), (true, true), (true, false)] {
                if transposed && antennas == 1 {
                    continue;
                }
                let bob = arranged(&probes.bob, order, transposed, in_shape);
                let got = detect(&probes.alice, &bob, &Pairing::default()).unwrap();
                let Some(found) = got.found else { panic!("{subcarriers} {antennas} {order:?}: {got:?}") };
                // The same permutation may have two names.
                assert_eq!(
                    rows(found.order, found.transposed, subcarriers, antennas),
                    rows(order, transposed, subcarriers, antennas),
                    "{found:?}"
                );
                assert!(got.confidence > CONFIDENCE && found.correlation > 0.7, "{got:?}");
                assert_eq!(got.apply(&bob, subcarriers, antennas).unwrap().gains, probes.bob.gains);
            }
        }
    }
}

/// A channel that stands still, one that is flat, unrelated ends, and too few pairs: it cannot be told. 40 unrelated pairs of ends
/// are mistaken no oftener than the confidence says.
#[test]
fn what_cannot_be_told_is_not() {
    let still = FadingConfig { doppler: 0.0, ..FadingConfig::default() };
    let flat = FadingConfig { profile: Profile::Flat, ..FadingConfig::default() };
    for fading in [still, flat] {
        let probes = probes(32, 1, fading, 1);
        let got = detect(&probes.alice, &probes.bob, &Pairing::default()).unwrap();
        assert_eq!(got.found, None, "{got:?}");
        let kept = got.apply(&probes.bob, 32, 1).unwrap();
        assert_eq!(kept, probes.bob);
    }
    let mut mistaken = 0;
    for seed in 0..40 {
        let [one, other] = [seed, seed + 1000].map(|seed| {
            let link = LinkConfig {
                rounds: 240,
                subcarriers: 8,
                interval: if seed % 2 == 0 { 0.3 } else { 0.02 },
                ..LinkConfig::default()
            };
            link.run(&mut rng(seed)).unwrap()
        });
        mistaken += usize::from(detect(&one.alice, &other.bob, &Pairing::default()).unwrap().found.is_some());
    }
    assert!(mistaken <= 1, "{mistaken} of 40");
    let few = detect(
        &LinkConfig { rounds: 20, ..LinkConfig::default() }.run(&mut rng(1)).unwrap().alice,
        &LinkConfig { rounds: 20, ..LinkConfig::default() }.run(&mut rng(1)).unwrap().bob,
        &Pairing::default(),
    );
    assert_eq!(few.unwrap(), Arrangement { found: None, confidence: 0.0, scores: vec![] });
    let narrow = probes(8, 1, FadingConfig::default(), 1).alice;
    let wide = probes(9, 1, FadingConfig::default(), 1).bob;
    assert!(detect(&narrow, &wide, &Pairing::default()).is_err());
}

/// A recorded walk: both cards count their subcarriers alike, and an end that is turned around is found out.
#[test]
fn recorded_ends_are_told_apart() {
    let Some(folder) = crate::testdata::folder("keygen/csi_intel5300") else { return };
    let [alice, bob] = ["alice", "bob"].map(|end| {
        let bytes = std::fs::read(folder.join(format!("tmp_521_12__{end}.dat"))).unwrap();
        let mut csi = crate::channel::intel5300::parse(&bytes).unwrap();
        csi.gains = csi.gains.select(ndarray::Axis(2), &[0]);
        csi
    });
    for order in [Order::Natural, Order::Reversed, Order::Shifted] {
        let got = detect(&alice, &arranged(&bob, order, false, false), &Pairing::default()).unwrap();
        eprintln!("{order:?}: {:?} at {:.6}, next {:?}", got.found, got.confidence, got.scores.get(1));
        assert_eq!(got.found.map(|found| found.order), Some(order), "{got:?}");
    }
}
