//! `phy-sec keygen reconcile` and derived keys, as their users meet them.
#![cfg(feature = "cli")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn phy_sec(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phy-sec")).args(args).output().expect("the command starts")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

/// 8000 bits and a copy with every 40th wrong, as text.
fn strings(folder: &Path) -> [std::path::PathBuf; 2] {
    let mut state = 1u64;
    let mut bit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 1
    };
    let a: Vec<bool> = (0..8000).map(|_| bit()).collect();
    let b: Vec<bool> = a.iter().enumerate().map(|(index, bit)| bit ^ (index % 40 == 7)).collect();
    let text = |bits: &[bool]| -> String { bits.iter().map(|bit| if *bit { '1' } else { '0' }).collect() };
    let files = ["a.bits", "b.bits"].map(|name| folder.join(name));
    fs::write(&files[0], text(&a)).unwrap();
    fs::write(&files[1], text(&b)).unwrap();
    files
}

#[test]
fn two_files_of_bits_are_made_the_same() {
    const DOCS: &str = include_str!("../../docs/json.md");
    let section = DOCS.split("\n## ").find(|part| part.contains("`phy-sec.reconciliation/1`")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = strings(folder.path());
    for method in ["cascade", "ldpc", "polar", "bch", "reed_solomon", "winnow", "auto"] {
        let config = folder.path().join(format!("{method}.toml"));
        fs::write(&config, format!("[keygen.reconcile]\nmethod = \"{method}\"\n")).unwrap();
        let prefix = folder.path().join(method);
        let args = [
            "keygen",
            "reconcile",
            path(&a),
            path(&b),
            "--format",
            "ascii",
            "--config",
            path(&config),
            "--seed",
            "7",
        ];
        let output = phy_sec(&[&args[..], &["--json", "--out", path(&prefix), "--exit-code"]].concat());
        assert_eq!(output.status.code(), Some(0), "{method}: {}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["verified"], &report["sample_bits"]), (&true.into(), &400.into()), "{method}");
        for key in report.as_object().unwrap().keys().chain(report["estimate"].as_object().unwrap().keys()) {
            assert!(
                key == "schema" || section.contains(&format!("`{key}`")),
                "docs/json.md does not name {key}"
            );
        }
        let [alice, bob] =
            ["alice", "bob"].map(|end| fs::read(folder.path().join(format!("{method}.{end}.key"))).unwrap());
        assert_eq!((alice.len(), &alice), (950, &bob), "{method}");
    }
}

#[test]
fn what_cannot_be_reconciled_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = strings(folder.path());
    let unlike = folder.path().join("unlike");
    fs::write(&unlike, "01".repeat(4000)).unwrap();
    let common = ["--format", "ascii", "--exit-code"];
    let output = phy_sec(&[&["keygen", "reconcile", path(&a), path(&unlike)][..], &common].concat());
    assert_eq!(output.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&output.stdout).contains("disagree too much"));
    let short = folder.path().join("short");
    fs::write(&short, "0101").unwrap();
    for (other, says) in [(&short, "Bob's string must have shape"), (&folder.path().join("none"), "none")] {
        let output = phy_sec(&[&["keygen", "reconcile", path(&a), path(other)][..], &common].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(says));
    }
    let prefix = folder.path().join("k");
    let output = phy_sec(&["keygen", "reconcile", path(&a), path(&b), "--out", path(&prefix)]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--seed"));
    let output = phy_sec(&["keygen", "agree", "x", "y", "--key-out", "k", "--derive", "kmac512:32:disk"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("kmac256"));
}
