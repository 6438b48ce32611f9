//! 802.11 frames.

use super::*;

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
