//! The `phy-sec` command as its users meet it: what it prints, what it exits with, what it says to bad input.
#![cfg(feature = "cli")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn phy_sec(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phy-sec")).args(args).output().expect("the command starts")
}

/// Runs a command that must succeed; its JSON lines.
fn json(args: &[&str]) -> Vec<Value> {
    let output = phy_sec(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Runs a command that must fail with `status`; what it says.
fn refusal(args: &[&str], status: i32) -> String {
    let output = phy_sec(args);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "{args:?} printed {}", text(&output.stdout));
    text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

/// The folder of recordings; `None`, said aloud, where there is none. CI must have it.
fn recordings() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = PathBuf::from(std::env::var_os("PHY_SEC_DATA").unwrap_or(default.into()));
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no recordings in {}", folder.display());
    eprintln!("SKIPPED: no recordings in {}; set PHY_SEC_DATA", folder.display());
    None
}

/// Every key that a command prints is named in the part of `docs/json.md` whose heading has the answer's schema.
fn documented(answer: &Value) {
    const DOCS: &str = include_str!("../../docs/json.md");
    fn section(schema: &str) -> &'static str {
        let name = format!("`{schema}`");
        let mut sections = DOCS.split("\n## ");
        let found = sections.find(|section| section.lines().next().is_some_and(|head| head.contains(&name)));
        found.unwrap_or_else(|| panic!("docs/json.md has no section on {schema}"))
    }
    fn walk(value: &Value, part: &'static str, missing: &mut BTreeSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| walk(value, part, missing)),
            Value::Object(object) => {
                let schema = object.get("schema").and_then(Value::as_str);
                let part = schema.map_or(part, section);
                for (key, value) in object {
                    if key != "schema" && !part.contains(&format!("`{key}`")) {
                        missing.insert(format!("{key} of {}", part.lines().next().unwrap_or_default()));
                    }
                    // Its keys are the names of features.
                    if key != "measured" {
                        walk(value, part, missing);
                    }
                }
            }
            _ => {}
        }
    }
    assert!(answer["schema"].is_string(), "an answer without a schema: {answer}");
    let mut missing = BTreeSet::new();
    walk(answer, "", &mut missing);
    assert!(missing.is_empty(), "docs/json.md does not name {missing:?}");
}

fn rows<'a>(demo: &'a Value, pipeline: &str) -> Vec<&'a Value> {
    let rows = demo["scenes"].as_array().expect("scenes");
    rows.iter().filter(|row| row["pipeline"] == pipeline).collect()
}

#[test]
fn the_demo_is_right_about_its_own_scene_and_repeats_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path());
    let demo = &json(&["demo", "--json", "--seed", "7", "--out", out, "--exit-code"])[0];
    assert_eq!(demo["schema"], "phy-sec.demo/1");
    assert_eq!((&demo["seed"], &demo["version"]), (&7.into(), &env!("CARGO_PKG_VERSION").into()));
    assert!(demo["backend"].is_string());
    documented(demo);

    let keys = demo["keygen"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["released_bits"].as_u64() > Some(0)));
    assert!(keys.iter().any(|key| key["released_bits"] == 0 && !key["reason"].as_str().unwrap().is_empty()));
    for key in keys {
        assert_eq!(key["schema"], "phy-sec.keygen/1");
        for field in ["source", "pairs", "correlation", "kdr", "raw_bits", "min_entropy", "leaked_bits"] {
            assert!(key.get(field).is_some(), "{field} is missing in {key}");
        }
    }
    let evaluation = &demo["fingerprint"][0];
    assert_eq!(evaluation["schema"], "phy-sec.fingerprint/1");
    assert_eq!((&evaluation["split"], &evaluation["emitters"]), (&"recording".into(), &5.into()));
    let accuracy = |field: &str| evaluation[field].as_f64().unwrap();
    assert!(accuracy("balanced_accuracy") > 0.9, "{evaluation}");
    // Nothing of the transmitters is in the noise of one receiver.
    assert!(accuracy("noise_only_balanced_accuracy") < 0.5, "{evaluation}");
    for event in demo["jamming"].as_array().unwrap() {
        assert_eq!(event["schema"], "phy-sec.event/1");
        for field in ["core:sample_start", "core:sample_count", "class", "statistic", "threshold", "pfa"] {
            assert!(event.get(field).is_some(), "{field} is missing in {event}");
        }
    }
    for pipeline in ["keygen", "fingerprint", "jamming"] {
        let rows = rows(demo, pipeline);
        assert!(!rows.is_empty());
        for row in rows {
            assert_ne!(row["right"], false, "wrong about its own scene: {row}");
        }
    }

    let report: Value =
        serde_json::from_slice(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(&report, demo);
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.matches("data:image/png;base64,").count() >= 4, "a picture is missing");
    assert!(!page.contains("http"), "the page needs something beside itself");

    assert_eq!(
        &json(&["demo", "--json", "--seed", "7", "--out", out])[0],
        demo,
        "the seed decides everything"
    );
}

#[test]
fn the_demo_on_recordings_says_what_is_known_of_them() {
    let Some(data) = recordings() else { return };
    let folder = tempfile::tempdir().unwrap();
    let demo = &json(&["demo", "--data", path(&data), "--json", "--out", path(folder.path())])[0];
    documented(demo);
    assert!(!demo.to_string().contains(path(&data)), "the report tells where the recordings lie");
    let find = |pipeline: &str, name: &str| -> Vec<Value> {
        let objects = demo[pipeline].as_array().unwrap();
        objects.iter().filter(|object| object["source"].to_string().contains(name)).cloned().collect()
    };

    let lora = &find("keygen", "lora_rssi_indoor_outdoor")[0];
    assert!((lora["correlation"].as_f64().unwrap() - 0.8459308868623955).abs() < 1e-12, "{lora}");
    assert!((lora["kdr"].as_f64().unwrap() - 66.0 / 1029.0).abs() < 1e-12, "{lora}");
    assert_eq!((&lora["raw_bits"], &lora["released_bits"]), (&1029.into(), &0.into()));
    let static_link = &find("keygen", "static_negative")[0];
    assert_eq!(static_link["released_bits"], 0);
    let csi = &find("keygen", "tmp_521_12")[0];
    assert_eq!(csi["pairs"], 299);
    assert!((csi["correlation"].as_f64().unwrap() - 0.893).abs() <= 0.0005, "{csi}");
    assert!((csi["correlation_processed"].as_f64().unwrap() - 0.950).abs() <= 0.0005, "{csi}");
    assert!((csi["kdr"].as_f64().unwrap() - 0.0044).abs() <= 0.000_05, "{csi}");

    let ism = &find("fingerprint", "ism_433")[0];
    assert_eq!(ism["split"], "recording");
    assert!(ism["noise_only_balanced_accuracy"].is_f64() && ism["auroc_unknown"].is_f64(), "{ism}");
    assert_eq!(find("fingerprint", "pluto_5g")[0]["emitters"], 2);
    assert!(find("fingerprint", "mode_s")[0]["replies"].as_u64() >= Some(300));

    for name in ["signal.1.92M", "dot11a", "dot11n"] {
        assert!(!find("jamming", name).is_empty(), "no jammer found in {name}");
    }
    let clean = |row: &&Value| row["truth"].as_str().unwrap().contains("no jammer");
    let clean: Vec<&Value> = rows(demo, "jamming").into_iter().filter(clean).collect();
    assert!(clean.len() >= 12 && clean.iter().all(|row| row["right"] != false), "{clean:?}");
}

/// A part whose recordings are not there is a fault, not a shorter report.
#[cfg(unix)]
#[test]
fn the_demo_misses_what_is_missing() {
    let Some(data) = recordings() else { return };
    let data = fs::canonicalize(data).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for part in ["keygen", "jamming"] {
        std::os::unix::fs::symlink(data.join(part), folder.path().join(part)).unwrap();
    }
    let said = refusal(&["demo", "--data", path(folder.path()), "--out", path(folder.path())], 1);
    assert!(said.contains("fingerprint"), "{said}");
    assert!(!folder.path().join("report.json").exists());
}

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
fn capacity_of_a_model() {
    // Alice - Bob - Eve is a chain: both bounds are I(A;B) - I(A;E).
    let report = &json(&["capacity", "--rho-ab", "0.9", "--rho-ae", "0.54", "--rho-be", "0.6", "--json"])[0];
    assert_eq!(report["schema"], "phy-sec.capacity/1");
    let of = |name: &str| report[name].as_f64().unwrap();
    assert!((of("lower") - of("upper")).abs() < 1e-9 && (of("alice_bob") - 1.198).abs() < 1e-4, "{report}");
    let two =
        &json(&["capacity", "--rho-ab", "0.9", "--rho-ae", "0.5,0.5", "--eve-correlation", "0.2", "--json"])
            [0];
    assert!(two["effective_rho"].as_f64().unwrap() > 0.6);
    assert!(refusal(&["capacity", "--rho-ab", "1"], 1).contains("positive definite"));
}

#[test]
fn entropy_of_a_file_of_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bits.txt");
    // A chain that stays three times in four: -log2(3/4) a bit, and not independent.
    let (mut state, mut bit) = (1u64, 0);
    let bits: String = (0..20_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bit ^= u8::from(state >> 62 == 0);
            char::from(b'0' + bit)
        })
        .collect();
    fs::write(&file, bits).unwrap();
    let report =
        &json(&["entropy", path(&file), "--iid", "--permutations", "50", "--health", "0.4", "--json"])[0];
    assert_eq!(report["schema"], "phy-sec.entropy/1");
    assert_eq!((&report["format"], &report["bits_per_symbol"]), (&"ascii".into(), &1.into()));
    let min_entropy = report["min_entropy"].as_f64().unwrap();
    assert!((0.2..0.43).contains(&min_entropy), "{min_entropy}");
    assert_eq!(report["original"].as_array().unwrap().len(), 10);
    assert_eq!((&report["bitstring"], &report["h_bitstring"]), (&Value::Array(vec![]), &Value::Null));
    assert_eq!(report["iid"]["passes"], false);
    assert_eq!(report["health"]["repetition_cutoff"], 76);
    assert_eq!(report["health"]["repetition_count"]["alarms"], 0);
    let output = text(&phy_sec(&["entropy", path(&file)]).stdout);
    assert!(output.contains("multi_mmc") && output.contains("fewer than the million"), "{output}");
    fs::write(&file, [1u8, 2, 9]).unwrap();
    let said = refusal(&["entropy", path(&file), "--bits-per-symbol", "3"], 1);
    assert!(said.contains("samples must be values of bits_per_symbol bits, got 9"), "{said}");
    refusal(&["entropy", path(&file), "--bits-per-symbol", "9"], 2);
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

/// Noise of one standard deviation `level` in both parts, from a counter (Box and Muller), as `cf32_le`.
fn noise(n: usize, level: f64, seed: u64) -> Vec<[f32; 2]> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut pair = || {
        let (radius, angle) = (level * (-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    };
    (0..n).map(|_| pair()).collect()
}

fn cf32(samples: &[[f32; 2]]) -> Vec<u8> {
    samples.iter().flatten().flat_map(|part| part.to_le_bytes()).collect()
}

/// Adds a tone of amplitude 1.
fn add_tone(samples: &mut [[f32; 2]], cycles: f64) {
    for (n, [re, im]) in samples.iter_mut().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * cycles * n as f64).sin_cos();
        (*re, *im) = (*re + cos as f32, *im + sin as f32);
    }
}

/// 40,000 samples of noise, a tone, noise: three stretches at frequencies of their own if `retuned`.
fn jammed(folder: &Path, retuned: bool) -> PathBuf {
    let mut samples = noise(120_000, 0.05, 3);
    add_tone(&mut samples[60_000..80_000], 0.2);
    fs::write(folder.join("a.sigmf-data"), cf32(&samples)).unwrap();
    let captures = if retuned {
        r#"{"core:sample_start": 0, "core:frequency": 1e8},
           {"core:sample_start": 40000, "core:frequency": 2e8},
           {"core:sample_start": 119000, "core:frequency": 3e8}"#
    } else {
        r#"{"core:sample_start": 0, "core:frequency": 1e8}"#
    };
    let meta = format!(
        r#"{{"global": {{"core:datatype": "cf32_le", "core:version": "1.2.5", "core:sample_rate": 1e6}},
            "captures": [{captures}], "annotations": []}}"#
    );
    let file = folder.join("a.sigmf-meta");
    fs::write(&file, meta).unwrap();
    file
}

/// A barrage over the whole file is what the detector learns for ordinary: it says so, and how to do better.
#[test]
fn a_jammer_from_the_first_sample_on_is_not_passed_over_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("barrage.cf32");
    fs::write(&file, cf32(&noise(50_000, 0.3, 9))).unwrap();
    let detect = ["detect", path(&file), "--rate", "1M"];
    let said = text(&phy_sec(&detect).stdout);
    assert!(said.contains("0 event(s)") && said.contains("--noise-power"), "{said}");
    assert!(said.contains("on from the first sample on is taken for ordinary"), "{said}");
    let known = phy_sec(&[&detect[..], &["--noise-power", "1e-3"]].concat());
    let said = text(&known.stdout);
    assert!(said.contains("1 event(s)") && !said.contains("--noise-power"), "{said}");
}

#[test]
fn a_retuned_recording_is_counted_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = jammed(folder.path(), false);
    let steady = phy_sec(&["detect", path(&file)]);
    assert_eq!(text(&steady.stderr), "");
    assert!(text(&steady.stdout).contains("120000 samples, 226 blocks judged: 1 event(s)"), "{steady:?}");
    let events = json(&["detect", path(&file), "--json"]);
    assert_eq!((events.len(), &events[0]["class"]), (1, &"tone".into()));
    events.iter().for_each(documented);

    let file = jammed(folder.path(), true);
    let said = phy_sec(&["detect", path(&file)]);
    let (table, warning) = (text(&said.stdout), text(&said.stderr));
    // Of 78, 154 and 1 whole blocks, eight in each stretch are learned from first.
    assert!(table.contains("120000 samples, 216 blocks judged"), "{table}");
    assert!(table.contains("1 event(s)") && table.contains("0.059968"), "{table}");
    assert!(warning.contains("1 of 3 stretches between retunings, 1000 samples"), "{warning}");
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

/// An empty answer with status 0 would be taken for a clean recording.
#[test]
fn a_recording_that_cannot_be_judged_is_not_called_clean() {
    let folder = tempfile::tempdir().unwrap();
    let detect = |content: Vec<u8>, words: &str| {
        let file = folder.path().join("x.cf32");
        fs::write(&file, content).unwrap();
        for json in [&[][..], &["--json"]] {
            let said = refusal(&[&["detect", path(&file), "--rate", "1e6"], json].concat(), 1);
            assert!(said.contains(words), "{said}");
        }
    };
    detect(cf32(&noise(100, 0.1, 1)), "100 samples, 0 whole blocks of 512, are too few to learn from");
    detect(vec![0; 8 * 50_000], "every sample is 0+0i");
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

/// Two transmitters of tones at frequencies of their own, enrolled and identified.
#[test]
fn enrolment_and_identification_answer_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = String::from("file,emitter,role,recording,samples,datatype,sample_rate\n");
    for (emitter, cycles) in [("alpha", 0.02), ("bravo", -0.05)] {
        for recording in 0..4u32 {
            let file = format!("{emitter}{recording}.cf32");
            let mut samples = noise(30_000, 0.02, u64::from(recording) + 100 * emitter.len() as u64);
            for burst in 0..4 {
                let start = 4000 + 6500 * burst;
                add_tone(&mut samples[start..start + 3000], cycles + 1e-4 * f64::from(recording));
            }
            fs::write(folder.path().join(&file), cf32(&samples)).unwrap();
            labels += &format!("{file},{emitter},enrolled,{emitter}{recording},30000,cf32_le,1e6\n");
        }
    }
    fs::write(folder.path().join("labels.csv"), &labels).unwrap();
    let gallery = folder.path().join("gallery.json");
    let enrolled =
        &json(&["fingerprint", "enroll", path(folder.path()), "--gallery", path(&gallery), "--json"])[0];
    // An earlier gallery is replaced.
    json(&["fingerprint", "enroll", path(folder.path()), "--gallery", path(&gallery), "--json"]);
    assert_eq!((&enrolled["schema"], &enrolled["emitters"]), (&"phy-sec.enrollment/1".into(), &2.into()));
    documented(enrolled);
    let recording = folder.path().join("alpha1.cf32");
    let args = ["fingerprint", "identify", path(&recording), "--gallery", path(&gallery)];
    let found = json(&[&args[..], &["--rate", "1e6", "--json"]].concat());
    assert_eq!(found.len(), 4);
    for burst in &found {
        assert_eq!(burst["nearest"], "alpha", "{burst}");
        documented(burst);
    }
    assert!(refusal(&args, 1).contains("--rate"), "a rate is needed before samples are read");

    // What lies beside recordings is no recording, and is skipped with a word.
    let mixed = tempfile::tempdir().unwrap();
    let identify =
        ["fingerprint", "identify", path(mixed.path()), "--gallery", path(&gallery), "--rate", "1e6"];
    assert!(refusal(&identify, 1).contains("no recording in"));
    fs::write(mixed.path().join("notes.txt"), "see a.cf32").unwrap();
    assert!(refusal(&identify, 1).contains("skipped"));
    fs::copy(&recording, mixed.path().join("a.cf32")).unwrap();
    let output = phy_sec(&[&identify[..], &["--json"]].concat());
    assert_eq!(text(&output.stdout).lines().count(), 4);
    assert!(text(&output.stderr).contains("skipped: ") && text(&output.stderr).contains("notes.txt"));

    // At another rate the features are others; a clock's error is no other rate.
    assert_eq!(enrolled["sample_rate"], 1e6);
    let said = refusal(&[&args[..], &["--rate", "250e3"]].concat(), 1);
    assert!(said.contains("enrolled at 1000000 Hz"), "{said}");
    assert!(phy_sec(&[&args[..], &["--rate", "1.001e6"]].concat()).status.success());
    let evaluate = ["fingerprint", "evaluate", path(folder.path())];
    let enroll = ["fingerprint", "enroll", path(folder.path()), "--gallery", path(&gallery)];
    let listed = |table: &str| fs::write(folder.path().join("labels.csv"), table).unwrap();
    let first = "alpha0.cf32,alpha,enrolled,alpha0,30000,cf32_le,1e6\n";
    listed(&labels.replace("alpha0,30000", "alpha0,99999999"));
    assert!(refusal(&evaluate, 1).contains("says 99999999 samples, and it holds 30000"));
    // One file as two recordings, even of two emitters, stands on both sides of a split by recording.
    listed(&format!("{labels}{}", first.replace(",alpha,", ",charlie,").replace(",alpha0,", ",x,")));
    assert!(refusal(&evaluate, 1).contains("listed twice"));
    listed(&labels.replace(first, &first.replace("1e6", "2e6")));
    assert!(refusal(&enroll, 1).contains("different rates, 1000000 to 2000000 Hz"));
    let evaluation = &json(&[&evaluate[..], &["--json"]].concat())[0];
    assert!(evaluation["warnings"].to_string().contains("different rates"), "{evaluation}");
}

#[test]
fn refusals_name_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        path(&file).to_owned()
    };
    let raw = at("x.cu8", &[128; 4096]);
    let unnamed = at("unnamed", &[128; 4096]);
    let endless = format!("file:{raw}?rate=1e6&loop=1");
    let empty = at("empty.cf32", &[]);
    let nan = at("nan.cf32", &f32::NAN.to_le_bytes().repeat(4096));
    let config = at("config.toml", b"[jaming]\n");
    for (args, status, words) in [
        (vec!["info", "/no/such/file.cu8"], 1, "/no/such/file.cu8"),
        (vec!["spectrum", &raw], 1, "--rate"),
        (vec!["spectrum", &raw, "--rate", "0"], 2, "from 0.001 to 1e12 Hz"),
        (vec!["detect", &raw, "--rate", "1e-300"], 2, "from 0.001 to 1e12 Hz, got 1e-300"),
        (vec!["info", &raw, "--freq", "often"], 2, "433.92M"),
        (vec!["detect", &raw, "--rate", "1M", "--pfa", "1e300"], 1, "within 1e-12..=0.1, got 1e300"),
        (vec!["info", "/no/such/thing"], 1, "error: /no/such/thing: No such file"),
        (vec!["info", &unnamed], 1, "--datatype"),
        (vec!["info", "-"], 1, "standard input is not read"),
        (vec!["spectrum", &empty, "--rate", "1e6"], 1, ""),
        (vec!["spectrum", &nan, "--rate", "1e6"], 1, "not finite"),
        (vec!["detect", &nan, "--rate", "1e6"], 1, "not finite"),
        (vec!["detect", &raw, "--rate", "1e6", "--datatype", "zz99"], 1, "zz99"),
        (vec!["info", &raw, "--config", &config], 1, "jaming"),
        (vec!["keygen", "agree", &raw, &raw], 1, ""),
        (vec!["fingerprint", "evaluate", "/no/such/folder"], 1, "/no/such/folder"),
        (vec!["demo", "--data", path(folder.path()), "--out", path(folder.path())], 1, path(folder.path())),
        (vec!["info", &endless], 1, "for ever"),
        (vec!["detect", &endless], 1, "for ever"),
        (vec!["spectrum", &endless], 1, "for ever"),
        (vec!["detect"], 2, "SOURCE"),
        (vec!["info", &raw, "--backend", "quantum"], 2, "quantum"),
    ] {
        let said = refusal(&args, status);
        assert!(said.contains(words), "{args:?} said {said}");
        assert!(!said.contains("panicked"), "{args:?} said {said}");
        let twice = args.len() > 1 && args[1].starts_with('/') && said.matches(args[1]).count() > 1;
        assert!(!twice || args[0] == "keygen", "{args:?} is named twice: {said}");
    }
}

/// A device gives bytes for ever, by its own name or behind one that a folder holds.
#[cfg(unix)]
#[test]
fn devices_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let series = folder.path().join("a.csv");
    fs::write(&series, "0,-20\n1,-30\n").unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("labels.csv")).unwrap();
    for args in [
        ["keygen", "agree", path(&series), "/dev/zero"],
        ["keygen", "agree", "/dev/zero", path(&series)],
        ["info", path(&series), "--config", "/dev/zero"],
        ["fingerprint", "identify", path(&series), "--gallery=/dev/zero"],
        ["fingerprint", "evaluate", path(folder.path()), "--json"],
    ] {
        let said = refusal(&args, 1);
        assert!(said.contains("not a regular file"), "{args:?} said {said}");
    }
}

/// Both keys are written or none.
#[test]
fn keys_are_written_in_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("both.csv");
    // Fading that both ends see, with little noise of their own.
    let (fading, own) = (noise(6000, 4.0, 5), noise(6000, 0.1, 6));
    let lines = fading.iter().zip(&own).map(|(f, n)| format!("{},{}\n", f[0] + n[0], f[0] + n[1]));
    fs::write(&table, lines.collect::<String>()).unwrap();
    let prefix = folder.path().join("s");
    let key = |end: &str| folder.path().join(format!("s.{end}.key"));
    let args = ["keygen", "agree", path(&table), "--seed", "5", "--key-out", path(&prefix)];
    for (there, other) in [("bob", "alice"), ("alice", "bob")] {
        fs::write(key(there), "somebody's").unwrap();
        assert!(refusal(&args, 1).contains("a key is not overwritten"));
        assert!(!key(other).exists());
        assert_eq!(fs::read(key(there)).unwrap(), b"somebody's");
        fs::remove_file(key(there)).unwrap();
    }
    let output = phy_sec(&args);
    assert!(output.status.success(), "{output:?}");
    let [alice, bob] = ["alice", "bob"].map(|end| fs::read(key(end)).expect("a key was released"));
    assert!(!alice.is_empty() && alice == bob);
    let nowhere = folder.path().join("no/such/s");
    let args = ["keygen", "agree", path(&table), "--seed", "5", "--key-out", path(&nowhere)];
    assert!(refusal(&args, 1).contains("no such folder"));
}

/// What is given and does not count, or counts for less than it seems, is said.
#[test]
fn what_does_not_count_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (config, rssi) = (folder.path().join("c.toml"), folder.path().join("rssi.csv"));
    fs::write(&config, "[jamming]\nsample_rate = 5.0\n").unwrap();
    let said = phy_sec(&["detect", path(&jammed(folder.path(), false)), "--config", path(&config)]);
    assert!(text(&said.stderr).contains("sample_rate = 5.0 does not count"), "{said:?}");
    fs::write(&rssi, (0..50).map(|n| format!("{n},{}\n", (n * n) % 17)).collect::<String>()).unwrap();
    let said = phy_sec(&["keygen", "agree", path(&rssi), path(&rssi)]);
    assert!(said.status.success() && text(&said.stderr).contains("both ends are"), "{said:?}");
}

/// Status 10 is for those who ask for it.
#[test]
fn exit_codes_raise_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = jammed(folder.path(), false);
    let rssi = folder.path().join("rssi.csv");
    fs::write(&rssi, (0..50).map(|n| format!("{n},{}\n", (n * n) % 17)).collect::<String>()).unwrap();
    let status = |args: &[&str]| phy_sec(args).status.code();
    let (detect, agree) = (["detect", path(&file)], ["keygen", "agree", path(&rssi), path(&rssi)]);
    for args in [&detect[..], &agree] {
        assert_eq!(status(args), Some(0), "{args:?}");
        assert_eq!(status(&[args, &["--exit-code"]].concat()), Some(10), "{args:?}");
    }
    assert_eq!(status(&["info", path(&file), "--exit-code"]), Some(0));
}

/// Who has many files learns which one it is.
#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        path(&file).to_owned()
    };
    let sound = cf32(&noise(40_000, 0.1, 1));
    let nan = at("nan.cf32", &[sound.clone(), f32::NAN.to_le_bytes().repeat(2)].concat());
    let loud: Vec<u8> = noise(8192, 1e38, 2).iter().flatten().flat_map(|part| part.to_le_bytes()).collect();
    let loud = at("loud.cf32", &loud);
    let series: String = (0..400).map(|n| format!("{n},{}\n", (n * n) % 17)).collect();
    let rssi = at("rssi.csv", series.as_bytes());
    let huge = at("huge.csv", series.replace(",4\n", ",1e308\n").as_bytes());
    let csi: String = (0..400).map(|n| format!("0,0,{},{},1.5,{}\n", n / 10, n % 10, (n * n) % 17)).collect();
    let csi = at("csi.csv", csi.as_bytes());
    let config = at("my.toml", b"[keygen]\nfoo = 1\n");
    at("labels.csv", b"file,emitter,role,recording,samples,datatype,sample_rate\nx,a,enrolled,r,1,zz9,1e6\n");
    for (args, words) in [
        (vec!["detect", &nan, "--rate", "1e6"], &["nan.cf32"][..]),
        (vec!["detect", &loud, "--rate", "1e6"], &["loud.cf32"]),
        (vec!["keygen", "agree", &rssi, &csi], &["rssi.csv", "csi.csv"]),
        (vec!["keygen", "agree", &rssi, &huge], &["huge.csv"]),
        (vec!["keygen", "agree", &rssi, &rssi, "--config", &config], &["my.toml", "foo"]),
        (vec!["fingerprint", "evaluate", path(folder.path())], &["labels.csv", "line 2", "zz9"]),
    ] {
        let said = refusal(&args, 1);
        assert!(words.iter().all(|words| said.contains(words)), "{args:?} said {said}");
    }
    if cfg!(target_os = "linux") {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_phy-sec"))
            .args(["info", &rssi, "--datatype", "ci8"])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("standard output"), "{output:?}");
    }
}

/// A slip of the keyboard costs no recording.
#[test]
fn nothing_of_somebody_else_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("r.cf32");
    let content = cf32(&noise(4096, 0.1, 1));
    fs::write(&recording, &content).unwrap();
    let link = folder.path().join(".").join("r.cf32");
    let uri = format!("file:{}?rate=1e6", path(&recording));
    let labels = "file,emitter,role,recording,samples,datatype,sample_rate\n\
                  r.cf32,a,enrolled,r,4096,cf32_le,1e6\n";
    fs::write(folder.path().join("labels.csv"), labels).unwrap();
    let report = folder.path().join("report.html");
    fs::write(&report, "somebody's page").unwrap();
    for (args, words) in [
        (vec!["spectrum", path(&recording), "--rate", "1e6", "-o", path(&recording)], "what is to be read"),
        (vec!["spectrum", path(&recording), "--rate", "1e6", "-o", path(&link)], "what is to be read"),
        (vec!["spectrum", &uri, "-o", path(&recording)], "what is to be read"),
        (vec!["spectrum", &uri, "-o", path(&report)], "no PNG picture"),
        (vec!["fingerprint", "enroll", path(folder.path()), "--gallery", path(&recording)], "no gallery"),
        (vec!["demo", "--out", path(folder.path())], "no report"),
    ] {
        let said = refusal(&args, 1);
        assert!(said.contains(words), "{args:?} said {said}");
    }
    assert_eq!(fs::read(&recording).unwrap(), content);
    assert_eq!(fs::read(&report).unwrap(), b"somebody's page");
    // What the command itself wrote is replaced.
    let picture = folder.path().join("s.png");
    for _ in 0..2 {
        assert!(phy_sec(&["spectrum", &uri, "-o", path(&picture)]).status.success());
    }
}

/// `phy-sec … | head -1` is no fault.
#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_phy-sec"))
        .arg("--help")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"));
}

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
