//! Files of PicoScenes (Jiang et al., IEEE Internet of Things Journal 9(6), 2022): `.csi`.
//!
//! A file is a row of frames, little endian: length of what follows (32 bits), the mark 0x20150315, version 1 (16 bits), number
//! of segments (8 bits), then the segments, then the Wi-Fi frame as it was received. A segment is its length, the length of
//! its name (8 bits), the name, a version (16 bits), and content. `RxSBasic` begins with the device (16 bits) and a time stamp
//! (64 bits); `CSI` has a header by its version, 1 to 4, and gains as the device writes them. The layout is not
//! documented but in the readers' code: this is that of CSIKit (<https://github.com/Gi-z/CSIKit>, `CSIKit/reader/readers/pico`).
//!
//! Read are the Intel 5300, the Intel AX200 and AX210, and software radios; the Atheros 9300 is refused. Tested against files that
//! the tests write, not against the program; of an AX210's, CSIKit reads the same gains.

use ndarray::Array3;
use num_complex::Complex32;

use super::counter::{Unwrap, counted};
use super::{Csi, intel5300};
use crate::{Error, Result};

const WHAT: &str = "PicoScenes file";
const MARK: [u8; 4] = 0x2015_0315u32.to_le_bytes();

struct Measurement {
    time: f64,
    sequence: Option<u64>,
    subcarriers: usize,
    antennas: usize,
    /// Subcarriers one after another, the antennas of each together.
    gains: Vec<Complex32>,
}

/// The channel measurements of a file, `[time, subcarrier, antenna]`, an antenna for each pair of a receive chain and a spatial
/// stream.
///
/// The shape that comes most often is kept, and frames of another one, or without a measurement, are left out. Time is the
/// device's counter in s (ns of software radios and the AX200, µs of the others); sequence numbers are those of the Wi-Fi
/// frames, their wraps at 2¹² undone.
///
/// # Errors
/// [`Error::Malformed`] for a frame that is cut off, contradicts itself, or is of a device or version that is not known,
/// naming its first byte; [`Error::TooShort`] for a file without a measurement.
pub fn parse(bytes: &[u8]) -> Result<Csi> {
    let mut measurements = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let malformed = |reason: String| Error::Malformed { what: WHAT, place: format!("byte {at}"), reason };
        let mut rest = Bytes(&bytes[at..]);
        let length = rest.number::<4>().map_err(malformed)? as usize;
        let frame = rest.take(length).map_err(malformed)?;
        measurements.extend(self::frame(frame).map_err(malformed)?);
        at += 4 + length;
    }
    assemble(&measurements)
}

/// Whether `bytes` begin as such a file.
pub(crate) fn is(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(&MARK)
}

type Read<T> = std::result::Result<T, String>;

/// What is left to read.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let left = self.0.len();
        let (head, tail) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| format!("{length} bytes are to come, but {left} are left"))?;
        self.0 = tail;
        Ok(head)
    }

    /// A natural number of `N` bytes, eight at most.
    fn number<const N: usize>(&mut self) -> Read<u64> {
        Ok(self.take(N)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}

fn frame(bytes: &[u8]) -> Read<Option<Measurement>> {
    let mut rest = Bytes(bytes);
    if rest.take(4)? != MARK {
        return Err("a frame without the mark 0x20150315".into());
    }
    let version = rest.number::<2>()?;
    if version != 1 {
        return Err(format!("a frame of version {version}, where 1 is known"));
    }
    let segments = rest.number::<1>()?;
    let (mut time, mut found) = (None, None);
    for _ in 0..segments {
        let length = rest.number::<4>()? as usize;
        let mut segment = Bytes(rest.take(length)?);
        let name = segment.number::<1>()? as usize;
        let name = segment.take(name)?;
        let version = segment.number::<2>()?;
        match name.strip_suffix(b"\0").unwrap_or(name) {
            b"RxSBasic" => time = Some(stamp(segment)?),
            b"CSI" => found = Some(csi(segment, version)?),
            _ => {}
        }
    }
    // What is left begins with the Wi-Fi frame's header, whose last field is the sequence control.
    let sequence =
        rest.0.get(22..24).map(|control| u64::from(u16::from_le_bytes([control[0], control[1]]) >> 4));
    Ok(found.map(|(subcarriers, antennas, gains)| Measurement {
        time: time.unwrap_or(0.0),
        sequence,
        subcarriers,
        antennas,
        gains,
    }))
}

/// Time in s.
fn stamp(mut segment: Bytes<'_>) -> Read<f64> {
    let device = segment.number::<2>()?;
    let unit = if matches!(device, 0x1234 | 0x2000) { 1e-9 } else { 1e-6 };
    Ok(segment.number::<8>()? as f64 * unit)
}

/// Subcarriers, antennas, gains.
fn csi(mut segment: Bytes<'_>, version: u64) -> Read<(usize, usize, Vec<Complex32>)> {
    if !(1..=4).contains(&version) {
        return Err(format!("a CSI segment of version {version}, where 1 to 4 are known"));
    }
    let device = segment.number::<2>()?;
    // Firmware; packet format, bandwidth, carrier, sampling rate, spacing.
    segment.take(usize::from(version == 4) + 1 + 2 + 8 + 8 + 4)?;
    let tones = segment.number::<2>()? as usize;
    let (streams, receivers, extra) =
        (segment.number::<1>()? as usize, segment.number::<1>()? as usize, segment.number::<1>()? as usize);
    // How many measurements are in it; antenna selection; subcarrier offset.
    segment.take([1, 3, 5, 5][version as usize - 1])?;
    let length = segment.number::<4>()? as usize;
    let mut buffer = Bytes(segment.take(length)?);
    if tones == 0 || streams == 0 || receivers == 0 {
        return Err(format!(
            "a measurement of {tones} subcarriers, {streams} streams and {receivers} receive chains"
        ));
    }
    let antennas = streams * receivers;
    match device {
        0x5300 => {
            // The streams beyond those that carry data are there too.
            let bits = |antennas: usize| (intel5300::SUBCARRIERS * (3 + 16 * antennas)).div_ceil(8);
            let all = receivers * (streams + extra);
            let antennas = [antennas, all].into_iter().find(|&antennas| bits(antennas) == length);
            let antennas =
                antennas.ok_or_else(|| format!("{length} bytes of gains for {all} antennas at most"))?;
            Ok((intel5300::SUBCARRIERS, antennas, intel5300::unpack(buffer.0, antennas)))
        }
        0x2000 | 0x2100 => {
            let all = antennas.checked_mul(tones).and_then(|all| all.checked_mul(4));
            if all.is_none_or(|all| all > length) {
                return Err(format!(
                    "{length} bytes of gains for {tones} subcarriers of {antennas} antennas"
                ));
            }
            let part = |at: usize| f32::from(i16::from_le_bytes([buffer.0[at], buffer.0[at + 1]]));
            // An antenna's subcarriers are together.
            let gain = |tone: usize, antenna: usize| {
                let at = 4 * (antenna * tones + tone);
                Complex32::new(part(at), part(at + 2))
            };
            let gains = (0..tones).flat_map(|tone| (0..antennas).map(move |antenna| (tone, antenna)));
            Ok((tones, antennas, gains.map(|(tone, antenna)| gain(tone, antenna)).collect()))
        }
        0x1234 => {
            // The subcarriers' numbers, then a matrix.
            buffer.take(2 * tones)?;
            matrix(buffer, tones).map(|(antennas, gains)| (tones, antennas, gains))
        }
        device => Err(format!("a measurement of device {device:#06x}, which is not read")),
    }
}

/// A `SignalMatrix` of complex floats: `BB`, `v1` or `v2`, the number of axes, their lengths, `C`, type, bits, `R` or `C` for the order.
fn matrix(mut rest: Bytes<'_>, tones: usize) -> Read<(usize, Vec<Complex32>)> {
    let begin = rest.take(4)?;
    let wide = match begin {
        b"BBv1" => false,
        b"BBv2" => true,
        _ => return Err("a matrix that begins neither with BBv1 nor with BBv2".into()),
    };
    let axes = rest.number::<1>()?;
    let mut shape = Vec::new();
    for _ in 0..axes {
        shape.push(if wide { rest.number::<8>()? } else { rest.number::<4>()? });
    }
    let (complex, kind, bits, order) = (
        rest.number::<1>()? as u8,
        rest.number::<1>()? as u8,
        rest.number::<1>()?,
        rest.number::<1>()? as u8,
    );
    let part = match bits {
        32 => 4,
        64 => 8,
        _ => return Err(format!("a matrix of numbers of {bits} bits, where 32 and 64 are read")),
    };
    if complex != b'C' || matches!(kind, b'I' | b'U') || shape.first() != Some(&(tones as u64)) {
        return Err(format!(
            "a matrix {shape:?} of kind {:?} {:?}, where complex floats of {tones} subcarriers are needed",
            char::from(complex),
            char::from(kind)
        ));
    }
    let all = shape.iter().try_fold(1u64, |all, &axis| all.checked_mul(axis));
    let all = all
        .and_then(|all| usize::try_from(all).ok())
        .filter(|&all| all.checked_mul(2 * part) == Some(rest.0.len()));
    let all = all.ok_or_else(|| format!("{} bytes for a matrix {shape:?}", rest.0.len()))?;
    let found = all / tones;
    if found == 0 {
        return Err(format!("a matrix {shape:?} without an antenna"));
    }
    let number = |at: usize| {
        let bytes = &rest.0[at..at + part];
        let word = bytes.iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
        if part == 4 { f32::from_bits(word as u32) } else { f64::from_bits(word) as f32 }
    };
    let gain = |place: usize| Complex32::new(number(2 * part * place), number(2 * part * place + part));
    // By columns an antenna's subcarriers are together, by rows a subcarrier's antennas.
    let by_columns = order == b'C';
    let gains = (0..all).map(|place| {
        let (tone, antenna) = (place / found, place % found);
        gain(if by_columns { antenna * tones + tone } else { place })
    });
    Ok((found, gains.collect()))
}

fn assemble(measurements: &[Measurement]) -> Result<Csi> {
    let shape = super::most_frequent(measurements.iter().map(|of| (of.subcarriers, of.antennas)));
    let Some((subcarriers, antennas)) = shape else {
        return Err(Error::TooShort { what: WHAT, need: 1, unit: "measurements", got: 0 });
    };
    let kept: Vec<&Measurement> =
        measurements.iter().filter(|of| (of.subcarriers, of.antennas) == (subcarriers, antennas)).collect();
    let gains = Array3::from_shape_fn((kept.len(), subcarriers, antennas), |(row, k, antenna)| {
        kept[row].gains[k * antennas + antenna]
    });
    let mut unwrap = Unwrap::<12>::new();
    let sequence: Option<Vec<u64>> =
        kept.iter().map(|of| of.sequence.map(|number| unwrap.next(number))).collect();
    Csi::new(gains, kept.iter().map(|of| of.time).collect(), sequence.and_then(counted))
}

#[cfg(test)]
mod tests;
