//! Every item of the list of bad data files, with the answer it gets.

use ndarray::Array2;
use sdr_io::{Datatype, Error, Lost, NonFinite, OpenOptions};

use crate::fixtures::{Folder, fault, meta, open_path, read_all};

fn floats(values: &[f32], big: bool) -> Vec<u8> {
    values.iter().flat_map(|x| if big { x.to_be_bytes() } else { x.to_le_bytes() }).collect()
}

#[test]
fn data_that_is_refused() {
    let folder = Folder::new();
    // 200 components between 0.1 and 1: sane in one byte order only.
    let ramp: Vec<f32> = (0..200).map(|k| 0.1 + 0.9 * k as f32 / 200.0).collect();
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("empty.cf32", vec![], "holds no samples"),
        ("empty.cu8", vec![], "holds no samples"),
        ("one.cu8", vec![1], "1 bytes are not a whole number of samples of 2 bytes"),
        ("odd.cu8", vec![1; 7], "7 bytes are not a whole number of samples of 2 bytes"),
        ("odd.cf32", vec![0; 21], "21 bytes are not a whole number of samples of 8 bytes"),
        ("odd.cs16", vec![0; 6], "6 bytes are not a whole number of samples of 4 bytes"),
        ("nan.cf32", floats(&[0.0, 1.0, 0.5, f32::NAN], false), "sample 1 of channel 0 is not finite"),
        (
            "infinite.cf32",
            floats(&[0.0, 1.0, f32::NEG_INFINITY, 0.0, 0.0, 0.0], false),
            "sample 1 of channel 0 is not finite",
        ),
        (
            "huge.cf64",
            [1e300f64.to_le_bytes(), 0f64.to_le_bytes()].concat(),
            "sample 0 of channel 0 is not finite",
        ),
        (
            "swapped.cf32",
            floats(&ramp, true),
            "read as cf32_le the values are absurd, read as cf32_be they are not",
        ),
        (
            "swapped.rf32_be",
            floats(&ramp, false),
            "read as rf32_be the values are absurd, read as rf32_le they are not",
        ),
        (
            "what.bin",
            vec![0; 8],
            "a raw file does not say how its samples are stored; state the datatype, such as cu8 or ci16_le",
        ),
    ];
    for (name, bytes, message) in cases {
        let path = folder.write(name, bytes);
        let error = fault(&path, &OpenOptions::default()).unwrap_or_else(|| panic!("{name} was read"));
        let bare = error.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&error);
        assert_eq!(bare, message, "{name}");
    }
}

/// Noise is noise in either byte order: for integers nobody can tell, and nobody pretends to.
#[test]
fn the_byte_order_of_integers_is_taken_on_trust() {
    let folder = Folder::new();
    let path =
        folder.write("swapped.cs16", (0..200).flat_map(|k: i16| (k * 99).to_be_bytes()).collect::<Vec<_>>());
    assert_eq!(fault(&path, &OpenOptions::default()), None);
}

#[test]
fn the_same_faults_in_sigmf() {
    let folder = Folder::new();
    let path = folder.write("a.sigmf-meta", meta("ci16_le", "", "", ""));
    for (bytes, message) in [
        (0, "a.sigmf-data: holds no samples"),
        (1, "a.sigmf-data: 1 bytes are not a whole number of samples of 4 bytes"),
        (7, "a.sigmf-data: 7 bytes are not a whole number of samples of 4 bytes"),
    ] {
        folder.write("a.sigmf-data", vec![0; bytes]);
        let error = fault(&path, &OpenOptions::default()).unwrap();
        assert!(error.ends_with(message), "{error}");
    }
    std::fs::remove_file(folder.path("a.sigmf-data")).unwrap();
    assert!(matches!(open_path(&path, &OpenOptions::default()), Err(Error::Io { .. })));
    std::fs::create_dir(folder.path("a.sigmf-data")).unwrap();
    assert!(matches!(open_path(&path, &OpenOptions::default()), Err(Error::NotAFile { .. })));
}

#[test]
fn a_cut_file_is_read_on_request() {
    let folder = Folder::new();
    let path = folder.write("cut.cs16", [0; 11]);
    let options = OpenOptions { partial: true, ..OpenOptions::default() };
    let source = open_path(&path, &options).unwrap();
    assert_eq!((source.info().samples, source.info().partial_bytes), (Some(2), 3));
    let path = folder.write("one.cs16", [0; 3]);
    assert!(matches!(open_path(&path, &options), Err(Error::Empty { .. })));
}

/// A recording that was cut is opened with `partial`, though captures and annotations lie in the part that is gone.
#[test]
fn a_cut_recording_is_read_on_request() {
    let folder = Folder::new();
    let captures = r#"{"core:sample_start": 0}, {"core:sample_start": 10, "core:header_bytes": 8}"#;
    let annotations = r#"{"core:sample_start": 4, "core:sample_count": 4}, {"core:sample_start": 16, "core:sample_count": 4}"#;
    let path = folder.write("a.sigmf-meta", meta("ci16_le", "", captures, annotations));
    let options = OpenOptions { partial: true, ..OpenOptions::default() };
    // 20 samples of 4 bytes and a header of 8 in their middle.
    for (bytes, samples, rest) in
        [(88, 20, 0), (86, 19, 2), (56, 12, 0), (44, 10, 0), (40, 10, 0), (27, 6, 3), (12, 3, 0)]
    {
        folder.write("a.sigmf-data", vec![0; bytes]);
        assert_eq!(fault(&path, &OpenOptions::default()).is_none(), bytes == 88, "{bytes}");
        let source = open_path(&path, &options).unwrap();
        assert_eq!((source.info().samples, source.info().partial_bytes), (Some(samples), rest), "{bytes}");
        assert_eq!(source.annotations().len(), 2);
    }
}

#[test]
fn what_is_sound_before_a_nan_is_handed_over() {
    let folder = Folder::new();
    let mut values = vec![0.25; 2 * 50_000];
    values[2 * 40_000 + 1] = f32::NAN;
    values[2 * 45_000] = f32::INFINITY;
    let path = folder.write("a.cf32", floats(&values, false));
    let mut source = open_path(&path, &OpenOptions::default()).unwrap();
    let mut block = Array2::zeros((1, 100_000));
    assert_eq!(source.read(block.view_mut()).unwrap().unwrap().samples, 40_000);
    for _ in 0..2 {
        let error = source.read(block.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "sample 40000 of channel 0 is not finite");
    }
    source.seek(40_001).unwrap();
    assert_eq!(source.read(block.view_mut()).unwrap().unwrap().samples, 4_999);

    let options = OpenOptions { not_finite: NonFinite::Zero, ..OpenOptions::default() };
    let (all, reads) = read_all(&mut *open_path(&path, &options).unwrap(), 9_999).unwrap();
    assert_eq!(reads.iter().map(|read| read.not_finite).sum::<usize>(), 2);
    assert_eq!(all.len(), 50_000);
    assert_eq!(all.iter().filter(|x| x.norm_sqr() == 0.0).count(), 2);
}

/// The channel is named, too.
#[test]
fn a_nan_in_the_second_antenna() {
    let folder = Folder::new();
    let path = folder.write("a.cf32", floats(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN], false));
    let options = OpenOptions { channels: Some(2), ..OpenOptions::default() };
    let mut source = open_path(&path, &options).unwrap();
    let mut block = Array2::zeros((2, 8));
    assert_eq!(source.read(block.view_mut()).unwrap().unwrap().samples, 1);
    let error = source.read(block.view_mut()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { sample: 1, channel: 1 }), "{error}");
}

/// More samples than 32 bits can count. The file has holes and takes no space.
#[test]
fn more_than_four_billion_samples() {
    let folder = Folder::new();
    let path = folder.path("long.cu8");
    let samples = (1_u64 << 32) + 5;
    std::fs::File::create(&path).unwrap().set_len(samples * 2).unwrap();
    let mut source = open_path(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.info().samples, Some(samples));
    source.seek((1 << 32) + 1).unwrap();
    let mut block = Array2::zeros((1, 10));
    let read = source.read(block.view_mut()).unwrap().unwrap();
    assert_eq!((read.samples, read.sample_start, read.lost_before), (4, (1 << 32) + 1, Lost::None));
    assert!(source.read(block.view_mut()).unwrap().is_none());
    let error = source.seek(samples + 1).unwrap_err();
    assert_eq!(error.to_string(), "sample 4294967302 is outside 0..4294967301");
}

#[test]
fn what_is_not_a_file() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("folder.cu8")).unwrap();
    let error = fault(&folder.path("folder.cu8"), &OpenOptions::default()).unwrap();
    assert!(error.ends_with("folder.cu8: not a regular file"), "{error}");
    let missing = open_path(&folder.path("missing.cu8"), &OpenOptions::default());
    assert!(matches!(missing, Err(Error::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound));
    for device in ["/dev/zero", "/dev/stdin"] {
        if std::path::Path::new(device).exists() {
            let options = OpenOptions { datatype: Some(Datatype::CU8), ..OpenOptions::default() };
            assert!(open_path(device.as_ref(), &options).is_err(), "{device} has no end");
        }
    }
}

#[test]
fn arrays_that_do_not_fit() {
    let folder = Folder::new();
    let path = folder.write("a.cu8", [0; 8]);
    let mut source = open_path(&path, &OpenOptions::default()).unwrap();
    let error = source.read(Array2::zeros((2, 8)).view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "rows of the block must be 1, got 2");
    let error = source.read(Array2::zeros((1, 0)).view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "columns of the block must be at least 1, got 0");
    let options = OpenOptions { header_bytes: 9, ..OpenOptions::default() };
    let error = fault(&path, &options).unwrap();
    assert_eq!(error, "header_bytes must be at most the 8 bytes of the file, got 9");
}
