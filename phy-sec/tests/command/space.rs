//! `aoa` and `mitigate`.

use std::fs;

use crate::{
    documented, json, path, phy_sec, refusal,
    signal::{add_tone, cf32, noise},
    text,
};

/// Four antennas on a line and a source at 25°, 20 dB over the noise: found, drawn, and calibrated to where it is said to be.
#[test]
fn a_source_is_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("array.cf32");
    let source = noise(20_000, 1.0, 1);
    let turn = std::f64::consts::PI * 25f64.to_radians().sin();
    let noises: Vec<_> = (0..4).map(|k| noise(20_000, 0.1, 20 + k)).collect();
    let mut samples = Vec::new();
    for (t, [re, im]) in source.iter().enumerate() {
        for (k, noise) in noises.iter().enumerate() {
            let (sin, cos) = (turn * k as f64).sin_cos();
            let (sin, cos) = (sin as f32, cos as f32);
            samples.push([re * cos - im * sin + noise[t][0], re * sin + im * cos + noise[t][1]]);
        }
    }
    fs::write(&file, cf32(&samples)).unwrap();
    let picture = folder.path().join("a.png");
    let aoa = ["aoa", path(&file), "--channels", "4", "--rate", "1M"];
    for method in ["music", "root_music", "capon", "esprit"] {
        let options = ["--method", method, "--plot", path(&picture), "--json"];
        let lines = json(&[&aoa[..], &options].concat());
        documented(&lines[0]);
        let azimuth = lines[0]["directions"][0]["azimuth"].as_f64().unwrap().to_degrees();
        assert!((azimuth - 25.0).abs() < 0.1 && lines[0]["sources"] == 1, "{lines:?}");
        assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    }
    assert_eq!(json(&[&aoa[..], &["--every", "5e-3", "--json"]].concat()).len(), 4);
    let calibrated = ["--calibrate", path(&file), "--calibrate-at", "-10", "--json"];
    let azimuth = json(&[&aoa[..], &calibrated].concat())[0]["directions"][0]["azimuth"].as_f64().unwrap();
    assert!((azimuth.to_degrees() + 10.0).abs() < 0.01, "{azimuth}");
    assert!(refusal(&["aoa", path(&file), "--rate", "1M"], 1).contains("one channel"));
    assert!(refusal(&[&aoa[..], &["--sources", "4"]].concat(), 1).contains("below the number of antennas"));
    assert!(refusal(&[&aoa[..], &["--positions", "0,0;1,1"]].concat(), 1).contains("names 2 antennas"));
    assert!(refusal(&[&aoa[..], &["--method", "guess"]].concat(), 1).contains("unknown variant"));
}

/// A tone in the second half: what fits it is found, and afterwards it is gone.
#[test]
fn a_tone_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tone.cf32");
    let mut samples = noise(200_000, 0.05, 3);
    add_tone(&mut samples[100_000..150_000], 0.1234);
    fs::write(&file, cf32(&samples)).unwrap();
    let out = folder.path().join("clean.sigmf-meta");
    let answer = json(&["mitigate", path(&file), path(&out), "--rate", "1M", "--json"]);
    documented(&answer[0]);
    assert_eq!((&answer[0]["class"], &answer[0]["mitigation"]["method"]), (&"tone".into(), &"notch".into()));
    assert_eq!(answer[0]["samples"], 200_000);
    assert!(answer[0]["removed_db"].as_f64().unwrap() > 15.0, "{answer:?}");
    assert!(text(&phy_sec(&["detect", path(&out)]).stdout).contains("0 event(s)"));
    let again = ["mitigate", path(&file), path(&out), "--rate", "1M"];
    assert!(refusal(&again, 1).contains("exists already"));
    let other = folder.path().join("other.cf32");
    let refuse = |method: &str| {
        refusal(&["mitigate", path(&file), path(&other), "--rate", "1M", "--method", method], 1)
    };
    assert!(
        refuse("nothing").contains("unknown variant")
            && refuse("null").contains("channels must be from 2 to 64")
    );
    assert!(!other.exists());
    let quiet = folder.path().join("quiet.cf32");
    fs::write(&quiet, cf32(&noise(100_000, 0.05, 4))).unwrap();
    assert!(
        json(&["mitigate", path(&quiet), path(&other), "--rate", "1M", "--json"]).is_empty()
            && !other.exists()
    );
}
