//! Jamming detection: from a stream of samples to timed events.
//!
//! ```text
//! samples ─► blocks of power spectra ─► louder than anything learned? ─► lasts? ─► class, band, figures ─► Event
//! ```
//!
//! - [`detect`]: constant-false-alarm-rate methods with multipliers exact for the looks and cells at hand
//! - [`classify`]: what kind of jammer it is
//! - [`Monitor`]: the stream, its events and its [`State`]; [`detect_jamming`]: a block at once
//! - [`alert`]: an event in the field names of the Elastic Common Schema
//! - [`mod@array`]: which way it is, by an array of antennas
//! - [`mod@locate`]: where it is, by several sensors
//! - [`mod@mitigate`]: what can be taken out of the samples
//!
//! # What it can not know
//!
//! A jammer is told from legitimate signals by being louder, bin by bin, than everything that was there while
//! the monitor learned, and by lasting. So wide jamming that is on from the first sample looks like noise: it
//! becomes the reference ([`Config::noise_power`] is the way out). A legitimate sender that is new and loud and
//! stays is reported too. A steady line from the first sample on is reported as possibly the receiver's own.

pub mod alert;
pub mod array;
mod candidate;
pub mod classify;
mod config;
pub mod detect;
pub mod locate;
pub mod mitigate;
mod monitor;
mod reference;
mod standing;
mod state;
mod unjudged;

use num_complex::Complex32;

pub use classify::Class;
pub use config::Config;
pub use monitor::{Counts, Monitor};
pub use state::{State, StateConfig, Transition};
pub use unjudged::unjudged;

use crate::{Backend, Result, event::Event};

/// The events of a block of samples, in the order in which they ended: [`Monitor`] over all of it.
///
/// - `x`: complex baseband, full scale 1
///
/// An empty list says that there is no jammer; where nothing could be judged there is no list.
///
/// # Errors
/// [`crate::Error::OutOfRange`] for the configuration, [`crate::Error::NotFinite`] for a sample that is no number, and
/// those of [`unjudged`].
pub fn detect_jamming(x: &[Complex32], config: Config, backend: Backend) -> Result<Vec<Event>> {
    let mut monitor = Monitor::new(config, backend)?;
    let mut events = monitor.push(x)?;
    events.extend(monitor.finish()?);
    match unjudged(monitor.counts(), x, monitor.config()) {
        Some(error) if events.is_empty() => Err(error),
        _ => Ok(events),
    }
}

#[cfg(test)]
mod tests;
