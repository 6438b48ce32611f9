use super::*;
use crate::sim;

/// Windows of noise, none of the generator that calibration uses.
fn alarms(
    detector: Detector,
    samples: usize,
    trials: usize,
    asked: &[f64],
    calibration: &mut Calibration,
) -> Vec<usize> {
    let backend = Backend::default();
    let thresholds: Vec<f64> =
        asked.iter().map(|&pfa| detector.threshold(samples, pfa, calibration).unwrap()).collect();
    let mut statistic = detector.engine(samples, &backend).unwrap();
    let mut rng = sim::rng(77);
    let mut alarms = vec![0; asked.len()];
    let mut noise = Noise::new(samples);
    for _ in 0..trials {
        let statistic = statistic(noise.draw(&mut rng));
        alarms.iter_mut().zip(&thresholds).for_each(|(n, t)| *n += usize::from(statistic >= *t));
    }
    alarms
}

/// Every detector on 100 samples of noise: inside the interval that the trials, and those of the calibration, allow. The
/// example `detectors` measures the same on 1e5 windows and more.
#[test]
fn false_alarms_are_those_asked_for() {
    let mut calibration = Calibration::new(40_000, 1).unwrap();
    for &detector in Detector::ALL {
        let (samples, trials, asked) = (100, if detector.extreme() { 4_000 } else { 20_000 }, [1e-1, 1e-2]);
        for (pfa, alarms) in
            asked.into_iter().zip(alarms(detector, samples, trials, &asked, &mut calibration))
        {
            let got = alarms as f64 / trials as f64;
            let calibrated = match detector.exact(samples, pfa) {
                Some(_) => 0.0,
                None if detector.extreme() => pfa * pfa * (1.0 - pfa.ln()).powi(2) / 1000.0,
                None => pfa * (1.0 - pfa) / 40_000.0,
            };
            let sigma = (pfa * (1.0 - pfa) / trials as f64 + calibrated).sqrt();
            println!("{}: asked {pfa:.0e}, measured {got:.3e} ± {:.1e}", detector.name(), 1.96 * sigma);
            assert!((got - pfa).abs() < 3.5 * sigma, "{}: {got} for {pfa}, sigma {sigma}", detector.name());
        }
    }
}

#[test]
fn the_table_is_complete() {
    for detector in Detector::ALL {
        let json = serde_json::to_value(detector).unwrap();
        assert_eq!(json["method"], detector.name());
        assert_eq!(serde_json::from_value::<Detector>(json).unwrap(), *detector);
        let only_name = serde_json::json!({ "method": detector.name() });
        assert_eq!(serde_json::from_value::<Detector>(only_name).unwrap(), *detector);
        assert!(detector.threshold(1 << 25, 0.1, &mut Calibration::default()).is_err());
        assert!(detector.threshold(100, 0.0, &mut Calibration::default()).is_err());
        let mut x = sim::noise(&mut sim::rng(1), 100, 1.0);
        assert!(detector.statistic(&x, &Backend::default()).unwrap().is_finite());
        x[7].im = f32::NAN;
        let error = detector.statistic(&x, &Backend::default()).unwrap_err();
        assert_eq!(error.to_string(), "samples holds a NaN or an infinity at index 7");
    }
    assert!(serde_json::from_str::<Detector>(r#"{"method":"energy","noise":1}"#).is_err());
}

/// Cut anywhere, the stream says the same; silence is no alarm; a gap drops the window begun.
#[test]
fn cutting_the_stream_changes_nothing() {
    let mut calibration = Calibration::new(1000, 1).unwrap();
    let mut x = sim::noise(&mut sim::rng(2), 3000, 1.0);
    x[1000..1400].fill(Complex32::ZERO);
    for &detector in Detector::ALL {
        let backend = Backend::default();
        let new = |calibration: &mut Calibration| {
            WindowTest::new(detector, 128, 0.1, calibration, &backend).unwrap()
        };
        let mut test = new(&mut calibration);
        let whole = test.push(&x).unwrap();
        assert_eq!(whole.len(), 23);
        assert!(!whole[8].detected && whole[8].statistic == 0.0, "{}: {:?}", detector.name(), whole[8]);
        for size in [1, 7, 128, 129, 1000] {
            test.reset();
            let parts: Vec<_> = x.chunks(size).flat_map(|x| test.push(x).unwrap()).collect();
            assert_eq!(parts, whole, "{} in parts of {size}", detector.name());
        }
        test.push(&x[..100]).unwrap();
        test.gap(5000);
        assert_eq!(test.push(&x[..128]).unwrap()[0].sample_start, 5000);
    }
}

/// Tone and sweep of -10 dB below a modulated victim, 1,024 samples, Pfa 1e-3 over the victim: what the victim is was
/// learned as noise is, and taken out by whitening.
#[test]
fn finds_a_tone_and_a_sweep_below_a_victim() {
    use crate::jamming::detect::{Chirp, Line, Whitener};
    use rand::RngExt;
    let backend = Backend::default();
    // QPSK in a root-raised cosine of two samples a symbol, 20 dB above the noise.
    let victim = |n: usize, seed: u64| -> Vec<Complex32> {
        let mut rng = sim::rng(seed);
        let symbols = sim::waveform::random_symbols(&mut rng, n / 2 + 64, 4);
        let modulated = sim::waveform::SingleCarrier { samples_per_symbol: 2, ..Default::default() };
        let mut x = modulated.modulate(&symbols).unwrap();
        x.drain(..64);
        x.truncate(n);
        let scale = (1.0 / sim::power(&x)).sqrt() as f32;
        let noise = sim::noise(&mut rng, n, 0.01);
        x.iter().zip(noise).map(|(x, w)| x * scale + w).collect()
    };
    let whitener = Whitener::learn(&victim(100_000, 1), 64, 1024, &backend).unwrap();
    println!("{:?} {:?}", whitener.decision(), whitener.excess());
    let n = 1024;
    let mut calibration = Calibration::new(100_000, 1).unwrap();
    let detectors = [
        (Detector::Line(Line::DEFAULT), 300u64, false),
        (Detector::Chirp(Chirp { span: 0.0 }), 300, false),
        (Detector::Chirp(Chirp { span: 1.0 }), 60, true),
    ];
    for (detector, trials, sweeps) in detectors {
        let threshold = detector.threshold(n, 1e-3, &mut calibration).unwrap();
        let mut statistic = detector.engine(n, &backend).unwrap();
        let (mut found, mut alarms) = (0, 0);
        for trial in 0..trials {
            let mut x = victim(n + 64, 100 + trial);
            alarms += usize::from(statistic(&whitener.apply(&x, &backend).unwrap()) >= threshold);
            let mut rng = sim::rng(10_000 + trial);
            let (start, rate) = (rng.random::<f64>(), if sweeps { 0.9 / n as f64 } else { 0.0 });
            for (i, x) in x.iter_mut().enumerate() {
                let phase = (start + 0.5 * rate * i as f64) * i as f64;
                *x += Complex32::from_polar(
                    10f32.powf(-0.5),
                    (phase.rem_euclid(1.0) * std::f64::consts::TAU) as f32,
                );
            }
            found += usize::from(statistic(&whitener.apply(&x, &backend).unwrap()) >= threshold);
        }
        println!("{detector:?}, sweep {sweeps}: {found} of {trials} found, {alarms} false alarms");
        let least = if matches!(detector, Detector::Line(_)) { 0.8 } else { 0.9 };
        assert!(found as f64 >= least * trials as f64, "{detector:?}: {found} of {trials}");
        assert!(alarms <= 3, "{detector:?}: {alarms} of {trials}");
    }
}

/// Energy: a carrier and a Gaussian signal in noise, against the noncentral chi-square and the Gamma law.
#[test]
fn energy_detects_as_often_as_theory_says() {
    let (n, pfa, snr, trials) = (100, 1e-2, sim::from_db(-5.0), 10_000);
    let energy = Energy::DEFAULT;
    let threshold = energy.threshold(n, pfa).unwrap();
    let mut statistic = Detector::Energy(energy).engine(n, &Backend::default()).unwrap();
    let mut rng = sim::rng(12);
    let mut found = [0; 2];
    for _ in 0..trials {
        let steady = sim::noise(&mut rng, n, 1.0);
        let carrier =
            |(i, w): (usize, &Complex32)| w + Complex32::from_polar(snr.sqrt() as f32, 0.7 * i as f32);
        let steady: Vec<_> = steady.iter().enumerate().map(carrier).collect();
        found[0] += usize::from(statistic(&steady) >= threshold);
        found[1] += usize::from(statistic(&sim::noise(&mut rng, n, 1.0 + snr)) >= threshold);
    }
    let want = [energy.pd_steady(n, 1.0, snr, threshold), energy.pd_gaussian(n, 1.0, snr, threshold)];
    for (found, want) in found.into_iter().zip(want) {
        let got = found as f64 / trials as f64;
        let sigma = (want * (1.0 - want) / trials as f64).sqrt();
        println!("energy, {n} samples, -5 dB: Pd {got:.4}, theory {want:.4} ± {sigma:.4}");
        assert!((got - want).abs() < 4.0 * sigma, "{got} {want}");
    }
}
