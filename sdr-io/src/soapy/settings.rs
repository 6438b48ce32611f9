//! Setting up a radio, and reading back what it made of it: setters clamp in silence.

use super::{
    ffi::{Device, Direction},
    options::{Correction, RadioOptions, SampleFormat},
};
use crate::RadioError;

type Result<T> = std::result::Result<T, RadioError>;

/// What a rate or frequency may be off before it is another one.
const TOLERANCE: f64 = 100e-6;

/// What the radio answered.
pub(super) struct Settled {
    pub(super) sample_rate: f64,
    pub(super) center_frequency: f64,
    pub(super) format: SampleFormat,
    /// Components of the stream times this are full scale 1, after the format's own scaling.
    pub(super) scale: f32,
    pub(super) notes: Vec<String>,
}

/// Asks for everything in `options`, and compares.
pub(super) fn apply(device: &Device, direction: Direction, options: &RadioOptions) -> Result<Settled> {
    let there = device.channels(direction);
    if let Some(channel) = options.channels.iter().find(|channel| **channel >= there) {
        let what = if direction == Direction::Receive { "receive channel" } else { "transmit channel" };
        let there = if there == 0 { "none".into() } else { format!("0 to {}", there - 1) };
        return Err(RadioError::NotThere { what, got: channel.to_string(), there });
    }
    let mut notes = Vec::new();
    if let Some(source) = &options.clock_source {
        named("clock source", source, &device.clock_sources())?;
        device.set_clock_source(source)?;
        same(&mut notes, "clock source", source, &device.clock_source());
    }
    if let Some(source) = &options.time_source {
        named("time source", source, &device.time_sources())?;
        device.set_time_source(source)?;
        same(&mut notes, "time source", source, &device.time_source());
    }
    if let Some(hertz) = options.master_clock {
        device.set_master_clock(hertz)?;
    }
    for (key, value) in &options.settings {
        // Some drivers take a setting that they do not have without a word.
        named("device setting", key, &device.settings())?;
        device.set_setting(key, value)?;
    }
    for &channel in &options.channels {
        apply_channel(device, direction, channel, options, &mut notes)?;
    }
    let first = options.channels[0];
    let sample_rate = device.sample_rate(direction, first);
    if !(sample_rate > 0.0 && sample_rate.is_finite()) {
        return Err(RadioError::Refused {
            call: "read the sample rate",
            text: format!("it says {sample_rate} Hz"),
        });
    }
    if let Some(&other) = options.channels.iter().find(|c| device.sample_rate(direction, **c) != sample_rate)
    {
        let text = format!("channel {other} has another rate than channel {first}");
        return Err(RadioError::Refused { call: "stream several channels", text });
    }
    let (format, scale) = format(device, direction, first, options.format)?;
    let center_frequency = device.frequency(direction, first);
    Ok(Settled { sample_rate, center_frequency, format, scale, notes })
}

fn apply_channel(
    device: &Device,
    direction: Direction,
    channel: usize,
    options: &RadioOptions,
    notes: &mut Vec<String>,
) -> Result<()> {
    if let Some(antenna) = &options.antenna {
        named("antenna", antenna, &device.antennas(direction, channel))?;
        device.set_antenna(direction, channel, antenna)?;
        same(notes, "antenna", antenna, &device.antenna(direction, channel));
    }
    if let Some(ppm) = options.ppm {
        device.set_correction(direction, channel, ppm)?;
        close(notes, "frequency correction", "ppm", ppm, device.correction(direction, channel), 0.01);
    }
    if let Some(asked) = options.sample_rate {
        device.set_sample_rate(direction, channel, asked)?;
        settled(notes, options, "sample rate", asked, device.sample_rate(direction, channel))?;
    }
    if let Some(asked) = options.center_frequency {
        device.set_frequency(direction, channel, asked)?;
        settled(notes, options, "frequency", asked, device.frequency(direction, channel))?;
    }
    if let Some(asked) = options.bandwidth {
        device.set_bandwidth(direction, channel, asked)?;
        close(notes, "bandwidth", "Hz", asked, device.bandwidth(direction, channel), asked * 0.01);
    }
    if let Some(automatic) = options.agc {
        if automatic && !device.has_agc(direction, channel) {
            return Err(RadioError::Refused {
                call: "set the gain control",
                text: "the radio has none".into(),
            });
        }
        if device.has_agc(direction, channel) {
            device.set_agc(direction, channel, automatic)?;
            switched(notes, "gain control", automatic, device.agc(direction, channel));
        }
    }
    if let Some(db) = options.gain {
        device.set_gain(direction, channel, db)?;
        let step = device.gain_range(direction, channel).step;
        close(notes, "gain", "dB", db, device.gain(direction, channel), step / 2.0 + 0.05);
    }
    for (name, db) in &options.gains {
        named("gain element", name, &device.gains(direction, channel))?;
        device.set_gain_element(direction, channel, name, *db)?;
        let step = device.gain_element_range(direction, channel, name).step;
        let got = device.gain_element(direction, channel, name);
        close(notes, &format!("gain of {name}"), "dB", *db, got, step / 2.0 + 0.05);
    }
    match options.dc {
        None => {}
        Some(Correction::Value(value)) => device.set_dc(direction, channel, (value.re, value.im))?,
        Some(mode) if device.has_dc_mode(direction, channel) => {
            let automatic = mode == Correction::Automatic;
            device.set_dc_mode(direction, channel, automatic)?;
            switched(notes, "DC correction", automatic, device.dc_mode(direction, channel));
        }
        Some(_) => notes.push("the radio has no DC correction to be switched".into()),
    }
    match options.iq {
        None => {}
        Some(Correction::Value(value)) => device.set_iq(direction, channel, (value.re, value.im))?,
        Some(mode) if device.has_iq_mode(direction, channel) => {
            let automatic = mode == Correction::Automatic;
            device.set_iq_mode(direction, channel, automatic)?;
            switched(notes, "IQ correction", automatic, device.iq_mode(direction, channel));
        }
        Some(_) => notes.push("the radio has no IQ correction to be switched".into()),
    }
    Ok(())
}

/// The format of the stream, and what its components are multiplied by beyond its own scaling.
fn format(
    device: &Device,
    direction: Direction,
    channel: usize,
    asked: Option<SampleFormat>,
) -> Result<(SampleFormat, f32)> {
    let formats = device.formats(direction, channel);
    let has = |format: SampleFormat| formats.iter().any(|name| name == format.soapy());
    let (native, full_scale) = device.native_format(direction, channel);
    let own = SampleFormat::ALL.into_iter().find(|format| format.soapy() == native);
    let format = match asked {
        Some(format) if !has(format) => {
            let (got, there) = (format.soapy().to_owned(), formats.join(", "));
            return Err(RadioError::NotThere { what: "stream format", got, there });
        }
        Some(format) => format,
        None => {
            let found = own.into_iter().chain(SampleFormat::ALL).find(|format| has(*format));
            let got = "of CF32, CS16 and CS8".to_owned();
            found.ok_or(RadioError::NotThere { what: "stream format", got, there: formats.join(", ") })?
        }
    };
    let nominal = match format {
        SampleFormat::Cf32 => return Ok((format, 1.0)),
        SampleFormat::Cs16 => 32_768.0,
        SampleFormat::Cs8 => 128.0,
    };
    // Twelve bits in sixteen: only of its own format does a driver say what full scale is.
    let scaled = own == Some(format) && full_scale >= 1.0 && full_scale < nominal;
    // 32767 and 127 are a driver's way to say all the bits.
    let scale = if scaled && full_scale + 1.0 < nominal { nominal / full_scale } else { 1.0 };
    Ok((format, scale as f32))
}

fn named(what: &'static str, got: &str, there: &[String]) -> Result<()> {
    if there.iter().any(|name| name == got) {
        return Ok(());
    }
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Err(RadioError::NotThere { what, got: got.to_owned(), there })
}

fn same(notes: &mut Vec<String>, what: &str, asked: &str, got: &str) {
    if asked != got {
        note(notes, format!("asked for the {what} {asked}, the radio set {got}"));
    }
}

fn close(notes: &mut Vec<String>, what: &str, unit: &str, asked: f64, got: f64, tolerance: f64) {
    if !((asked - got).abs() <= tolerance) {
        note(notes, format!("asked for a {what} of {asked} {unit}, the radio set {got} {unit}"));
    }
}

fn switched(notes: &mut Vec<String>, what: &str, asked: bool, got: bool) {
    if asked != got {
        let word = |on| if on { "on" } else { "off" };
        note(notes, format!("asked for the {what} to be {}, the radio has it {}", word(asked), word(got)));
    }
}

/// A rate or frequency, which may not be off.
fn settled(
    notes: &mut Vec<String>,
    options: &RadioOptions,
    what: &'static str,
    asked: f64,
    got: f64,
) -> Result<()> {
    if (got - asked).abs() <= TOLERANCE * asked.abs().max(1.0) {
        return Ok(());
    }
    if !options.accept_mismatch {
        return Err(RadioError::Mismatch { what, asked, got });
    }
    note(notes, format!("asked for a {what} of {asked} Hz, the radio set {got} Hz"));
    Ok(())
}

/// Several channels say the same thing; once is enough.
fn note(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}
