use num_complex::Complex32;
use rand::RngExt;
use rand_distr::StandardNormal;

use super::*;
use crate::sim;

const SENSORS: [[f64; 2]; 5] = [[0.0, 0.0], [1000.0, 50.0], [900.0, 1100.0], [-80.0, 950.0], [500.0, -300.0]];
const TRUTH: [f64; 2] = [320.0, 610.0];

/// What the five sensors measure, with Gaussian errors.
fn measured(kind: &str, rng: &mut rand_chacha::ChaCha8Rng) -> Vec<Measurement> {
    let mut error = |sigma: f64| sigma * rng.sample::<f64, _>(StandardNormal);
    let distance = |s: [f64; 2]| (TRUTH[0] - s[0]).hypot(TRUTH[1] - s[1]);
    let one = |k: usize, kind: &str, error: &mut dyn FnMut(f64) -> f64| {
        let sensor = SENSORS[k];
        match kind {
            "bearing" => {
                let azimuth = (TRUTH[0] - sensor[0]).atan2(TRUTH[1] - sensor[1]) + error(0.01);
                Measurement::Bearing { sensor, azimuth, sigma: 0.01 }
            }
            "tdoa" => {
                let reference = SENSORS[(k + 1) % 5];
                let delay = (distance(sensor) - distance(reference)) / LIGHT + error(20e-9);
                Measurement::Tdoa { sensor, reference, delay, sigma: 20e-9 }
            }
            _ => {
                let power_db = 30.0 - 35.0 * distance(sensor).log10() + error(0.3);
                Measurement::Rssi { sensor, power_db, exponent: 3.5, sigma_db: 0.3 }
            }
        }
    };
    (0..5)
        .map(|k| {
            one(
                k,
                if kind == "mixed" { ["bearing", "tdoa", "rssi", "rssi", "rssi"][k] } else { kind },
                &mut error,
            )
        })
        .collect()
}

/// The 95 % ellipse holds the emitter in 95 % of the trials, and errors are as large as the covariance says.
#[test]
fn the_ellipse_holds_the_emitter_as_often_as_it_says() {
    let trials = 500;
    for kind in ["bearing", "tdoa", "rssi", "mixed"] {
        let mut rng = sim::rng(4);
        let (mut inside, mut near, mut square, mut stated, mut misfit) = (0, 0, 0.0, 0.0, 0.0);
        for _ in 0..trials {
            let fix = locate(&measured(kind, &mut rng)).unwrap();
            inside += u32::from(fix.holds(TRUTH, 0.95));
            let error = (fix.position[0] - TRUTH[0]).hypot(fix.position[1] - TRUTH[1]);
            // Powers now and then fit a second, distant place better.
            if error < 300.0 {
                near += 1;
                square += error * error;
                stated += fix.covariance[0][0] + fix.covariance[1][1];
            }
            misfit += fix.misfit / fix.degrees as f64;
        }
        let n = f64::from(trials);
        assert!(
            near >= trials - trials / 33 && (near == trials || kind == "rssi" || kind == "mixed"),
            "{kind}: {near}"
        );
        println!(
            "{kind}: {:.1} % inside, rms error {:.1} m, stated {:.1} m",
            f64::from(inside) / n * 100.0,
            (square / n).sqrt(),
            (stated / n).sqrt()
        );
        // Four sigma of the binomial: 3.9 %.
        assert!((f64::from(inside) / n - 0.95).abs() < 0.039, "{kind}: {inside}");
        assert!(
            (square / stated - 1.0).abs() < 0.2 && (misfit / n - 1.0).abs() < 0.2,
            "{kind}: {square} {stated} {misfit}"
        );
    }
}

#[test]
fn an_ellipse_is_what_its_covariance_says() {
    let fix = |covariance| Fix { position: [1.0, 2.0], covariance, power_db: None, misfit: 0.0, degrees: 0 };
    let scale = (-2.0 * 0.05f64.ln()).sqrt();
    let ellipse = fix([[9.0, 0.0], [0.0, 4.0]]).ellipse(0.95).unwrap();
    assert!((ellipse.major - 3.0 * scale).abs() < 1e-9 && (ellipse.minor - 2.0 * scale).abs() < 1e-9);
    assert!((ellipse.azimuth - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
    let ellipse = fix([[2.0, 1.0], [1.0, 2.0]]).ellipse(0.95).unwrap();
    assert!((ellipse.azimuth - std::f64::consts::FRAC_PI_4).abs() < 1e-12, "{ellipse:?}");
    assert!((ellipse.major / ellipse.minor - 3f64.sqrt()).abs() < 1e-9);
    assert!(fix([[1.0, 0.0], [0.0, 1.0]]).ellipse(1.0).is_err());
    assert!(fix([[1.0, 0.0], [0.0, 1.0]]).holds([1.0 + 0.99 * scale, 2.0], 0.95));
    assert!(!fix([[1.0, 0.0], [0.0, 1.0]]).holds([1.0 + 1.01 * scale, 2.0], 0.95));
}

/// A delay in whole samples and between them, against the bound.
#[test]
fn delays_are_found_near_their_bound() {
    let (rate, n) = (1e6, 4096);
    let mut rng = sim::rng(3);
    for delay in [0.0, 17.0, -33.25] {
        let (mut square, trials) = (0.0, 40);
        for _ in 0..trials {
            let long = sim::noise(&mut rng, 2 * n, 1.0);
            // Delayed by a turn of its spectrum.
            let mut spectrum = long.clone();
            let mut planner = rustfft::FftPlanner::<f32>::new();
            planner.plan_fft_forward(2 * n).process(&mut spectrum);
            for (k, x) in spectrum.iter_mut().enumerate() {
                let f = if k < n { k as f64 } else { k as f64 - 2.0 * n as f64 } / (2.0 * n as f64);
                let turn = (-std::f64::consts::TAU * f * delay).sin_cos();
                *x *= Complex32::new(turn.1 as f32, turn.0 as f32) / (2 * n) as f32;
            }
            planner.plan_fft_inverse(2 * n).process(&mut spectrum);
            let hear = |x: &[Complex32], rng: &mut _| -> Vec<Complex32> {
                x[n / 2..n / 2 + n].iter().zip(sim::noise(rng, n, 0.1)).map(|(x, w)| x + w).collect()
            };
            let (x, y) = (hear(&long, &mut rng), hear(&spectrum, &mut rng));
            let found = gcc_phat(&x, &y, rate, 1e-4).unwrap();
            assert!(found.peak > 20.0, "{found:?}");
            square += (found.delay * rate - delay).powi(2);
        }
        let error = (square / f64::from(trials)).sqrt();
        let bound = delay_bound(10.0, 10.0, rate, n as f64 / rate).unwrap() * rate;
        println!("delay {delay}: rms error {error:.4} samples, bound {bound:.4}");
        assert!(error > 0.7 * bound && error < 3.0 * bound, "{error} {bound}");
    }
    let x = sim::noise(&mut rng, 100, 1.0);
    assert!(gcc_phat(&x, &x[..99], 1e6, 1.0).is_err() && gcc_phat(&x[..7], &x[..7], 1e6, 1.0).is_err());
    assert!(gcc_phat(&x, &[Complex32::ZERO; 100], 1e6, 1.0).is_err() && gcc_phat(&x, &x, 0.0, 1.0).is_err());
}

#[test]
fn refuses_what_leaves_the_position_open() {
    let bearing =
        |x: f64, azimuth: f64, sigma: f64| Measurement::Bearing { sensor: [x, 0.0], azimuth, sigma };
    let error = |m: &[Measurement]| locate(m).unwrap_err().to_string();
    assert_eq!(error(&[bearing(0.0, 0.1, 0.1)]), "a position needs at least 2 measurements, got 1");
    assert!(error(&[bearing(0.0, 0.1, 0.0), bearing(1.0, 0.1, 0.1)]).starts_with("sigma must be above 0"));
    assert_eq!(
        error(&[bearing(0.0, 0.1, 0.1), bearing(f64::NAN, 0.1, 0.1)]),
        "measurements holds a NaN or an infinity at index 1"
    );
    assert!(
        error(&[bearing(5.0, 0.3, 0.1), bearing(5.0, 0.3, 0.1)])
            .starts_with("measurements must be from sensors")
    );
    let json = r#"{"kind": "rssi", "sensor": [0, 1], "power_db": -50, "exponent": 2, "sigma_db": 3}"#;
    assert!(serde_json::from_str::<Measurement>(json).is_ok());
}
