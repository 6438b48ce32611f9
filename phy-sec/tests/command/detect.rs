//! `detect`.

use std::fs;

use crate::{
    documented, json, path, phy_sec, refusal,
    signal::{add_tone, cf32, jammed, noise},
    text,
};

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
    detect(cf32(&vec![[0.5, 0.25]; 500_000]), "every sample is 0.5+0.25i");
    detect(cf32(&noise(50_000, 1e-30, 1)), "have no power, or so little");
    detect(cf32(&noise(50_000, 1e30, 1)), "at most 1e15 (full scale is 1)");
    // A tone that stands out, all of it where 32 bits have lost their digits.
    let mut faint = noise(200_000, 1e-3, 1);
    add_tone(&mut faint[100_000..120_000], 0.1);
    faint.iter_mut().flatten().for_each(|part| *part *= 1e-20);
    detect(cf32(&faint), "have no power, or so little");
    // A receiver of 8 bits that hears nothing, however its silence is coded.
    for silence in [0u8, 127, 128, 200] {
        let file = folder.path().join("x.cu8");
        fs::write(&file, vec![silence; 400_000]).unwrap();
        assert!(refusal(&["detect", path(&file), "--rate", "250k"], 1).contains("every sample is"));
    }
}

/// Lost samples that were counted take time, and `spectrum` says that they are missing; a retuning loses nothing.
#[test]
fn gaps_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut samples = noise(120_000, 0.05, 3);
    add_tone(&mut samples[80_000..100_000], 0.2);
    fs::write(folder.path().join("a.sigmf-data"), cf32(&samples)).unwrap();
    let meta = folder.path().join("a.sigmf-meta");
    fs::write(
        &meta,
        r#"{"global": {"core:datatype": "cf32_le", "core:version": "1.2.5", "core:sample_rate": 1e6},
            "captures": [{"core:sample_start": 0, "core:global_index": 0},
                         {"core:sample_start": 60000, "core:global_index": 5060000}], "annotations": []}"#,
    )
    .unwrap();
    let table = text(&phy_sec(&["detect", path(&meta)]).stdout);
    // From the block that holds sample 80,000 on, 5,000,000 more of which are not there.
    assert!(table.contains("5.0799"), "{table}");
    let picture = folder.path().join("s.png");
    let said = phy_sec(&["spectrum", path(&meta), "-o", path(&picture), "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    documented(&answer);
    assert_eq!((&answer["gaps"], &answer["samples_lost"]), (&1.into(), &5_000_000.into()));
    assert!(text(&said.stderr).contains("1 gap(s), 5000000 samples"));
    let retuned = phy_sec(&["detect", path(&jammed(folder.path(), true))]);
    assert!(!text(&retuned.stderr).contains("nobody counted"), "{retuned:?}");
}

/// One detector over windows: a carrier in the last third of the noise is found there, and nothing in the noise.
#[test]
fn one_method_over_windows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.cf32");
    let mut x = noise(60 * 1024, 0.3, 9);
    add_tone(&mut x[40 * 1024..], 0.123);
    fs::write(&file, cf32(&x)).unwrap();
    let detect = ["detect", path(&file), "--rate", "1M", "--method", "line", "--pfa", "1e-9"];
    let said = text(&phy_sec(&detect).stdout);
    assert!(said.contains("line") && said.contains("60") && said.contains("20"), "{said}");
    let found = json(&[&detect[..], &["--json"]].concat());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["sample_start"], &found[0]["sample_count"]),
        (&(40 * 1024).into(), &(20 * 1024).into())
    );
    found.iter().for_each(documented);
    let said = refusal(&["detect", path(&file), "--rate", "1M", "--method", "magic"], 1);
    assert!(said.contains("magic"), "{said}");
    let said = refusal(&["detect", path(&file), "--rate", "1M", "--method", "line", "--window", "3"], 1);
    assert!(said.contains("line needs at least 4 samples, got 3"), "{said}");
}
