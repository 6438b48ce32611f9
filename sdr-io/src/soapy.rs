//! Radios through SoapySDR (feature `soapy`): samples in, samples out, and what there is.
//!
//! | you want | you call |
//! | --- | --- |
//! | samples from a radio | [`crate::open`] with `soapy:driver=uhd?rate=20M&freq=2.437G`, or [`SoapySource`] |
//! | to transmit | [`crate::create`] with the same, or [`SoapySink`], which also sends at a stated time |
//! | the radios that there are | [`find`], with a driver; [`modules`] for the drivers that are installed |
//! | what one of them can do | [`describe`] |
//!
//! What a radio is asked for is a [`RadioOptions`], whose fields are the keys of the URI. What it answered is read back:
//! see [`SoapySource::notes`](crate::Source::notes).
//!
//! # Loss
//!
//! A driver tells of lost samples in one of many ways, or in none. Every block is placed by its time stamp where there is
//! one, to half a sample; a code for an overflow, from the read or from the status call, which no gap in the time explains
//! is a loss of unknown size. Nothing that was announced as a loss is ever joined: see [`crate::Lost`].

mod describe;
mod ffi;
mod options;
mod place;
mod settings;
mod sink;
mod source;

pub use describe::{ChannelDescription, Description, Range, describe, enumerate_here, find, modules};
pub use options::{Correction, RadioOptions, SampleFormat};
pub use sink::{SinkCounters, SoapySink};
pub use source::{SoapySource, SourceCounters};
