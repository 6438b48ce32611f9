//! The metadata of a recording: typed where the specification has a name for it, kept as it is where not.

use std::{
    fmt,
    io::{Read, Write},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json;
use crate::Datatype;

/// What is wrong with SigMF metadata, and where: `captures[3].core:frequency`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message prints
pub enum MetadataError {
    /// Not one byte.
    #[error("the metadata is empty")]
    Empty,
    /// It begins with the mark of an encoding: SigMF is UTF-8 without one.
    #[error("the metadata begins with a {mark}; SigMF is UTF-8 without a mark")]
    Encoding { mark: &'static str },
    /// Not JSON.
    #[error("not JSON: {problem} at line {line} column {column}")]
    Json { problem: String, line: usize, column: usize },
    /// The file could not be read to its end.
    #[error("the metadata could not be read: {0}")]
    Io(String),
    /// More of something than any recording needs.
    #[error("more than {limit} {what}")]
    TooMuch { what: &'static str, limit: u64 },
    /// The same key twice in one object: readers would disagree about it.
    #[error("the key `{key}` occurs twice in one object, at line {line} column {column}")]
    DuplicateKey { key: String, line: usize, column: usize },
    /// A required field is not there.
    #[error("{field} is missing")]
    Missing { field: String },
    /// A value of the wrong kind, or outside its range.
    #[error("{field} must be {rule}, got {got}")]
    Field { field: String, rule: String, got: String },
    /// Captures or annotations whose beginnings go backwards.
    #[error("{list}[{index}] begins at sample {start}, before the one in front of it at {before}")]
    Unsorted { list: &'static str, index: usize, start: u64, before: u64 },
    /// It speaks of samples that do not exist.
    #[error("{field} reaches to sample {end}, the data end at {samples}")]
    BeyondData { field: String, end: u64, samples: u64 },
    /// The headers or trailers that are to be skipped are longer than the file.
    #[error("{field} is {bytes}, but only {left} bytes are left there")]
    BeyondFile { field: String, bytes: u64, left: u64 },
    /// The name of the dataset could lead to another folder or is not a name.
    #[error("core:dataset must be {rule}, got {got:?}")]
    Dataset { rule: &'static str, got: String },
    /// Both cannot hold.
    #[error("core:metadata_only is true, yet core:dataset names {dataset:?}")]
    MetadataOnlyDataset { dataset: String },
    /// There are no samples to read, on purpose.
    #[error("core:metadata_only is true and there are no samples")]
    MetadataOnly,
    /// The recording cannot be understood without this extension.
    #[error("the extension {name} {version} is required and not known")]
    Extension { name: String, version: String },
    /// `SigMF` allows one sample rate in a recording.
    #[error("a recording has one sample rate: {have} Hz, got a block at {got} Hz")]
    RateChanged { have: f64, got: f64 },
}

/// The contents of a `.sigmf-meta` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// What holds for the whole recording.
    pub global: Global,
    /// Stretches that were recorded at once, by ascending `sample_start`.
    pub captures: Vec<Capture>,
    /// What is to be seen in the samples, by ascending `sample_start`.
    pub annotations: Vec<Annotation>,
    /// Other keys beside the three.
    pub extra: Map<String, Value>,
}

/// What holds for the whole recording. `None` is a key that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Global {
    /// How the samples are stored.
    pub datatype: Datatype,
    /// Version of the specification, `1.2.5`.
    pub version: String,
    /// Hz.
    pub sample_rate: Option<f64>,
    /// Channels, interleaved sample by sample; 1 if `None`.
    pub num_channels: Option<u64>,
    /// Index of the first sample of the dataset; 0 if `None`.
    pub offset: Option<u64>,
    /// 128 hexadecimal digits, of the whole dataset file.
    pub sha512: Option<String>,
    /// Name of a dataset file that is not `NAME.sigmf-data`.
    pub dataset: Option<String>,
    /// Bytes after the last sample.
    pub trailing_bytes: Option<u64>,
    /// The dataset is left out on purpose.
    pub metadata_only: Option<bool>,
    /// What the recording is.
    pub description: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// The receiver.
    pub hw: Option<String>,
    /// The program that recorded it.
    pub recorder: Option<String>,
    /// URL of the licence.
    pub license: Option<String>,
    /// The extensions whose keys are used.
    pub extensions: Option<Vec<Extension>>,
    /// All other keys, in their order.
    pub extra: Map<String, Value>,
}

/// A namespace of further keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// What stands before the colon of its keys.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether a reader may do without.
    pub optional: bool,
}

/// A stretch that was recorded at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capture {
    /// Index of its first sample.
    pub sample_start: u64,
    /// Index of its first sample in the original stream, lost samples included.
    pub global_index: Option<u64>,
    /// Bytes in front of its first sample.
    pub header_bytes: Option<u64>,
    /// Centre frequency in Hz.
    pub frequency: Option<f64>,
    /// When its first sample was taken; ISO 8601, UTC.
    pub datetime: Option<String>,
    /// All other keys, in their order.
    pub extra: Map<String, Value>,
}

/// What is to be seen in some samples: an event, in the words that SigMF has for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// Index of the first sample.
    pub sample_start: u64,
    /// How many; to the end of the capture if `None`.
    pub sample_count: Option<u64>,
    /// Hz; given together with the other edge.
    pub freq_lower_edge: Option<f64>,
    /// Hz.
    pub freq_upper_edge: Option<f64>,
    /// Short name.
    pub label: Option<String>,
    /// In words.
    pub comment: Option<String>,
    /// Who or what says so.
    pub generator: Option<String>,
    /// RFC 4122.
    pub uuid: Option<String>,
    /// All other keys, in their order.
    pub extra: Map<String, Value>,
}

/// Where an object stands, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Global,
    Capture(usize),
    Annotation(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Global => f.write_str("global"),
            Place::Capture(index) => write!(f, "captures[{index}]"),
            Place::Annotation(index) => write!(f, "annotations[{index}]"),
        }
    }
}

impl Place {
    pub(crate) fn of(self, key: &str) -> String {
        format!("{self}.{key}")
    }
}

impl Metadata {
    /// For a new recording: the two required fields, no captures, no annotations.
    pub fn new(datatype: Datatype) -> Self {
        let global = Global {
            datatype,
            version: "1.2.5".into(),
            sample_rate: None,
            num_channels: None,
            offset: None,
            sha512: None,
            dataset: None,
            trailing_bytes: None,
            metadata_only: None,
            description: None,
            author: None,
            hw: None,
            recorder: None,
            license: None,
            extensions: None,
            extra: Map::new(),
        };
        Self { global, captures: Vec::new(), annotations: Vec::new(), extra: Map::new() }
    }

    /// Reads and checks metadata, never more than [`MAX_BYTES`](super::MAX_BYTES) of it.
    ///
    /// # Errors
    /// [`MetadataError`]: not JSON, beyond the limits, or against the specification.
    pub fn read(reader: impl Read) -> Result<Self, MetadataError> {
        let metadata = json::read(reader)?;
        metadata.check()?;
        Ok(metadata)
    }

    /// [`Metadata::read`] from memory.
    ///
    /// # Errors
    /// As [`Metadata::read`].
    pub fn parse(json: &[u8]) -> Result<Self, MetadataError> {
        Self::read(json)
    }

    /// Checks and writes it, indented by four as `sigmf-python` does. Reading it back gives the same.
    ///
    /// # Errors
    /// [`MetadataError`] if a field breaks a rule, or the writer fails.
    pub fn write(&self, mut writer: impl Write) -> Result<(), MetadataError> {
        self.check()?;
        let io = |error: &dyn fmt::Display| MetadataError::Io(error.to_string());
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut writer, formatter))
            .map_err(|error| io(&error))?;
        writer.write_all(b"\n").and_then(|()| writer.flush()).map_err(|error| io(&error))
    }

    /// Channels of the dataset.
    pub fn channels(&self) -> usize {
        // `check` keeps it below MAX_CHANNELS.
        self.global.num_channels.map_or(1, |channels| usize::try_from(channels).unwrap_or(usize::MAX))
    }

    /// Index of the first sample.
    pub fn offset(&self) -> u64 {
        self.global.offset.unwrap_or(0)
    }
}

/// What a message quotes of a long text.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl Capture {
    /// A capture from `sample_start` on, of which nothing else is known.
    pub fn new(sample_start: u64) -> Self {
        Self { sample_start, ..Self::default() }
    }
}

impl Annotation {
    /// An annotation of `sample_count` samples from `sample_start` on.
    pub fn new(sample_start: u64, sample_count: u64) -> Self {
        Self { sample_start, sample_count: Some(sample_count), ..Self::default() }
    }
}
