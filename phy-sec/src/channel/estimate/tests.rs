//! The estimators against the simulator's truth, the Cramér-Rao bound, and recordings.

mod chirps;
mod frames;
mod pilots;
mod sequences;

use super::comb::{Interpolation, Pilots, interpolate};
use super::sounding::{Sequence, Solution, m_sequence, zadoff_chu};
use super::*;
use crate::sim::fading::{FadingConfig, TappedDelayLine};
use crate::sim::profile::Profile;
use crate::sim::waveform::{self, NrComb, wifi as form};
use crate::sim::{noise, rng};
use kernels::fft::{Batch, Direction};
use num_complex::Complex64;

fn backend() -> Backend {
    Backend::default()
}

/// `x` through sample-spaced taps.
fn through(x: &[Complex32], taps: &[Complex32]) -> Vec<Complex32> {
    (0..x.len()).map(|n| taps.iter().take(n + 1).enumerate().map(|(l, h)| h * x[n - l]).sum()).collect()
}

const TAPS: [Complex32; 4] = [
    Complex32::new(0.9, -0.2),
    Complex32::new(-0.1, 0.3),
    Complex32::new(0.0, 0.0),
    Complex32::new(0.15, 0.1),
];

/// `Σ h exp(-j2πkl/size)`.
fn transfer(taps: &[Complex32], k: f64, size: f64) -> Complex32 {
    let turn = |l: usize| Complex32::from_polar(1.0, (-std::f64::consts::TAU * k * l as f64 / size) as f32);
    taps.iter().enumerate().map(|(l, h)| h * turn(l)).sum()
}

fn add(x: &mut [Complex32], y: &[Complex32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// Mean of `|got - want|²` over its expectation is within 4.5 sigma of 1 (`count` complex Gaussian errors).
fn is_bound(errors: impl Iterator<Item = f64>, variance: f64, what: &str) {
    let errors: Vec<f64> = errors.collect();
    let ratio = errors.iter().sum::<f64>() / errors.len() as f64 / variance;
    eprintln!("{what}: {ratio:.4} of the bound, {} errors", errors.len());
    assert!((ratio - 1.0).abs() < 4.5 / (errors.len() as f64).sqrt(), "{what}: {ratio} of the bound");
}

#[test]
fn nothing_is_found_in_noise_carriers_and_silence() {
    let x = noise(&mut rng(3), 400_000, 1.0);
    let tone: Vec<_> = (0..50_000).map(|n| Complex32::from_polar(1.0, 0.3 * n as f32)).collect();
    for x in [&x, &tone, &vec![Complex32::ZERO; 10_000], &tone[..100].to_vec(), &Vec::new()] {
        assert_eq!(Wifi::default().fields(x, &backend()).unwrap(), []);
        assert_eq!(Lora::default().preambles(x, 500e3, &backend()).unwrap(), []);
    }
}

/// Bursts of known power in noise: their level in dB, to what as many samples allow.
#[test]
fn rssi_is_the_mean_power() {
    let mut x = noise(&mut rng(7), 400_000, 1e-4);
    let mut levels = Vec::new();
    for (k, db) in [-10.0, -23.0, -16.5].into_iter().enumerate() {
        let start = 60_000 + 110_000 * k;
        let amplitude = 10f32.powf(db / 20.0);
        for (n, x) in x[start..start + 6000].iter_mut().enumerate() {
            *x += Complex32::from_polar(amplitude, 0.01 * (n * n % 977) as f32);
        }
        levels.push((f64::from(db), (start + 3000) as f64 / 1e6));
    }
    for subtract_noise in [false, true] {
        let csi = Estimator::Rssi(Rssi { subtract_noise, ..Rssi::default() })
            .estimate(&x, 1e6, &backend())
            .unwrap();
        assert_eq!(csi.gains.dim(), (3, 1, 1));
        for ((gain, time), (db, middle)) in csi.gains.iter().zip(&csi.time).zip(&levels) {
            let got = 20.0 * f64::from(gain.re).log10();
            assert!((got - db).abs() < 0.15 && (time - middle).abs() < 5e-5, "{got} {db}, {time} {middle}");
        }
    }
}

#[test]
fn configuration_is_checked() {
    for (text, says) in [
        (r#"{"method":"wifi","threshold":0}"#, "threshold must be within 0.1 and 1, got 0"),
        (r#"{"method":"wifi","advance":40}"#, "advance must be at most 31 samples, got 40"),
        (r#"{"method":"comb","first":288}"#, "first must be one of the subcarriers, got 288"),
        (r#"{"method":"comb","step":0}"#, "step must be at least 1, got 0"),
        (r#"{"method":"comb","pilots":{"given":[[1,0]]}}"#, "pilots must be one value for each, got 1"),
        (
            r#"{"method":"comb","step":10,"pilots":{"zadoff_chu":{"group":1,"shift":0}}}"#,
            "pilots must be 36 or more for a Zadoff-Chu sequence, got 29",
        ),
        (r#"{"method":"sounding","average":0}"#, "average must be within 1 and 65536, got 0"),
        (
            r#"{"method":"sounding","sequence":{"m_sequence":{"degree":2}}}"#,
            "degree must be within 3 and 16, got 2",
        ),
        (r#"{"method":"lora","spreading_factor":4}"#, "spreading_factor must be within 5 and 12, got 4"),
        (r#"{"method":"rssi","bursts":{"block":0}}"#, "block must be 1 to 4096 samples, got 0"),
    ] {
        let estimator: Estimator = serde_json::from_str(text).unwrap();
        assert_eq!(estimator.check().unwrap_err().to_string(), says, "{text}");
    }
    for name in Estimator::ALL {
        let estimator: Estimator = serde_json::from_str(&format!(r#"{{"method":"{name}"}}"#)).unwrap();
        let csi = |x: &[Complex32], rate| estimator.estimate(x, rate, &Backend::Scalar);
        let rate = if *name == "lora" { 125e3 } else { 20e6 };
        assert_eq!(csi(&[], rate).unwrap().time, [0.0; 0], "{name}");
        assert!(csi(&[Complex32::new(f32::NAN, 0.0)], rate).is_err());
        assert_eq!(
            csi(&[], 0.0).unwrap_err().to_string(),
            "sample_rate must be a positive number of Hz, got 0"
        );
        assert!(serde_json::from_str::<Estimator>(&format!(r#"{{"method":"{name}","x":1}}"#)).is_err());
    }
    let few = interpolate(&[Complex32::ONE; 4], &[0, 2, 4, 6], 8, 64, Interpolation::Taps(4)).unwrap_err();
    assert!(few.to_string().starts_with("taps must be no more than the pilots tell apart"), "{few}");
    assert!(interpolate(&[Complex32::ONE; 3], &[0, 2], 8, 64, Interpolation::None).is_err());
    assert!(interpolate(&[Complex32::ONE; 2], &[2, 0], 8, 64, Interpolation::None).is_err());
    let err = Estimator::Wifi(Wifi::default()).estimate(&[], 10e6, &backend()).unwrap_err();
    assert_eq!(err.to_string(), "sample_rate must be that of the frames, 20e6, got 10000000");
}
