use super::*;
use crate::sim;

/// Two estimates with errors of `noise`, of one channel or of two.
fn pair_of(
    n: usize,
    noise: f64,
    same: bool,
    turn: f32,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> (Vec<Complex32>, Vec<Complex32>) {
    let first = sim::noise(rng, n, 1.0);
    let second = if same { first.clone() } else { sim::noise(rng, n, 1.0) };
    let turn = Complex32::from_polar(1.0, turn);
    let mut hear = |x: &[Complex32]| -> Vec<Complex32> {
        x.iter().zip(sim::noise(rng, n, noise)).map(|(x, w)| x * turn + w).collect()
    };
    let a = hear(&first);
    (a, hear(&second))
}

/// jamming.json, `PLA_channel_diff_test_iid_Rayleigh_Pd`.
#[test]
fn detection_has_its_closed_form() {
    for (gains, snr_db, want) in [
        (4, 0.0, 0.2618735308838982),
        (4, 5.0, 0.7759236849902077),
        (4, 10.0, 0.9858795305024006),
        (4, 20.0, 0.9999962344693247),
        (16, 0.0, 0.7298551152389399),
        (16, 5.0, 0.9989683209345303),
        (52, 0.0, 0.9954708182787612),
    ] {
        let test = Difference { noise_power: sim::from_db(-snr_db), free_phase: false, ..Default::default() };
        let got = test.detection_probability(gains).unwrap();
        assert!((got - want).abs() < 1e-9, "{gains} gains, {snr_db} dB: {got} {want}");
    }
}

/// False alarms asked and measured, and detections as the closed form says; with and without a phase that means nothing.
#[test]
fn both_errors_are_as_asked() {
    let mut rng = sim::rng(6);
    let trials = 20_000;
    for (free_phase, noise_power) in [(false, 1.0), (false, 0.03), (true, 0.03)] {
        let test = Difference { noise_power, free_phase, ..Default::default() };
        let mut rate = |same: bool| {
            let others = (0..trials).filter(|k| {
                // Both turned alike where the phase counts, else against one another.
                let (a, mut b) = pair_of(16, noise_power, same, 0.0, &mut rng);
                if free_phase {
                    b.iter_mut().for_each(|b| *b *= Complex32::from_polar(1.0, *k as f32));
                }
                !test.test(&a, &b).unwrap().same
            });
            others.count() as f64 / f64::from(trials)
        };
        let near = |got: f64, want: f64| {
            (got - want).abs() < 4.0 * (want * (1.0 - want) / f64::from(trials)).sqrt() + 1e-4
        };
        let (pfa, pd) = (rate(true), rate(false));
        println!("free phase {free_phase}, noise {noise_power}: Pfa {pfa} (0.01), Pd {pd}");
        assert!(near(pfa, 0.01), "{free_phase} {noise_power}: {pfa}");
        assert!(near(pd, test.detection_probability(16).unwrap()), "{free_phase}: {pd}");
    }
}

#[test]
fn correlation_holds_its_false_acceptance() {
    let mut rng = sim::rng(7);
    let trials = 20_000;
    for n in [2, 8, 52] {
        let mut rate = |same: bool| {
            let passed = (0..trials).filter(|_| {
                let (a, b) = pair_of(n, 0.1, same, 1.0, &mut rng);
                correlation(&a, &b, 0.01).unwrap().same
            });
            passed.count() as f64 / f64::from(trials)
        };
        let (impostor, own) = (rate(false), rate(true));
        assert!((impostor - 0.01).abs() < 4.0 * (0.0099 / f64::from(trials)).sqrt(), "{n}: {impostor}");
        assert!(own > [0.1, 0.9, 0.999][usize::from(n > 2) + usize::from(n > 8)], "{n}: {own}");
    }
}

/// Both errors below what was asked, in fewer frames than a test of fixed length takes.
#[test]
fn the_sequential_test_is_short_and_holds_both_errors() {
    let mut rng = sim::rng(8);
    let test = Difference { noise_power: 2.0, free_phase: false, pfa: 0.01, ..Default::default() };
    let trials = 3000;
    let mut run = |same: bool| {
        let (mut wrong, mut frames) = (0, 0);
        let mut sequential = Sequential::new(test, 0.01).unwrap();
        for _ in 0..trials {
            sequential.reset();
            loop {
                let (a, b) = pair_of(8, 2.0, same, 0.0, &mut rng);
                let outcome = sequential.push(&a, &b).unwrap();
                if outcome != Outcome::Open {
                    wrong += u32::from((outcome == Outcome::Same) != same);
                    break;
                }
            }
            frames += sequential.frames();
        }
        (f64::from(wrong) / f64::from(trials), frames as f64 / f64::from(trials))
    };
    let ((pfa, short), (miss, other)) = (run(true), run(false));
    // A fixed number of frames with both errors at 1 %: 8 gains a frame until the detection reaches 0.99.
    let fixed = (1..200).find(|&frames| test.detection_probability(8 * frames).unwrap() > 0.99).unwrap();
    println!("sequential: Pfa {pfa}, miss {miss}, {short:.1} and {other:.1} frames; fixed {fixed}");
    let bound = 0.01 / 0.99 + 4.0 * (0.01f64 / f64::from(trials)).sqrt();
    assert!(pfa < bound && miss < bound, "{pfa} {miss}");
    assert!(short < fixed as f64 && other < fixed as f64, "{short} {other} {fixed}");
}

#[test]
fn directions_and_pilots() {
    let verdict = same_direction([0.1, 0.1 + 1.9 * 0.05], [0.03, 0.04], 0.05).unwrap();
    assert!(verdict.same && (verdict.threshold - 1.959_963_984_540_054).abs() < 1e-9);
    assert!(!same_direction([0.1, 0.1 + 2.0 * 0.05], [0.03, 0.04], 0.05).unwrap().same);
    // Over the seam of the circle.
    assert!(same_direction([3.135, -3.135], [0.01, 0.01], 0.05).unwrap().same);
    // Two honest pilots of 32 gains and their powers: false alarms as asked, and a spoofer of half the power found.
    let mut rng = sim::rng(9);
    let trials = 4000;
    let (n, noise) = (32, 0.02);
    let mut rate = |spoofer: f64| {
        let found = (0..trials).filter(|_| {
            let h = sim::noise(&mut rng, n, 1.0);
            let g = sim::noise(&mut rng, n, spoofer);
            let mut power = |with: &[Complex32]| {
                let w = sim::noise(&mut rng, n, noise);
                h.iter().zip(with).zip(&w).map(|((h, g), w)| f64::from((h + g + w).norm_sqr())).sum::<f64>()
                    / n as f64
                    - noise
            };
            let powers = [power(&g), power(&vec![Complex32::ZERO; n])];
            !pilot_power_ratio(powers, [noise; 2], n, 0.05).unwrap().same
        });
        found.count() as f64 / f64::from(trials)
    };
    let (pfa, pd) = (rate(0.0), rate(0.5));
    assert!((pfa - 0.05).abs() < 4.0 * (0.0475 / f64::from(trials)).sqrt() + 2e-3, "{pfa}");
    assert!(pd > 0.9, "{pd}");
}

/// A spoofer with her own data is a second source; alone the sender is one.
#[test]
fn contamination_is_counted() {
    use crate::jamming::array::{Arrival, Covariance, Geometry};
    let mut rng = sim::rng(10);
    let line = Geometry::default();
    let (alice, eve) = (sim::noise(&mut rng, 200, 3.0), sim::noise(&mut rng, 200, 1.0));
    let arrivals =
        [(0.2, &alice), (-0.6, &eve)].map(|(azimuth, signal)| Arrival { azimuth, elevation: 0.0, signal });
    for senders in 0..3 {
        let x = line.receive(&arrivals[..senders], 200, 0.1, &mut rng).unwrap();
        assert_eq!(pilot_sources(&Covariance::sample(x.view()).unwrap()).unwrap(), senders);
    }
}

#[test]
fn refuses_what_cannot_be_compared() {
    let test = Difference::default();
    let one = [Complex32::ONE; 4];
    assert!(test.test(&one, &one[..3]).unwrap_err().to_string().contains("must have shape [4], got [3]"));
    assert!(test.test(&one[..1], &one[..1]).is_err() && test.test(&[], &[]).is_err());
    assert!(test.test(&[Complex32::new(f32::NAN, 0.0); 4], &one).unwrap_err().to_string().contains("NaN"));
    for bad in [
        Difference { noise_power: 0.0, ..test },
        Difference { channel_power: f64::NAN, ..test },
        Difference { correlation: 0.0, ..test },
        Difference { pfa: 1.0, ..test },
    ] {
        assert!(bad.test(&one, &one).is_err() && Sequential::new(bad, 0.01).is_err(), "{bad:?}");
    }
    assert!(Sequential::new(test, 0.0).is_err() && Sequential::new(test, 0.995).is_err());
    assert!(correlation(&one, &[Complex32::ZERO; 4], 0.1).is_err() && correlation(&one, &one, 0.0).is_err());
    assert!(
        same_direction([0.0, f64::NAN], [1.0; 2], 0.1).is_err()
            && same_direction([0.0; 2], [0.0; 2], 0.1).is_err()
    );
    assert!(
        pilot_power_ratio([0.0, 1.0], [1.0; 2], 4, 0.1).is_err()
            && pilot_power_ratio([1.0; 2], [1.0; 2], 0, 0.1).is_err()
    );
    assert!(correlation(&one, &one, 0.1).unwrap().same);
}
