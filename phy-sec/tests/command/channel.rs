//! `channel`.

use std::fs;

use crate::{documented, json, path, phy_sec, refusal, signal::cf32, text};

/// Samples in, gains out: the frames of a made recording, and what `keygen agree` reads of it.
#[test]
fn channel_estimates_what_a_recording_holds() {
    use phy_sec::sim::{self, waveform};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frames.cf32");
    let mut x = Vec::new();
    for _ in 0..40 {
        x.extend(sim::noise(&mut sim::rng(x.len() as u64), 900, 1e-4));
        x.extend(waveform::Wifi::default().modulate(&[1; 30]).unwrap().samples);
    }
    let bytes: Vec<u8> = x.iter().flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()].concat()).collect();
    fs::write(&file, bytes).unwrap();
    let base = ["channel", path(&file), "--rate", "20M", "--method", "wifi"];
    let lines = json(&[&base[..], &["--json"]].concat());
    assert_eq!(lines.len(), 40);
    documented(&lines[0]);
    assert_eq!(lines[0]["gains"].as_array().unwrap().len(), 52);
    assert!((lines[1]["gains"][3][0].as_f64().unwrap() - 1.0).abs() < 0.05, "{}", lines[1]);
    let shown = phy_sec(&base);
    assert!(
        text(&shown.stdout).starts_with("wifi: 40 estimates of 52 gains each"),
        "{}",
        text(&shown.stdout)
    );
    let csv = folder.path().join("frames.csv");
    fs::write(&csv, phy_sec(&[&base[..], &["--csv"]].concat()).stdout).unwrap();
    let agreement = &json(&["keygen", "agree", path(&csv), path(&csv), "--json"])[0];
    assert_eq!((agreement["pairs"].as_u64(), agreement["released_bits"].as_u64()), (Some(40), Some(0)));
    let config = folder.path().join("channel.toml");
    fs::write(
        &config,
        "[channel]\nmethod = \"rssi\"\nsubtract_noise = true\n[channel.bursts]\nmax_gap = 64\n",
    )
    .unwrap();
    let levels = json(&["channel", path(&file), "--rate", "20M", "--config", path(&config), "--json"]);
    assert!(
        levels.len() >= 39 && (levels[5]["gains"][0][0].as_f64().unwrap() - 1.0).abs() < 0.1,
        "{}",
        levels[5]
    );
    assert!(refusal(&["channel", path(&file), "--rate", "20M"], 1).contains("--method NAME"));
    assert!(refusal(&["channel", path(&file), "--rate", "20M", "--method", "odd"], 1).contains("there are"));
    assert!(refusal(&["channel", path(&file), "--rate", "10M", "--method", "wifi"], 1).contains("20e6"));
}

/// What was lost and counted takes time all the same.
#[test]
fn times_count_what_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let samples = vec![[0.1f32, 0.0]; 20_000];
    fs::write(folder.path().join("a.sigmf-data"), cf32(&samples)).unwrap();
    let meta = folder.path().join("a.sigmf-meta");
    fs::write(
        &meta,
        r#"{"global": {"core:datatype": "cf32_le", "core:version": "1.2.5", "core:sample_rate": 1e6},
            "captures": [{"core:sample_start": 0, "core:global_index": 0},
                         {"core:sample_start": 10000, "core:global_index": 5010000}], "annotations": []}"#,
    )
    .unwrap();
    let config = folder.path().join("c.toml");
    fs::write(&config, "[channel]\nmethod = \"comb\"\n").unwrap();
    let run = ["channel", path(&meta), "--config", path(&config), "--json"];
    let times: Vec<f64> = json(&run).iter().map(|line| line["time"].as_f64().unwrap()).collect();
    assert_eq!(times.len(), 2, "{times:?}");
    assert!((times[1] - times[0] - 5.01).abs() < 1e-9, "{times:?}");
    fs::write(&config, "[channel]\nmethod = \"comb\"\nperiod = 1\n").unwrap();
    assert!(refusal(&run[..4], 1).contains("period must be 0, or at least size"));
}

/// Silence has no level, and a number that is huge has one all the same.
#[test]
fn levels_are_numbers_or_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    fs::write(&config, "[channel]\nmethod = \"comb\"\n").unwrap();
    for (level, word) in [(0.0f32, "  -"), (1e30, "601.76")] {
        let file = folder.path().join("x.cf32");
        fs::write(&file, cf32(&vec![[level, 0.0]; 20_000])).unwrap();
        let run = ["channel", path(&file), "--rate", "1M", "--config", path(&config)];
        let said = text(&phy_sec(&run).stdout);
        assert!(said.contains(word) && !said.contains("inf") && !said.contains("NaN"), "{said}");
    }
}
