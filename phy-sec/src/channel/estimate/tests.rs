//! The estimators against the simulator's truth, the Cramér-Rao bound, and recordings.

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

/// Frames through four taps with a carrier offset: gains and offset to rounding, time to the sample.
#[test]
fn wifi_without_noise_is_exact() {
    let frame = waveform::Wifi::default().modulate(&[0x5A; 60]).unwrap().samples;
    for cfo in [0.0, 31e3, -180e3] {
        let mut x = vec![Complex32::ZERO; 700];
        for _ in 0..3 {
            x.extend_from_slice(&frame);
            x.extend([Complex32::ZERO; 500]);
        }
        let mut x = through(&x, &TAPS);
        kernels::nco::rotate(&backend(), &mut x, cfo, form::SAMPLE_RATE).unwrap();
        let fields = Wifi::default().fields(&x, &backend()).unwrap();
        assert_eq!(fields.len(), 3, "{cfo}");
        for (k, field) in fields.iter().enumerate() {
            let start = 700 + k * (frame.len() + 500) + 192;
            assert_eq!(field.start, start);
            assert!((field.cfo - cfo).abs() < 2.0, "{} {cfo}", field.cfo);
            let turn =
                (std::f64::consts::TAU * (cfo / form::SAMPLE_RATE * (start + 64) as f64).fract()) as f32;
            for (i, gain) in field.gains.iter().enumerate() {
                let want =
                    transfer(&TAPS, wifi::subcarrier(i).into(), 64.0) * Complex32::from_polar(1.0, turn);
                assert!((gain - want).norm() < 5e-4, "{cfo}, subcarrier {i}: {gain} {want}");
            }
        }
        let csi = Estimator::Wifi(Wifi::default()).estimate(&x, 20e6, &backend()).unwrap();
        assert_eq!(csi.gains.dim(), (3, 52, 1));
        assert_eq!(csi.gains[[1, 7, 0]], fields[1].gains[7]);
        assert!((csi.time[0] - (700.0 + 256.0) / 20e6).abs() < 1e-12);
    }
}

/// The simulator's own multipath channel: TDL-B at 100 ns, whose paths lie between the samples.
#[test]
fn wifi_of_the_simulated_channel() {
    let frame = waveform::Wifi::default().modulate(&[7; 40]).unwrap().samples;
    let fading =
        FadingConfig { profile: Profile::TdlB, doppler: 0.0, delay_spread: 100e-9, ..Default::default() };
    let mut within = 0;
    for seed in 0..20 {
        let line = TappedDelayLine::new(&fading, 1e-3, &mut rng(seed)).unwrap();
        let mut x = vec![Complex32::ZERO; 400];
        x.extend_from_slice(&frame);
        let x = line.apply(&x, form::SAMPLE_RATE, 0.0).unwrap();
        let [field] = &Wifi::default().fields(&x, &backend()).unwrap()[..] else { panic!("{seed}") };
        let frequencies: Vec<f64> = (0..52).map(|i| f64::from(wifi::subcarrier(i)) * form::SPACING).collect();
        let want = line.response(&frequencies, 0.0, 1.0, 1);
        // The time origin is the strongest path: undo the slope of that.
        let late = field.start as f64 - (400.0 + 192.0);
        let (mut error, mut power) = (0.0, 0.0);
        for (i, gain) in field.gains.iter().enumerate() {
            let turn = std::f64::consts::TAU * late * f64::from(wifi::subcarrier(i)) / 64.0;
            let want = want[[0, i]] * Complex64::cis(turn);
            error += (Complex64::new(gain.re.into(), gain.im.into()) - want).norm_sqr();
            power += want.norm_sqr();
        }
        within += usize::from(error < 3e-3 * power);
    }
    // Echoes beyond the guard interval and a path just out of the samples' band are left in some draws.
    assert!(within >= 17, "{within} of 20 draws within -25 dB");
}

/// Known timing: the bound itself. The whole receiver, which has to find time and carrier offset: at most 3 % above it.
#[test]
fn wifi_reaches_the_cramer_rao_bound() {
    let power = 0.05;
    let bound = power * 52.0 / 128.0;
    let symbol = form::long_training_symbol();
    let clean: Vec<_> = symbol.iter().chain(&symbol).copied().collect();
    let mut random = rng(1);
    let mut errors = Vec::new();
    for _ in 0..400 {
        let mut x = clean.clone();
        add(&mut x, &noise(&mut random, 128, power));
        let gains = wifi::long_training(&x, &backend()).unwrap();
        errors.extend(gains.iter().map(|gain| f64::from((gain - Complex32::new(1.0, 0.0)).norm_sqr())));
    }
    is_bound(errors.into_iter(), bound, "long training field");

    let mut x = Vec::new();
    let training = form::training();
    for _ in 0..400 {
        x.extend([Complex32::ZERO; 200]);
        x.extend_from_slice(&training);
        x.extend_from_slice(&symbol);
    }
    let n = x.len();
    add(&mut x, &noise(&mut random, n, power));
    let fields = Wifi::default().fields(&x, &backend()).unwrap();
    assert_eq!(fields.len(), 400);
    let errors = fields
        .iter()
        .flat_map(|field| field.gains.map(|gain| f64::from((gain - Complex32::new(1.0, 0.0)).norm_sqr())));
    let ratio = errors.sum::<f64>() / (400.0 * 52.0) / bound;
    eprintln!("802.11 receiver: {ratio:.4} of the bound");
    assert!(ratio < 1.05 && ratio > 0.96, "{ratio} of the bound");
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

/// A slot of the simulator's NR-like comb through four taps: exact at the pilots, exact everywhere once the channel is taken
/// for four taps (or eight); a straight line errs by the channel's curvature.
#[test]
fn comb_without_noise_is_exact() {
    let config = NrComb::default();
    let slot = config.slot(0, &mut rng(1)).unwrap();
    let x = through(&slot.samples, &TAPS);
    let pilots = (0..144).map(|n| slot.grid[[2, 2 * n]]).map(|value| (value.re, value.im)).collect();
    let comb = |interpolation| {
        let (start, period) = (slot.bodies[2].start, slot.bodies[11].start - slot.bodies[2].start);
        let values: Vec<_> = slot.grid.row(11).iter().step_by(2).copied().collect();
        let comb =
            Comb { pilots: Pilots::Given(Vec::clone(&pilots)), start, interpolation, ..Comb::default() };
        // Another symbol has other pilots.
        let other = values.iter().map(|value| (value.re, value.im)).collect();
        let later = Comb { pilots: Pilots::Given(other), start: start + period, ..comb.clone() };
        [comb, later]
            .map(|comb| Estimator::Comb(comb).estimate(&x, config.sample_rate(), &backend()).unwrap())
    };
    let worst = |csi: &Csi, step: usize| {
        let error = |(k, gain): (usize, &Complex32)| {
            f64::from((gain - transfer(&TAPS, (k * step) as f64 - 144.0, 512.0)).norm())
        };
        csi.gains.iter().enumerate().map(error).fold(0.0, f64::max)
    };
    for csi in comb(Interpolation::None) {
        assert_eq!(csi.gains.dim(), (1, 144, 1));
        assert!(worst(&csi, 2) < 2e-5, "{}", worst(&csi, 2));
    }
    for taps in [4, 8] {
        for csi in comb(Interpolation::Taps(taps)) {
            assert!(worst(&csi, 1) < 2e-4, "{taps}: {}", worst(&csi, 1));
        }
    }
    for csi in comb(Interpolation::Linear) {
        // |H''| / 2 over steps of 2 subcarriers, and a whole step beyond the last pilot.
        let curve: f32 = TAPS.iter().enumerate().map(|(l, h)| (l * l) as f32 * h.norm()).sum();
        let slope: f32 = TAPS.iter().enumerate().map(|(l, h)| l as f32 * h.norm()).sum();
        let unit = std::f32::consts::TAU / 512.0;
        assert!(worst(&csi, 1) < f64::from(slope * unit + curve * unit * unit), "{}", worst(&csi, 1));
        let inner = csi.gains.iter().take(287).enumerate();
        let inner = inner.map(|(k, gain)| (gain - transfer(&TAPS, k as f64 - 144.0, 512.0)).norm());
        assert!(inner.fold(0.0, f32::max) < curve * unit * unit / 2.0 + 1e-5);
    }
    // The simulator's own reference symbols are the Gold sequence's.
    let c_init = (1u32 << 17) * 3;
    let gold = Pilots::Gold { c_init }.values(144).unwrap();
    let pilots: &Vec<(f32, f32)> = &pilots;
    for (value, (re, im)) in gold.iter().zip(pilots) {
        assert!((value - Complex32::new(*re, *im)).norm() < 1e-6);
    }
}

/// At a pilot the bound of one unknown; midway on a straight line half of it; over an impulse response of `L` taps the bound of `L` unknowns
/// from `P` pilots, `L/P` of it in the mean over the pilots.
#[test]
fn comb_reaches_the_cramer_rao_bound() {
    let power = 0.02;
    let (mut at, mut between, mut taps) = (Vec::new(), Vec::new(), Vec::new());
    let comb = |interpolation| Comb { period: 512, interpolation, ..Comb::default() };
    // Pilots of 1 on every second subcarrier, each with the energy 512 / 288 of a transform's samples.
    let mut grid = vec![Complex32::ZERO; 512];
    for k in (0..288).step_by(2) {
        grid[(k + 512 - 144) % 512] = Complex32::new(1.0 / 288f32.sqrt(), 0.0);
    }
    let mut body = vec![Complex32::ZERO; 512];
    Batch::new(&backend(), 512, Direction::Inverse).unwrap().process(&grid, &mut body).unwrap();
    let bound = power * 288.0 / 512.0;
    let mut x = body.repeat(200);
    let n = x.len();
    add(&mut x, &noise(&mut rng(4), n, power));
    let errors = |interpolation| {
        let csi = Estimator::Comb(comb(interpolation)).estimate(&x, 15.36e6, &backend()).unwrap();
        assert_eq!(csi.gains.dim().0, 200);
        csi.gains.mapv(|gain| f64::from((gain - Complex32::new(1.0, 0.0)).norm_sqr()))
    };
    for row in errors(Interpolation::Linear).outer_iter() {
        at.extend(row.iter().step_by(2).copied());
        // Every second of those between, so that no two share a pilot.
        between.extend(row.iter().take(287).skip(1).step_by(4).copied());
    }
    is_bound(at.into_iter(), bound, "comb, pilots");
    is_bound(between.into_iter(), bound / 2.0, "comb, midway");
    for row in errors(Interpolation::Taps(8)).outer_iter() {
        // Eight independent errors a symbol are spread over its pilots.
        let mean = row.iter().step_by(2).sum::<f64>() / 144.0;
        taps.extend([mean; 8]);
    }
    is_bound(taps.into_iter(), bound * 8.0 / 144.0, "comb, 8 taps");
}

/// SRS-like pilots: unit amplitude, and cyclic shifts of the same group are orthogonal over the band.
#[test]
fn shifted_pilots_are_orthogonal() {
    let of = |shift| Pilots::ZadoffChu { group: 7, shift }.values(144).unwrap();
    for (value, other) in [(of(0.0), of(0.25)), (of(0.25), of(0.5))] {
        assert!(value.iter().all(|value| (value.norm() - 1.0).abs() < 1e-6));
        let sum: Complex32 = value.iter().zip(&other).map(|(a, b)| a * b.conj()).sum();
        assert!(sum.norm() < 1e-3, "{sum}");
    }
    // N = 139 for 144 pilots; q of group 0 is the nearest to 139/31 = 4.48.
    let (got, want) = (of(0.0).len(), zadoff_chu(139, 4).unwrap());
    assert_eq!(got, 144);
    let group0 = Pilots::ZadoffChu { group: 0, shift: 0.0 }.values(144).unwrap();
    assert!((0..144).all(|n| (group0[n] - want[n % 139]).norm() < 1e-6));
}

/// Every m-sequence correlates with itself by -1 wherever it is turned to: a transform of `|S|² = N + 1` but for `S(0) = ±1`.
#[test]
fn sequences_correlate_as_they_must() {
    for degree in 3..=16 {
        let x = m_sequence(degree).unwrap();
        let n = x.len();
        assert_eq!(n, (1 << degree) - 1);
        let mut bins = vec![Complex32::ZERO; n];
        Batch::new(&backend(), n, Direction::Forward).unwrap().process(&x, &mut bins).unwrap();
        assert!((bins[0].re.abs() - 1.0).abs() < 1e-3, "{degree}: {}", bins[0]);
        for bin in &bins[1..] {
            assert!((bin.norm_sqr() / (n as f32 + 1.0) - 1.0).abs() < 1e-3, "{degree}: {bin}");
        }
    }
    for (length, root) in [(3, 1), (64, 5), (139, 138), (839, 25), (65_535, 4)] {
        let x = zadoff_chu(length, root).unwrap();
        let mut bins = vec![Complex32::ZERO; length];
        Batch::new(&backend(), length, Direction::Forward).unwrap().process(&x, &mut bins).unwrap();
        assert!(
            bins.iter().all(|bin| (bin.norm_sqr() / length as f32 - 1.0).abs() < 2e-3),
            "{length} {root}"
        );
    }
    assert_eq!(
        zadoff_chu(15, 5).unwrap_err().to_string(),
        "root must be below the length, without a common divisor with it, got 5"
    );
    assert!(zadoff_chu(839, 839).is_err() && m_sequence(17).is_err());
}

/// Four taps from both sequences by both solutions: exact, but for the m-sequence's correlation, whose error is the known one.
#[test]
fn sounding_without_noise_is_exact() {
    for sequence in [Sequence::MSequence { degree: 7 }, Sequence::ZadoffChu { length: 139, root: 3 }] {
        let s = sequence.samples().unwrap();
        let n = s.len();
        let x = through(&s.repeat(7), &TAPS);
        let sum: Complex32 = TAPS.iter().sum();
        for solution in [Solution::Correlation, Solution::LeastSquares] {
            let sounding = Sounding { sequence, start: n, average: 2, solution, ..Sounding::default() };
            let csi = Estimator::Sounding(sounding).estimate(&x, 1e6, &backend()).unwrap();
            assert_eq!(csi.gains.dim(), (3, n, 1));
            assert!((csi.time[1] - 4.0 * n as f64 / 1e6).abs() < 1e-12);
            let biased = matches!(sequence, Sequence::MSequence { .. }) && solution == Solution::Correlation;
            for (l, gain) in csi.gains.iter().skip(2 * n).enumerate() {
                let tap = TAPS.get(l).copied().unwrap_or_default();
                let want = if biased { tap - (sum - tap) / n as f32 } else { tap };
                assert!((gain - want).norm() < 2e-5, "{sequence:?} {solution:?} tap {l}: {gain} {want}");
            }
        }
    }
    // Begun 100 samples into a period, and aligned: the strongest tap comes first.
    let x = through(&zadoff_chu(139, 3).unwrap().repeat(4), &TAPS);
    let sequence = Sequence::ZadoffChu { length: 139, root: 3 };
    let sounding = Sounding { sequence, start: 239, align: true, taps: 4, ..Sounding::default() };
    let csi = Estimator::Sounding(sounding).estimate(&x, 1e6, &backend()).unwrap();
    assert_eq!(csi.gains.dim(), (2, 4, 1));
    assert!(csi.gains.iter().take(4).zip(&TAPS).all(|(got, want)| (got - want).norm() < 2e-5));
}

#[test]
fn sounding_reaches_its_bound() {
    let power = 0.5;
    let mut random = rng(5);
    for sequence in [Sequence::MSequence { degree: 6 }, Sequence::ZadoffChu { length: 63, root: 2 }] {
        for (solution, average) in
            [(Solution::Correlation, 1), (Solution::Correlation, 4), (Solution::LeastSquares, 1)]
        {
            // Of noise alone the estimate is its own error.
            let x = noise(&mut random, 63 * 1200, power);
            let sounding = Sounding { sequence, average, solution, ..Sounding::default() };
            let csi = Estimator::Sounding(sounding).estimate(&x, 1e6, &backend()).unwrap();
            let variance = power * sounding.variance().unwrap();
            let errors = csi.gains.iter().map(|gain| f64::from(gain.norm_sqr()));
            if solution == Solution::Correlation {
                is_bound(errors, variance, &format!("{sequence:?}, {average} periods"));
            } else {
                // The noise of bin 0 is common to all taps, so a mean says less.
                let ratio = errors.sum::<f64>() / csi.gains.len() as f64 / variance;
                assert!((ratio - 1.0).abs() < 0.15, "{sequence:?} {ratio}");
            }
        }
    }
}

/// Preambles with carrier offset, delay and gain: time to the sample, offset to a Hz, the gain of each chirp.
#[test]
fn lora_without_noise_is_exact() {
    for (oversampling, sf) in [(1usize, 8), (2, 7), (4, 7), (8, 9)] {
        let form = waveform::Lora { oversampling, spreading_factor: sf, ..Default::default() };
        let rate = 125e3 * oversampling as f64;
        let lora = Lora { spreading_factor: sf, ..Lora::default() };
        let frame = form.modulate(&[17, 99, 3]).unwrap();
        let gain = Complex32::from_polar(0.37, 1.1);
        for cfo in [0.0, 700.0, -4321.0, 9000.0] {
            let mut x = vec![Complex32::ZERO; 1111];
            x.extend(frame.iter().map(|x| gain * x));
            x.extend([Complex32::ZERO; 3000]);
            kernels::nco::rotate(&backend(), &mut x, cfo, rate).unwrap();
            let found = lora.preambles(&x, rate, &backend()).unwrap();
            let [preamble] = &found[..] else { panic!("{oversampling} {cfo}: {} frames", found.len()) };
            let late = preamble.start as f64 - 1111.0;
            // At one sample a chip half of it is as close as time and frequency come.
            assert!(late.abs() <= 1.0, "{oversampling} {cfo}: {late}");
            assert!((preamble.cfo - cfo).abs() < 125e3 / f64::from(1 << sf), "{} {cfo}", preamble.cfo);
            assert_eq!(preamble.gains.len(), 8);
            for got in &preamble.gains[1..7] {
                assert!(
                    (got.norm() / 0.37 - 1.0).abs() < 0.03 + 0.2 * late.abs() as f32,
                    "{oversampling} {cfo}: {got}"
                );
            }
            if late == 0.0 {
                assert!((preamble.cfo - cfo).abs() < 1.0, "{} {cfo}", preamble.cfo);
                let middle = 1111.0 + 4.0 * form.chirp_len() as f64;
                let turn = (std::f64::consts::TAU * (cfo / rate * middle).fract()) as f32;
                for got in &preamble.gains {
                    assert!(
                        (got - gain * Complex32::from_polar(1.0, turn)).norm() < 1e-3,
                        "{oversampling} {cfo}: {got}"
                    );
                }
            }
        }
    }
}

/// Chirp-level gains in noise: the bound of one unknown a chirp, at 0 dB and 512 samples a chirp.
#[test]
fn lora_reaches_the_cramer_rao_bound() {
    let form = waveform::Lora::default();
    let mut random = rng(6);
    let mut x = vec![Complex32::ZERO; 2000];
    for _ in 0..120 {
        x.extend(form.modulate(&[1, 2, 3]).unwrap());
        x.extend([Complex32::ZERO; 1500]);
    }
    let n = x.len();
    add(&mut x, &noise(&mut random, n, 1.0));
    let found = Lora::default().preambles(&x, 500e3, &backend()).unwrap();
    assert_eq!(found.len(), 120);
    // What is common to a frame's chirps holds the errors of time and offset, so the scatter within a frame, of 8 - 2 unknowns.
    let mut scatter = Vec::new();
    for preamble in &found {
        let n = preamble.gains.len() as f32;
        let mean: Complex32 = preamble.gains.iter().sum::<Complex32>() / n;
        // The slope over the chirps is what the offset was estimated from.
        let place = |k: usize| k as f32 - (n - 1.0) / 2.0;
        let power: f32 = (0..preamble.gains.len()).map(|k| place(k) * place(k)).sum();
        let slope: Complex32 =
            preamble.gains.iter().enumerate().map(|(k, gain)| gain * place(k)).sum::<Complex32>() / power;
        let rest = |(k, gain): (usize, &Complex32)| f64::from((gain - mean - slope * place(k)).norm_sqr());
        scatter.push(preamble.gains.iter().enumerate().map(rest).sum::<f64>() / f64::from(n - 2.0));
    }
    let ratio = scatter.iter().sum::<f64>() / scatter.len() as f64 * 512.0;
    eprintln!("LoRa chirps: {ratio:.4} of the bound");
    assert!((ratio - 1.0).abs() < 4.5 / (120.0f64 * 6.0).sqrt(), "{ratio} of the bound");
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

/// 20 MS/s recordings of one access point over cable: the same channel in every frame, whatever its rate.
#[test]
fn recorded_wifi_frames_see_one_channel() {
    let Some(folder) = crate::testdata::folder("fingerprint/wifi_80211") else { return };
    for name in ["dot11a_6mbps", "dot11a_24mbps", "dot11a_48mbps"] {
        let file = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let file = file.into_iter().find(|path| path.to_string_lossy().contains(name)).unwrap();
        let bytes = std::fs::read(file).unwrap();
        let number = |b: &[u8]| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0;
        let x: Vec<_> = bytes.chunks_exact(4).map(|b| Complex32::new(number(b), number(&b[2..]))).collect();
        let fields = Wifi::default().fields(&x, &backend()).unwrap();
        assert!(!fields.is_empty(), "{name}");
        let first = fields[0].gains;
        let energy = |gains: &[Complex32]| gains.iter().map(|gain| gain.norm_sqr()).sum::<f32>();
        let mut alike: Vec<f32> = fields
            .iter()
            .map(|field| {
                // The frame's time to a fraction of a sample is a slope over frequency: the best of a hundred such is taken out.
                let inner = |late: f32| {
                    let turn = |i: usize| Complex32::from_polar(1.0, late * wifi::subcarrier(i) as f32);
                    let sum: Complex32 = (0..52).map(|i| first[i].conj() * field.gains[i] * turn(i)).sum();
                    sum.norm() / (energy(&first) * energy(&field.gains)).sqrt()
                };
                (-50..=50).map(|step| inner(step as f32 * 2e-3)).fold(0.0, f32::max)
            })
            .collect();
        alike.sort_by(f32::total_cmp);
        let offsets: Vec<f64> = fields.iter().map(|field| field.cfo).collect();
        let spread = offsets.iter().copied().fold(f64::MIN, f64::max)
            - offsets.iter().copied().fold(f64::MAX, f64::min);
        eprintln!(
            "{name}: {} frames, least alike {:.4}, offsets within {spread:.0} Hz",
            fields.len(),
            alike[0]
        );
        assert!(fields.len() >= 15 && alike[0] > 0.99, "{name}: {alike:?}");
        // A part in ten million of the carrier: drift and noise.
        assert!(spread < 4e3 && offsets.iter().all(|cfo| (cfo + 35e3).abs() < 3e3), "{name}: {offsets:?}");
    }
}

/// 1 MS/s recordings of one LoRa node: a preamble in each, of steady chirps.
#[test]
fn recorded_lora_frames_have_steady_chirps() {
    let Some(folder) = crate::testdata::folder("fingerprint/lora") else { return };
    let mut levels = Vec::new();
    for name in [0, 1, 10, 11, 12, 13, 14] {
        let bytes = std::fs::read(folder.join(format!("p-3dBm_shr_{name}.cf32"))).unwrap();
        let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let x: Vec<_> = bytes.chunks_exact(8).map(|b| Complex32::new(number(b), number(&b[4..]))).collect();
        let found = Lora::default().preambles(&x, 1e6, &backend()).unwrap();
        assert_eq!(found.len(), 1, "{name}");
        let rssi: Vec<f32> = found[0].gains.iter().map(|gain| 20.0 * gain.norm().log10()).collect();
        let mean = rssi.iter().sum::<f32>() / rssi.len() as f32;
        let off = rssi.iter().map(|level| (level - mean).abs()).fold(0.0, f32::max);
        eprintln!(
            "{name}: {} chirps of {mean:.2} dB within {off:.3} dB, {:.0} Hz off",
            rssi.len(),
            found[0].cfo
        );
        assert!((8..=10).contains(&rssi.len()) && off < 0.5, "{name}: {rssi:?}");
        assert!((found[0].cfo + 810.0).abs() < 60.0, "{name}: {}", found[0].cfo);
        levels.push(mean);
    }
    let [least, most] = [f32::min, f32::max].map(|pick| levels.iter().copied().reduce(pick).unwrap());
    assert!(most - least < 3.0, "{levels:?}");
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
