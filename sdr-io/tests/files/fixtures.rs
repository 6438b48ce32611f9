//! Small files of every format, made by hand so that they do not depend on the writers under test.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis, Slice, concatenate};
use num_complex::Complex32;
use sdr_io::{OpenOptions, Read, Result, Source, open};

/// A folder that is gone when the test is.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Everything in it, sorted.
    pub(crate) fn list(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn open_path(path: &Path, options: &OpenOptions) -> Result<Box<dyn Source>> {
    open(path.to_str().unwrap(), options)
}

/// Everything a source has, in blocks of `width`.
pub(crate) fn read_all(source: &mut dyn Source, width: usize) -> Result<(Array2<Complex32>, Vec<Read>)> {
    let channels = source.info().channels;
    let mut all = Array2::zeros((channels, 0));
    let mut reads = Vec::new();
    let mut block = Array2::zeros((channels, width));
    while let Some(read) = source.read(block.view_mut())? {
        assert!((1..=width).contains(&read.samples), "{read:?}");
        let part = block.slice_axis(Axis(1), Slice::from(..read.samples));
        all = concatenate(Axis(1), &[all.view(), part]).unwrap();
        reads.push(read);
    }
    Ok((all, reads))
}

/// The message of opening `path` or, if that succeeds, of reading it.
pub(crate) fn fault(path: &Path, options: &OpenOptions) -> Option<String> {
    let mut source = match open_path(path, options) {
        Ok(source) => source,
        Err(error) => return Some(error.to_string()),
    };
    let mut block = Array2::zeros((source.info().channels, 1024));
    loop {
        match source.read(block.view_mut()) {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Metadata with the given members of its three parts; `datatype` and `version` are there.
pub(crate) fn meta(datatype: &str, global: &str, captures: &str, annotations: &str) -> String {
    format!(
        r#"{{"global": {{"core:datatype": "{datatype}", "core:version": "1.2.5"{global}}},
            "captures": [{captures}], "annotations": [{annotations}]}}"#
    )
}

/// A tar header of any kind, with a right checksum.
pub(crate) fn tar_header(name: &[u8], size: &[u8], kind: u8) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000644");
    header[124..124 + size.len()].copy_from_slice(size);
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    checksum(&mut header);
    header
}

pub(crate) fn checksum(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Header, content and padding.
pub(crate) fn tar_member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = tar_header(name.as_bytes(), format!("{:011o}", content.len()).as_bytes(), kind).to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A pax record: its own length, in decimal, comes first.
pub(crate) fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while format!("{length}{rest}").len() != length {
        length = format!("{length}{rest}").len();
    }
    format!("{length}{rest}").into_bytes()
}

/// A WAV file from its chunks, padded as they should be.
pub(crate) fn wav(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (id, content) in chunks {
        body.extend(*id);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(content);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

/// The `fmt ` chunk.
pub(crate) fn wav_format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut bytes = Vec::new();
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(frame)).to_le_bytes());
    bytes.extend(frame.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes
}
