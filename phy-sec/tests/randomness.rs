//! `phy-sec randomness` as its users meet it.
#![cfg(feature = "cli")]

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

/// Runs the command on a file with this content.
fn randomness(content: &[u8], args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bits"), content).unwrap();
    fs::write(folder.path().join("c.toml"), "[randomness]\nserial = { length = 3 }\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_phy-sec"));
    command.current_dir(folder.path()).args(["randomness", "bits"]).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The first 100 bits of π: sections 2.x.8 of SP 800-22.
const PI_100: &str =
    "1100100100001111110110101010001000100001011010001100001000110100110001001100011001100010100010111000";

#[test]
fn every_format_gives_the_same_figures() {
    let bits: Vec<u8> = PI_100.bytes().map(|c| c - b'0').collect();
    let pack = |lsb: bool| -> Vec<u8> {
        let byte = |bits: &[u8]| {
            bits.iter().enumerate().map(|(k, bit)| bit << if lsb { k } else { 7 - k }).sum::<u8>()
        };
        bits.chunks(8).map(byte).collect()
    };
    for (content, format) in [
        (PI_100.as_bytes().to_vec(), "ascii"),
        (bits.clone(), "bytes"),
        (pack(true), "bits"),
        (pack(false), "bits-msb"),
    ] {
        let args = ["--format", format, "--bits", "100", "--json", "--exit-code", "--config", "c.toml"];
        let output = randomness(&content, &args);
        assert!(output.status.success(), "{format}: {}", text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["schema"], "phy-sec.randomness/1");
        assert_eq!((&report["source"], &report["bits"]), (&"bits".into(), &100.into()));
        let test = |name: &str| {
            report["tests"].as_array().unwrap().iter().find(|test| test["test"] == name).unwrap()
        };
        for (name, row, want) in [
            ("monobit", 0, 0.109599),
            ("runs", 0, 0.500798),
            ("cumulative_sums", 0, 0.219194),
            ("cumulative_sums", 1, 0.114866),
        ] {
            let got = test(name)["rows"][row]["p_values"][0].as_f64().unwrap();
            assert!((got - want).abs() < 6e-7, "{format} {name}: {got}, the standard says {want}");
        }
        assert_eq!(test("serial")["applicable"], 1, "the configuration's table was read");
        assert_eq!(test("dft")["rows"], Value::Array(vec![]));
        assert_eq!(test("dft")["not_applicable"]["need"], 1000);
    }
    let output = randomness(PI_100.as_bytes(), &["--format", "ascii"]);
    let text = text(&output.stdout);
    for words in ["0.109599", "not applicable: needs 1000 bits, got 100", "not a proof of entropy"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn what_is_not_random_can_be_an_exit_status() {
    let zeros = [0; 4000];
    assert!(randomness(&zeros, &[]).status.success());
    assert_eq!(randomness(&zeros, &["--exit-code"]).status.code(), Some(10));
    let output = randomness(&zeros, &["--sequences", "60"]);
    assert!(text(&output.stdout).contains("These bits are not uniform and independent"));
}

#[test]
fn what_cannot_be_tested_is_said() {
    for (content, args, words) in [
        (&b""[..], &[][..], "needs at least 100 bits, got 0"),
        (b"1", &["--format", "ascii"], "needs at least 100 bits, got 1"),
        (b"0101x", &["--format", "ascii"], "byte 4: neither 0 nor 1"),
        (b"01", &["--format", "bytes"], "neither of value 0 nor of 1"),
        (&[7; 100], &["--sequences", "0"], "sequences must be within 1..=10000, got 0"),
        (&[7; 100], &["--sequences", "18446744073709551615"], "sequences must be within 1..=10000"),
        (&[7; 100], &["--bits", "99"], "needs at least 100 bits, got 99"),
    ] {
        let output = randomness(content, args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(words) && !said.contains("panicked"), "{args:?} said {said}");
    }
}
