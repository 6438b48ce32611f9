//! Chirps.

use super::*;

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
