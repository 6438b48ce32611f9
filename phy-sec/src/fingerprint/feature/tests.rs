use rand_chacha::ChaCha8Rng;

use super::*;
use crate::sim::{
    self,
    impairment::{Impairments, IqImbalance, TurnOn},
    waveform::{Modulation, Ook, SingleCarrier, random_bits, random_symbols},
};

const RATE: f64 = 1e6;

fn extractor() -> Extractor {
    Extractor::new(Feature::ALL, RATE).unwrap()
}

/// A burst of `modulation` with impairments, noise at `snr_db`, turned by `phase`.
fn burst(
    rng: &mut ChaCha8Rng,
    modulation: Modulation,
    symbols: usize,
    with: &Impairments,
    snr_db: f64,
) -> (Vec<Complex32>, f64) {
    let carrier = SingleCarrier { modulation, ..SingleCarrier::default() };
    let mut x = carrier.modulate(&random_symbols(rng, symbols, modulation.order())).unwrap();
    with.apply(&mut x, RATE, rng).unwrap();
    let power = sim::power(&x) * sim::from_db(-snr_db);
    let noise = sim::noise(rng, x.len(), power);
    x.iter_mut().zip(&noise).for_each(|(x, n)| *x += n);
    (x, power)
}

fn value(measured: &[Measured], name: &str) -> Measured {
    measured[names(Feature::ALL).iter().position(|n| n == name).unwrap()]
}

/// A tone in noise, 3 to 30 dB: the root mean square error against the Cramér-Rao bound (Rife and Boorstyn 1974), and the stated error against both.
#[test]
fn cfo_of_a_tone_reaches_the_bound() {
    let (n, trials) = (512, 300);
    for snr_db in [3.0, 10.0, 20.0, 30.0] {
        let mut rng = sim::rng(11);
        let noise_power = sim::from_db(-snr_db);
        let bound = (6.0 * noise_power / (n as f64 * ((n * n) as f64 - 1.0))).sqrt() / std::f64::consts::TAU;
        let (mut square, mut inside) = (0.0, 0);
        for trial in 0..trials {
            let truth = -0.31 + 0.002 * f64::from(trial);
            let mut x = sim::noise(&mut rng, n, noise_power);
            x.iter_mut().enumerate().for_each(|(i, x)| {
                let turn = Complex64::cis(std::f64::consts::TAU * truth * i as f64 + 1.0);
                *x += Complex32::new(turn.re as f32, turn.im as f32);
            });
            let found = cfo::carrier(&x);
            assert!(found.tone, "{snr_db} dB: a tone is a tone");
            square += (found.frequency - truth).powi(2);
            inside += u32::from((found.frequency - truth).abs() < found.standard_error);
        }
        let excess = 10.0 * (square / f64::from(trials) / (bound * bound)).log10();
        let inside = f64::from(inside) / f64::from(trials);
        println!(
            "tone, {snr_db} dB: {excess:+.2} dB from the bound, {:.0} % inside one sigma",
            100.0 * inside
        );
        // 300 trials: the mean square itself is known to 0.35 dB.
        assert!(excess < 1.0, "{snr_db} dB: {excess} dB above the bound");
        assert!((inside - 0.683).abs() < 0.09, "{snr_db} dB: {inside} inside one sigma");
    }
}

/// The blind estimate of a modulated burst, by the line of its fourth power: unbiased, and its stated error honest within a factor of 1.5.
#[test]
fn cfo_of_a_modulated_burst() {
    let mut rng = sim::rng(12);
    let mut deviations = Vec::new();
    for trial in 0..60 {
        let cfo = -20_000.0 + 700.0 * f64::from(trial);
        let (x, noise) =
            burst(&mut rng, Modulation::Qpsk, 500, &Impairments { cfo, ..Impairments::default() }, 20.0);
        let segment = Segment::new(&extractor(), &x, 0..x.len(), noise).unwrap();
        let found = cfo::measure(&segment)[0].unwrap();
        deviations.push((found.value - cfo, found.standard_error.unwrap()));
    }
    let n = deviations.len() as f64;
    let rms = (deviations.iter().map(|d| d.0 * d.0).sum::<f64>() / n).sqrt();
    let mean = deviations.iter().map(|d| d.0).sum::<f64>() / n;
    let stated = (deviations.iter().map(|d| d.1 * d.1).sum::<f64>() / n).sqrt();
    println!("QPSK, 500 symbols, 20 dB: error {rms:.0} Hz, stated {stated:.0} Hz, bias {mean:.0} Hz");
    assert!(mean.abs() < 4.0 * rms / n.sqrt() && rms < 30.0);
    assert!((0.67..1.5).contains(&(stated / rms)), "stated {stated}, measured {rms}");
}

/// An echo and a leak bias the coarse estimate by kilohertz; the line of the fourth power does not move.
#[test]
fn cfo_through_an_echo_and_with_a_leak() {
    let mut rng = sim::rng(21);
    for trial in 0..20 {
        let cfo = -5000.0 + 500.0 * f64::from(trial);
        let with = Impairments { cfo, iq_offset: Complex32::new(0.2, 0.0), ..Impairments::default() };
        let (x, noise) = burst(&mut rng, Modulation::Qpsk, 2000, &with, 25.0);
        let turn = Complex32::from_polar(0.15, trial as f32);
        let echoed: Vec<_> =
            (0..x.len()).map(|i| x[i] + if i < 2 { Complex32::ZERO } else { turn * x[i - 2] }).collect();
        let segment = Segment::new(&extractor(), &echoed, 0..x.len(), noise).unwrap();
        let found = cfo::measure(&segment)[0].unwrap().value;
        assert!((found - cfo).abs() < 20.0, "{cfo} Hz: {found} Hz");
    }
}

/// Gain and phase of the modulator come back within four sigma where the channel turns nothing, the image ratio in any case.
#[test]
fn iq_imbalance_comes_back() {
    let mut rng = sim::rng(13);
    for (gain_db, phase) in [(0.0, 0.0), (0.5, 0.0), (0.0, 0.06), (-0.8, 0.05), (1.0, -0.1)] {
        let iq = IqImbalance { gain_db, phase };
        let (x, noise) = burst(
            &mut rng,
            Modulation::Qam16,
            8000,
            &Impairments { tx_iq: iq, ..Impairments::default() },
            25.0,
        );
        let x: Vec<Complex64> = x.iter().map(|x| Complex64::new(f64::from(x.re), f64::from(x.im))).collect();
        let found = iq_imbalance::improperness(&x, noise).unwrap();
        // ρ changes by one for 2.17 ln-units of power gain and by one for one radian of phase.
        let sigma = found.standard_error;
        println!(
            "asked {gain_db} dB {phase} rad, got {:.3} dB {:.4} rad, sigma of rho {sigma:.4}",
            found.gain_db(),
            found.phase()
        );
        assert!((found.gain_db() - gain_db).abs() < 4.0 * sigma * 8.7, "{gain_db}: {}", found.gain_db());
        assert!((found.phase() - phase).abs() < 4.0 * sigma, "{phase}: {}", found.phase());
        let turned: Vec<Complex64> = x.iter().map(|x| x * Complex64::cis(1.234)).collect();
        let turned = iq_imbalance::improperness(&turned, noise).unwrap();
        let want = 10f64.powf(-iq.image_rejection_db() / 20.0);
        assert!((turned.image_ratio() - found.image_ratio()).abs() < 1e-9);
        assert!((turned.image_ratio() - want).abs() < 2.0 * sigma + 1e-3, "{want}: {}", turned.image_ratio());
    }
}

#[test]
fn iq_offset_comes_back() {
    let mut rng = sim::rng(14);
    for db in [-12.0, -18.0, -22.0] {
        let offset = Complex32::new(10f32.powf(db / 20.0), 0.0);
        let with = Impairments { iq_offset: offset, cfo: 12_345.0, ..Impairments::default() };
        let (x, noise) = burst(&mut rng, Modulation::Qpsk, 5000, &with, 25.0);
        let found = extractor().extract(&x, 0..x.len(), noise).unwrap();
        let found = value(&found, "iq_offset_db").unwrap();
        let sigma = found.standard_error.unwrap();
        println!("asked {db} dB, got {:.2} +- {sigma:.2} dB", found.value);
        assert!((found.value - f64::from(db)).abs() < 4.0 * sigma + 0.1, "{db}: {found:?}");
    }
    let (x, noise) = burst(&mut rng, Modulation::Qpsk, 5000, &Impairments::default(), 25.0);
    let found = extractor().extract(&x, 0..x.len(), noise).unwrap();
    assert_eq!(value(&found, "iq_offset_db"), Err(Missing::BelowNoise), "no leak, no line");
}

/// What a modulation cannot reveal is said not to be identifiable.
#[test]
fn not_identifiable() {
    let mut rng = sim::rng(15);
    let with = Impairments { tx_iq: IqImbalance { gain_db: 0.5, phase: 0.05 }, ..Impairments::default() };
    let (bpsk, noise) = burst(&mut rng, Modulation::Bpsk, 2000, &with, 25.0);
    let found = extractor().extract(&bpsk, 0..bpsk.len(), noise).unwrap();
    assert_eq!(value(&found, "image_ratio_db"), Err(Missing::NotIdentifiable), "BPSK");
    let mut ook =
        Ook { samples_per_bit: 100, ..Ook::default() }.modulate(&random_bits(&mut rng, 60)).unwrap();
    Impairments { cfo: 3000.0, ..with }.apply(&mut ook, RATE, &mut rng).unwrap();
    let found = extractor().extract(&ook, 0..ook.len(), 1e-4).unwrap();
    assert_eq!(value(&found, "image_ratio_db"), Err(Missing::NotIdentifiable), "OOK");
    assert_eq!(value(&found, "iq_offset_db"), Err(Missing::NotIdentifiable), "OOK");
    assert!((value(&found, "cfo").unwrap().value - 3000.0).abs() < 1.0);
    let tone = vec![Complex32::ONE; 2000];
    let found = extractor().extract(&tone, 0..tone.len(), 1e-4).unwrap();
    for name in ["image_ratio_db", "iq_offset_db", "pulse_width", "duty"] {
        assert_eq!(value(&found, name), Err(Missing::NotIdentifiable), "{name} of a tone");
    }
}

/// A second-order turn-on of 30 % overshoot: rise time and overshoot of its closed form.
#[test]
fn turn_on_transient() {
    let turn_on = TurnOn { natural_frequency: 20e3, damping: 0.36, frequency_pull: 0.0, settling: 1e-6 };
    let mut x = vec![Complex32::ONE; 2000];
    turn_on.apply(&mut x, RATE);
    let mut with_lead = vec![Complex32::ZERO; 100];
    with_lead.extend(x);
    let found = extractor().extract(&with_lead, 100..2100, 1e-8).unwrap();
    let times: Vec<f64> = (0..2000).map(|i| turn_on.envelope(f64::from(i) / RATE)).collect();
    let crossing = |level: f64| times.iter().position(|a| *a >= level).unwrap() as f64 / RATE;
    let want = (crossing(0.9) - crossing(0.1)).log10();
    let rise = value(&found, "rise_time").unwrap().value;
    assert!((rise - want).abs() < 0.06, "10^{rise} s, closed form 10^{want} s");
    let want = (-std::f64::consts::PI * 0.36 / (1.0 - 0.36f64 * 0.36).sqrt()).exp();
    let overshoot = value(&found, "overshoot").unwrap().value;
    assert!((overshoot - want).abs() < 0.02, "{overshoot}, closed form {want}");
}

/// No feature depends on the level, and none is ever not finite.
#[test]
fn level_does_not_matter() {
    let mut rng = sim::rng(16);
    let (x, noise) =
        burst(&mut rng, Modulation::Qpsk, 500, &Impairments { cfo: 5e3, ..Impairments::default() }, 20.0);
    let loud: Vec<Complex32> = x.iter().map(|x| x * 64.0).collect();
    let a = extractor().extract(&x, 0..x.len(), noise).unwrap();
    let b = extractor().extract(&loud, 0..x.len(), noise * 4096.0).unwrap();
    for ((a, b), name) in a.iter().zip(&b).zip(extractor().names()) {
        match (a, b) {
            (Ok(a), Ok(b)) => {
                assert!((a.value - b.value).abs() <= 1e-3 * a.value.abs().max(1e-2), "{name}: {a:?} {b:?}");
            }
            (a, b) => assert_eq!(a, b, "{name}"),
        }
    }
}

#[test]
fn bad_input() {
    let extract =
        |x: &[Complex32], range, noise| extractor().extract(x, range, noise).map_err(|e| e.to_string());
    let ones = vec![Complex32::ONE; 100];
    let error = |x: &[Complex32], range, noise| extract(x, range, noise).unwrap_err();
    assert_eq!(error(&[], 0..0, 0.0), "a fingerprint needs at least 64 samples, got 0");
    assert_eq!(error(&ones, 0..1, 0.0), "a fingerprint needs at least 64 samples, got 1");
    assert_eq!(error(&ones, 50..150, 0.0), "samples must have shape [150 or more], got [100]");
    assert_eq!(error(&[Complex32::ZERO; 100], 0..100, 0.0), "power must be positive and finite, got 0");
    assert_eq!(error(&ones, 0..100, f64::NAN), "noise_power must be finite and not negative, got NaN");
    let mut nan = ones.clone();
    nan[7].re = f32::NAN;
    assert_eq!(error(&nan, 0..100, 0.0), "samples holds a NaN or an infinity at index 7");
    assert!(Extractor::new(Feature::ALL, f64::NAN).is_err() && Extractor::new(Feature::ALL, 0.0).is_err());
    // Strange but legal: constant, an impulse, alternating, huge.
    let mut impulse = vec![Complex32::ZERO; 200];
    impulse[100] = Complex32::ONE;
    let alternating: Vec<_> =
        (0..200).map(|i| Complex32::new(if i % 2 == 0 { 1.0 } else { -1.0 }, 0.0)).collect();
    for x in [&ones, &impulse, &alternating, &vec![Complex32::new(1e15, -1e15); 300]] {
        for noise in [0.0, 1e-3, 10.0] {
            let found = extract(x, 0..x.len(), noise).unwrap();
            assert!(
                found
                    .iter()
                    .flatten()
                    .all(|e| e.value.is_finite() && e.standard_error.is_none_or(f64::is_finite))
            );
        }
    }
}
