//! `phy-sec keygen evaluate` and `sweep` as their users meet them, and the recorded sessions of docs/results/recorded_sessions.md.
#![cfg(feature = "cli")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn phy_sec(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phy-sec")).arg("keygen").args(args).output().expect("the command starts")
}

/// Runs a command that must succeed; what it prints.
fn text(args: &[&str]) -> String {
    let output = phy_sec(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The same as JSON lines, every key of which `docs/json.md` names.
fn json(args: &[&str]) -> Vec<Value> {
    let lines: Vec<Value> = text(args).lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    lines.iter().for_each(|line| documented(line, ""));
    lines
}

fn documented(value: &Value, part: &'static str) {
    const DOCS: &str = include_str!("../../docs/json.md");
    match value {
        Value::Array(values) => values.iter().for_each(|value| documented(value, part)),
        Value::Object(object) => {
            let section = |schema: &str| {
                let name = format!("`{schema}`");
                let heads = |part: &&str| part.lines().next().is_some_and(|head| head.contains(&name));
                DOCS.split("\n## ").find(heads).unwrap_or_else(|| panic!("docs/json.md has no {schema}"))
            };
            let part = object.get("schema").and_then(Value::as_str).map_or(part, section);
            for (key, value) in object {
                assert!(key == "schema" || part.contains(&format!("`{key}`")), "docs/json.md: no {key}");
                documented(value, part);
            }
        }
        _ => {}
    }
}

/// Runs a command that must fail; what it says.
fn refusal(args: &[&str]) -> String {
    let output = phy_sec(args);
    assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn recordings() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = PathBuf::from(std::env::var_os("PHY_SEC_DATA").unwrap_or(default.into())).join("keygen");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no recordings in {}", folder.display());
    eprintln!("SKIPPED: no recordings in {}; set PHY_SEC_DATA", folder.display());
    None
}

#[test]
fn a_sweep_to_a_table_to_json_and_to_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("sweep.png");
    let args = [
        "sweep",
        "--rho",
        "0.9,0.99",
        "--eve-rho",
        "0",
        "--probes",
        "3000",
        "--quantize",
        "threshold",
        "--quantize",
        "guard_band:alpha=0.2|0.6",
    ];
    let with = |more: &[&'static str]| [&args[..], more].concat();
    let lines = json(&[&with(&["--json", "--out"])[..], &[path(&picture)]].concat());
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(lines.len(), 2 * 3);
    let words: BTreeSet<&str> = lines.iter().map(|line| line["quantize"].as_str().unwrap()).collect();
    assert_eq!(words, BTreeSet::from(["threshold", "guard_band:alpha=0.2", "guard_band:alpha=0.6"]));
    for line in &lines {
        let (rho, bits) = (line["rho"].as_f64().unwrap(), line["bits_per_probe"].as_f64().unwrap());
        let capacity = -(1.0 - rho * rho).log2();
        assert!(
            (line["capacity_upper"].as_f64().unwrap() - capacity).abs() < 1e-9 && bits < capacity,
            "{line}"
        );
        assert_eq!(bits, line["released_bits"].as_f64().unwrap() / 3000.0);
    }
    // However many threads there are; and again.
    let threads = Command::new(env!("CARGO_BIN_EXE_phy-sec"))
        .arg("keygen")
        .args(with(&["--json"]))
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap();
    let again: Vec<Value> = String::from_utf8(threads.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(again, lines);

    let table = text(&with(&["--markdown"]));
    assert!(table.starts_with("| rho | quantizer | KDR |"), "{table}");
    assert_eq!(table.trim_end().lines().count(), 2 + 6);
    // A picture is not drawn over something else.
    let other = folder.path().join("other");
    fs::write(&other, "a recording").unwrap();
    assert!(refusal(&["sweep", "--probes", "500", "--out", path(&other)]).contains("no PNG picture"));
    let said = refusal(&["sweep", "--probes", "500", "--quantize", "magic"]);
    assert!(said.contains("--quantize") && said.contains("magic"), "{said}");
    assert!(refusal(&["sweep", "--rho", "1.5", "--probes", "500"]).contains("rho must be above 0"));
    assert!(refusal(&["sweep", "--rho", "0.9", "--snr-db", "3"]).contains("cannot be used with"));
    // Noise in dB may be negative.
    assert_eq!(json(&["sweep", "--snr-db", "-3,3", "--probes", "500", "--json"]).len(), 2);
}

/// Methods by the dozen over what the ends of one link measured, in every form that a file may have.
#[test]
fn evaluation_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // A walk in steps of a dB that both ends see alike but for a step now and then.
    let mut state = 1u32;
    let mut draw = move |sides: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % sides
    };
    let alice: Vec<i32> = (0..3000).map(|_| -60 - draw(20) as i32).collect();
    let bob: Vec<i32> = alice.iter().map(|level| level - (draw(9) == 0) as i32).collect();
    let eve: Vec<i32> = (0..3000).map(|_| -60 - draw(20) as i32).collect();
    let row = |values: &[i32]| values.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    fs::write(at("rows.csv"), [row(&alice), row(&bob), row(&eve)].join("\n")).unwrap();
    let pairs = alice.iter().zip(&bob).map(|(a, b)| format!("{a},{b}\n")).collect::<String>();
    fs::write(at("columns.csv"), "alice,bob\n".to_owned() + &pairs).unwrap();
    for (name, values) in [("a.csv", &alice), ("b.csv", &bob)] {
        let lines = values.iter().enumerate().map(|(index, value)| format!("{index},{value}\n"));
        fs::write(at(name), lines.collect::<String>()).unwrap();
    }
    let npy = |values: &[i32]| {
        let mut header =
            format!("{{'descr': '<i4', 'fortran_order': False, 'shape': ({},), }}", values.len());
        header += &" ".repeat(117 - header.len());
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend(format!("{header}\n").as_bytes());
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        file
    };
    fs::write(at("a.npy"), npy(&alice)).unwrap();
    fs::write(at("b.npy"), npy(&bob)).unwrap();

    let [rows, columns, a, b, a_npy, b_npy] =
        ["rows.csv", "columns.csv", "a.csv", "b.csv", "a.npy", "b.npy"].map(at);
    let files = [&rows, Path::new("-"), &columns, Path::new("-"), &a, &b, &a_npy, &b_npy].map(path);
    let methods = ["--quantize", "threshold", "--quantize", "guard_band:alpha=0.3|0.6", "--json"];
    let lines = json(&[&["evaluate"], &files[..], &methods].concat());
    assert_eq!(lines.len(), 4 * 3);
    // Four forms of the same numbers.
    let figures = |line: &Value| {
        let mut report = line["report"].clone();
        report.as_object_mut().unwrap().remove("source");
        report
    };
    for form in 1..4 {
        for method in 0..3 {
            assert_eq!(figures(&lines[3 * form + method]), figures(&lines[method]), "{form} {method}");
        }
    }
    assert_eq!(lines[0]["report"]["pairs"], 3000);
    assert_eq!(lines[0]["eve"], "model");

    // With the third row as the eavesdropper: each chain twice.
    let with = json(&["evaluate", path(&rows), "--eve", path(&rows), "--json"]);
    assert_eq!(with.iter().map(|line| &line["eve"]).collect::<Vec<_>>(), ["model", "trace"]);
    assert_eq!(with[0]["report"]["eve_rho"], 0.5);
    assert!(with[1]["report"]["eve_rho"].as_f64() < Some(0.2), "{}", with[1]);
    let key = |line: &Value| line["report"]["released_bits"].as_u64().unwrap();
    assert!(key(&with[1]) > key(&with[0]), "{} {}", key(&with[1]), key(&with[0]));

    let table = text(&["evaluate", path(&a), path(&b), "--quantize", "all", "--markdown"]);
    // One lane has no phase: the row says so, and the others are there.
    let row = table.lines().find(|line| line.starts_with("| vector |")).expect(&table);
    assert!(row.contains("| - |"), "{row}");
    assert!(table.lines().count() >= 2 + 8, "{table}");
    assert!(refusal(&["evaluate", path(&a), path(&b), path(&a)]).contains("3 files"));
    assert!(
        refusal(&["evaluate", path(&a), path(&b), "--quantize", "vector"]).contains("2 lanes for each gain")
    );
    let said = refusal(&["evaluate", path(&a), path(&b), "--eve", path(&a), "--eve", path(&b)]);
    assert!(said.contains("2 times for 1 recordings"), "{said}");
}

/// What the table of recorded sessions says of those where no key may come.
#[test]
fn recorded_sessions() {
    let Some(folder) = recordings() else { return };
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let session = |a: &str, b: &str| {
        json(&["evaluate", &at(a), &if b == "-" { "-".to_owned() } else { at(b) }, "--json"])
    };
    for (a, b, says) in [
        ("lora_rssi_indoor_outdoor/alice_rssi.csv", "lora_rssi_indoor_outdoor/bob_rssi.csv", "no key"),
        ("static_negative/512alice_abs.csv", "static_negative/512bob_abs.txt", "no key"),
        (
            "uwb_cir/nightAnchor.log",
            "uwb_cir/nightTag.log",
            "1 measurements can be paired by sequence number",
        ),
    ] {
        let line = &session(a, b)[0];
        assert_eq!(line["report"]["released_bits"], 0, "{a}: {line}");
        assert!(line["report"]["reason"].as_str().unwrap().contains(says), "{a}: {line}");
    }
    let chirp = at("lora_chirp_with_eve/set1_alice_bob_eve.csv");
    let lines = json(&["evaluate", &chirp, "--eve", &chirp, "--json"]);
    assert_eq!(lines.len(), 2);
    let correlation = lines[0]["report"]["correlation"].as_f64().unwrap();
    assert!((correlation - 0.982).abs() < 5e-4, "{correlation}");
    // Her trace correlates by 0.685, and the upper end of that is what she is granted.
    assert!(lines[1]["report"]["eve_rho"].as_f64() > Some(0.685), "{}", lines[1]);
}
