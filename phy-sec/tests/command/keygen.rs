//! `keygen`, `capacity` and `entropy`.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    json, path, phy_sec, refusal,
    signal::{cf32, noise},
    text,
};

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
    assert!(refusal(&["capacity", "--rho-ab", "1"], 1).contains("between -1 and 1"));
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

/// Bits that were reconciled become the key that is left of them, or none, and nothing is written then.
#[test]
fn strings_become_a_key_where_something_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.bits"), folder.path().join("b.bits"));
    let bits: Vec<u8> =
        noise(4000, 1.0, 7).iter().map(|sample| if sample[0] > 0.0 { b'1' } else { b'0' }).collect();
    fs::write(&a, &bits).unwrap();
    let flipped = |(i, bit): (usize, &u8)| if i % 50 == 0 { bit ^ 1 } else { *bit };
    fs::write(&b, bits.iter().enumerate().map(flipped).collect::<Vec<u8>>()).unwrap();
    let prefix = folder.path().join("k");
    let run = |each: &str| {
        let args = ["keygen", "reconcile", path(&a), path(&b), "--format", "ascii", "--seed", "9", "--json"];
        json(&[&args[..], &["--out", path(&prefix), "--min-entropy", each]].concat()).remove(0)
    };
    let key = |end: &str| fs::read(folder.path().join(format!("k.{end}.key")));
    assert_eq!(run("0.05")["released_bits"], 0);
    assert!(key("alice").is_err() && key("bob").is_err());
    let report = run("0.9");
    let number = |name: &str| report[name].as_f64().unwrap();
    let want = (0.9 * number("remaining_bits")).floor() - number("leaked_bits") - 80.0;
    assert_eq!(number("released_bits"), want, "{report}");
    let (alice, bob) = (key("alice").unwrap(), key("bob").unwrap());
    assert!(alice == bob && alice.len() == (want as usize).div_ceil(8));
}

/// A complex array `[time, subcarrier, antenna]`, as NumPy saves it.
fn npy(file: &Path, samples: &[[f32; 2]], antennas: usize) {
    let rows = samples.len() / antennas;
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = format!("{{'descr': '<c8', 'fortran_order': False, 'shape': ({rows}, 1, {antennas}), }}");
    bytes.extend(format!("{header:<117}\n").into_bytes());
    bytes.extend(cf32(samples));
    fs::write(file, bytes).unwrap();
}

/// All antennas of an eavesdropper's array count, whatever her carrier phase: hers is the second, a quarter of a turn ahead.
#[test]
fn an_eavesdroppers_antennas_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let with = |h: &[[f32; 2]], seed: u64| -> Vec<[f32; 2]> {
        let noise = noise(h.len(), 0.02, seed);
        h.iter().zip(noise).map(|(h, n)| [h[0] + n[0], h[1] + n[1]]).collect()
    };
    let h = noise(3000, 1.0, 5);
    npy(&file("alice.npy"), &with(&h, 6), 1);
    npy(&file("bob.npy"), &with(&h, 7), 1);
    let turned: Vec<_> = h.iter().map(|h| [-h[1], h[0]]).collect();
    let other = noise(3000, 1.0, 9);
    let both: Vec<_> =
        other.iter().zip(with(&turned, 8)).flat_map(|(other, turned)| [*other, turned]).collect();
    npy(&file("eve.npy"), &both, 2);
    let [alice, bob, eve, config] = ["alice.npy", "bob.npy", "eve.npy", "c.toml"].map(file);
    for component in ["magnitude", "complex"] {
        fs::write(&config, format!("[keygen]\ncomponent = \"{component}\"\npreprocess = []\n")).unwrap();
        let files = [path(&alice), path(&bob), "--eve", path(&eve), "--config", path(&config), "--json"];
        let agreed = &json(&[&["keygen", "agree"], &files[..]].concat())[0];
        let rows = json(&[&["keygen", "evaluate"], &files[..]].concat());
        for report in [agreed, &rows[1]["report"]] {
            assert!(report["eve_rho"].as_f64().unwrap() > 0.97, "{component}: {}", report["eve_rho"]);
            assert_eq!(report["released_bits"], 0, "{component}: {}", report["reason"]);
        }
    }
}
