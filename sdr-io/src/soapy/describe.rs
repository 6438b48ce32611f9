//! The radios that there are, and what each can do.

use serde::{Deserialize, Serialize};

use super::ffi::{self, Device, Direction};
use crate::{Error, RadioError, Result};

/// From, to, and in which steps; 0 where there are none or nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Least value.
    pub minimum: f64,
    /// Greatest value.
    pub maximum: f64,
    /// Distance of two values.
    pub step: f64,
}

impl From<soapysdr_sys::SoapySDRRange> for Range {
    fn from(range: soapysdr_sys::SoapySDRRange) -> Self {
        // JSON has no infinity, and some drivers say that a range has no end.
        let finite = |x: f64| if x.is_finite() { x } else { f64::MAX.copysign(x) };
        Self { minimum: finite(range.minimum), maximum: finite(range.maximum), step: finite(range.step) }
    }
}

/// What one channel can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelDescription {
    /// Its number.
    pub channel: usize,
    /// Whether it receives and transmits at once.
    pub full_duplex: bool,
    /// Names of the antennas.
    pub antennas: Vec<String>,
    /// All of the gain, in dB.
    pub gain: Range,
    /// Each element's gain, in dB.
    pub gains: Vec<(String, Range)>,
    /// Whether it controls its gain.
    pub agc: bool,
    /// Hz.
    pub sample_rates: Vec<Range>,
    /// Hz.
    pub frequencies: Vec<Range>,
    /// Hz.
    pub bandwidths: Vec<Range>,
    /// SoapySDR's names of the formats.
    pub formats: Vec<String>,
    /// The format that the hardware has, and the code of full scale in it.
    pub native_format: (String, f64),
}

/// What a radio can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The driver's name.
    pub driver: String,
    /// The hardware's name.
    pub hardware: String,
    /// What else the driver says of it.
    pub details: Vec<(String, String)>,
    /// Channels that receive.
    pub receive: Vec<ChannelDescription>,
    /// Channels that transmit.
    pub transmit: Vec<ChannelDescription>,
    /// Whether samples have times.
    pub hardware_time: bool,
    /// Names of the sources of the reference clock.
    pub clock_sources: Vec<String>,
    /// Names of the sources of the pulse per second.
    pub time_sources: Vec<String>,
    /// Keys of the driver's settings.
    pub settings: Vec<String>,
}

/// The radios of a driver that are connected, each by the arguments that open it. `filter` needs a `driver`: without one every
/// module that is installed is asked, in this process, and some are known to crash.
///
/// # Errors
/// [`Error::Option`] without a `driver`.
pub fn find(filter: &[(String, String)]) -> Result<Vec<Vec<(String, String)>>> {
    if !filter.iter().any(|(key, value)| key == "driver" && !value.is_empty()) {
        let rule = "stated: without it every module is run, and some crash".into();
        return Err(Error::Option { option: "driver", rule, got: "none".into() });
    }
    Ok(ffi::enumerate(filter))
}

/// Loads one module, or none, and lists the radios of all that this process has loaded by then. **This may end the
/// process**: call it in one that may die, with `SOAPY_SDR_ROOT` set to a folder without modules, lest all be loaded.
///
/// # Errors
/// [`Error::Radio`] if the module cannot be loaded.
pub fn enumerate_here(module: Option<&str>) -> Result<Vec<Vec<(String, String)>>> {
    if let Some(path) = module {
        ffi::load(path).map_err(|error| Error::Radio { device: path.to_owned(), error })?;
    }
    Ok(ffi::enumerate(&[]))
}

/// Files of the modules that are installed; each brings one driver or more. Nothing is loaded.
pub fn modules() -> Vec<String> {
    ffi::modules()
}

/// Opens a radio and asks what it can do.
///
/// # Errors
/// [`Error::Radio`] if it cannot be opened.
pub fn describe(args: &[(String, String)]) -> Result<Description> {
    let device = Device::open(args).map_err(|error: RadioError| Error::Radio {
        device: super::RadioOptions::new(args.to_vec()).name(),
        error,
    })?;
    let (driver, hardware, details) = device.hardware();
    let channels = |direction| {
        let count = device.channels(direction).min(super::source::MAX_RADIO_CHANNELS);
        (0..count).map(|channel| describe_channel(&device, direction, channel)).collect()
    };
    Ok(Description {
        driver,
        hardware,
        details,
        receive: channels(Direction::Receive),
        transmit: channels(Direction::Transmit),
        hardware_time: device.has_time(),
        clock_sources: device.clock_sources(),
        time_sources: device.time_sources(),
        settings: device.settings(),
    })
}

fn describe_channel(device: &Device, direction: Direction, channel: usize) -> ChannelDescription {
    let ranges = |ranges: Vec<soapysdr_sys::SoapySDRRange>| ranges.into_iter().map(Range::from).collect();
    let gains = device.gains(direction, channel).into_iter().map(|name| {
        let range = device.gain_element_range(direction, channel, &name).into();
        (name, range)
    });
    ChannelDescription {
        channel,
        full_duplex: device.full_duplex(direction, channel),
        antennas: device.antennas(direction, channel),
        gain: device.gain_range(direction, channel).into(),
        gains: gains.collect(),
        agc: device.has_agc(direction, channel),
        sample_rates: ranges(device.sample_rates(direction, channel)),
        frequencies: ranges(device.frequencies(direction, channel)),
        bandwidths: ranges(device.bandwidths(direction, channel)),
        formats: device.formats(direction, channel),
        native_format: device.native_format(direction, channel),
    }
}
