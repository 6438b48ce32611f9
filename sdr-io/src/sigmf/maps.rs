//! Metadata from and to JSON objects: each field once on the way in and once on the way out.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    fields::{Fields, Writer},
    metadata::{Annotation, Capture, Global, Metadata, MetadataError, Place, shorten},
};

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
