//! What a detector reports: a SigMF annotation with its evidence, one JSON object a line.
//!
//! The names with `core:` are those of the annotations of SigMF 1.2, so an event can be pasted into a
//! `.sigmf-meta` as it is; the others say on what the decision stands.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of [`Event`]'s JSON.
pub const SCHEMA: &str = "phy-sec.event/1";

/// Something that happened in a stretch of samples and a band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`SCHEMA`].
    pub schema: String,
    /// First sample, counted from the start of the stream or recording.
    #[serde(rename = "core:sample_start")]
    pub sample_start: u64,
    /// Number of samples.
    #[serde(rename = "core:sample_count")]
    pub sample_count: u64,
    /// Lower edge, Hz; absolute where the centre frequency was known, else relative to it.
    #[serde(rename = "core:freq_lower_edge")]
    pub freq_lower_edge: f64,
    /// Upper edge, Hz.
    #[serde(rename = "core:freq_upper_edge")]
    pub freq_upper_edge: f64,
    /// A word or two for a picture.
    #[serde(rename = "core:label")]
    pub label: String,
    /// Why, in a sentence.
    #[serde(rename = "core:comment")]
    pub comment: String,
    /// What kind: the detector's own list of classes, `unknown` among them.
    pub class: String,
    /// The figure that was compared with `threshold`; each detector says which.
    pub statistic: f64,
    /// What `statistic` had to reach.
    pub threshold: f64,
    /// Probability that one decision on noise alone reaches `threshold`.
    pub pfa: f64,
    /// Between 0 and 1, that there is something at all: not that the class is right.
    pub confidence: f64,
    /// What was measured of it, by name; `null` where it could not be.
    pub parameters: Map<String, Value>,
}

impl Event {
    /// One past the last sample.
    pub fn sample_end(&self) -> u64 {
        self.sample_start.saturating_add(self.sample_count)
    }

    /// Keeps `value` under `name`; a NaN or an infinity becomes `null`.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.parameters.insert(name.to_owned(), value.into());
    }

    /// A number of `parameters`, if it is there and not `null`.
    pub fn parameter(&self, name: &str) -> Option<f64> {
        self.parameters.get(name)?.as_f64()
    }
}

/// Writes `events` as newline-delimited JSON.
///
/// # Errors
/// Those of the writer.
pub fn write_ndjson<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    mut writer: impl Write,
) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut writer, event)?;
        writer.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let mut event = Event {
            schema: SCHEMA.into(),
            sample_start: (1 << 53) + 1, // more than a float holds
            sample_count: 512,
            freq_lower_edge: 433.9e6,
            freq_upper_edge: 434.1e6,
            label: "tone".into(),
            comment: "a \"line\"\nin two".into(),
            class: "tone".into(),
            statistic: 12.5,
            threshold: 6.0,
            pfa: 1e-6,
            confidence: 0.999,
            parameters: Map::new(),
        };
        event.set("jnr_db", 12.0);
        event.set("sweep_rate", f64::NAN);
        event
    }

    #[test]
    fn comes_back_unchanged_from_one_line_of_json() {
        let mut lines = Vec::new();
        write_ndjson(&[event(), event()], &mut lines).unwrap();
        let text = String::from_utf8(lines).unwrap();
        assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event());
        }
    }

    #[test]
    fn carries_the_names_of_sigmf() {
        let value = serde_json::to_value(event()).unwrap();
        for name in ["sample_start", "sample_count", "freq_lower_edge", "freq_upper_edge", "label", "comment"]
        {
            assert!(value.get(format!("core:{name}")).is_some(), "{name}");
        }
        assert_eq!(value["core:sample_start"], (1u64 << 53) + 1);
        assert_eq!(value["parameters"]["sweep_rate"], Value::Null);
    }
}
