//! The demo: its own scene, and the recordings.

use std::fs;

use serde_json::Value;

use crate::{documented, json, path, recordings, refusal};

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
