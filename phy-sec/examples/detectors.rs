//! What the detectors hold: false alarms, published levels, jammers below a victim, speed.
//!
//! `cargo run --release --example detectors -- false_alarms | coloured | levels FILE | jammers | speed`, where FILE is
//! `eigenvalue_detectors_pd.json`. Markdown tables on the standard output; docs/results/detectors.md.

use std::error::Error;
use std::time::Instant;

use num_complex::{Complex32, Complex64};
use phy_sec::Backend;
use phy_sec::jamming::detect::spectral_kurtosis::Kurtosis;
use phy_sec::jamming::detect::{
    Calibration, Chirp, Cyclostationary, Detector, Energy, Estimator, Line, Measure, Whitener, WindowTest,
};
use phy_sec::sim;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["false_alarms"] => false_alarms(false),
        ["coloured"] => false_alarms(true),
        ["levels", file] => levels(file),
        ["jammers"] => jammers(),
        ["speed"] => speed(),
        _ => Err("usage: detectors false_alarms | coloured | levels FILE | jammers | speed".into()),
    }
}

/// Asked and measured, with the binomial 95 % interval.
fn false_alarms(coloured: bool) -> Outcome {
    let backend = Backend::default();
    let mut calibration = Calibration::default();
    println!(
        "| detector | samples | windows | asked 1e-1 | 1e-2 | 1e-3 |\n| --- | --- | --- | --- | --- | --- |"
    );
    let pole = Complex32::from_polar(0.6, 0.8);
    for &detector in Detector::ALL {
        for samples in [100, 1024] {
            let costly = matches!(detector, Detector::Chirp(_) | Detector::Cyclostationary(_));
            if (costly || coloured) && samples > 100 {
                continue;
            }
            let windows = 100_000;
            let mut rng = sim::rng(4242);
            let mut last = Complex32::ZERO;
            let mut noise = |n: usize, rng: &mut ChaCha8Rng| -> Vec<Complex32> {
                let mut x = sim::noise(rng, n, 1.0);
                if coloured {
                    x.iter_mut().for_each(|x| {
                        last = last * pole + *x;
                        *x = last;
                    });
                }
                x
            };
            // The whitener's errors are small beside a window's own.
            let whitener = Whitener::learn(&noise(2_000 * samples, &mut rng), 8, samples, &backend)?;
            let mut alarms = [0usize; 3];
            let asked = [1e-1, 1e-2, 1e-3];
            let thresholds = asked
                .into_iter()
                .map(|pfa| detector.threshold(samples, pfa, &mut calibration))
                .collect::<Result<Vec<_>, _>>()?;
            let mut test = WindowTest::new(detector, samples, 1e-1, &mut calibration, &backend)?;
            let batch = 1000;
            for _ in 0..windows / batch {
                let x = noise(batch * samples + if coloured { 8 } else { 0 }, &mut rng);
                for judged in test.push(&whitener.apply(&x, &backend)?)? {
                    for (alarms, threshold) in alarms.iter_mut().zip(&thresholds) {
                        *alarms += usize::from(judged.statistic >= *threshold);
                    }
                }
                test.reset();
            }
            let cells = asked.into_iter().zip(alarms).map(|(pfa, alarms)| {
                let (got, half) = rate(alarms, windows, pfa);
                let mark = if (got - pfa).abs() <= half { "" } else { " (outside)" };
                format!("{got:.2e} ± {half:.1e}{mark}")
            });
            println!(
                "| {} | {samples} | {windows} | {} |",
                detector.name(),
                cells.collect::<Vec<_>>().join(" | ")
            );
        }
    }
    Ok(())
}

fn rate(count: usize, trials: usize, asked: f64) -> (f64, f64) {
    (count as f64 / trials as f64, 1.96 * (asked * (1.0 - asked) / trials as f64).sqrt())
}

/// The lowest level with Pd of 0.9 at Pfa 0.1, ours and the published ones.
fn levels(file: &str) -> Outcome {
    let published: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    println!("| case | detector | order | published (dBm) | ours (dBm) |\n| --- | --- | --- | --- | --- |");
    let trials = 500;
    let (mut worst, mut count) = (0.0f64, 0);
    for (case, rate, n) in
        [("fs2mhz_Ns25ks", 2e6, 25_000), ("fs1mhz_Ns25ks", 1e6, 25_000), ("fs10mhz_Ns100ks", 10e6, 100_000)]
    {
        let (mut rng, signal) = (sim::rng(11), microphone(n, rate));
        let mut draw = |snr_db: Option<f64>| -> Vec<Vec<Complex64>> {
            (0..trials).map(|_| lags(&received(&signal, snr_db, &mut rng))).collect()
        };
        let noise = draw(None);
        let grid: Vec<(f64, Vec<Vec<Complex64>>)> =
            (-124..=-113).map(|level| (f64::from(level), draw(Some(f64::from(level) + 100.0)))).collect();
        for (name, measure) in [
            ("ed", None),
            ("mme", Some(Measure::MaxMinEigenvalue)),
            ("eme", Some(Measure::EnergyMinEigenvalue)),
            ("met", Some(Measure::MaxEigenvalueTrace)),
            ("agm", Some(Measure::ArithmeticGeometricMean)),
            ("cav", Some(Measure::CovarianceAbsolute)),
            ("cfn", Some(Measure::CovarianceFrobenius)),
            ("mac", Some(Measure::MaxAutocorrelation)),
        ] {
            for order in [5, 10, 15, 20] {
                let key = format!("sim/sim_micsoft_gaussian_noise_m100dbm_{case}_{name}");
                let key = if measure.is_some() { format!("{key}_l{order}") } else { key };
                let Some(want) = published[&key]["pin_min"].as_f64() else { continue };
                let statistic = |lags: &Vec<Complex64>| match measure {
                    Some(measure) => measure.of_autocorrelations(&lags[..order]).unwrap_or(0.0),
                    None => lags[0].re,
                };
                let mut off: Vec<f64> = noise.iter().map(statistic).collect();
                off.sort_by(f64::total_cmp);
                let threshold = off[trials * 9 / 10];
                let found = |lags: &[Vec<Complex64>]| {
                    lags.iter().filter(|lags| statistic(lags) >= threshold).count() * 10 >= trials * 9
                };
                let got = grid.iter().find(|(_, lags)| found(lags)).map_or(f64::NAN, |(level, _)| *level);
                println!("| {case} | {name} | {order} | {want} | {got} |");
                worst = worst.max((got - want).abs());
                count += 1;
                if measure.is_none() {
                    break;
                }
            }
        }
    }
    println!("\n{count} curves, largest difference {worst} dB.");
    Ok(())
}

/// A wireless microphone with a soft speaker (3.9 kHz, deviation 15 kHz) at a quarter of the rate.
fn microphone(n: usize, rate: f64) -> Vec<Complex32> {
    let turn = std::f64::consts::TAU * 3.9e3 / rate;
    (0..n)
        .map(|i| {
            let swing = 15e3 / 3.9e3 * (turn * i as f64).sin();
            Complex32::cis((std::f64::consts::FRAC_PI_2 * (i % 4) as f64 + swing) as f32)
        })
        .collect()
}

/// Real samples: unit noise, and the signal from a random phase on.
fn received(signal: &[Complex32], snr_db: Option<f64>, rng: &mut ChaCha8Rng) -> Vec<Complex32> {
    let amplitude = snr_db.map_or(0.0, |db| (2.0 * sim::from_db(db)).sqrt()) as f32;
    let start = Complex32::from_polar(amplitude, std::f32::consts::TAU * rng.random::<f32>());
    let noise = |rng: &mut ChaCha8Rng| rng.sample::<f32, _>(StandardNormal);
    signal.iter().map(|s| Complex32::new(noise(rng) + (s * start).re, 0.0)).collect()
}

fn lags(x: &[Complex32]) -> Vec<Complex64> {
    (0..20)
        .map(|l| kernels::correlate::autocorrelation(&Backend::default(), x, l))
        .map(|r| Complex64::new(r.re.into(), r.im.into()))
        .collect()
}

/// Tone and sweep below a modulated victim: 1,024 samples, Pfa 1e-3 over the victim, by JSR.
fn jammers() -> Outcome {
    let (backend, n, trials) = (Backend::default(), 1024, 400u64);
    let mut calibration = Calibration::new(400_000, 1)?;
    println!("| detector | victim | jammer | false alarms | -15 dB | -10 dB | -5 dB | 0 dB |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for samples_per_symbol in [2, 4, 8] {
        let victim = |n: usize, seed: u64| -> Result<Vec<Complex32>, phy_sec::Error> {
            let mut rng = sim::rng(seed);
            let symbols = sim::waveform::random_symbols(&mut rng, n / samples_per_symbol + 64, 4);
            let modulated = sim::waveform::SingleCarrier { samples_per_symbol, ..Default::default() };
            let mut x = modulated.modulate(&symbols)?;
            x.drain(..64);
            x.truncate(n);
            let scale = (1.0 / sim::power(&x)).sqrt() as f32;
            let noise = sim::noise(&mut rng, n, 0.01);
            Ok(x.iter().zip(noise).map(|(x, w)| x * scale + w).collect())
        };
        let whitener = Whitener::learn(&victim(200_000, 1)?, 64, n, &backend)?;
        eprintln!("{samples_per_symbol} samples a symbol: {:?} {:?}", whitener.decision(), whitener.excess());
        for (detector, jammer) in [
            (Detector::Line(Line::default()), "tone"),
            (Detector::Chirp(Chirp { span: 0.0 }), "tone"),
            (Detector::Chirp(Chirp { span: 1.0 }), "tone"),
            (Detector::Chirp(Chirp { span: 1.0 }), "sweep"),
        ] {
            let threshold = detector.threshold(n, 1e-3, &mut calibration)?;
            let judge = |jsr_db: Option<f64>, trial: u64| -> Result<bool, phy_sec::Error> {
                let mut x = victim(n + 64, 1000 + trial)?;
                if let Some(db) = jsr_db {
                    let mut rng = sim::rng(100_000 + trial);
                    let start: f64 = rng.random();
                    let sweep =
                        if jammer == "sweep" { rng.random_range(-0.95..0.95) / n as f64 } else { 0.0 };
                    for (i, x) in x.iter_mut().enumerate() {
                        let phase = (start + 0.5 * sweep * i as f64) * i as f64;
                        let phase = phase.rem_euclid(1.0) * std::f64::consts::TAU;
                        *x += Complex32::from_polar(sim::from_db(db).sqrt() as f32, phase as f32);
                    }
                }
                Ok(detector.statistic(&whitener.apply(&x, &backend)?, &backend)? >= threshold)
            };
            let share = |db: Option<f64>| -> Result<f64, phy_sec::Error> {
                let found = (0..trials).map(|trial| judge(db, trial)).collect::<Result<Vec<_>, _>>()?;
                Ok(found.into_iter().filter(|found| *found).count() as f64 / trials as f64)
            };
            let alarms = share(None)?;
            let pd = [-15.0, -10.0, -5.0, 0.0].map(|db| share(Some(db)).map(|pd| format!("{pd:.3}")));
            let pd = pd.into_iter().collect::<Result<Vec<_>, _>>()?.join(" | ");
            let name = format!("{detector:?}").replace('|', "");
            println!(
                "| {name} | QPSK, {samples_per_symbol} samples a symbol | {jammer} | {alarms:.4} | {pd} |"
            );
        }
    }
    Ok(())
}

/// Seconds that this thread has run on a processor, where the system tells; the clock's otherwise.
fn seconds(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    told.map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}

/// Million samples per second of one thread's processor time, the best of three goes.
fn speed() -> Outcome {
    let backend = Backend::default();
    let x = sim::noise(&mut sim::rng(1), 1 << 20, 1.0);
    println!("| what | MS/s |\n| --- | --- |");
    let measure = |name: String, samples: usize, run: &mut dyn FnMut()| {
        // The system counts in hundredths of a second: runs are repeated until there are many of those.
        let best = (0..3).map(|_| {
            let start = Instant::now();
            let before = seconds(start);
            let mut runs = 0;
            loop {
                run();
                runs += 1;
                let taken = seconds(start) - before;
                if taken > 0.3 {
                    return taken / f64::from(runs);
                }
            }
        });
        let best = best.fold(f64::INFINITY, f64::min);
        println!("| {name} | {:.2} |", samples as f64 / best / 1e6);
    };
    for size in [64, 256, 1024] {
        let mut kurtosis = Kurtosis::new(size, &backend)?;
        measure(format!("spectra of {size} and kurtosis sums"), x.len(), &mut || {
            kurtosis.reset();
            kurtosis.push(&x);
            assert!(kurtosis.values().all(|sk| (sk - 1.0).abs() < 0.8));
        });
    }
    for &detector in Detector::ALL {
        let mut calibration = Calibration::new(1000, 1)?;
        let mut test = WindowTest::new(detector, 1024, 0.1, &mut calibration, &backend)?;
        let used = if matches!(detector, Detector::Chirp(_)) { &x[..1 << 15] } else { &x[..] };
        measure(format!("{}, windows of 1,024", detector.name()), used.len(), &mut || {
            test.reset();
            assert!(test.push(used).is_ok());
        });
    }
    for estimator in [Estimator::Fam, Estimator::Ssca] {
        for channels in [64, 128] {
            let detector = Detector::Cyclostationary(Cyclostationary { estimator, channels });
            // 256 frames of a quarter of the channels.
            let samples = 63 * channels + channels;
            let mut test =
                WindowTest::new(detector, samples, 0.1, &mut Calibration::new(1000, 1)?, &backend)?;
            let used = &x[..x.len().min(1 << 18)];
            measure(
                format!("{estimator:?}, {channels} channels, windows of {samples}"),
                used.len(),
                &mut || {
                    test.reset();
                    assert!(test.push(used).is_ok());
                },
            );
        }
    }
    let energy = Energy { uncertainty_db: 1.0, ..Energy::default() };
    println!("\nSNR wall at 1 dB of uncertainty: {:.2} dB.", energy.snr_wall_db());
    Ok(())
}
