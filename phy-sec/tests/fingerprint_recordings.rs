//! Fingerprinting on real recordings: bursts found, grouped identification, the noise-only control.

use std::{fs, ops::RangeInclusive};

use num_complex::Complex32;
use phy_sec::{
    Backend,
    burst::{BurstConfig, detect},
    fingerprint::{
        evaluate::{Evaluation, Split, evaluate},
        feature,
        recording::{FingerprintConfig, measure},
    },
};

#[path = "../src/testdata.rs"]
mod testdata;

fn samples(bytes: &[u8], datatype: &str) -> Vec<Complex32> {
    let unsigned = |b: u8| (f32::from(b) - 127.5) / 128.0;
    let float = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    match datatype {
        "cu8" => bytes.chunks_exact(2).map(|b| Complex32::new(unsigned(b[0]), unsigned(b[1]))).collect(),
        "cf32_le" => bytes.chunks_exact(8).map(|b| Complex32::new(float(&b[..4]), float(&b[4..]))).collect(),
        other => panic!("{other}"),
    }
}

fn evaluated(name: &str, config: &FingerprintConfig) -> Option<Evaluation> {
    let folder = testdata::folder(&format!("fingerprint/{name}"))?;
    let mut labels = csv::Reader::from_path(folder.join("labels.csv")).unwrap();
    let (mut bursts, mut noise) = (Vec::new(), Vec::new());
    for row in labels.records() {
        let row = row.unwrap();
        let x = samples(&fs::read(folder.join(&row[0])).unwrap(), &row[5]);
        let recording = measure(&x, row[6].parse().unwrap(), config, &Backend::default()).unwrap();
        let (of_bursts, of_noise) = recording.observations(&row[1], &row[3], &row[2] == "enrolled");
        bursts.extend(of_bursts);
        noise.extend(of_noise);
    }
    let names = feature::names(&config.features);
    let evaluation = evaluate(name, &names, &bursts, &noise, &config.evaluate(), 1).unwrap();
    println!("{evaluation:#?}");
    Some(evaluation)
}

/// 312 bursts can be detected, says the recording's note; each reply is 64 or 120 us long (ICAO Annex 10, volume IV).
#[test]
fn mode_s() {
    let Some(folder) = testdata::folder("fingerprint/mode_s") else { return };
    let x = samples(&fs::read(folder.join("modes1.bin")).unwrap(), "cu8");
    let config =
        BurstConfig { block: 4, max_gap: 8, min_length: 100, floor_blocks: 4096, ..BurstConfig::default() };
    let bursts = detect(&x, &config, &Backend::default()).unwrap();
    let count = |lengths: RangeInclusive<u64>| {
        bursts.iter().filter(|b| lengths.contains(&(b.range.end - b.range.start))).count()
    };
    let (long, short) = (count(210..=270), count(110..=145));
    println!("mode_s: {} bursts, {long} as long as a long reply, {short} as a short one", bursts.len());
    assert!(long + short >= 300, "{long} long, {short} short of {}", bursts.len());
}

/// Others' random forest on twelve features: 97.8 % accuracy, 95.5 % balanced, EER 0.046, AUROC 0.978 (all emitters with three
/// files; here those with two as well). Noise alone gave them 78.8 % balanced.
#[test]
fn ism_433() {
    let Some(evaluation) = evaluated("ism_433", &FingerprintConfig::default()) else { return };
    assert!(evaluation.accuracy.unwrap() > 0.95 && evaluation.balanced_accuracy.unwrap() > 0.90);
    assert!(evaluation.eer.unwrap() < 0.06 && evaluation.auroc_unknown.unwrap() > 0.92);
    // The control must be there, above chance (each contributor had another receiver), and said aloud.
    assert!(evaluation.noise_only_balanced_accuracy.unwrap() > 2.0 * evaluation.chance.unwrap());
    assert!(evaluation.warnings.iter().any(|w| w.contains("noise alone")));
    // Keyed carriers cannot show an image or a leak, whoever says otherwise.
    assert!(evaluation.measured["image_ratio_db"] < 0.05 && evaluation.measured["iq_offset_db"] < 0.05);
}

/// A random split on the same bursts, for the warning and for the difference.
#[test]
fn ism_433_random() {
    let config = FingerprintConfig { split: Split::Random, ..FingerprintConfig::default() };
    let Some(evaluation) = evaluated("ism_433", &config) else { return };
    assert!(evaluation.warnings.iter().any(|w| w.contains("random split")));
}

/// Five captures of continuous transmissions: cut into pieces, one capture left out at a time. The third radio has one capture:
/// it competes, and is the stranger when its turn comes.
#[test]
fn pluto_5g() {
    let Some(evaluation) = evaluated("pluto_5g", &FingerprintConfig::default()) else { return };
    assert_eq!((evaluation.emitters, evaluation.recordings, evaluation.folds), (2, 4, 5));
    assert_eq!(evaluation.noise_only_balanced_accuracy, None, "there is no quiet stretch");
}
