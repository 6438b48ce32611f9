//! The `phy-sec` command as its users meet it: what it prints, what it exits with, what it says to bad input.
#![cfg(feature = "cli")]

use std::{
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

fn rows<'a>(demo: &'a Value, pipeline: &str) -> Vec<&'a Value> {
    let rows = demo["scenes"].as_array().expect("scenes");
    rows.iter().filter(|row| row["pipeline"] == pipeline).collect()
}

#[test]
fn the_demo_is_right_about_its_own_scene_and_repeats_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path());
    let demo = &json(&["demo", "--json", "--seed", "7", "--out", out])[0];
    assert_eq!(demo["schema"], "phy-sec.demo/1");
    assert_eq!((&demo["seed"], &demo["version"]), (&7.into(), &env!("CARGO_PKG_VERSION").into()));
    assert!(demo["backend"].is_string());

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
    assert!((csi["correlation"].as_f64().unwrap() - 0.893).abs() < 0.06, "{csi}");

    let ism = &find("fingerprint", "ism_433")[0];
    assert_eq!(ism["split"], "recording");
    assert!(ism["noise_only_balanced_accuracy"].is_f64() && ism["auroc_unknown"].is_f64(), "{ism}");
    assert_eq!(find("fingerprint", "pluto_5g")[0]["emitters"], 2);
    assert!(find("fingerprint", "mode_s")[0]["bursts"].as_u64() >= Some(300));

    for name in ["signal.1.92M", "dot11a", "dot11n"] {
        assert!(!find("jamming", name).is_empty(), "no jammer found in {name}");
    }
    let clean = |row: &&Value| row["truth"].as_str().unwrap().contains("no jammer");
    let clean: Vec<&Value> = rows(demo, "jamming").into_iter().filter(clean).collect();
    assert!(clean.len() >= 12 && clean.iter().all(|row| row["right"] != false), "{clean:?}");
}

#[test]
fn info_measures_a_raw_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dc.cu8");
    fs::write(&file, [255, 128].repeat(1000)).unwrap();
    let info = &json(&["info", path(&file), "--rate", "250e3", "--freq", "433.92e6", "--json"])[0];
    assert_eq!(info["schema"], "phy-sec.info/1");
    assert_eq!(
        (&info["datatype"], &info["samples"], &info["gaps"]),
        (&"cu8".into(), &1000.into(), &0.into())
    );
    assert_eq!((&info["duration"], &info["center_frequency"]), (&0.004.into(), &433.92e6.into()));
    assert_eq!((&info["clipped"], &info["dc"][0]), (&1.0.into(), &(127.5 / 128.0).into()));
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

#[test]
fn refusals_name_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        path(&file).to_owned()
    };
    let raw = at("x.cu8", &[128; 4096]);
    let empty = at("empty.cf32", &[]);
    let nan = at("nan.cf32", &f32::NAN.to_le_bytes().repeat(4096));
    let config = at("config.toml", b"[jaming]\n");
    for (args, status, words) in [
        (vec!["info", "/no/such/file.cu8"], 1, "/no/such/file.cu8"),
        (vec!["spectrum", &raw], 1, "--rate"),
        (vec!["spectrum", &raw, "--rate", "0"], 1, "sample_rate"),
        (vec!["spectrum", &empty, "--rate", "1e6"], 1, ""),
        (vec!["spectrum", &nan, "--rate", "1e6"], 1, "not finite"),
        (vec!["detect", &nan, "--rate", "1e6"], 1, "not finite"),
        (vec!["detect", &raw, "--rate", "1e6", "--datatype", "zz99"], 1, "zz99"),
        (vec!["info", &raw, "--config", &config], 1, "jaming"),
        (vec!["keygen", "agree", &raw, &raw], 1, ""),
        (vec!["fingerprint", "evaluate", "/no/such/folder"], 1, "/no/such/folder"),
        (vec!["detect"], 2, "SOURCE"),
        (vec!["info", &raw, "--backend", "quantum"], 2, "quantum"),
    ] {
        let said = refusal(&args, status);
        assert!(said.contains(words), "{args:?} said {said}");
        assert!(!said.contains("panicked"), "{args:?} said {said}");
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
