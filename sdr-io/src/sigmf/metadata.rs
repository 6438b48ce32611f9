//! The metadata of a recording: typed where the specification has a name for it, kept as it is where not.

use std::{
    fmt,
    io::{Read, Write},
};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    fields::{Fields, Writer},
    json,
};
use crate::{Datatype, MAX_CHANNELS};

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

/// Largest index that the schema allows.
const MAX_INDEX: u64 = i64::MAX as u64;
/// Largest frequency and rate that the schema allows, Hz.
const MAX_HZ: f64 = 1e12;

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

    /// The rules of the specification that concern the metadata alone.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), MetadataError> {
        self.global.check()?;
        let mut before = self.offset();
        for (index, capture) in self.captures.iter().enumerate() {
            ascending("captures", index, capture.sample_start, &mut before)?;
            capture.check(Place::Capture(index))?;
        }
        let mut before = self.offset();
        for (index, annotation) in self.annotations.iter().enumerate() {
            ascending("annotations", index, annotation.sample_start, &mut before)?;
            annotation.check(Place::Annotation(index))?;
        }
        Ok(())
    }

    /// Refuses extensions that are required and in neither `known` nor this crate.
    pub(crate) fn check_extensions(&self, known: &[String]) -> Result<(), MetadataError> {
        let required = self.global.extensions.iter().flatten().filter(|extension| !extension.optional);
        for extension in required {
            if extension.name != super::sink::EXTENSION && !known.contains(&extension.name) {
                let Extension { name, version, .. } = extension.clone();
                return Err(MetadataError::Extension { name, version });
            }
        }
        Ok(())
    }
}

fn ascending(list: &'static str, index: usize, start: u64, before: &mut u64) -> Result<(), MetadataError> {
    if start < *before {
        if index == 0 {
            let rule = format!("at least the core:offset of {before}");
            let field = format!("{list}[0].core:sample_start");
            return Err(MetadataError::Field { field, rule, got: start.to_string() });
        }
        return Err(MetadataError::Unsorted { list, index, start, before: *before });
    }
    *before = start;
    Ok(())
}

fn check_range(
    place: Place,
    key: &str,
    value: Option<f64>,
    holds: impl Fn(f64) -> bool,
    rule: &str,
) -> Result<(), MetadataError> {
    match value {
        Some(value) if !holds(value) => {
            Err(MetadataError::Field { field: place.of(key), rule: rule.into(), got: value.to_string() })
        }
        _ => Ok(()),
    }
}

fn check_index(place: Place, key: &str, value: Option<u64>) -> Result<(), MetadataError> {
    match value {
        Some(value) if value > MAX_INDEX => Err(MetadataError::Field {
            field: place.of(key),
            rule: "from 0 to 2^63 - 1".into(),
            got: value.to_string(),
        }),
        _ => Ok(()),
    }
}

impl Global {
    fn check(&self) -> Result<(), MetadataError> {
        let place = Place::Global;
        let field = |key: &str, rule: &str, got: &str| {
            Err(MetadataError::Field { field: place.of(key), rule: rule.into(), got: got.into() })
        };
        let mut parts = self.version.split('.');
        let mut number =
            || parts.next().is_some_and(|part| part.bytes().next().is_some_and(|b| b.is_ascii_digit()));
        if !(number() && number() && number()) || self.version.len() > 64 {
            return field(
                "core:version",
                "a version such as 1.2.5",
                &format!("{:?}", shorten(&self.version)),
            );
        }
        check_range(
            place,
            "core:sample_rate",
            self.sample_rate,
            |rate| rate > 0.0 && rate <= MAX_HZ,
            "above 0 and at most 1e12 Hz",
        )?;
        if let Some(channels) = self.num_channels
            && !(1..=MAX_CHANNELS as u64).contains(&channels)
        {
            return field("core:num_channels", &format!("from 1 to {MAX_CHANNELS}"), &channels.to_string());
        }
        check_index(place, "core:offset", self.offset)?;
        check_index(place, "core:trailing_bytes", self.trailing_bytes)?;
        if let Some(digest) = &self.sha512
            && !(digest.len() == 128 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            let got = format!("{} characters: {:?}", digest.chars().count(), shorten(digest));
            return field("core:sha512", "128 hexadecimal digits", &got);
        }
        if let Some(name) = &self.dataset {
            check_dataset(name)?;
            if self.metadata_only == Some(true) {
                return Err(MetadataError::MetadataOnlyDataset { dataset: name.clone() });
            }
        }
        Ok(())
    }
}

/// A bare file name: whatever could be a path on any system, hide, or be cut off is not one.
fn check_dataset(name: &str) -> Result<(), MetadataError> {
    let rule = if name.is_empty() {
        "a file name"
    } else if name.len() > 255 {
        "at most 255 bytes long"
    } else if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) {
        "a bare file name without / \\ : * ? \" < > |"
    } else if name.chars().any(char::is_control) {
        "free of control characters"
    } else if name == "." || name == ".." {
        "a file, not a folder"
    } else if name.ends_with([' ', '.']) || name.starts_with(' ') {
        "without space at its ends or a dot at its end"
    } else {
        return Ok(());
    };
    Err(MetadataError::Dataset { rule, got: shorten(name) })
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

    fn check(&self, place: Place) -> Result<(), MetadataError> {
        check_index(place, "core:sample_start", Some(self.sample_start))?;
        check_index(place, "core:global_index", self.global_index)?;
        check_index(place, "core:header_bytes", self.header_bytes)?;
        check_range(place, "core:frequency", self.frequency, within, "within ±1e12 Hz")?;
        if let Some(text) = &self.datetime
            && super::segments::parse_datetime(text).is_none()
        {
            return Err(MetadataError::Field {
                field: place.of("core:datetime"),
                rule: "a time such as 2026-01-31T12:00:00.000Z".into(),
                got: format!("{:?}", shorten(text)),
            });
        }
        Ok(())
    }
}

fn within(hz: f64) -> bool {
    hz.abs() <= MAX_HZ
}

impl Annotation {
    /// An annotation of `sample_count` samples from `sample_start` on.
    pub fn new(sample_start: u64, sample_count: u64) -> Self {
        Self { sample_start, sample_count: Some(sample_count), ..Self::default() }
    }

    fn check(&self, place: Place) -> Result<(), MetadataError> {
        check_index(place, "core:sample_start", Some(self.sample_start))?;
        check_index(place, "core:sample_count", self.sample_count)?;
        check_range(place, "core:freq_lower_edge", self.freq_lower_edge, within, "within ±1e12 Hz")?;
        check_range(place, "core:freq_upper_edge", self.freq_upper_edge, within, "within ±1e12 Hz")?;
        match (self.freq_lower_edge, self.freq_upper_edge) {
            (Some(lower), Some(upper)) if lower > upper => Err(MetadataError::Field {
                field: place.of("core:freq_lower_edge"),
                rule: format!("at most core:freq_upper_edge, {upper}"),
                got: lower.to_string(),
            }),
            (Some(_), None) => Err(MetadataError::Missing { field: place.of("core:freq_upper_edge") }),
            (None, Some(_)) => Err(MetadataError::Missing { field: place.of("core:freq_lower_edge") }),
            _ => Ok(()),
        }
    }
}

// Objects from and to maps: each field once on the way in and once on the way out.

impl Global {
    pub(crate) fn from_map(map: Map<String, Value>) -> Result<Self, MetadataError> {
        let mut fields = Fields::new(map, Place::Global);
        let datatype = fields.text("core:datatype")?;
        let datatype = fields.required("core:datatype", datatype)?;
        let datatype = datatype.parse().map_err(|error: crate::Error| match error {
            crate::Error::Datatype { got, rule } => MetadataError::Field {
                field: Place::Global.of("core:datatype"),
                rule: format!("a datatype ({rule})"),
                got: format!("{:?}", shorten(&got)),
            },
            error => MetadataError::Io(error.to_string()),
        })?;
        let version = fields.text("core:version")?;
        Ok(Self {
            datatype,
            version: fields.required("core:version", version)?,
            sample_rate: fields.number("core:sample_rate")?,
            num_channels: fields.index("core:num_channels")?,
            offset: fields.index("core:offset")?,
            sha512: fields.text("core:sha512")?,
            dataset: fields.text("core:dataset")?,
            trailing_bytes: fields.index("core:trailing_bytes")?,
            metadata_only: fields.flag("core:metadata_only")?,
            description: fields.text("core:description")?,
            author: fields.text("core:author")?,
            hw: fields.text("core:hw")?,
            recorder: fields.text("core:recorder")?,
            license: fields.text("core:license")?,
            extensions: fields.extensions()?,
            extra: fields.rest(),
        })
    }
}

impl Serialize for Global {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut writer = Writer::new(serializer)?;
        writer.text("core:datatype", Some(&self.datatype.to_string()))?;
        writer.text("core:version", Some(&self.version))?;
        writer.number("core:sample_rate", self.sample_rate)?;
        writer.index("core:num_channels", self.num_channels)?;
        writer.index("core:offset", self.offset)?;
        writer.text("core:sha512", self.sha512.as_deref())?;
        writer.text("core:dataset", self.dataset.as_deref())?;
        writer.index("core:trailing_bytes", self.trailing_bytes)?;
        writer.any("core:metadata_only", self.metadata_only.as_ref())?;
        writer.text("core:description", self.description.as_deref())?;
        writer.text("core:author", self.author.as_deref())?;
        writer.text("core:hw", self.hw.as_deref())?;
        writer.text("core:recorder", self.recorder.as_deref())?;
        writer.text("core:license", self.license.as_deref())?;
        writer.any("core:extensions", self.extensions.as_ref())?;
        writer.finish(&self.extra)
    }
}

impl Capture {
    pub(crate) fn from_map(map: Map<String, Value>, index: usize) -> Result<Self, MetadataError> {
        let mut fields = Fields::new(map, Place::Capture(index));
        let start = fields.index("core:sample_start")?;
        Ok(Self {
            sample_start: fields.required("core:sample_start", start)?,
            global_index: fields.index("core:global_index")?,
            header_bytes: fields.index("core:header_bytes")?,
            frequency: fields.number("core:frequency")?,
            datetime: fields.text("core:datetime")?,
            extra: fields.rest(),
        })
    }
}

impl Serialize for Capture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut writer = Writer::new(serializer)?;
        writer.index("core:sample_start", Some(self.sample_start))?;
        writer.index("core:global_index", self.global_index)?;
        writer.index("core:header_bytes", self.header_bytes)?;
        writer.number("core:frequency", self.frequency)?;
        writer.text("core:datetime", self.datetime.as_deref())?;
        writer.finish(&self.extra)
    }
}

impl Annotation {
    pub(crate) fn from_map(map: Map<String, Value>, index: usize) -> Result<Self, MetadataError> {
        let mut fields = Fields::new(map, Place::Annotation(index));
        let start = fields.index("core:sample_start")?;
        Ok(Self {
            sample_start: fields.required("core:sample_start", start)?,
            sample_count: fields.index("core:sample_count")?,
            freq_lower_edge: fields.number("core:freq_lower_edge")?,
            freq_upper_edge: fields.number("core:freq_upper_edge")?,
            label: fields.text("core:label")?,
            comment: fields.text("core:comment")?,
            generator: fields.text("core:generator")?,
            uuid: fields.text("core:uuid")?,
            extra: fields.rest(),
        })
    }
}

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut writer = Writer::new(serializer)?;
        writer.index("core:sample_start", Some(self.sample_start))?;
        writer.index("core:sample_count", self.sample_count)?;
        writer.number("core:freq_lower_edge", self.freq_lower_edge)?;
        writer.number("core:freq_upper_edge", self.freq_upper_edge)?;
        writer.text("core:label", self.label.as_deref())?;
        writer.text("core:comment", self.comment.as_deref())?;
        writer.text("core:generator", self.generator.as_deref())?;
        writer.text("core:uuid", self.uuid.as_deref())?;
        writer.finish(&self.extra)
    }
}

/// From any other object with SigMF's names, such as a detector's event.
impl<'de> Deserialize<'de> for Annotation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        Annotation::from_map(map, 0).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("global", &self.global)?;
        map.serialize_entry("captures", &self.captures)?;
        map.serialize_entry("annotations", &self.annotations)?;
        for (key, value) in &self.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
