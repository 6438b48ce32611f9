//! Half-valid files against every reader: valid ones with bytes changed, moved, cut and repeated, and noise.
//!
//! A reader may refuse, or read what is there; it may not panic, hang, or read more than the file holds. The
//! ordinary run tries a few thousand files; `FUZZ_SECONDS=60 cargo test -p phy-sec-sdr-io fuzz` tries for a minute
//! per reader.

use ndarray::Array2;
use sdr_io::{Datatype, NonFinite, OpenOptions, sigmf::Metadata};

use crate::fixtures::{Folder, meta, open_path, pax, tar_member, wav, wav_format};
use crate::mutate::{Chance, fuzz};

/// Opens and reads to the end, or to a thousand blocks.
fn drain(folder: &Folder, name: &str, options: &OpenOptions, limit: u64) -> bool {
    let Ok(mut source) = open_path(&folder.path(name), options) else { return false };
    let samples = source.info().samples.unwrap();
    assert!(samples > 0 && samples <= limit, "{samples} samples in {limit} bytes");
    let mut block = Array2::zeros((source.info().channels, 64));
    let (mut total, mut next) = (0, source.info().sample_start);
    while let Ok(Some(read)) = source.read(block.view_mut()) {
        assert_eq!(read.sample_start, next, "samples are counted without holes");
        assert!(block.iter().all(|x| x.is_finite()));
        total += read.samples as u64;
        next += read.samples as u64;
        assert!(total <= samples);
    }
    true
}

fn full_meta() -> String {
    meta(
        "ci16_le",
        r#", "core:sample_rate": 1000000, "core:num_channels": 2, "core:offset": 10, "core:trailing_bytes": 3,
           "core:dataset": "a.sigmf-data", "core:author": "é\u00e9\n", "x:y": {"a": [1, 2.5, null, true], "b": {}},
           "core:extensions": [{"name": "x", "version": "1.0.0", "optional": true}]"#,
        r#"{"core:sample_start": 10, "core:header_bytes": 4, "core:frequency": 868e6, "core:datetime": "2026-01-31T12:00:00.5Z"},
           {"core:sample_start": 20, "core:global_index": 500, "core:frequency": 433.92e6}"#,
        r#"{"core:sample_start": 12, "core:sample_count": 3, "core:freq_lower_edge": -1e3, "core:freq_upper_edge": 1e3,
            "core:label": "burst"}, {"core:sample_start": 15}"#,
    )
}

#[test]
fn fuzz_metadata() {
    let seeds = [full_meta().into_bytes(), meta("cu8", "", "", "").into_bytes()];
    fuzz("metadata", &seeds, |bytes| {
        let Ok(metadata) = Metadata::parse(bytes) else { return false };
        // What is accepted can be written, and read as the same.
        let mut json = Vec::new();
        metadata.write(&mut json).unwrap();
        assert_eq!(Metadata::parse(&json).unwrap(), metadata);
        true
    });
}

#[test]
fn fuzz_sigmf_pair() {
    let folder = Folder::new();
    let options = OpenOptions { partial: true, not_finite: NonFinite::Zero, ..OpenOptions::default() };
    folder.write("a.sigmf-data", (0..407u32).map(|k| (k * 7) as u8).collect::<Vec<_>>());
    let seeds = [full_meta().into_bytes(), meta("cf32_be", "", "", "").into_bytes()];
    fuzz("sigmf pair", &seeds, |bytes| {
        folder.write("a.sigmf-meta", bytes);
        drain(&folder, "a.sigmf-meta", &options, 407)
    });
}

#[test]
fn fuzz_archive() {
    let folder = Folder::new();
    let options = OpenOptions { partial: true, not_finite: NonFinite::Zero, ..OpenOptions::default() };
    let data = (0..407u32).map(|k| (k * 7) as u8).collect::<Vec<_>>();
    let parts = |meta: &str| {
        [
            tar_member("a/", b'5', b""),
            tar_member("pax", b'x', &[pax("mtime", "1.5"), pax("path", "a/a.sigmf-data")].concat()),
            tar_member("a/cut", b'0', &data),
            tar_member("././@LongLink", b'L', b"a/a.sigmf-meta\0"),
            tar_member("g", b'g', &pax("comment", "of all")),
            tar_member("pax", b'x', &pax("mtime", "2.5")),
            tar_member("a/cut", b'0', meta.as_bytes()),
            vec![0; 1024],
        ]
        .concat()
    };
    let mut chance = Chance(7);
    fuzz("archive", &[parts(&full_meta()), parts(&meta("cu8", "", "", ""))], |bytes| {
        let mut bytes = bytes.to_vec();
        if chance.below(2) == 0 {
            mend(&mut bytes); // or nearly every file would end at a checksum
        }
        folder.write("a.sigmf", &bytes);
        drain(&folder, "a.sigmf", &options, bytes.len() as u64)
    });
}

/// Gives every 512-byte block that looks like a header a right checksum.
fn mend(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if let Ok(block) = <&mut [u8; 512]>::try_from(block)
            && &block[257..262] == b"ustar"
        {
            crate::fixtures::checksum(block);
        }
    }
}

#[test]
fn fuzz_wav() {
    let folder = Folder::new();
    let options = OpenOptions { partial: true, not_finite: NonFinite::Zero, ..OpenOptions::default() };
    let file = |tag, channels, bits| {
        let data = (0..240u32).map(|k| (k * 7) as u8).collect();
        wav(&[(b"fmt ", wav_format(tag, channels, 48_000, bits)), (b"LIST", vec![1; 7]), (b"data", data)])
    };
    let mut large = wav(&[
        (b"ds64", [[0; 8], [240, 0, 0, 0, 0, 0, 0, 0], [0; 8]].concat()),
        (b"fmt ", wav_format(1, 2, 48_000, 16)),
        (b"auxi", vec![3; 164]),
        (b"data", vec![5; 240]),
    ]);
    large[..4].copy_from_slice(b"RF64");
    let seeds = [file(1, 2, 8), file(1, 2, 16), file(1, 1, 24), file(3, 2, 32), file(3, 2, 64), large];
    fuzz("wav", &seeds, |bytes| {
        folder.write("a.wav", bytes);
        drain(&folder, "a.wav", &options, bytes.len() as u64)
    });
}

#[test]
fn fuzz_raw() {
    let folder = Folder::new();
    let types: Vec<_> = Datatype::all().collect();
    let mut chance = Chance(11);
    let seeds = [(0..2000u32).map(|k| (k * k) as u8).collect::<Vec<_>>(), vec![0x3F; 64]];
    fuzz("raw", &seeds, |bytes| {
        folder.write("a.bin", bytes);
        let options = OpenOptions {
            datatype: Some(types[chance.below(types.len())]),
            channels: Some(1 + chance.below(5)),
            header_bytes: chance.below(8) as u64,
            partial: chance.below(2) == 0,
            not_finite: if chance.below(2) == 0 { NonFinite::Zero } else { NonFinite::Refuse },
            ..OpenOptions::default()
        };
        drain(&folder, "a.bin", &options, bytes.len() as u64)
    });
}

/// Anything as a name: a path, a URI, a query.
#[test]
fn fuzz_uri() {
    let seeds = [
        b"file:a.bin?datatype=cu8&rate=250k&freq=433.92M&loop=false&header_bytes=0".to_vec(),
        b"file:///nowhere/a%20b.sigmf-meta?verify=true".to_vec(),
        b"/nowhere/x.cu8".to_vec(),
    ];
    let folder = Folder::new();
    folder.write("a.bin", [0; 8]);
    let base = folder.path("");
    fuzz("uri", &seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("file:a", &format!("file:{}a", base.display()));
        sdr_io::open(&text, &OpenOptions::default()).is_ok()
    });
}
