//! `info` and `spectrum`.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{documented, json, path, phy_sec, refusal, signal::jammed, text};

#[test]
fn info_measures_a_raw_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dc.cu8");
    fs::write(&file, [255, 128].repeat(1000)).unwrap();
    let info = &json(&["info", path(&file), "--rate", "250k", "--freq", "433.92M", "--json"])[0];
    assert_eq!(info["schema"], "phy-sec.info/1");
    documented(info);
    assert_eq!(
        (&info["datatype"], &info["samples"], &info["gaps"]),
        (&"cu8".into(), &1000.into(), &0.into())
    );
    assert_eq!((&info["duration"], &info["center_frequency"]), (&0.004.into(), &433.92e6.into()));
    assert_eq!((&info["clipped"], &info["dc"][0]), (&1.0.into(), &(127.5 / 128.0).into()));
    assert_eq!(info["trailing_bytes"], 0);

    // Cut inside a sample: info says what is there, the others want to be told that it is meant so.
    fs::write(&file, [255, 128].repeat(1000).split_last().unwrap().1).unwrap();
    let output = phy_sec(&["info", path(&file), "--json"]);
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    documented(&info);
    assert_eq!((&info["samples"], &info["trailing_bytes"]), (&999.into(), &1.into()));
    assert!(text(&output.stderr).contains("ends inside a sample"), "{output:?}");
    assert!(text(&phy_sec(&["info", path(&file)]).stdout).contains("1 byte(s) after the last whole"));
    assert!(refusal(&["detect", path(&file), "--rate", "1e6"], 1).contains("whole number of samples"));
}

#[test]
fn a_spectrum_shows_the_tone_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (file, picture) = (folder.path().join("tone.cf32"), folder.path().join("tone.png"));
    let samples: Vec<u8> = (0..8192)
        .flat_map(|n| {
            let phase = std::f32::consts::TAU * 0.125 * n as f32;
            [phase.cos(), phase.sin()].into_iter().flat_map(f32::to_le_bytes)
        })
        .collect();
    fs::write(&file, samples).unwrap();
    let args = ["spectrum", path(&file), "--rate", "1e6", "--freq", "1e9", "--json", "-o", path(&picture)];
    let spectrum = &json(&args)[0];
    documented(spectrum);
    let density: Vec<f64> = spectrum["power_density_db"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap_or(-999.0))
        .collect();
    let strongest = (0..density.len()).max_by(|&a, &b| density[a].total_cmp(&density[b])).unwrap();
    let frequency = spectrum["start_frequency"].as_f64().unwrap()
        + strongest as f64 * spectrum["bin_width"].as_f64().unwrap();
    assert_eq!(frequency, 1e9 + 125e3);
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}

/// The tone of the second tuning is not drawn at the first one's frequency, and a retuning is no loss.
#[test]
fn a_retuned_recording_is_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("x.png");
    let file = jammed(folder.path(), true);
    let info = &json(&["info", path(&file), "--json"])[0];
    documented(info);
    assert_eq!((&info["gaps"], &info["lost_samples"]), (&0.into(), &0.into()));
    let captures: Vec<(u64, u64, f64)> = info["captures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let number = |field: &str| c[field].as_u64().unwrap();
            (number("sample_start"), number("samples"), c["center_frequency"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(captures, [(0, 40_000, 1e8), (40_000, 79_000, 2e8), (119_000, 1000, 3e8)]);
    let table = text(&phy_sec(&["info", path(&file)]).stdout);
    assert!(table.contains("200000000 Hz from sample 40000, 79000 samples"), "{table}");

    let output = phy_sec(&["spectrum", path(&file), "--json", "--out", path(&picture)]);
    let said = text(&output.stderr);
    assert!(said.contains("retuned 2 time(s)") && said.contains("100000000 Hz"), "{said}");
    let spectrum: Value = serde_json::from_slice(&output.stdout).unwrap();
    documented(&spectrum);
    assert_eq!(spectrum["samples_left_out"], 80_000);
    assert_eq!(spectrum["frames"], 40_000 / 512 - 1);
    let density = spectrum["power_density_db"].as_array().unwrap().iter();
    let density: Vec<f64> = density.map(|v| v.as_f64().unwrap()).collect();
    let (low, high) = density.iter().fold((f64::MAX, f64::MIN), |(l, h), d| (l.min(*d), h.max(*d)));
    assert!(high - low < 10.0, "noise alone, without the tone: {low} to {high} dB");
}

#[test]
fn channels_that_are_not_looked_at_are_mentioned() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("x.png");
    let meta = folder.path().join("a.sigmf-meta");
    let channels = |channels: usize, frames: usize| {
        let json = format!(
            r#"{{"global": {{"core:datatype": "ci8", "core:version": "1.2.5", "core:sample_rate": 1e6,
                "core:num_channels": {channels}}}, "captures": [], "annotations": []}}"#
        );
        fs::write(&meta, json).unwrap();
        let samples: Vec<u8> = (0..2 * channels * frames).map(|n| (n * n % 251) as u8).collect();
        fs::write(meta.with_extension("sigmf-data"), samples).unwrap();
    };
    channels(2, 8192);
    for command in ["info", "detect", "spectrum"] {
        let mut args = vec![command, path(&meta)];
        if command == "spectrum" {
            args.extend(["--out", path(&picture)]);
        }
        let output = phy_sec(&args);
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("2 channels; only the first"), "{command}: {output:?}");
    }
    // As many channels as a file may claim, in 16 kB: 2 GiB if each got a block of its own.
    if cfg!(target_os = "linux") {
        channels(4096, 2);
        let limited = "ulimit -v 1500000 && exec \"$0\" \"$@\"";
        for args in [
            vec!["info", path(&meta)],
            vec!["spectrum", path(&meta), "--size", "2", "--out", path(&picture)],
            vec!["detect", path(&meta)],
        ] {
            let output = Command::new("sh")
                .args(["-c", limited, env!("CARGO_BIN_EXE_phy-sec")])
                .args(&args)
                .output()
                .unwrap();
            // Two samples are nothing to judge, which is said in an orderly way.
            let said = text(&output.stderr);
            let short = args[0] == "detect" && said.contains("2 samples, 0 whole blocks");
            assert!(output.status.success() || short, "{args:?}: {said}");
        }
    }
}

/// A recording is checked against the checksum that it states, by every command, unless told not to.
#[test]
fn samples_that_are_not_those_of_the_checksum_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("x.png");
    let meta = jammed(folder.path(), false);
    let unchecked = fs::read_to_string(&meta).unwrap();
    let uri = format!("file:{}?verify=0", path(&meta));
    let run = |source: &str, command: &str| match command {
        "spectrum" => phy_sec(&[command, source, "--out", path(&picture)]),
        command => phy_sec(&[command, source]),
    };
    // SHA-512 of the empty message.
    let wrong = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    let stated = |sum: &str| {
        fs::write(&meta, unchecked.replace("cf32_le\",", &format!("cf32_le\", \"core:sha512\": \"{sum}\",")))
            .unwrap();
    };
    for command in ["info", "detect", "spectrum"] {
        stated(wrong);
        let output = run(path(&meta), command);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{command}: {output:?}");
        assert!(said.contains("verify=0") && said.contains("cf83e135"), "{said}");
        assert!(run(&uri, command).status.success(), "{command}");
        use sha2::{Digest, Sha512};
        let sum = Sha512::digest(fs::read(meta.with_extension("sigmf-data")).unwrap());
        stated(&sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert!(run(path(&meta), command).status.success(), "{command}");
    }
}
