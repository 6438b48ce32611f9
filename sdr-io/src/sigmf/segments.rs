//! Captures to stretches of the dataset file: where each lies, when and at what frequency it was taken,
//! and what is missing in front of it.

use std::path::Path;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::{
    metadata::{Capture, Metadata, MetadataError, Place},
    sink::{HARDWARE_TIME, LOST_BEFORE},
};
use crate::{
    Error, Lost, Result, Time,
    dataset::{Layout, Segment},
};

/// The segments of a dataset file of `bytes` bytes whose first byte is `base` bytes into the file that is open, and the
/// bytes of a sample that is cut at its end. With `partial` the file may end anywhere: inside a sample, and before captures
/// and annotations.
pub(super) fn segments(
    path: &Path,
    metadata: &Metadata,
    layout: &Layout,
    base: u64,
    bytes: u64,
    partial: bool,
) -> Result<(Vec<Segment>, u64)> {
    let wrong = |error| Error::Metadata { path: path.to_owned(), error };
    let frame = layout.frame_bytes() as u64;
    let trailing = metadata.global.trailing_bytes.unwrap_or(0);
    let end = bytes.checked_sub(trailing).ok_or_else(|| {
        let field = Place::Global.of("core:trailing_bytes");
        wrong(MetadataError::BeyondFile { field, bytes: trailing, left: bytes })
    })?;
    let mut segments: Vec<Segment> = Vec::new();
    let (mut byte, mut sample) = (0, metadata.offset());
    let mut current: Option<&Capture> = None;
    let mut previous: Option<&Capture> = None;
    for (index, capture) in metadata.captures.iter().enumerate() {
        let left = (end - byte) / frame;
        let samples = capture.sample_start - sample; // ascending: Metadata::check
        if samples > left && partial {
            break; // what is there belongs to the capture before
        }
        if samples > left {
            let field = Place::Capture(index).of("core:sample_start");
            let (end, samples) = (capture.sample_start, sample.saturating_add(left));
            return Err(wrong(MetadataError::BeyondData { field, end, samples }));
        }
        if samples > 0 {
            segments.push(segment(layout, current, previous, segments.last(), sample, samples, base + byte));
            previous = current;
        }
        byte += samples * frame; // at most `end`
        let header = capture.header_bytes.unwrap_or(0);
        if header > end - byte && partial {
            (byte, sample, current) = (end, capture.sample_start, Some(capture));
            break;
        }
        if header > end - byte {
            let field = Place::Capture(index).of("core:header_bytes");
            return Err(wrong(MetadataError::BeyondFile { field, bytes: header, left: end - byte }));
        }
        byte += header;
        sample = capture.sample_start;
        current = Some(capture);
    }
    let (samples, rest) = ((end - byte) / frame, (end - byte) % frame);
    if rest != 0 && !partial {
        let sample_bytes = layout.frame_bytes();
        return Err(Error::PartialSample { path: path.to_owned(), bytes: end - byte, sample_bytes });
    }
    if samples > 0 {
        segments.push(segment(layout, current, previous, segments.last(), sample, samples, base + byte));
    }
    if segments.is_empty() {
        return Err(Error::Empty { path: path.to_owned() });
    }
    if !partial {
        check_annotations(metadata, sample.saturating_add(samples)).map_err(wrong)?;
    }
    Ok((segments, rest))
}

fn check_annotations(metadata: &Metadata, samples: u64) -> Result<(), MetadataError> {
    for (index, annotation) in metadata.annotations.iter().enumerate() {
        // Both are below 2^63: the sum fits.
        let end = annotation.sample_start + annotation.sample_count.unwrap_or(0);
        if end > samples {
            let field = Place::Annotation(index).to_string();
            return Err(MetadataError::BeyondData { field, end, samples });
        }
    }
    Ok(())
}

fn segment(
    layout: &Layout,
    capture: Option<&Capture>,
    previous: Option<&Capture>,
    before: Option<&Segment>,
    sample_start: u64,
    samples: u64,
    byte_start: u64,
) -> Segment {
    let expected = before.map_or(sample_start, |before| before.global_index.saturating_add(before.samples));
    let global_index = capture.and_then(|capture| capture.global_index);
    let time = capture.and_then(time);
    let lost_before = match (before, global_index) {
        (None, _) => Lost::None,
        (_, _) if capture.is_some_and(|capture| capture.extra.contains_key(LOST_BEFORE)) => Lost::Unknown,
        (_, Some(index)) if index > expected => Lost::Count(index - expected),
        (_, Some(index)) if index < expected => Lost::Unknown,
        (_, Some(_)) => Lost::None,
        (Some(before), None) if broken(layout, capture, previous, before) => Lost::Unknown,
        (Some(_), None) => Lost::None,
    };
    Segment {
        sample_start,
        samples,
        byte_start,
        global_index: global_index.unwrap_or(expected),
        lost_before,
        time,
        center_frequency: capture.and_then(|capture| capture.frequency),
    }
}

/// Whether frequency or clock betray a gap that nobody counted.
fn broken(layout: &Layout, capture: Option<&Capture>, previous: Option<&Capture>, before: &Segment) -> bool {
    let (Some(capture), Some(previous)) = (capture, previous) else { return false };
    if capture.frequency != previous.frequency {
        return true;
    }
    let clock = |capture: &Capture| capture.datetime.as_deref().and_then(parse_datetime);
    let (Some(rate), Some((start, digits_before)), Some((now, digits))) =
        (layout.sample_rate, clock(previous), clock(capture))
    else {
        return false;
    };
    let passed = (now.as_nanosecond() - start.as_nanosecond()) as f64 / 1e9;
    // Half a unit of each time stamp's last digit, and a sample and a half.
    let tolerance = 10f64.powi(-digits.min(digits_before)) + 1.5 / rate;
    (passed - before.samples as f64 / rate).abs() > tolerance
}

fn time(capture: &Capture) -> Option<Time> {
    let hardware = capture.extra.get(HARDWARE_TIME).and_then(serde_json::Value::as_i64).map(Time::Hardware);
    hardware.or_else(|| Some(Time::Utc(parse_datetime(capture.datetime.as_deref()?)?.0)))
}

/// An ISO 8601 time and the number of digits of its fraction. Without an offset it is UTC, as everything in SigMF
/// is. SigMF allows any number of digits; those beyond the nanosecond are dropped.
pub(super) fn parse_datetime(text: &str) -> Option<(Timestamp, i32)> {
    if text.len() > 128 || !text.is_ascii() {
        return None;
    }
    let (head, tail) = text.find(['.', ',']).map_or((text, ""), |at| text.split_at(at));
    let digits = tail.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    if !tail.is_empty() && digits == 0 {
        return None;
    }
    let short = match tail.get(..(digits + 1).min(tail.len())) {
        Some(fraction) if digits > 9 => format!("{head}{}{}", &fraction[..10], &tail[digits + 1..]),
        _ => text.to_owned(),
    };
    let time = short.parse::<Timestamp>().ok().or_else(|| {
        let civil = short.parse::<civil::DateTime>().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Some((time, digits as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_length() {
        for (text, nanoseconds, digits) in [
            ("1970-01-01T00:00:01Z", 1_000_000_000, 0),
            ("1970-01-01T00:00:01.5Z", 1_500_000_000, 1),
            ("1970-01-01T00:00:01.123456789123456Z", 1_123_456_789, 15),
            ("1970-01-01T01:00:01+01:00", 1_000_000_000, 0),
            ("1970-01-01T00:00:01", 1_000_000_000, 0),
        ] {
            let (time, got) = parse_datetime(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((time.as_nanosecond(), got), (nanoseconds, digits), "{text}");
        }
        for text in ["yesterday", "", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00.Z", &"9".repeat(200)] {
            assert!(parse_datetime(text).is_none(), "{text}");
        }
    }
}
