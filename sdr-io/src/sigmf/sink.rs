//! SigMF recordings that are written: a pair of files, or an archive. The checksum is taken while the
//! samples pass; gaps and retunings become captures.

use std::path::{Path, PathBuf};

use ndarray::ArrayView2;
use num_complex::Complex32;
use serde_json::Value;
use sha2::{Digest, Sha512};
use tar::EntryType;

use super::{
    archive::{BLOCK, DATA, META, header},
    metadata::{Annotation, Capture, Extension, Metadata, MetadataError, Place},
    source::hex,
};
use crate::{
    CreateOptions, Datatype, Error, Lost, Read, Result, Sink, Time, encode::Encoder, partial::Partial,
    raw::extension_datatype,
};

/// The namespace of the two keys below.
pub(super) const EXTENSION: &str = "phy-sec";
/// Version of that namespace.
const EXTENSION_VERSION: &str = "0.1.0";
/// In a capture: `unknown` if samples are missing before it and nobody counted them.
pub(super) const LOST_BEFORE: &str = "phy-sec:lost_before";
/// In a capture: the radio's own time of its first sample, in nanoseconds.
pub(super) const HARDWARE_TIME: &str = "phy-sec:hardware_time_ns";

/// In the global object: `true` while a recording is being written, and for ever if its writer was killed. Its dataset may end
/// anywhere, also inside a sample.
pub(super) const LIVE: &str = "phy-sec:live";
/// In an annotation at a gap: samples that are missing there, or `unknown`.
const LOST_SAMPLES: &str = "phy-sec:lost_samples";

/// A SigMF recording in the making.
#[derive(Debug)]
pub struct SigmfSink {
    target: Target,
    encoder: Encoder,
    hash: Option<Sha512>,
    /// Whether the files are there while they are written.
    live: bool,
    /// Of a live recording, by our counting.
    gaps: Vec<Annotation>,
    metadata: Metadata,
    /// The captures of the recording that is copied, by its counting.
    original: Vec<Capture>,
    /// Samples of each channel so far.
    samples: u64,
    /// Where the source's counting and ours part: (source, ours), one for each capture.
    starts: Vec<(u64, u64)>,
    /// The source's index after the last block.
    next: u64,
    annotations: Vec<Annotation>,
    overwrite: bool,
}

#[derive(Debug)]
enum Target {
    Pair { data: Partial, meta: PathBuf },
    Archive { file: Partial, stem: String, header_at: u64 },
}

impl SigmfSink {
    /// Begins `NAME.sigmf-meta` and `NAME.sigmf-data`, or the archive `NAME.sigmf`.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Option`], [`Error::Unsupported`], [`Error::Io`].
    pub fn create(path: &Path, options: &CreateOptions) -> Result<Self> {
        let datatype = options.datatype.or_else(|| extension_datatype(path)).unwrap_or(Datatype::CF32_LE);
        Self::with_metadata(path, Metadata::new(datatype), options)
    }

    /// As [`SigmfSink::create`], with the global object and extra keys of another recording, such as the one that is
    /// being copied. What `options` say wins. Captures and annotations come with the samples; keys of a capture that
    /// this crate does not know go with the samples that were in it, by [`Read::sample_start`].
    ///
    /// # Errors
    /// As [`SigmfSink::create`].
    pub fn with_metadata(path: &Path, mut metadata: Metadata, options: &CreateOptions) -> Result<Self> {
        options.check()?;
        let original = std::mem::take(&mut metadata.captures);
        metadata.annotations.clear();
        let global = &mut metadata.global;
        global.datatype = options.datatype.unwrap_or(global.datatype);
        global.num_channels = (options.channels != 1).then_some(options.channels as u64);
        global.sample_rate = options.sample_rate.or(global.sample_rate);
        (global.offset, global.dataset, global.trailing_bytes) = (None, None, None);
        (global.metadata_only, global.sha512) = (None, None);
        global.extra.shift_remove(LIVE);
        global.recorder = Some(concat!("phy-sec sdr-io ", env!("CARGO_PKG_VERSION")).into());
        for (field, option) in [
            (&mut global.description, &options.description),
            (&mut global.author, &options.author),
            (&mut global.hw, &options.hardware),
            (&mut global.license, &options.license),
        ] {
            *field = option.clone().or(field.take());
        }
        Ok(Self {
            target: Target::create(path, options.overwrite)?,
            encoder: Encoder::new(metadata.global.datatype, options.channels),
            hash: Some(Sha512::new()),
            live: false,
            gaps: Vec::new(),
            metadata,
            original,
            samples: 0,
            starts: Vec::new(),
            next: 0,
            annotations: Vec::new(),
            overwrite: options.overwrite,
        })
    }

    /// Begins a pair of files that is there while it is written: from the first block on, whenever the process is killed, it
    /// opens, and its metadata covers every whole sample in the dataset. Each gap becomes a capture and an annotation, and
    /// both are in the metadata before the samples behind them are written. A live sink that is dropped leaves its files.
    ///
    /// - `hash`: whether to take the SHA-512 of the samples, which costs time
    ///
    /// # Errors
    /// As [`SigmfSink::create`]; [`Error::Unsupported`] for an archive, which says its length in front.
    pub fn live(path: &Path, options: &CreateOptions, hash: bool) -> Result<Self> {
        let mut sink = Self::create(path, options)?;
        if matches!(sink.target, Target::Archive { .. }) {
            let what = "live writing; use NAME.sigmf-meta".into();
            return Err(Error::Unsupported { format: "a SigMF archive", what });
        }
        sink.live = true;
        if !hash {
            sink.hash = None;
        }
        Ok(sink)
    }

    /// Hands what was written to the operating system, so that it survives the end of this process. Does so by itself at every
    /// gap, and when some hundred kilobytes have gathered.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        self.target.data().flush()
    }

    /// Captures so far.
    pub fn captures(&self) -> usize {
        self.metadata.captures.len()
    }

    /// The metadata of a live recording as it stands.
    fn save(&mut self) -> Result<()> {
        let wrong = |path: &Path, error| Error::Metadata { path: path.to_owned(), error };
        let path = self.target.path().to_owned();
        let metadata = self.describe().map_err(|error| wrong(&path, error))?;
        let mut json = Vec::new();
        metadata.write(&mut json).map_err(|error| wrong(&path, error))?;
        let mut file = Partial::create(&path, true)?;
        file.write(&json)?;
        file.replace()
    }

    /// The annotation that stands where samples are missing.
    fn gap(&self, lost: Lost) -> Option<Annotation> {
        let (value, comment) = match lost {
            Lost::None => return None,
            Lost::Count(lost) => (Value::from(lost), format!("{lost} samples lost")),
            Lost::Unknown => (Value::from("unknown"), "samples lost, nobody counted how many".into()),
        };
        let mut annotation = Annotation::new(self.samples, 0);
        (annotation.label, annotation.comment) = (Some("gap".into()), Some(comment));
        annotation.extra.insert(LOST_SAMPLES.into(), value);
        Some(annotation)
    }

    /// Begins a new capture where the block does not continue the last one, and wherever the recording that is
    /// copied has one: a block may hold several of them if there is neither gap nor retuning between.
    fn capture(&mut self, read: &Read) {
        let previous = self.metadata.captures.last();
        let jump = read.sample_start != self.next;
        let continues = previous.is_some_and(|last| {
            !read.lost_before.is_gap() && !jump && last.frequency == read.center_frequency
        });
        let end = read.sample_start + read.samples as u64;
        let begun = self.original.partition_point(|capture| capture.sample_start <= read.sample_start);
        let ended = self.original.partition_point(|capture| capture.sample_start < end);
        // What holds at the first sample; of several that begin at one sample, all but the last are empty.
        let holds = begun.checked_sub(1).map(|at| &self.original[at]);
        let mut captures = Vec::new();
        if !continues || holds.is_some_and(|capture| capture.sample_start == read.sample_start) {
            captures.push((read.sample_start, self.first(read, previous.is_some(), holds)));
        }
        for original in &self.original[begun..ended.max(begun)] {
            let offset = original.sample_start - read.sample_start;
            let mut capture = original.clone();
            capture.sample_start = self.samples + offset;
            capture.global_index = Some(read.global_index.saturating_add(offset).min(i64::MAX as u64));
            capture.frequency = read.center_frequency;
            capture.header_bytes = None;
            captures.push((original.sample_start, capture));
        }
        for (start, capture) in captures {
            self.starts.push((start, capture.sample_start));
            self.metadata.captures.push(capture);
        }
    }

    /// The capture that begins with a block, in the capture `original` of the recording that is copied.
    fn first(&self, read: &Read, follows: bool, original: Option<&Capture>) -> Capture {
        let mut capture = Capture::new(self.samples);
        capture.global_index = Some(read.global_index.min(i64::MAX as u64));
        capture.frequency = read.center_frequency;
        capture.extra = original.map(|original| original.extra.clone()).unwrap_or_default();
        // Of these two the block knows better.
        capture.extra.shift_remove(HARDWARE_TIME);
        capture.extra.shift_remove(LOST_BEFORE);
        match read.time {
            Some(Time::Utc(time)) => capture.datetime = Some(time.to_string()),
            Some(Time::Hardware(time)) => {
                capture.extra.insert(HARDWARE_TIME.into(), time.into());
            }
            None => {}
        }
        if follows && read.lost_before == Lost::Unknown {
            capture.extra.insert(LOST_BEFORE.into(), Value::from("unknown"));
        }
        capture
    }

    /// The source's counting of samples to ours.
    fn translate(&self, mut annotation: Annotation) -> Result<Annotation, MetadataError> {
        let at = self.starts.partition_point(|(source, _)| *source <= annotation.sample_start);
        let Some((source, ours)) = at.checked_sub(1).map(|at| self.starts[at]) else {
            let first = self.starts.first().map_or(0, |(source, _)| *source);
            return Err(MetadataError::Field {
                field: "core:sample_start of an annotation".into(),
                rule: format!("at least {first}, the first sample written"),
                got: annotation.sample_start.to_string(),
            });
        };
        annotation.sample_start = annotation.sample_start - source + ours;
        let end = annotation.sample_start.saturating_add(annotation.sample_count.unwrap_or(0));
        if end > self.samples {
            let field = Place::Annotation(0).to_string();
            return Err(MetadataError::BeyondData { field, end, samples: self.samples });
        }
        Ok(annotation)
    }

    /// All that is known by now.
    fn describe(&self) -> Result<Metadata, MetadataError> {
        let mut metadata = self.metadata.clone();
        let translated: Result<Vec<_>, _> =
            self.annotations.iter().map(|annotation| self.translate(annotation.clone())).collect();
        metadata.annotations = translated?;
        metadata.annotations.extend(self.gaps.iter().cloned());
        metadata.annotations.sort_by_key(|annotation| annotation.sample_start);
        if self.live {
            metadata.global.extra.insert(LIVE.into(), true.into());
        }
        let ours = |key: &String| key.starts_with("phy-sec:");
        let used = metadata.captures.iter().flat_map(|capture| capture.extra.keys()).any(ours)
            || metadata.annotations.iter().flat_map(|annotation| annotation.extra.keys()).any(ours)
            || metadata.global.extra.keys().any(ours);
        if used {
            let extensions = metadata.global.extensions.get_or_insert_default();
            if !extensions.iter().any(|extension| extension.name == EXTENSION) {
                let (name, version) = (EXTENSION.into(), EXTENSION_VERSION.into());
                extensions.push(Extension { name, version, optional: true });
            }
        }
        metadata.check()?;
        Ok(metadata)
    }
}

impl Sink for SigmfSink {
    fn write(&mut self, samples: ArrayView2<'_, Complex32>, read: &Read) -> Result<()> {
        if read.samples == 0 {
            return Ok(());
        }
        match (self.metadata.global.sample_rate, read.sample_rate) {
            (Some(have), Some(got)) if have != got => {
                let error = MetadataError::RateChanged { have, got };
                return Err(Error::Metadata { path: self.target.path().to_owned(), error });
            }
            (None, rate) => self.metadata.global.sample_rate = rate,
            _ => {}
        }
        let first = self.samples == 0;
        if self.live {
            let captures = self.captures();
            self.capture(read);
            self.gaps.extend(self.gap(read.lost_before));
            if !first && self.captures() > captures {
                // What lies before the gap, then that there is one, then what lies behind it.
                self.flush()?;
                self.save()?;
            }
        }
        let Self { target, encoder, hash, .. } = self;
        encoder.encode(samples, read, |bytes| {
            if let Some(hash) = hash {
                hash.update(bytes);
            }
            target.data().write(bytes)
        })?;
        if !self.live {
            self.capture(read);
        }
        self.samples += read.samples as u64;
        self.next = read.sample_start + read.samples as u64;
        if self.live && first {
            // Metadata of another recording must not stand beside these samples, not even for a moment.
            match std::fs::remove_file(self.target.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::Io { path: self.target.path().to_owned(), error });
                }
                _ => {}
            }
            self.target.data().publish()?;
            self.save()?;
        }
        Ok(())
    }

    fn annotate(&mut self, annotation: Annotation) -> Result<()> {
        self.annotations.push(annotation);
        Ok(())
    }

    fn clipped(&self) -> u64 {
        self.encoder.clipped()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let path = self.target.path().to_owned();
        if self.samples == 0 {
            return Err(Error::Empty { path });
        }
        let wrong = |error| Error::Metadata { path: path.clone(), error };
        // A live recording's metadata are there already, and are ours.
        let overwrite = self.overwrite || std::mem::take(&mut self.live);
        self.metadata.global.sha512 = self.hash.take().map(|hash| hex(&hash.finalize()));
        let mut json = Vec::new();
        self.describe().map_err(wrong)?.write(&mut json).map_err(wrong)?;
        self.target.finish(&json, overwrite)
    }
}

impl Target {
    fn create(path: &Path, overwrite: bool) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(META) || lower.ends_with(DATA) {
            let (data, meta) = (path.with_extension("sigmf-data"), path.with_extension("sigmf-meta"));
            if !overwrite && meta.symlink_metadata().is_ok() {
                return Err(Error::Exists { path: meta });
            }
            return Ok(Target::Pair { data: Partial::create(&data, overwrite)?, meta });
        }
        let Some(stem) =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".sigmf"))
        else {
            return Err(Error::Unsupported {
                format: "a SigMF archive",
                what: format!("the name {name:?}; use NAME.sigmf"),
            });
        };
        let mut file = Partial::create(path, overwrite)?;
        append(&mut file, &format!("{stem}/"), EntryType::Directory, &[])?;
        let header_at = file.bytes();
        // The size is not known yet: the header is written again at the end.
        append(&mut file, &format!("{stem}/{stem}{DATA}"), EntryType::Regular, &[])?;
        Ok(Target::Archive { stem: stem.into(), file, header_at })
    }

    fn path(&self) -> &Path {
        match self {
            Target::Pair { meta, .. } => meta,
            Target::Archive { file, .. } => file.target(),
        }
    }

    fn data(&mut self) -> &mut Partial {
        match self {
            Target::Pair { data, .. } => data,
            Target::Archive { file, .. } => file,
        }
    }

    fn finish(self, json: &[u8], overwrite: bool) -> Result<()> {
        match self {
            Target::Pair { data, meta } => {
                let mut file = Partial::create(&meta, overwrite)?;
                file.write(json)?;
                // The samples first: metadata never speaks of samples that are not there yet.
                data.finish()?;
                file.finish()
            }
            Target::Archive { mut file, stem, header_at } => {
                let bytes = file.bytes() - header_at - BLOCK;
                let name = format!("{stem}/{stem}{DATA}");
                let data = header(&name, bytes, EntryType::Regular).map_err(Error::io(file.target()))?;
                file.patch(header_at, data.as_bytes())?;
                pad(&mut file)?;
                append(&mut file, &format!("{stem}/{stem}{META}"), EntryType::Regular, json)?;
                file.write(&[0; 2 * BLOCK as usize])?;
                file.finish()
            }
        }
    }
}

fn append(file: &mut Partial, name: &str, kind: EntryType, content: &[u8]) -> Result<()> {
    let header = header(name, content.len() as u64, kind).map_err(Error::io(file.target()))?;
    file.write(header.as_bytes())?;
    file.write(content)?;
    pad(file)
}

fn pad(file: &mut Partial) -> Result<()> {
    let missing = file.bytes().next_multiple_of(BLOCK) - file.bytes();
    file.write(&[0; BLOCK as usize][..missing as usize])
}

impl Metadata {
    /// Writes a `.sigmf-meta` file, atomically: whoever reads it sees the old or the new, never a half.
    ///
    /// # Errors
    /// [`Error::Exists`] unless `overwrite`, [`Error::Metadata`], [`Error::Io`].
    pub fn save(&self, path: &Path, overwrite: bool) -> Result<()> {
        let mut json = Vec::new();
        self.write(&mut json).map_err(|error| Error::Metadata { path: path.to_owned(), error })?;
        let mut file = Partial::create(path, overwrite)?;
        file.write(&json)?;
        file.finish()
    }
}
