//! The channel's statistics against theory.

use rustfft::FftPlanner;

use super::*;
use crate::sim::{from_db, j0, noise, phasor, rng};

fn processes(count: usize, doppler: f64, duration: f64, k_factor: f64, seed: u64) -> Vec<Process> {
    let mut rng = rng(seed);
    (0..count).map(|_| Process::new(doppler, duration, k_factor, &mut rng)).collect()
}

/// Given the arrival angles the process is Gaussian with autocorrelation `Σ cos(ω_n τ)/N`, which is J0 itself
/// over the whole duration, and as close to it as stated above the cap of waves.
#[test]
fn autocorrelation_of_the_model_is_j0() {
    for (doppler, duration) in [(1.0, 0.1), (10.0, 1.0), (100.0, 3.0)] {
        let process = Process::new(doppler, duration, 0.0, &mut rng(1));
        for i in 0..=50 {
            let tau = duration * f64::from(i) / 50.0;
            let sum: Complex64 = process.omega.iter().map(|omega| Complex64::cis(omega * tau)).sum();
            let got = sum / process.omega.len() as f64;
            assert!((got.re - j0(TAU * doppler * tau)).abs() < 1e-6, "{doppler} {tau}: {got}");
        }
    }
    let process = Process::new(10.0, 1000.0, 0.0, &mut rng(1));
    assert_eq!(process.omega.len(), MOST_WAVES);
    for i in 0..=5000 {
        let x = TAU * 10.0 * f64::from(i) / 5.0;
        let got = process.omega.iter().map(|omega| (omega / (TAU * 10.0) * x).cos()).sum::<f64>()
            / MOST_WAVES as f64;
        let n = MOST_WAVES as f64;
        let sigma = (2.0 * x / n.powf(1.5)).min(1.0 / n.sqrt());
        assert!((got - j0(x)).abs() < 5.0 * sigma + 1e-9, "{x}: {got}");
    }
}

/// Measured over 20,000 draws: `E h(0)* h(τ)` against J0, the imaginary part against 0.
#[test]
fn measured_autocorrelation_is_j0() {
    let count = 20_000;
    let all = processes(count, 5.0, 0.2, 0.0, 2);
    for tau in [0.0, 0.02, 0.05, 0.0765, 0.12, 0.2] {
        let mean: Complex64 =
            all.iter().map(|p| p.at(0.03).conj() * p.at(0.03 + tau)).sum::<Complex64>() / count as f64;
        let want = j0(TAU * 5.0 * tau);
        let sigma = 1.0 / (count as f64).sqrt();
        assert!((mean.re - want).abs() < 4.5 * sigma && mean.im.abs() < 4.5 * sigma, "{tau}: {mean} {want}");
    }
}

/// Share of the power in ten slices of ±f_d against the integral of Clarke's spectrum, `Δ asin / π`.
#[test]
fn doppler_spectrum_is_clarkes() {
    let (n, doppler, draws) = (1024, 1.0, 200);
    let rate = 4.0;
    let mut power = vec![0.0; n];
    let fft = FftPlanner::new().plan_fft_forward(n);
    for process in processes(draws, doppler, n as f64 / rate, 0.0, 3) {
        let mut x = process.series(0.0, 1.0 / rate, n);
        for (i, x) in x.iter_mut().enumerate() {
            *x *= (PI * i as f64 / n as f64).sin().powi(2); // Hann: the edges of the spectrum are steep
        }
        fft.process(&mut x);
        power.iter_mut().zip(&x).for_each(|(p, x)| *p += x.norm_sqr());
    }
    let total: f64 = power.iter().sum();
    let share = |low: f64, high: f64| {
        let inside = |k: usize| {
            let f = if k < n / 2 { k as f64 } else { k as f64 - n as f64 } * rate / n as f64;
            (low..high).contains(&f)
        };
        power.iter().enumerate().filter(|(k, _)| inside(*k)).map(|(_, p)| p).sum::<f64>() / total
    };
    for i in 0..10 {
        let (low, high) = (f64::from(i) / 5.0 - 1.0, f64::from(i + 1) / 5.0 - 1.0);
        // The outermost slices may reach a bin beyond the edge.
        let got = share(if i == 0 { -1.01 } else { low }, if i == 9 { 1.01 } else { high });
        let want = (high.clamp(-1.0, 1.0).asin() - low.clamp(-1.0, 1.0).asin()) / PI;
        assert!((got - want).abs() < 0.015, "{low} to {high}: {got}, theory {want}");
    }
    assert!(share(-1.01, 1.01) > 0.9999);
    // The density is that integral's derivative.
    let (f, h) = (0.3, 1e-6);
    let slope = (((f + h) / doppler).asin() - ((f - h) / doppler).asin()) / PI / (2.0 * h);
    assert!((doppler_spectrum(f, doppler) - slope).abs() < 1e-6);
}

/// Rice's level crossing rate `√(2π)·f_d·ρ·e^{-ρ²}` of a Rayleigh envelope, for three levels.
#[test]
fn level_crossing_rate_is_rices() {
    let (doppler, step, n) = (1.0, 0.015, 30_000);
    let mut counts = [0usize; 3];
    let levels = [0.3f64, 1.0, 1.5];
    let draws = 5;
    for process in processes(draws, doppler, n as f64 * step, 0.0, 4) {
        let envelope: Vec<f64> = process.series(0.0, step, n).iter().map(|h| h.norm()).collect();
        for (count, level) in counts.iter_mut().zip(levels) {
            *count += envelope.windows(2).filter(|w| w[0] < level && w[1] >= level).count();
        }
    }
    for (count, level) in counts.iter().zip(levels) {
        let got = *count as f64 / (draws * n) as f64 / step;
        let want = TAU.sqrt() * doppler * level * (-level * level).exp();
        assert!((got / want - 1.0).abs() < 0.08, "{level}: {got}, theory {want}");
    }
}

/// `E|h|⁴/(E|h|²)² = 2 - (K/(K+1))²`, solved for K; and unit power.
#[test]
fn rician_k_factor_is_the_one_stated() {
    for k_db in [f64::NEG_INFINITY, 0.0, 6.0, 10.0] {
        let k = from_db(k_db);
        let count = 40_000;
        let (mut second, mut fourth) = (0.0, 0.0);
        for process in processes(count, 1.0, 1.0, k, 5) {
            let p = process.at(0.4).norm_sqr();
            second += p / count as f64;
            fourth += p * p / count as f64;
        }
        assert!((second - 1.0).abs() < 4.5 / (count as f64).sqrt(), "{second}");
        let ratio = (2.0 - fourth / second.powi(2)).max(0.0).sqrt();
        let want = k / (1.0 + k);
        // Near K = 0 the square root turns a scatter of 0.02 into 0.15.
        let tolerance = if k == 0.0 { 0.2 } else { 0.02 };
        assert!((ratio - want).abs() < tolerance, "K = {k_db} dB: {ratio}, {want}");
    }
}

#[test]
fn a_series_is_the_process_at_its_times() {
    for (doppler, k_factor) in [(0.0, 0.0), (7.0, 0.0), (7.0, 4.0)] {
        let process = Process::new(doppler, 30.0, k_factor, &mut rng(6));
        for (n, got) in process.series(0.3, 0.01, 3000).iter().enumerate() {
            let want = process.at(0.3 + 0.01 * n as f64);
            assert!((got - want).norm() < 1e-9, "{n}");
        }
    }
    let still = Process::new(0.0, 1.0, 0.0, &mut rng(6));
    assert_eq!(still.at(0.0), still.at(1e6));
}

/// Correlation over places: `E h* h'` is rho for the scattered part, 1 for the constant part.
#[test]
fn another_place_has_its_correlation() {
    for (rho, k) in [(0.0, 0.0), (0.7, 0.0), (-0.4, 0.0), (1.0, 0.0), (0.5, 3.0)] {
        let (count, mut rng) = (20_000, rng(7));
        let mut sum = Complex64::ZERO;
        for _ in 0..count {
            let here = Process::new(3.0, 0.1, k, &mut rng);
            sum += here.at(0.05).conj() * here.correlated(rho, &mut rng).at(0.05);
        }
        let want = (k + rho) / (1.0 + k);
        assert!((sum / count as f64 - want).norm() < 4.5 / (count as f64).sqrt() * 1.5, "{rho} {k}: {sum}");
    }
}

/// Mean power of each tap over 1,500 draws of every profile, and the correlation over frequency, whose
/// theory is the transform of the profile `Σ p_l e^{-j2πΔτ_l}`.
#[test]
fn delay_profile_is_the_table() {
    for profile in Profile::ALL {
        let config = FadingConfig { profile, ..Default::default() };
        let (draws, mut rng) = (1500, rng(8));
        let gap = 2e6;
        let (mut power, mut over_frequency) = (Vec::new(), Complex64::ZERO);
        let mut taps = Vec::new();
        for _ in 0..draws {
            let line = TappedDelayLine::new(&config, 0.0, &mut rng).unwrap();
            let gains = line.gains(0.0, 1.0, 1);
            power.resize(gains.len(), 0.0);
            power.iter_mut().zip(&gains).for_each(|(p, g)| *p += g.norm_sqr() / draws as f64);
            let h = line.response(&[0.0, gap], 0.0, 1.0, 1);
            over_frequency += h[[0, 0]].conj() * h[[0, 1]] / draws as f64;
            taps = line.taps().copied().collect();
        }
        for (got, tap) in power.iter().zip(&taps) {
            assert!(
                (got / tap.power - 1.0).abs() < 5.0 / f64::from(draws).sqrt(),
                "{profile:?} {tap:?}: {got}"
            );
        }
        let want: Complex64 = taps.iter().map(|tap| tap.power * Complex64::cis(-TAU * gap * tap.delay)).sum();
        assert!(
            (over_frequency - want).norm() < 5.0 / f64::from(draws).sqrt(),
            "{profile:?}: {over_frequency} {want}"
        );
    }
}

/// In a still channel a tone comes out as the tone times `H(f)`.
#[test]
fn a_tone_meets_the_transfer_function() {
    let config = FadingConfig { doppler: 0.0, delay_spread: 1e-7, ..Default::default() };
    let line = TappedDelayLine::new(&config, 1.0, &mut rng(9)).unwrap();
    let rate = 20e6;
    for frequency in [-7e6, 0.0, 1e6, 6.5e6] {
        let x: Vec<_> = (0..400).map(|n| phasor(TAU * frequency / rate * f64::from(n))).collect();
        let y = line.apply(&x, rate, 0.0).unwrap();
        let h = line.response(&[frequency], 0.0, 1.0, 1)[[0, 0]];
        for (x, y) in x.iter().zip(&y).skip(60).take(300) {
            let want = Complex32::new(h.re as f32, h.im as f32) * x;
            assert!((y - want).norm() < 5e-4, "{frequency}: {y} {want}");
        }
    }
}

/// A moving flat channel multiplies each sample with the process at its time.
#[test]
fn a_moving_channel_is_followed() {
    let config =
        FadingConfig { profile: Profile::Flat, doppler: 50.0, k_factor_db: Some(3.0), delay_spread: 0.0 };
    let line = TappedDelayLine::new(&config, 0.2, &mut rng(10)).unwrap();
    let x = noise(&mut rng(11), 2000, 1.0);
    let y = line.apply(&x, 1e4, 0.013).unwrap();
    let want = line.gains(0.013, 1e-4, 2000);
    for ((x, y), h) in x.iter().zip(&y).zip(&want) {
        assert!((y - Complex32::new(h.re as f32, h.im as f32) * x).norm() < 1e-4);
    }
    assert!(line.apply(&[], 1e4, 0.0).unwrap().is_empty());
    assert!(line.apply(&x, f64::NAN, 0.0).is_err());
    assert!(TappedDelayLine::new(&FadingConfig { doppler: -1.0, ..config }, 1.0, &mut rng(0)).is_err());
}
