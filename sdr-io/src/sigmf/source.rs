//! SigMF recordings that are read: a pair of files, or an archive where it lies.

use std::{
    fs::File,
    io::{Read as _, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use ndarray::ArrayViewMut2;
use num_complex::Complex32;
use serde_json::Value;
use sha2::{Digest, Sha512};

use super::{
    archive::{self, ArchiveError},
    metadata::{Annotation, Metadata, MetadataError},
    segments::segments,
    sink::LIVE,
};
use crate::{
    Error, OpenOptions, Read, Result, Source, StreamInfo,
    dataset::{Dataset, Layout, Packing, open_file},
};

/// A SigMF recording.
#[derive(Debug)]
pub struct SigmfSource {
    info: StreamInfo,
    metadata: Metadata,
    dataset: Dataset,
}

/// The bytes of a dataset: a file or a part of one.
struct Extent {
    path: PathBuf,
    file: File,
    start: u64,
    bytes: u64,
}

impl SigmfSource {
    /// Opens `NAME.sigmf-meta`, `NAME.sigmf-data` or the archive `NAME.sigmf`.
    ///
    /// # Errors
    /// [`Error::Metadata`], [`Error::Archive`], [`Error::OutsideFolder`], [`Error::Checksum`],
    /// [`Error::Empty`], [`Error::PartialSample`], [`Error::ByteOrder`], [`Error::Option`], [`Error::Io`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        options.check()?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.ends_with(".sigmf-meta") || name.ends_with(".sigmf-data") {
            let meta =
                if name.ends_with(".sigmf-data") { path.with_extension("sigmf-meta") } else { path.into() };
            let metadata = Metadata::load(&meta)?;
            let extent = beside(&meta, &metadata)?;
            Self::new("sigmf", &meta, metadata, extent, options)
        } else {
            let (metadata, extent) = inside(path)?;
            Self::new("sigmf archive", path, metadata, extent, options)
        }
    }

    fn new(
        format: &'static str,
        path: &Path,
        metadata: Metadata,
        mut extent: Extent,
        options: &OpenOptions,
    ) -> Result<Self> {
        metadata
            .check_extensions(&options.extensions)
            .map_err(|error| Error::Metadata { path: path.to_owned(), error })?;
        agree("datatype", options.datatype, metadata.global.datatype)?;
        agree("channels", options.channels, metadata.channels())?;
        agree("header_bytes", Some(options.header_bytes), 0)?;
        if options.verify {
            verify(path, &metadata, &mut extent)?;
        }
        let layout = Layout {
            datatype: metadata.global.datatype,
            packing: Packing::Plain,
            channels: metadata.channels(),
            sample_rate: options.sample_rate.or(metadata.global.sample_rate),
            not_finite: options.not_finite,
        };
        let Extent { path: data, file, start, bytes } = extent;
        // A recording whose writer was killed may end inside a sample, and says so.
        let live = metadata.global.extra.get(LIVE).and_then(Value::as_bool) == Some(true);
        let partial = options.partial || live;
        // Faults of the metadata are reported at the metadata, those of the samples at the samples.
        let (mut segments, partial_bytes) = segments(path, &metadata, &layout, start, bytes, partial)
            .map_err(|error| match error {
                Error::Empty { .. } => Error::Empty { path: data.clone() },
                Error::PartialSample { bytes, sample_bytes, .. } => {
                    Error::PartialSample { path: data.clone(), bytes, sample_bytes }
                }
                error => error,
            })?;
        if options.center_frequency.is_some() {
            segments.iter_mut().for_each(|segment| segment.center_frequency = options.center_frequency);
        }
        let dataset = Dataset::new(&data, file, layout, segments)?;
        let (start, end) = dataset.range();
        let info = StreamInfo {
            format,
            datatype: layout.datatype,
            channels: layout.channels,
            sample_rate: layout.sample_rate,
            center_frequency: dataset.segments().first().and_then(|segment| segment.center_frequency),
            sample_start: start,
            samples: Some(end - start),
            segments: dataset.segments().len(),
            partial_bytes,
            description: metadata.global.description.clone(),
            hardware: metadata.global.hw.clone(),
        };
        Ok(Self { info, metadata, dataset })
    }
}

impl Source for SigmfSource {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self, out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        self.dataset.read(out)
    }

    fn seek(&mut self, sample: u64) -> Result<()> {
        self.dataset.seek(sample)
    }

    fn annotations(&self) -> &[Annotation] {
        &self.metadata.annotations
    }

    fn metadata(&self) -> Option<&Metadata> {
        Some(&self.metadata)
    }
}

impl Metadata {
    /// Reads a `.sigmf-meta` file, whether or not it has a dataset.
    ///
    /// # Errors
    /// [`Error::Metadata`], [`Error::NotAFile`], [`Error::Io`].
    pub fn load(path: &Path) -> Result<Self> {
        let (file, _) = open_file(path)?;
        Self::read(file).map_err(|error| Error::Metadata { path: path.to_owned(), error })
    }
}

/// What a recording says of itself is not overruled.
pub(crate) fn agree<T: PartialEq + std::fmt::Display>(
    option: &'static str,
    asked: Option<T>,
    says: T,
) -> Result<()> {
    match asked {
        Some(asked) if asked != says => Err(Error::Option {
            option,
            rule: format!("{says}, as the recording says"),
            got: asked.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The dataset beside a metadata file.
fn beside(meta: &Path, metadata: &Metadata) -> Result<Extent> {
    let wanted = match &metadata.global.dataset {
        Some(name) => meta.with_file_name(name), // a bare name: Metadata::check
        None => meta.with_extension("sigmf-data"),
    };
    let path = match wanted.canonicalize() {
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                && metadata.global.metadata_only == Some(true) =>
        {
            return Err(Error::Metadata { path: meta.to_owned(), error: MetadataError::MetadataOnly });
        }
        path => path.map_err(Error::io(&wanted))?,
    };
    let folder = match meta.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !path.starts_with(folder.canonicalize().map_err(Error::io(folder))?) {
        return Err(Error::OutsideFolder { path: wanted, target: path });
    }
    // What was checked is what is opened: the canonical path has no link left in it.
    let (file, bytes) = open_file(&path)?;
    Ok(Extent { path: wanted, file, start: 0, bytes })
}

/// The metadata and the dataset inside an archive.
fn inside(path: &Path) -> Result<(Metadata, Extent)> {
    let (mut file, bytes) = open_file(path)?;
    let wrong = |error| Error::Archive { path: path.to_owned(), error };
    let members = archive::members(&mut file, bytes).map_err(wrong)?;
    let meta = archive::metadata_member(&members).map_err(wrong)?;
    file.seek(SeekFrom::Start(meta.start)).map_err(Error::io(path))?;
    let metadata = Metadata::read((&mut file).take(meta.bytes))
        .map_err(|error| Error::Metadata { path: path.join(&meta.name), error })?;
    let folder = meta.name.rfind('/').map_or("", |slash| &meta.name[..=slash]);
    let stem = meta.name.strip_suffix(archive::META).unwrap_or(&meta.name);
    let name = match &metadata.global.dataset {
        Some(name) => format!("{folder}{name}"),
        None => format!("{stem}{}", archive::DATA),
    };
    let Some(data) = members.iter().find(|member| member.name == name) else {
        if metadata.global.metadata_only == Some(true) {
            return Err(Error::Metadata { path: path.join(&meta.name), error: MetadataError::MetadataOnly });
        }
        return Err(wrong(ArchiveError::NoData { name }));
    };
    Ok((metadata, Extent { path: path.join(&data.name), file, start: data.start, bytes: data.bytes }))
}

/// The SHA-512 of the dataset against the metadata's.
fn verify(meta: &Path, metadata: &Metadata, extent: &mut Extent) -> Result<()> {
    let Some(want) = &metadata.global.sha512 else { return Err(Error::NoChecksum { path: meta.to_owned() }) };
    let mut hash = Sha512::new();
    let mut block = vec![0; 256 << 10];
    extent.file.seek(SeekFrom::Start(extent.start)).map_err(Error::io(&extent.path))?;
    let mut left = extent.bytes;
    while left > 0 {
        let n = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        extent.file.read_exact(&mut block[..n]).map_err(Error::io(&extent.path))?;
        hash.update(&block[..n]);
        left -= n as u64;
    }
    let got = hex(&hash.finalize());
    if !got.eq_ignore_ascii_case(want) {
        return Err(Error::Checksum { path: extent.path.clone(), want: want.clone(), got });
    }
    Ok(())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // into a String: cannot fail
        text
    })
}
