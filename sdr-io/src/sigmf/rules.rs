//! What the specification asks of metadata, as far as it concerns the metadata alone.

use super::{
    metadata::{Annotation, Capture, Extension, Global, Metadata, MetadataError, Place, shorten},
    segments::parse_datetime,
    sink::EXTENSION,
};
use crate::MAX_CHANNELS;

/// Largest index that the schema allows.
const MAX_INDEX: u64 = i64::MAX as u64;
/// Largest frequency and rate that the schema allows, Hz.
const MAX_HZ: f64 = 1e12;

impl Metadata {
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
            if extension.name != EXTENSION && !known.contains(&extension.name) {
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

impl Capture {
    fn check(&self, place: Place) -> Result<(), MetadataError> {
        check_index(place, "core:sample_start", Some(self.sample_start))?;
        check_index(place, "core:global_index", self.global_index)?;
        check_index(place, "core:header_bytes", self.header_bytes)?;
        check_range(place, "core:frequency", self.frequency, within, "within ±1e12 Hz")?;
        if let Some(text) = &self.datetime
            && parse_datetime(text).is_none()
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

impl Annotation {
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

fn within(hz: f64) -> bool {
    hz.abs() <= MAX_HZ
}
