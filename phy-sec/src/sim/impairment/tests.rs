//! Each impairment against its closed form, and undone by a known amount.

use super::*;
use crate::sim::{j0, noise, power, rng};

fn tone(n: usize, cycles: f64, amplitude: f32) -> Vec<Complex32> {
    (0..n).map(|i| amplitude * phasor(TAU * cycles * i as f64)).collect()
}

fn worst(a: &[Complex32], b: &[Complex32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, f32::max)
}

/// Complex amplitude of `x` at `cycles` per sample.
fn line(x: &[Complex32], cycles: f64) -> Complex32 {
    x.iter().enumerate().map(|(n, x)| x * phasor(-TAU * cycles * n as f64)).sum::<Complex32>()
        / x.len() as f32
}

fn apply(impairments: &Impairments, x: &[Complex32], sample_rate: f64) -> Vec<Complex32> {
    let mut y = x.to_vec();
    impairments.apply(&mut y, sample_rate, &mut rng(3)).unwrap();
    y
}

#[test]
fn the_default_changes_nothing() {
    let x = noise(&mut rng(1), 100, 1.0);
    assert_eq!(apply(&Impairments::default(), &x, 1e6), x);
}

/// The image of a tone, measured, against `(1 + 2g cos φ + g²) / (1 - 2g cos φ + g²)`.
#[test]
fn image_rejection_is_the_closed_form() {
    for (gain_db, phase) in [(0.5, 0.0), (0.0, 0.05), (1.0, -0.03), (-0.3, 0.02)] {
        let iq = IqImbalance { gain_db, phase };
        for y in [
            apply(&Impairments { tx_iq: iq, ..Default::default() }, &tone(4096, 0.125, 1.0), 1e6),
            apply(&Impairments { rx_iq: iq, ..Default::default() }, &tone(4096, 0.125, 1.0), 1e6),
        ] {
            let got = 20.0 * (line(&y, 0.125).norm() / line(&y, -0.125).norm()).log10();
            let want = iq.image_rejection_db();
            assert!((f64::from(got) - want).abs() < 0.01, "{got} {want}");
        }
    }
    // 1 dB and 0 rad: g = 1.122, (g + 1)/(g - 1) = 24.81 dB.
    assert!((IqImbalance { gain_db: 1.0, phase: 0.0 }.image_rejection_db() - 24.806).abs() < 1e-3);
}

/// The branches written out: modulator and demodulator differ in which of them the phase error mixes.
#[test]
fn transmitter_and_receiver_imbalance_differ() {
    let iq = IqImbalance { gain_db: 1.0, phase: 0.1 };
    let g = 10f64.powf(0.05);
    let (re, im) = (0.3, -0.7);
    let mut tx = [Complex32::new(0.3, -0.7)];
    let mut rx = tx;
    iq.transmitter().apply(&mut tx);
    iq.receiver().apply(&mut rx);
    let want_tx = Complex32::new((re - g * 0.1f64.sin() * im) as f32, (g * 0.1f64.cos() * im) as f32);
    let want_rx = Complex32::new(re as f32, (g * (im * 0.1f64.cos() - re * 0.1f64.sin())) as f32);
    assert!((tx[0] - want_tx).norm() < 1e-6 && (rx[0] - want_rx).norm() < 1e-6);
    for model in [iq.transmitter(), iq.receiver()] {
        let x = noise(&mut rng(2), 500, 1.0);
        let mut y = x.clone();
        model.apply(&mut y);
        assert!(worst(&x, &y) > 0.05);
        model.inverse().apply(&mut y);
        assert!(worst(&x, &y) < 2e-6);
    }
}

#[test]
fn offsets_are_undone() {
    let x = noise(&mut rng(5), 20_000, 0.1);
    let offset = Complex32::new(0.02, -0.01);
    let y = apply(&Impairments { iq_offset: offset, ..Default::default() }, &x, 1e6);
    let y: Vec<_> = y.iter().map(|y| y - offset).collect();
    assert!(worst(&x, &y) < 1e-6);

    let mut y = apply(&Impairments { cfo: 12_345.6, ..Default::default() }, &x, 1e6);
    let lag: Complex32 = line(
        &apply(&Impairments { cfo: 12_345.6, ..Default::default() }, &tone(1000, 0.0, 1.0), 1e6),
        0.0123456,
    );
    assert!((lag.norm() - 1.0).abs() < 1e-4);
    shift(&mut y, -12_345.6, 1e6);
    assert!(worst(&x, &y) < 1e-5);
}

/// A band-limited signal through a clock 50 ppm fast and back; the ends see the edge of the interpolator.
#[test]
fn clock_offset_is_undone() {
    let x: Vec<_> = (0..20_000).map(|n| phasor(0.9 * n as f64) + phasor(-1.7 * n as f64 + 1.0)).collect();
    let y = apply(&Impairments { sfo_ppm: 50.0, ..Default::default() }, &x, 1e6);
    assert_eq!(y.len(), 19_999);
    assert!(worst(&x, &y) > 0.5);
    let back = resample(&y, 1.0 / (1.0 + 50e-6)).unwrap();
    assert!(worst(&x[40..19_900], &back[40..19_900]) < 5e-4);
}

/// `E e^{j(φ(t+τ) - φ(t))} = e^{-πβτ}`, whose transform is the Lorentzian of width β; increments `2πβT`.
#[test]
fn phase_noise_has_its_linewidth() {
    let (beta, rate, n) = (1e3, 1e6, 400_000);
    let phase = phase_noise(&mut rng(7), n, beta, rate);
    let increments: f64 = phase.windows(2).map(|w| (w[1] - w[0]).powi(2)).sum::<f64>() / (n - 1) as f64;
    let sigma = (2.0 / n as f64).sqrt();
    assert!((increments / (TAU * beta / rate) - 1.0).abs() < 4.5 * sigma);
    for lag in [10, 50, 100] {
        let mean = (0..n - lag).map(|i| (phase[i + lag] - phase[i]).cos()).sum::<f64>() / (n - lag) as f64;
        let want = (-std::f64::consts::PI * beta * lag as f64 / rate).exp();
        // Overlapping increments: about n / lag independent ones, each of variance below (1 - want²)² / 2.
        let sigma = (1.0 - want * want) / 2f64.sqrt() * (lag as f64 / n as f64).sqrt();
        assert!((mean - want).abs() < 4.5 * sigma, "{lag}: {mean} {want}");
    }
    let x = noise(&mut rng(8), 1000, 1.0);
    let phase = phase_noise(&mut rng(3), 1000, beta, rate);
    let mut y = apply(&Impairments { phase_noise_linewidth: beta, ..Default::default() }, &x, rate);
    assert!(worst(&x, &y) > 0.1);
    rotate(&mut y, &phase, -1.0);
    assert!(worst(&x, &y) < 2e-6);
}

#[test]
fn amplifiers_follow_their_closed_forms() {
    let rapp = Amplifier::Rapp { saturation: 1.0, smoothness: 2.0 };
    // At the saturation level a Rapp amplifier gives 2^{-1/2p}; far above it, the saturation itself.
    assert!((rapp.amplitude(1.0) - 2f64.powf(-0.25)).abs() < 1e-12);
    for (smoothness, far) in
        [(0.1, 1e200), (2.0, 100.0), (2.0, 1e200), (100.0, 2.0), (100.0, 1e30), (3.0, f64::MAX)]
    {
        let rapp = Amplifier::Rapp { saturation: 0.5, smoothness };
        assert!(
            (rapp.amplitude(0.5 * far) - 0.5).abs() < 1e-6,
            "{smoothness} {far}: {}",
            rapp.amplitude(0.5 * far)
        );
        assert!((rapp.amplitude(0.5 / far) * far - 0.5).abs() < 1e-6, "{smoothness} {far}: no gain below");
    }
    // Saleh: maximum a/(2√b) at r = 1/√b.
    let peak = Amplifier::SALEH_1981.amplitude(1.0 / 1.1517f64.sqrt());
    assert!((peak - 2.1587 / (2.0 * 1.1517f64.sqrt())).abs() < 1e-12);
    assert!((Amplifier::SALEH_1981.phase(1.0) - 4.0033 / 10.1040).abs() < 1e-12);
    let cubic = Amplifier::Cubic { third: 0.1 };
    assert!((cubic.amplitude(1.0) - 0.9).abs() < 1e-12);
    assert!((cubic.amplitude(50.0) - cubic.amplitude(1.0 / 0.3f64.sqrt())).abs() < 1e-12);

    let x: Vec<_> = noise(&mut rng(9), 2000, 0.05).into_iter().filter(|x| x.norm() < 0.8).collect();
    for amplifier in [Amplifier::Linear, cubic, rapp, Amplifier::SALEH_1981] {
        let mut y = apply(&Impairments { amplifier, ..Default::default() }, &x, 1e6);
        amplifier.undo(&mut y).unwrap();
        assert!(worst(&x, &y) < 1e-5, "{amplifier:?}: {}", worst(&x, &y));
    }
    let err = rapp.undo(&mut [Complex32::new(2.0, 0.0)]).unwrap_err();
    assert_eq!(err.to_string(), "amplitude must be below the amplifier's saturation, got 2");
}

/// Two tones through the cubic: third-order products of `(3/4 · …)` in passband are `third · a³` in baseband.
#[test]
fn cubic_makes_third_order_products() {
    let a = 0.2f32;
    let x: Vec<_> =
        (0..4096).map(|n| a * (phasor(TAU * n as f64 / 16.0) + phasor(TAU * n as f64 / 8.0))).collect();
    let y = apply(&Impairments { amplifier: Amplifier::Cubic { third: 0.3 }, ..Default::default() }, &x, 1e6);
    // y = x - 0.3 x |x|²: at 2f1 - f2 one term, -0.3 a³; at f1, a - 0.3 · 3 a³.
    assert!((line(&y, 0.0) + 0.3 * a.powi(3)).norm() < 1e-5);
    assert!((line(&y, 1.0 / 16.0) - (a - 0.9 * a.powi(3))).norm() < 1e-5);
}

#[test]
fn turn_on_overshoots_and_settles() {
    let turn_on = TurnOn { damping: 0.4, ..Default::default() };
    let rate = 20e6;
    let peak = (0..400).map(|n| turn_on.envelope(n as f64 / rate)).fold(0.0, f64::max);
    let want = 1.0 + (-std::f64::consts::PI * 0.4 / (1.0f64 - 0.16).sqrt()).exp();
    assert!((peak - want).abs() < 1e-3, "{peak} {want}");
    for damping in [0.3, 1.0, 2.0] {
        let turn_on = TurnOn { damping, ..Default::default() };
        assert!(turn_on.envelope(0.0).abs() < 1e-12 && (turn_on.envelope(1e-3) - 1.0).abs() < 1e-9);
    }
    let x = noise(&mut rng(4), 4000, 1.0);
    let mut y = apply(&Impairments { turn_on: Some(turn_on), ..Default::default() }, &x, rate);
    assert!(y[0].norm() == 0.0);
    turn_on.undo(&mut y, rate, 0.05);
    assert!(worst(&x[50..], &y[50..]) < 1e-5);
    // All of the frequency pull, integrated: 2π · pull · τ.
    assert!((turn_on.phase(1.0) - TAU * 2e3 * 20e-6).abs() < 1e-9);
}

/// 6.02 b + 1.76 dB for a full-scale sine on each branch, at a frequency that visits all phases; and to
/// 0.02 dB the exact value, whose noise is `Δ²/12 · (1 + 12/π² Σ J0(2πk·2^{b-1})/k²)` (the Fourier series of
/// the squared sawtooth error, averaged over a sine).
#[test]
fn converter_noise_is_6_db_a_bit() {
    for bits in [6, 8, 10, 12, 14] {
        let x: Vec<_> = tone(200_000, 0.381_966_011_250_105, 1.0);
        let adc = Adc { bits, full_scale: 1.0 };
        let y = apply(&Impairments { adc: Some(adc), ..Default::default() }, &x, 1e6);
        let error: Vec<_> = x.iter().zip(&y).map(|(x, y)| y - x).collect();
        let got = 10.0 * (power(&x) / power(&error)).log10();
        let rule = 6.0206 * f64::from(bits) + 1.76;
        let series: f64 =
            (1..200u32).map(|k| j0(TAU * f64::from(k) * f64::from(1 << (bits - 1))) / f64::from(k * k)).sum();
        let exact = rule - 10.0 * (1.0 + 12.0 / std::f64::consts::PI.powi(2) * series).log10();
        assert!(
            (got - rule).abs() < 0.3 && (got - exact).abs() < 0.02,
            "{bits} bits: {got} dB, {rule}, {exact}"
        );
        assert!(error.iter().all(|e| e.re.abs() <= 0.5001 * adc.step() && e.im.abs() <= 0.5001 * adc.step()));
    }
    let adc = Adc { bits: 8, full_scale: 0.5 };
    let x = [Complex32::new(3.0, -0.7), Complex32::new(0.1, 0.0)];
    let y = apply(&Impairments { adc: Some(adc), ..Default::default() }, &x, 1e6);
    assert_eq!(y[0], Complex32::new(0.5 - adc.step() / 2.0, -0.5 + adc.step() / 2.0));
    assert_eq!(adc.clipped(&x), 2);
}

#[test]
fn configuration_is_checked() {
    let x = vec![Complex32::ONE; 4];
    for (bad, field) in [
        (Impairments { cfo: f64::NAN, ..Default::default() }, "cfo"),
        (Impairments { sfo_ppm: 1e6, ..Default::default() }, "sfo_ppm"),
        (Impairments { adc: Some(Adc { bits: 0, full_scale: 1.0 }), ..Default::default() }, "bits"),
        (Impairments { amplifier: Amplifier::Cubic { third: -1.0 }, ..Default::default() }, "third"),
        (Impairments { tx_iq: IqImbalance { gain_db: f64::NAN, phase: 0.0 }, ..Default::default() }, "tx_iq"),
    ] {
        let err = bad.apply(&mut x.clone(), 1e6, &mut rng(0)).unwrap_err();
        assert!(err.to_string().starts_with(field), "{err}");
    }
    assert!(Impairments::default().apply(&mut x.clone(), 0.0, &mut rng(0)).is_err());
    let err =
        Impairments::default().apply(&mut vec![Complex32::new(f32::NAN, 0.0)], 1e6, &mut rng(0)).unwrap_err();
    assert_eq!(err.to_string(), "samples holds a NaN or an infinity at index 0");
    assert!(serde_json::from_str::<Impairments>(r#"{"cfo": 1.0, "iq_ofset": 3}"#).is_err());
    let read: Impairments = serde_json::from_str(
        r#"{"amplifier": {"model": "rapp", "saturation": 1, "smoothness": 2}, "adc": {"bits": 8}}"#,
    )
    .unwrap();
    assert_eq!(read.amplifier, Amplifier::Rapp { saturation: 1.0, smoothness: 2.0 });
    assert_eq!(read.adc, Some(Adc { bits: 8, full_scale: 1.0 }));
}
