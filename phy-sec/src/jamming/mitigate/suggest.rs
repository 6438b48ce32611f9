//! Which answer fits which jammer.

use serde::Serialize;

use super::{Blanking, Excision, Mask, Mitigation, Notch};
use crate::event::Event;

/// What can be done about an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// For the samples of one antenna; `null` where nothing in one antenna's samples helps.
    pub mitigation: Option<Mitigation>,
    /// Whether several antennas would: a jammer from one direction is nulled whatever it sends.
    pub array: bool,
    /// Bands to leave, Hz, on the event's scale; empty where there is nowhere to go.
    pub avoid: Vec<(f64, f64)>,
    /// Why, in a sentence.
    pub why: &'static str,
}

/// The answer that fits the class, with its parameters from the event's.
///
/// - `sample_rate`: Hz
/// - `center_frequency`: that the event's frequencies are relative to, Hz
///
/// Any class is taken by its name; one that is not known here is answered as `unknown`.
#[must_use]
pub fn suggest(event: &Event, sample_rate: f64, center_frequency: f64) -> Suggestion {
    let (low, high) = (event.freq_lower_edge, event.freq_upper_edge);
    let width = (high - low).max(0.0);
    let avoid = if width < 0.9 * sample_rate { vec![(low, high)] } else { Vec::new() };
    let inside = |f: f64| (f - center_frequency).clamp(-sample_rate / 2.0, sample_rate / 2.0);
    let band = (inside(low), inside(high));
    let some =
        |mitigation, why| Suggestion { mitigation: Some(mitigation), array: true, avoid: avoid.clone(), why };
    let none = |why| Suggestion { mitigation: None, array: true, avoid: avoid.clone(), why };
    match event.class.as_str() {
        "tone" => {
            let line = event.parameter("center_frequency").unwrap_or((low + high) / 2.0);
            // As wide as the frequency is uncertain: a bin of the event.
            let bandwidth = width.clamp(1e-3 * sample_rate, 0.1 * sample_rate);
            some(
                Mitigation::Notch(Notch { frequencies: vec![inside(line)], bandwidth: Some(bandwidth) }),
                "one line: a notch costs the victim next to nothing",
            )
        }
        "multi_tone" => some(
            Mitigation::Excision(Excision { size: 1024, ..Default::default() }),
            "several lines: excision finds each of them by itself",
        ),
        "sweep" => {
            let rate = event.parameter("sweep_rate").map(f64::abs).filter(|rate| *rate > 0.0);
            let best = rate.map_or(256.0, |rate| (sample_rate / rate.sqrt()).clamp(16.0, 4096.0));
            let size = 1 << (best.log2().round() as u32);
            some(
                Mitigation::Excision(Excision { size, ..Default::default() }),
                "a line that moves: excision in frames in which it stays within a bin or two",
            )
        }
        "pulsed" => {
            let period = event.parameter("pulse_period").filter(|period| *period > 0.0);
            let block =
                period.map_or(16_384.0, |period| (8.0 * period * sample_rate).clamp(4096.0, 262_144.0));
            // A level that pauses alone decide.
            let rank = event.parameter("duty").map_or(0.3, |duty| (0.5 * (1.0 - duty)).clamp(0.05, 0.5));
            some(
                Mitigation::Blanking(Blanking { block: block as usize, rank, ..Default::default() }),
                "pulses: what they hit is lost, what is between them is not",
            )
        }
        "hopping" => some(
            Mitigation::Excision(Excision::default()),
            "a narrow band at a time: excision follows it from frame to frame",
        ),
        "wideband" | "partial_band" | "barrage" if width < 0.5 * sample_rate => some(
            Mitigation::Mask(Mask { bands: vec![band], size: 1024 }),
            "noise in a part of the band: leave that part",
        ),
        "wideband" | "barrage" | "partial_band" => {
            none("noise over the whole band: only an array, or another channel, helps")
        }
        "reactive" => none("it answers each transmission: an array, or sending where it does not listen"),
        "pilots" | "pilot" | "preambles" | "preamble" | "protocol_aware" => {
            none("it knows the protocol: an array, or pilots and preambles where it does not expect them")
        }
        "replay" => none("it sends what the victim sends: an array, and authentication of the sender"),
        _ if width < 0.5 * sample_rate => some(
            Mitigation::Excision(Excision::default()),
            "of no known kind, and narrow: excision assumes the least",
        ),
        _ => none("of no known kind, and wide: only an array, or another channel, helps"),
    }
}
