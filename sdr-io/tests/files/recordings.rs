//! The real recordings, if they are there.

use std::path::{Path, PathBuf};

use sdr_io::{Datatype, OpenOptions};

use crate::fixtures::{open_path, read_all};

/// The folder of recordings, or `None` after saying so. In CI its absence is a failure.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("PHY_SEC_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").into());
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not there", folder.display());
    eprintln!("SKIPPED: no recordings in {}", folder.display());
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| Datatype::of_extension(e).is_some())
        {
            found.push(path);
        }
    }
}

/// Every file whose name says how it is stored: all of it is read, and its power is that of a receiver.
#[test]
fn every_recording_is_read_to_its_end() {
    let Some(data) = data() else { return };
    let mut found = Vec::new();
    files(&data.join("fingerprint"), &mut found);
    files(&data.join("jamming"), &mut found);
    assert!(found.len() >= 80, "{} files", found.len());
    for path in found {
        let mut source = open_path(&path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        let samples = source.info().samples.unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert_eq!(bytes, samples * source.info().datatype.bytes_per_sample() as u64);
        let (all, reads) =
            read_all(&mut *source, 1 << 20).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(all.len() as u64, samples, "{}", path.display());
        assert!(reads.iter().all(|read| !read.lost_before.is_gap()));
        let power = all.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / samples as f64;
        assert!(power > 0.0 && power.is_finite(), "{}: power {power}", path.display());
    }
}
