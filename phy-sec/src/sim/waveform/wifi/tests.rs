//! Frames against the standard's own numbers and against frames off the air.

use super::*;
use crate::sim::waveform::evm;
use crate::sim::{power, rng};
use rand::Rng;

fn psdu(n: usize) -> Vec<u8> {
    let mut octets = vec![0; n];
    rng(1).fill_bytes(&mut octets);
    octets
}

/// Annex I.1.3, Tables I-2 and I-5: the first samples of both training symbols (with its 1/64 scaling).
#[test]
fn training_symbols_of_annex_i() {
    let scale = 52f32.sqrt() / 64.0;
    let close = |got: &[Complex32], want: &[(f32, f32)]| {
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            let got = got * scale;
            assert!((got.re - want.0).abs() < 6e-4 && (got.im - want.1).abs() < 6e-4, "{i}: {got} {want:?}");
        }
    };
    let short = [
        (0.046, 0.046),
        (-0.132, 0.002),
        (-0.013, -0.079),
        (0.143, -0.013),
        (0.092, 0.0),
        (0.143, -0.013),
        (-0.013, -0.079),
        (-0.132, 0.002),
        (0.046, 0.046),
        (0.002, -0.132),
        (-0.079, -0.013),
        (-0.013, 0.143),
        (0.0, 0.092),
        (-0.013, 0.143),
        (-0.079, -0.013),
        (0.002, -0.132),
    ];
    close(&short_training_symbol(), &short);
    let long = [
        (0.156, 0.0),
        (-0.005, -0.120),
        (0.040, -0.111),
        (0.097, 0.083),
        (0.021, 0.028),
        (0.060, -0.088),
        (-0.115, -0.055),
        (-0.038, -0.106),
        (0.098, -0.026),
        (0.053, 0.004),
        (0.001, -0.115),
    ];
    close(&long_training_symbol(), &long);
}

#[test]
fn every_field_has_unit_power_and_every_symbol_comes_back() {
    let fft = FftPlanner::new().plan_fft_forward(SIZE);
    for rate in Rate::ALL {
        let frame = Wifi { rate, ..Default::default() }.modulate(&psdu(200)).unwrap();
        let symbols = 1 + (16 + 1600 + 6usize).div_ceil(rate.data_bits());
        assert_eq!(frame.samples.len(), 320 + 80 * symbols);
        assert_eq!(frame.grid.dim(), (symbols, 53));
        assert!((power(&frame.samples[..160]) - 1.0).abs() < 1e-3);
        assert!((power(&frame.samples[192..320]) - 1.0).abs() < 1e-3);
        assert!((power(&frame.samples[320..]) - 1.0).abs() < 0.12, "{}", power(&frame.samples[320..]));
        for (k, row) in frame.grid.rows().into_iter().enumerate() {
            let start = 320 + 80 * k + GUARD;
            let mut bins = frame.samples[start..start + SIZE].to_vec();
            fft.process(&mut bins);
            let got: Vec<_> = (-26i32..=26).map(|k| bins[k.rem_euclid(64) as usize]).collect();
            assert!(evm(&row.to_vec(), &got) < 1e-5);
        }
    }
    assert!(Wifi::default().modulate(&[]).is_err());
    assert!(Wifi { scrambler: 0, ..Default::default() }.modulate(&[1]).is_err());
}

/// Normalized correlation with one long training symbol over a frame: its two periods are the only peaks
/// at 1, and the short symbol's ten periods the only ones of theirs.
#[test]
fn training_correlates_where_it_is() {
    let frame = Wifi::default().modulate(&psdu(100)).unwrap();
    for (template, want) in [
        (long_training_symbol(), vec![192, 256]),
        (short_training_symbol(), (0..10).map(|k| 16 * k).collect::<Vec<_>>()),
    ] {
        let peaks: Vec<_> = (0..frame.samples.len() - 64)
            .filter(|&n| correlation(&frame.samples[n..], &template) > 0.95)
            .collect();
        assert_eq!(peaks, want);
    }
}

/// `|Σ x t*|² / (Σ|x|² Σ|t|²)`.
fn correlation(x: &[Complex32], template: &[Complex32]) -> f32 {
    let x = &x[..template.len()];
    let dot: Complex32 = x.iter().zip(template).map(|(x, t)| x * t.conj()).sum();
    let energy = |x: &[Complex32]| x.iter().map(|x| x.norm_sqr()).sum::<f32>();
    dot.norm_sqr() / (energy(x) * energy(template)).max(f32::MIN_POSITIVE)
}

/// A commercial card's frame over a cable holds the training symbols that are made here.
#[test]
fn training_is_found_in_a_recording() {
    let Some(folder) = crate::testdata::folder("fingerprint/wifi_80211") else { return };
    let file = folder.join("dot11a_24mbps_qos_data_e4_90_7e_15_2a_16_e8_de_27_90_6e_42.dat");
    let bytes = std::fs::read(file).unwrap();
    let x: Vec<_> = bytes
        .chunks_exact(4)
        .map(|b| {
            let part = |i| f32::from(i16::from_le_bytes([b[i], b[i + 1]])) / 32768.0;
            Complex32::new(part(0), part(2))
        })
        .collect();
    let long = long_training_symbol();
    let peaks: Vec<_> = (0..x.len() - 64).filter(|&n| correlation(&x[n..], &long) > 0.7).collect();
    // The two periods, 64 samples apart.
    assert!(peaks.iter().any(|n| peaks.contains(&(n + 64))), "{peaks:?}");
}
