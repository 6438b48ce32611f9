//! A recording of any size takes the same little memory. Alone in its process, so that nothing else counts.
#![cfg(target_os = "linux")]

use ndarray::Array2;
use sdr_io::{OpenOptions, open};

#[path = "files/peak.rs"]
mod peak;
use peak::peak;

/// 100 GB with holes: opened, read at the beginning, in the middle and at the end.
#[test]
fn a_hundred_gigabytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = 100_000_000_000_u64;
    let path = folder.path().join("a.sigmf-meta");
    let json = r#"{"global": {"core:datatype": "ci16_le", "core:version": "1.2.5", "core:num_channels": 5},
                   "captures": [], "annotations": []}"#;
    std::fs::write(&path, json).unwrap();
    std::fs::File::create(path.with_extension("sigmf-data")).unwrap().set_len(bytes).unwrap();
    let mut block = Array2::zeros((5, 4096));
    let before = peak();
    let mut source = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
    let samples = bytes / 20;
    assert_eq!(source.info().samples, Some(samples));
    for at in [0, samples / 2, samples - 4096] {
        source.seek(at).unwrap();
        for _ in 0..1000 {
            let Some(read) = source.read(block.view_mut()).unwrap() else { break };
            assert_eq!(read.samples, 4096);
        }
    }
    let grown = peak() - before;
    eprintln!("100 GB: {} KiB more in memory", grown / 1024);
    assert!(grown < 4 << 20, "{grown} bytes");
}
