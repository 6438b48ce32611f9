use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// One line of the reference output: sequence, title of the estimator, name of the value, value.
fn lines(text: &str) -> Vec<(bool, String, String, f64)> {
    let parse = |line: &str| {
        let (head, value) = line.rsplit_once(" = ")?;
        let (title, name) = head.split_once(" Estimate: ")?;
        let (which, title) = title.split_once(' ')?;
        Some((which == "Bitstring", title.to_owned(), name.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

/// The last number of the line that starts with `head`.
fn figure(text: &str, head: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(head))?;
    line.rsplit([' ', ':']).next()?.parse().ok()
}

fn close(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-6 * want.abs()
}

/// Holds every figure of one reference file against ours, and says how many there were.
fn compare(folder: &Path, name: &str, bits_per_symbol: u32) -> usize {
    let samples = std::fs::read(folder.join(format!("{name}.bin"))).unwrap();
    let text = std::fs::read_to_string(folder.join(format!("{name}.res"))).unwrap();
    let got = assess(&samples, bits_per_symbol).unwrap();
    let mut ours: BTreeMap<(bool, &str), &Estimate> = BTreeMap::new();
    for (bitstring, estimates) in [(false, &got.original), (true, &got.bitstring)] {
        for estimate in estimates {
            let title = Estimator::ALL.iter().find(|e| e.name() == estimate.name).unwrap().title();
            ours.insert((bitstring, title), estimate);
        }
    }
    let lines = lines(&text);
    let mut wrong = Vec::new();
    for (bitstring, title, value, want) in &lines {
        let estimate =
            ours.get(&(*bitstring, title.as_str())).unwrap_or_else(|| panic!("{name}: no {title}"));
        let got = match value.as_str() {
            "min entropy" => estimate.min_entropy,
            value => estimate.values.get(value).copied(),
        };
        if !got.is_some_and(|got| close(got, *want)) {
            wrong.push(format!("{name}, bitstring {bitstring}, {title}, {value}: {got:?}, NIST {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A value of ours that the reference does not have: P_local is printed only where it counts.
    let printed = lines.iter().filter(|(.., value, _)| value != "min entropy").count();
    assert_eq!(printed, ours.values().map(|estimate| estimate.values.len()).sum::<usize>(), "{name}");
    for (head, got) in [
        ("H_bitstring", got.h_bitstring),
        ("H_original", Some(got.h_original)),
        ("Assessed min entropy", Some(got.min_entropy)),
    ] {
        let want = figure(&text, head);
        assert_eq!(want.is_some(), got.is_some(), "{name}: {head}");
        assert!(want.zip(got).is_none_or(|(want, got)| close(got, want)), "{name}: {head} {got:?} {want:?}");
    }
    lines.len()
}

/// Every figure that NIST's own tool prints of its own inputs, intermediate values included.
#[test]
fn reference_output_of_nist() {
    let Some(folder) = crate::testdata::folder("randomness/sp800_90b") else { return };
    let mut figures = 0;
    for (name, bits_per_symbol) in [
        ("rand4_short", 4),
        ("rand8_short", 8),
        ("data.pi", 1),
        ("truerand_1bit", 1),
        ("truerand_8bit", 8),
        ("biased-random-bytes", 8),
    ] {
        figures += compare(&folder, name, bits_per_symbol);
    }
    assert!(figures > 400, "{figures} figures compared");
}
