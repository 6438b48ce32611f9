//! `detect`.

use std::fs;

use crate::{
    documented, json, path, phy_sec, refusal,
    signal::{cf32, jammed, noise},
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
    // A receiver of 8 bits that hears nothing, however its silence is coded.
    for silence in [0u8, 127, 128, 200] {
        let file = folder.path().join("x.cu8");
        fs::write(&file, vec![silence; 400_000]).unwrap();
        assert!(refusal(&["detect", path(&file), "--rate", "250k"], 1).contains("every sample is"));
    }
}
