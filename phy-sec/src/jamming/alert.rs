//! An event in the words of other people's tools: the field names of the Elastic Common Schema, and the technique's number in
//! MITRE FiGHT.
//!
//! # Source
//! Elastic Common Schema 8: `event.*`, `threat.*`, `observer.*`. MITRE FiGHT: technique FGT5035, data source FGDS5001.001.

use serde_json::{Value, json};

use super::classify::Class;
use crate::event::Event;

/// The version of [`alert`]'s JSON.
pub const SCHEMA: &str = "phy-sec.alert/1";

/// Where and when an event was seen, which the samples do not say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// ISO 8601, UTC, of its first and its last sample; `None` where nobody knows.
    pub start: Option<String>,
    /// The end.
    pub end: Option<String>,
    /// When the alert was made.
    pub created: Option<String>,
    /// The receiver.
    pub observer: String,
    /// Hz.
    pub sample_rate: f64,
}

/// What answers a class of jammer best, as far as its class alone says.
pub fn answer(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Tone => {
            ("notch", "a notch filter at its frequency takes it out and leaves the rest of the band")
        }
        Class::Sweep => ("tracking_notch", "a notch that follows its frequency, or excision per short block"),
        Class::Pulsed => ("pulse_blanking", "blank the samples under its pulses; interleaving bridges them"),
        Class::Wideband => (
            "spatial_nulling",
            "it fills the band: null its direction with several antennas, or change the band",
        ),
        Class::Unknown => {
            ("record", "record it, look at the spectrum, and change the band if the link fails")
        }
    }
}

/// `event` as one JSON object with ECS's field names.
pub fn alert(event: &Event, seen: &Seen) -> Value {
    let class =
        Class::ALL.iter().copied().find(|class| class.name() == event.class).unwrap_or(Class::Unknown);
    let (answer, why) = answer(class);
    let duration = event.sample_count as f64 / seen.sample_rate;
    // ECS knows 0 to 100; how sure that there is something, and a class that is not known is less to act on.
    let risk = (event.confidence * if class == Class::Unknown { 50.0 } else { 90.0 }).round();
    json!({
        "schema": SCHEMA,
        "@timestamp": seen.start.as_ref().or(seen.created.as_ref()),
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection", "network"],
            "type": ["info"],
            "module": "phy-sec",
            "dataset": "phy-sec.jamming",
            "action": "jamming-detected",
            "start": seen.start,
            "end": seen.end,
            "created": seen.created,
            "duration": (duration * 1e9).round(),
            "risk_score": risk,
            "reason": event.comment,
        },
        "message": format!(
            "{} from {:.0} to {:.0} Hz for {duration:.6} s",
            event.label, event.freq_lower_edge, event.freq_upper_edge
        ),
        "threat": {
            "framework": "MITRE FiGHT",
            "technique": { "id": ["FGT5035"] },
        },
        "observer": {
            "vendor": "phy-sec",
            "product": "monitor",
            "type": "spectrum-sensor",
            "version": env!("CARGO_PKG_VERSION"),
            "name": seen.observer,
        },
        "phy_sec": {
            "data_source": "FGDS5001.001",
            "class": event.class,
            "sample_start": event.sample_start,
            "sample_count": event.sample_count,
            "freq_lower_edge": event.freq_lower_edge,
            "freq_upper_edge": event.freq_upper_edge,
            "statistic": event.statistic,
            "threshold": event.threshold,
            "pfa": event.pfa,
            "confidence": event.confidence,
            "parameters": event.parameters,
            "answer": { "method": answer, "why": why },
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn every_class_has_an_answer_and_every_number_survives() {
        for class in Class::ALL {
            let mut event = Event {
                schema: crate::event::SCHEMA.into(),
                sample_start: (1 << 53) + 1,
                sample_count: 2_000_000,
                freq_lower_edge: 1e9,
                freq_upper_edge: 1.1e9,
                label: class.name().into(),
                comment: "why".into(),
                class: class.name().into(),
                statistic: 12.0,
                threshold: 4.0,
                pfa: 1e-4,
                confidence: 0.999,
                parameters: Map::new(),
            };
            event.set("jnr_db", f64::NAN);
            let seen =
                Seen { sample_rate: 1e6, start: Some("2026-01-01T00:00:00Z".into()), ..Seen::default() };
            let alert = alert(&event, &seen);
            assert_eq!(alert["@timestamp"], "2026-01-01T00:00:00Z");
            assert_eq!(alert["event"]["duration"], 2e9);
            assert_eq!(alert["threat"]["technique"]["id"][0], "FGT5035");
            assert_eq!(alert["phy_sec"]["data_source"], "FGDS5001.001");
            assert_eq!(alert["phy_sec"]["sample_start"], (1u64 << 53) + 1);
            assert_eq!(alert["phy_sec"]["parameters"]["jnr_db"], Value::Null);
            assert!(!alert["phy_sec"]["answer"]["why"].as_str().unwrap().is_empty());
            assert_eq!(alert["event"]["risk_score"], if *class == Class::Unknown { 50.0 } else { 90.0 });
        }
    }
}
