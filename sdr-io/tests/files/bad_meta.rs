//! Every item of the list of bad metadata, with the answer it gets.

use std::{
    fmt::Write as _,
    sync::OnceLock,
    time::{Duration, Instant},
};

use sdr_io::{
    OpenOptions,
    sigmf::{Metadata, MetadataError},
};

use crate::fixtures::{Folder, fault, meta, open_path};

/// Metadata beside 20 samples of cf32 (160 bytes).
fn answer(json: &[u8]) -> Option<String> {
    let folder = Folder::new();
    let path = folder.write("a.sigmf-meta", json);
    folder.write("a.sigmf-data", vec![0; 160]);
    let message = fault(&path, &OpenOptions::default())?;
    Some(message.replace(folder.path("").to_str().unwrap(), ""))
}

fn with(global: &str, captures: &str, annotations: &str) -> Vec<u8> {
    meta("cf32_le", global, captures, annotations).into_bytes()
}

#[test]
fn metadata_that_is_refused() {
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf16.clone()).collect();
    let plain = with("", "", "");
    let bom = [b"\xEF\xBB\xBF".as_slice(), &plain].concat();
    let datatype = |name: &str| meta(name, "", "", "").into_bytes();
    let dataset = |name: &str| with(&format!(r#", "core:dataset": {}"#, serde_json::json!(name)), "", "");
    let capture = |fields: &str| with("", &format!("{{{fields}}}"), "");
    let annotation = |fields: &str| with("", "", &format!("{{{fields}}}"));
    let global = |fields: &str| with(&format!(", {fields}"), "", "");
    let bracket_bomb = [br#"{"a": "#.as_slice(), &b"[".repeat(100_000)].concat();
    let object_bomb = [br#"{"a": "#.as_slice(), &br#"{"a":"#.repeat(100_000)].concat();
    let hidden_bomb = global(&format!(r#""x:y": {}1{}"#, "[".repeat(100_000), "]".repeat(100_000)));
    const INDEX: &str = "must be a whole number from 0 to 2^63 - 1";
    const NAME: &str = "core:dataset must be";
    const BARE: &str = "core:dataset must be a bare file name without / \\ : * ? \" < > |, got";
    const TYPE: &str = "global.core:datatype must be a datatype";
    const WORDS: &str = "(SigMF has c or r; f32, f64, i8, i16, i32, u8, u16 or u32; _le or _be)";
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        ("empty", vec![], "the metadata is empty".into()),
        ("byte order mark", bom, "the metadata begins with a byte order mark; SigMF is UTF-8 without a mark".into()),
        ("UTF-16", utf16, "the metadata begins with a letter of UTF-16; SigMF is UTF-8 without a mark".into()),
        (
            "UTF-16 with mark",
            marked,
            "the metadata begins with a byte order mark of UTF-16; SigMF is UTF-8 without a mark".into(),
        ),
        (
            "NUL inside",
            global("\"core:author\": \"a\0b\""),
            "not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 83".into(),
        ),
        ("NUL between", b"{\0}".to_vec(), "not JSON: key must be a string at line 1 column 2".into()),
        ("depth 10^5, lists", bracket_bomb, "more than 64 levels of nesting".into()),
        ("depth 10^5, objects", object_bomb, "more than 64 levels of nesting".into()),
        ("depth 10^5, in an extension", hidden_bomb, "more than 64 levels of nesting".into()),
        ("1e400", capture(r#""core:sample_start": 0, "core:frequency": 1e400"#), "not JSON: number out of range at line 2 column 74".into()),
        ("NaN token", capture(r#""core:sample_start": 0, "core:frequency": NaN"#), "not JSON: expected value at line 2 column 69".into()),
        (
            "duplicate key",
            global(r#""core:version": "1.2.0""#),
            "the key `core:version` occurs twice in one object, at line 1 column 89".into(),
        ),
        (
            "duplicate key in an extension",
            global(r#""x:y": {"a": 1, "a": 2}"#),
            "the key `a` occurs twice in one object, at line 1 column 88".into(),
        ),
        (
            "duplicate captures",
            br#"{"global": {"core:datatype": "cu8", "core:version": "1.2.5"}, "captures": [], "captures": []}"#.to_vec(),
            "the key `captures` occurs twice in one object, at line 1 column 93".into(),
        ),
        ("missing global", br#"{"captures": [], "annotations": []}"#.to_vec(), "global is missing".into()),
        ("missing captures", br#"{"global": {"core:datatype": "cu8", "core:version": "1.2.5"}, "annotations": []}"#.to_vec(), "captures is missing".into()),
        ("missing annotations", br#"{"global": {"core:datatype": "cu8", "core:version": "1.2.5"}, "captures": []}"#.to_vec(), "annotations is missing".into()),
        ("missing datatype", br#"{"global": {}, "captures": [], "annotations": []}"#.to_vec(), "global.core:datatype is missing".into()),
        ("global is a list", br#"{"global": [], "captures": [], "annotations": []}"#.to_vec(), "global must be an object, got a list".into()),
        ("a capture is a number", with("", "7", ""), "each of captures must be an object, got a number".into()),
        (
            "captures not sorted",
            with("", r#"{"core:sample_start": 5}, {"core:sample_start": 3}"#, ""),
            "captures[1] begins at sample 3, before the one in front of it at 5".into(),
        ),
        (
            "annotations not sorted",
            with("", "", r#"{"core:sample_start": 5}, {"core:sample_start": 3}"#),
            "annotations[1] begins at sample 3, before the one in front of it at 5".into(),
        ),
        ("sample_start -1", capture(r#""core:sample_start": -1"#), format!("captures[0].core:sample_start {INDEX}, got -1")),
        (
            "sample_start 2^63",
            capture(r#""core:sample_start": 9223372036854775808"#),
            format!("captures[0].core:sample_start {INDEX}, got 9223372036854775808"),
        ),
        ("sample_start 0.5", capture(r#""core:sample_start": 0.5"#), format!("captures[0].core:sample_start {INDEX}, got 0.5")),
        ("sample_start text", capture(r#""core:sample_start": "0""#), format!("captures[0].core:sample_start {INDEX}, got \"0\"")),
        (
            "sample_start beyond the data",
            capture(r#""core:sample_start": 21"#),
            "captures[0].core:sample_start reaches to sample 21, the data end at 20".into(),
        ),
        (
            "annotation beyond the data",
            annotation(r#""core:sample_start": 15, "core:sample_count": 6"#),
            "annotations[0] reaches to sample 21, the data end at 20".into(),
        ),
        (
            "sample_start before core:offset",
            with(r#", "core:offset": 100"#, r#"{"core:sample_start": 0}"#, ""),
            "captures[0].core:sample_start must be at least the core:offset of 100, got 0".into(),
        ),
        ("datatype zz99", datatype("zz99"), format!("{TYPE} {WORDS}, got \"zz99\"")),
        ("datatype CF32_LE", datatype("CF32_LE"), format!("{TYPE} {WORDS}, got \"CF32_LE\"")),
        (
            "datatype cf32",
            datatype("cf32"),
            format!("{TYPE} (more than eight bits need a byte order, _le or _be), got \"cf32\""),
        ),
        ("datatype with a line feed", datatype("cf32_le\\n"), format!("{TYPE} {WORDS}, got \"cf32_le\\n\"")),
        ("num_channels 0", global(r#""core:num_channels": 0"#), "global.core:num_channels must be from 1 to 4096, got 0".into()),
        ("num_channels -1", global(r#""core:num_channels": -1"#), format!("global.core:num_channels {INDEX}, got -1")),
        (
            "num_channels 2^40",
            global(r#""core:num_channels": 1099511627776"#),
            "global.core:num_channels must be from 1 to 4096, got 1099511627776".into(),
        ),
        ("sample_rate 0", global(r#""core:sample_rate": 0"#), "global.core:sample_rate must be above 0 and at most 1e12 Hz, got 0".into()),
        ("sample_rate -1", global(r#""core:sample_rate": -1"#), "global.core:sample_rate must be above 0 and at most 1e12 Hz, got -1".into()),
        (
            "sample_rate 1e13",
            global(r#""core:sample_rate": 1e13"#),
            "global.core:sample_rate must be above 0 and at most 1e12 Hz, got 10000000000000".into(),
        ),
        (
            "sha512 short",
            global(r#""core:sha512": "abc123""#),
            "global.core:sha512 must be 128 hexadecimal digits, got 6 characters: \"abc123\"".into(),
        ),
        (
            "sha512 not hexadecimal",
            global(&format!(r#""core:sha512": "{}""#, "g".repeat(128))),
            format!("global.core:sha512 must be 128 hexadecimal digits, got 128 characters: \"{}...\"", "g".repeat(40)),
        ),
        (
            "header_bytes beyond the file",
            capture(r#""core:sample_start": 0, "core:header_bytes": 161"#),
            "captures[0].core:header_bytes is 161, but only 160 bytes are left there".into(),
        ),
        (
            "header_bytes 2^63 - 1",
            with("", r#"{"core:sample_start": 0, "core:header_bytes": 8}, {"core:sample_start": 9, "core:header_bytes": 9223372036854775807}"#, ""),
            "captures[1].core:header_bytes is 9223372036854775807, but only 80 bytes are left there".into(),
        ),
        (
            "trailing_bytes beyond the file",
            global(r#""core:trailing_bytes": 161"#),
            "global.core:trailing_bytes is 161, but only 160 bytes are left there".into(),
        ),
        ("dataset with /", dataset("/etc/passwd"), format!("{BARE} \"/etc/passwd\"")),
        ("dataset above", dataset("../secret"), format!("{BARE} \"../secret\"")),
        ("dataset with \\", dataset("..\\secret"), format!("{BARE} \"..\\\\secret\"")),
        ("dataset with :", dataset("c:secret"), format!("{BARE} \"c:secret\"")),
        ("dataset ..", dataset(".."), format!("{NAME} a file, not a folder, got \"..\"")),
        ("dataset with NUL", dataset("a\0.bin"), format!("{NAME} free of control characters, got \"a\\0.bin\"")),
        ("dataset with trailing space", dataset("a.bin "), format!("{NAME} without space at its ends or a dot at its end, got \"a.bin \"")),
        (
            "dataset of 300 characters",
            dataset(&"a".repeat(300)),
            format!("{NAME} at most 255 bytes long, got \"{}...\"", "a".repeat(40)),
        ),
        ("dataset empty", dataset(""), format!("{NAME} a file name, got \"\"")),
        (
            "metadata_only with a dataset",
            global(r#""core:metadata_only": true, "core:dataset": "a.sigmf-data""#),
            "core:metadata_only is true, yet core:dataset names \"a.sigmf-data\"".into(),
        ),
        (
            "annotation count 2^62",
            annotation(r#""core:sample_start": 1, "core:sample_count": 4611686018427387904"#),
            "annotations[0] reaches to sample 4611686018427387905, the data end at 20".into(),
        ),
        (
            "lower edge above upper",
            annotation(r#""core:sample_start": 0, "core:freq_lower_edge": 2e6, "core:freq_upper_edge": 1e6"#),
            "annotations[0].core:freq_lower_edge must be at most core:freq_upper_edge, 1000000, got 2000000".into(),
        ),
        (
            "one edge alone",
            annotation(r#""core:sample_start": 0, "core:freq_lower_edge": 2e6"#),
            "annotations[0].core:freq_upper_edge is missing".into(),
        ),
        (
            "required extension",
            global(r#""core:extensions": [{"name": "antenna", "version": "1.0.0", "optional": false}]"#),
            "the extension antenna 1.0.0 is required and not known".into(),
        ),
        (
            "an extension that is not one",
            global(r#""core:extensions": [{"name": "antenna"}]"#),
            "global.core:extensions must be a list of objects with name, version and optional, got an array".into(),
        ),
        ("version", br#"{"global": {"core:datatype": "cu8", "core:version": "v1"}, "captures": [], "annotations": []}"#.to_vec(), "global.core:version must be a version such as 1.2.5, got \"v1\"".into()),
        (
            "datetime",
            capture(r#""core:sample_start": 0, "core:datetime": "yesterday""#),
            "captures[0].core:datetime must be a time such as 2026-01-31T12:00:00.000Z, got \"yesterday\"".into(),
        ),
        ("frequency", capture(r#""core:sample_start": 0, "core:frequency": -1e13"#), "captures[0].core:frequency must be within ±1e12 Hz, got -10000000000000".into()),
        ("more after the end", [&plain[..], b"{}"].concat(), "not JSON: trailing characters at line 2 column 47".into()),
        ("cut off", plain[..plain.len() - 1].to_vec(), "not JSON: EOF while parsing an object at line 2 column 45".into()),
    ];
    let mut wrong = String::new();
    for (name, json, message) in cases {
        let want = Some(format!("a.sigmf-meta: {message}"));
        let got = answer(&json);
        if got != want {
            let _ = writeln!(wrong, "{name}:\n  want {want:?}\n  got  {got:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn metadata_that_is_odd_but_right() {
    let cases: [(&str, Vec<u8>); 8] = [
        ("nothing special", with("", "", "")),
        ("-0", with("", r#"{"core:sample_start": -0}"#, "")),
        ("2e0", with("", r#"{"core:sample_start": 2e0}"#, "")),
        ("metadata_only beside data", with(r#", "core:metadata_only": true"#, "", "")),
        (
            "optional extension",
            with(
                r#", "core:extensions": [{"name": "antenna", "version": "1.0.0", "optional": true}]"#,
                "",
                "",
            ),
        ),
        ("two captures at once", with("", r#"{"core:sample_start": 3}, {"core:sample_start": 3}"#, "")),
        ("a capture at the very end", with("", r#"{"core:sample_start": 20}"#, "")),
        ("an annotation to the end", with("", "", r#"{"core:sample_start": 15, "core:sample_count": 5}"#)),
    ];
    for (name, json) in cases {
        assert_eq!(answer(&json), None, "{name}");
    }
}

#[test]
fn an_extension_that_the_caller_knows() {
    let folder = Folder::new();
    let json =
        with(r#", "core:extensions": [{"name": "antenna", "version": "1.0.0", "optional": false}]"#, "", "");
    let path = folder.write("a.sigmf-meta", json);
    folder.write("a.sigmf-data", [0; 8]);
    let options = OpenOptions { extensions: vec!["antenna".into()], ..OpenOptions::default() };
    assert_eq!(fault(&path, &options), None);
}

#[test]
fn metadata_without_data() {
    let folder = Folder::new();
    let path = folder.write("a.sigmf-meta", with(r#", "core:metadata_only": true"#, "", ""));
    let error = fault(&path, &OpenOptions::default()).unwrap();
    assert!(error.ends_with("a.sigmf-meta: core:metadata_only is true and there are no samples"), "{error}");
    assert_eq!(Metadata::load(&path).unwrap().global.metadata_only, Some(true));
}

#[test]
fn a_wrong_checksum() {
    let folder = Folder::new();
    let wrong = "0".repeat(128);
    let json = meta("cu8", &format!(r#", "core:sha512": "{wrong}""#), "", "");
    let path = folder.write("a.sigmf-meta", json);
    folder.write("a.sigmf-data", b"abcd");
    assert_eq!(fault(&path, &OpenOptions::default()), None, "only on request");
    let options = OpenOptions { verify: true, ..OpenOptions::default() };
    // SHA-512 of "abcd", from FIPS 180-4's algorithm as coreutils computes it.
    let right = "d8022f2060ad6efd297ab73dcc5355c9b214054b0d1776a136a669d26a7d3b14\
                 f73aa0d0ebff19ee333368f0164b6419a96da49e3e481753e7e96b716bdccb6f";
    let error = fault(&path, &options).unwrap();
    assert!(
        error.ends_with(&format!("a.sigmf-data: SHA-512 is {right}, the metadata says {wrong}")),
        "{error}"
    );
    folder.write(
        "a.sigmf-meta",
        meta("cu8", &format!(r#", "core:sha512": "{}""#, right.to_uppercase()), "", ""),
    );
    assert_eq!(fault(&path, &options), None);
    folder.write("a.sigmf-meta", meta("cu8", "", "", ""));
    let error = fault(&path, &options).unwrap();
    assert!(error.ends_with("a.sigmf-meta: there is no core:sha512 to check the samples against"), "{error}");
    // Nor has a raw file or a WAV file one, and none of them is taken for checked.
    let raw = folder.write("a.cu8", b"abcd");
    let error = fault(&raw, &options).unwrap();
    assert!(error.ends_with("a.cu8: there is no core:sha512 to check the samples against"), "{error}");
    assert_eq!(fault(&raw, &OpenOptions::default()), None);
}

#[cfg(unix)]
#[test]
fn links_stay_in_their_folder() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    let secret = elsewhere.write("secret.bin", [0; 8]);
    let path = folder.write("a.sigmf-meta", meta("cu8", r#", "core:dataset": "link.bin""#, "", ""));
    std::os::unix::fs::symlink(&secret, folder.path("link.bin")).unwrap();
    let error = fault(&path, &OpenOptions::default()).unwrap();
    assert!(error.contains("link.bin: leads out of its folder to "), "{error}");
    // The same for the dataset of the usual name.
    let path = folder.write("b.sigmf-meta", meta("cu8", "", "", ""));
    std::os::unix::fs::symlink(&secret, folder.path("b.sigmf-data")).unwrap();
    let error = fault(&path, &OpenOptions::default()).unwrap();
    assert!(error.contains("b.sigmf-data: leads out of its folder to "), "{error}");
    // Inside the folder a link is a name like any other.
    folder.write("real.bin", [0; 8]);
    std::os::unix::fs::symlink("real.bin", folder.path("inner.bin")).unwrap();
    let path = folder.write("c.sigmf-meta", meta("cu8", r#", "core:dataset": "inner.bin""#, "", ""));
    assert_eq!(fault(&path, &OpenOptions::default()), None);
}

#[test]
fn a_million_annotations() {
    let mut list = String::with_capacity(80 << 20);
    for index in 0..1_000_000 {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            list,
            r#"{comma}{{"core:sample_start":{index},"core:sample_count":9,"core:label":"burst","x:id":{index}}}"#
        );
    }
    let folder = Folder::new();
    let path = folder.write("a.sigmf-meta", meta("cu8", "", "", &list));
    let data = std::fs::File::create(folder.path("a.sigmf-data")).unwrap();
    data.set_len(2_100_000).unwrap();
    let start = busy();
    let source = open_path(&path, &OpenOptions::default()).unwrap();
    let seconds = (busy() - start).as_secs_f64();
    assert_eq!(source.annotations().len(), 1_000_000);
    assert_eq!(source.annotations()[999_999].extra["x:id"], 999_999);
    eprintln!("a million annotations: {seconds:.2} s");
    assert!(seconds < 20.0, "{seconds} s");
}

/// How long this thread has been running, where the system says so: a wall clock would judge whatever else the
/// machine is doing.
fn busy() -> Duration {
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    static START: OnceLock<Instant> = OnceLock::new();
    nanoseconds.map(Duration::from_nanos).unwrap_or_else(|| START.get_or_init(Instant::now).elapsed())
}

#[test]
fn limits_of_size() {
    // Eight megabytes of zeros in an extension are over four million values before it is over in bytes.
    let many = format!(r#", "x:y": [{}0]"#, "0,".repeat(4 << 20));
    let error = Metadata::parse(&with(&many, "", "")).unwrap_err();
    assert_eq!(error, MetadataError::TooMuch { what: "values", limit: 4 << 20 });
    let captures = format!("{}{{\"core:sample_start\":0}}", "{\"core:sample_start\":0},".repeat(2 << 20));
    let error = Metadata::parse(&with("", &captures, "")).unwrap_err();
    assert_eq!(error, MetadataError::TooMuch { what: "captures", limit: 2 << 20 });
    let endless = std::io::Read::chain(b"{".as_slice(), std::io::repeat(b' '));
    let error = Metadata::read(endless).unwrap_err();
    assert_eq!(error, MetadataError::TooMuch { what: "bytes of metadata", limit: 256 << 20 });
}
