//! Captures of nexmon_csi (Gringoli, Schulz, Link and Hollick, WiNTECH 2019): a pcap file with the UDP packets that Broadcom
//! chips send to port 5500, one for each frame, core and spatial stream.
//!
//! A packet, little endian: two bytes 0x11, RSSI (8 bits, signed) and the frame's first byte (two more 0x11 in old firmware),
//! the sender's address (6 bytes), the frame's sequence control, core (3 bits) and spatial stream (3 bits), chanspec, chip
//! version (16 bits each), then 64, 128, 256 or 512 gains of 4 bytes (the project's README, *Analyzing the CSI*). A gain of
//! the bcm4339 and bcm43455c0 is a 16-bit real and imaginary part. The bcm4358 and bcm4366c0 send, from the top, sign and
//! magnitude of the real part (9 bits together, or 12), of the imaginary part, and an exponent of two of 5, or 6, bits in
//! two's complement (`utils/matlab/unpack_float.c`).
//!
//! The chip version is 0x0065 of the bcm43455c0, 0x0001 of the bcm4339, 0x0003 of the bcm4358, and 0xE834 of the
//! bcm4366c0, as CSIKit (`CSIKit/reader/readers/read_pcap.py`) has found; where a firmware says something else, [`parse_as`] is told.
//!
//! Tested against captures that the tests write, not against a chip. Of such captures csiread 1.4 reads the same integers, and
//! the same numbers with an exponent but for a scale of its own.

use std::collections::HashMap;

use ndarray::Array3;
use num_complex::Complex32;

use super::Csi;
use super::counter::{Unwrap, counted};
use crate::{Error, Result};

const WHAT: &str = "Nexmon capture";
const PORT: u16 = 5500;
/// Before the gains.
const HEADER: usize = 18;

/// How a chip writes its gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gains {
    /// bcm4339, bcm43455c0: 16-bit parts.
    Integer,
    /// bcm4358: 9-bit parts, 5-bit exponent.
    Float9,
    /// bcm4366c0: 12-bit parts, 6-bit exponent.
    Float12,
}

impl Gains {
    fn of_chip(version: u16) -> Option<Self> {
        match version {
            0x0001 | 0x0065 => Some(Self::Integer),
            0x0003 => Some(Self::Float9),
            0xE834 => Some(Self::Float12),
            _ => None,
        }
    }

    fn read(self, word: u32) -> Complex32 {
        let (bits, exponent_bits) = match self {
            Self::Integer => {
                return Complex32::new((word as u16 as i16).into(), ((word >> 16) as u16 as i16).into());
            }
            Self::Float9 => (9, 5),
            Self::Float12 => (12, 6),
        };
        // Sign and magnitude, and a signed exponent.
        let part = |shift: u32| {
            let field = word >> shift;
            let magnitude = (field & ((1 << (bits - 1)) - 1)) as f32;
            if field >> (bits - 1) & 1 == 1 { -magnitude } else { magnitude }
        };
        let exponent = (word << (32 - exponent_bits)) as i32 >> (32 - exponent_bits);
        let scale = (exponent as f32).exp2();
        Complex32::new(part(exponent_bits + bits), part(exponent_bits)) * scale
    }
}

/// The channel measurements of a capture, `[time, subcarrier, antenna]`, in the order in which the chip sends its
/// subcarriers, an antenna for each core and spatial stream. Chips are told apart by their version.
///
/// Packets of one frame (the same sender and sequence control) are one measurement. The number of subcarriers, and the set of
/// cores and streams, that come most often are kept, and what does not have them is left out. Time is the capture's, in s;
/// sequence numbers are the frames' sequence controls, their wraps at 2¹⁶ undone: two captures agree on them if they begin
/// within the same 4,096 frames. Packets that are not CSI are skipped.
///
/// # Errors
/// [`Error::Malformed`] for a file that is no such capture, naming the byte; [`Error::TooShort`] for one without a measurement.
pub fn parse(bytes: &[u8]) -> Result<Csi> {
    read(bytes, None)
}

/// The same of a chip that is known.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_as(bytes: &[u8], gains: Gains) -> Result<Csi> {
    read(bytes, Some(gains))
}

/// Whether `bytes` begin as a pcap file.
pub(crate) fn is(bytes: &[u8]) -> bool {
    Capture::new(bytes).is_some()
}

struct Packet<'a> {
    time: f64,
    /// Sender and sequence control.
    frame: ([u8; 6], u16),
    /// Core and stream.
    antenna: u8,
    gains: Gains,
    words: &'a [u8],
}

fn read(bytes: &[u8], chip: Option<Gains>) -> Result<Csi> {
    let malformed =
        |at: usize, reason: String| Error::Malformed { what: WHAT, place: format!("byte {at}"), reason };
    let capture = Capture::new(bytes).ok_or_else(|| malformed(0, "not a pcap file".into()))?;
    let mut packets: Vec<Packet<'_>> = Vec::new();
    let mut at = Capture::HEADER;
    while at < bytes.len() {
        let record = bytes.get(at..at + 16).ok_or_else(|| {
            malformed(at, format!("{} bytes are left where a record begins", bytes.len() - at))
        })?;
        let length = capture.word(&record[8..12]) as usize;
        let Some(frame) = bytes[at + 16..].get(..length) else {
            let left = bytes.len() - at - 16;
            return Err(malformed(at, format!("a packet of {length} bytes, but {left} are left")));
        };
        if let Some(payload) = capture.udp(frame).filter(|payload| payload.starts_with(&[0x11, 0x11])) {
            let reason = |reason| malformed(at, reason);
            packets.push(packet(capture.time(record), payload, chip).map_err(reason)?);
        }
        at += 16 + length;
    }
    assemble(&packets)
}

fn packet(time: f64, payload: &[u8], chip: Option<Gains>) -> std::result::Result<Packet<'_>, String> {
    let Some((header, words)) = payload.split_at_checked(HEADER) else {
        return Err(format!("a measurement of {} bytes, fewer than its header's {HEADER}", payload.len()));
    };
    if !matches!(words.len(), 256 | 512 | 1024 | 2048) {
        return Err(format!(
            "{} bytes of gains, where 64, 128, 256 or 512 of 4 bytes are possible",
            words.len()
        ));
    }
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let version = word(16);
    let gains = chip.or_else(|| Gains::of_chip(version)).ok_or_else(|| {
        format!("chip version {version:#06x} is not known: whether its gains are integers or have an exponent must be said")
    })?;
    let mut sender = [0; 6];
    sender.copy_from_slice(&header[4..10]);
    Ok(Packet { time, frame: (sender, word(10)), antenna: (word(12) & 0x3F) as u8, gains, words })
}

fn assemble(packets: &[Packet<'_>]) -> Result<Csi> {
    let short = || Error::TooShort { what: WHAT, need: 1, unit: "measurements", got: 0 };
    let length = super::most_frequent(packets.iter().map(|packet| packet.words.len())).ok_or_else(short)?;
    // Packets of one frame follow one another.
    let mut frames: Vec<Vec<&Packet<'_>>> = Vec::new();
    for packet in packets.iter().filter(|packet| packet.words.len() == length) {
        let fits = |frame: &&mut Vec<&Packet<'_>>| {
            frame[0].frame == packet.frame && frame.iter().all(|other| other.antenna != packet.antenna)
        };
        match frames.last_mut().filter(fits) {
            Some(frame) => frame.push(packet),
            None => frames.push(vec![packet]),
        }
    }
    let of = |frame: &[&Packet<'_>]| {
        let mut antennas: Vec<u8> = frame.iter().map(|packet| packet.antenna).collect();
        antennas.sort_unstable();
        antennas
    };
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    for frame in &frames {
        *counts.entry(of(frame)).or_default() += 1;
    }
    let best =
        counts.into_iter().max_by(|(a, m), (b, n)| m.cmp(n).then(a.len().cmp(&b.len())).then(b.cmp(a)));
    let antennas = best.map(|(antennas, _)| antennas).ok_or_else(short)?;
    frames.retain(|frame| of(frame) == antennas);
    for frame in &mut frames {
        frame.sort_by_key(|packet| packet.antenna);
    }
    let gains = Array3::from_shape_fn((frames.len(), length / 4, antennas.len()), |(row, k, antenna)| {
        let Packet { gains, words, .. } = frames[row][antenna];
        gains.read(u32::from_le_bytes([words[4 * k], words[4 * k + 1], words[4 * k + 2], words[4 * k + 3]]))
    });
    let mut unwrap = Unwrap::<16>::new();
    let sequence = frames.iter().map(|frame| unwrap.next(u64::from(frame[0].frame.1))).collect();
    // When the first of a frame's packets came.
    let first =
        |frame: &Vec<&Packet<'_>>| frame.iter().map(|packet| packet.time).fold(f64::INFINITY, f64::min);
    Csi::new(gains, frames.iter().map(first).collect(), counted(sequence))
}

/// A pcap file's header (draft-ietf-opsawg-pcap, section 4).
struct Capture {
    big: bool,
    nanoseconds: bool,
    link: u32,
}

impl Capture {
    const HEADER: usize = 24;

    fn new(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..Self::HEADER)?;
        let (big, nanoseconds) = match header[..4] {
            [0xD4, 0xC3, 0xB2, 0xA1] => (false, false),
            [0xA1, 0xB2, 0xC3, 0xD4] => (true, false),
            [0x4D, 0x3C, 0xB2, 0xA1] => (false, true),
            [0xA1, 0xB2, 0x3C, 0x4D] => (true, true),
            _ => return None,
        };
        let mut capture = Self { big, nanoseconds, link: 0 };
        // Beside it there may be the length of a frame check sequence.
        capture.link = capture.word(&header[20..24]) & 0x0FFF_FFFF;
        Some(capture)
    }

    /// Of four bytes.
    fn word(&self, bytes: &[u8]) -> u32 {
        let word = bytes.iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
        if self.big { word } else { word.swap_bytes() }
    }

    fn time(&self, record: &[u8]) -> f64 {
        let unit = if self.nanoseconds { 1e-9 } else { 1e-6 };
        f64::from(self.word(&record[..4])) + f64::from(self.word(&record[4..8])) * unit
    }

    /// The payload of an IPv4 UDP packet to the port.
    fn udp<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        let ip = match self.link {
            // Ethernet, with a tag or without.
            1 => match frame.get(12..14)? {
                [0x08, 0x00] => frame.get(14..)?,
                [0x81, 0x00] if frame.get(16..18)? == [0x08, 0x00] => frame.get(18..)?,
                _ => return None,
            },
            // Linux cooked, versions 1 and 2.
            113 if frame.get(14..16)? == [0x08, 0x00] => frame.get(16..)?,
            276 if frame.get(0..2)? == [0x08, 0x00] => frame.get(20..)?,
            // Raw IP.
            12 | 101 | 228 => frame,
            _ => return None,
        };
        let first = *ip.first()?;
        if first >> 4 != 4 || *ip.get(9)? != 17 {
            return None;
        }
        let udp = ip.get(usize::from(first & 0xF) * 4..)?;
        let port = u16::from_be_bytes([*udp.get(2)?, *udp.get(3)?]);
        let length = usize::from(u16::from_be_bytes([*udp.get(4)?, *udp.get(5)?]));
        // Behind it there may be padding.
        (port == PORT).then(|| udp.get(8..length)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(sequence: u16, antenna: u16, version: u16, words: &[u32]) -> Vec<u8> {
        let mut payload = vec![0x11, 0x11, 0xC4, 0x88, 0, 1, 2, 3, 4, 5];
        for word in [sequence, antenna, 0xE09B, version] {
            payload.extend(word.to_le_bytes());
        }
        payload.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        payload
    }

    /// A capture of packets behind Ethernet headers, one a millisecond.
    fn capture(big: bool, payloads: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let word = |word: u32| if big { word.to_be_bytes() } else { word.to_le_bytes() };
        let mut file =
            [word(0xA1B2_C3D4), word(0x0002_0004), word(0), word(0), word(65535), word(1)].concat();
        for (index, (port, payload)) in payloads.iter().enumerate() {
            let mut frame = vec![0; 12];
            frame.extend([
                0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 10, 10, 10, 255, 255, 255, 255,
            ]);
            frame.extend(PORT.to_be_bytes());
            frame.extend(port.to_be_bytes());
            frame.extend((payload.len() as u16 + 8).to_be_bytes());
            frame.extend([0, 0]);
            frame.extend(payload);
            let (length, micros) = (frame.len() as u32, 1000 * index as u32);
            file.extend([word(100), word(micros), word(length), word(length)].concat());
            file.extend(frame);
        }
        file
    }

    fn integers(start: i16) -> Vec<u32> {
        (0..64).map(|k| (start + k) as u16 as u32 | (((-k) as u16 as u32) << 16)).collect()
    }

    #[test]
    fn integers_of_two_cores() {
        let of = |sequence, antenna, start| (PORT, payload(sequence, antenna, 0x0065, &integers(start)));
        let packets = [
            of(0xFFF0, 0, 0),
            of(0xFFF0, 1, 100),
            (53, vec![0x11; 30]), // another port
            of(0x0000, 1, -100),
            of(0x0000, 0, 7),
            of(0x0010, 0, 9), // the second core's packet was lost
        ];
        for big in [false, true] {
            let csi = parse(&capture(big, &packets)).unwrap();
            assert_eq!((csi.gains.dim(), csi.sequence), ((2, 64, 2), Some(vec![0xFFF0, 0x10000])));
            assert_eq!(csi.time, [100.0, 100.003]);
            assert_eq!(csi.gains[[0, 3, 1]], Complex32::new(103.0, -3.0));
            assert_eq!(csi.gains[[1, 3, 0]], Complex32::new(10.0, -3.0));
            assert_eq!(csi.gains[[1, 3, 1]], Complex32::new(-97.0, -3.0));
        }
    }

    /// By hand: sign 1, magnitude 5; sign 0, magnitude 200; exponent -3. And the widest ones.
    #[test]
    fn numbers_with_an_exponent() {
        let nine = 1 << 22 | 5 << 14 | 200 << 5 | 0b11101;
        assert_eq!(Gains::Float9.read(nine), Complex32::new(-0.625, 25.0));
        let twelve = 1024 << 18 | 1 << 17 | 2047 << 6 | 31;
        assert_eq!(Gains::Float12.read(twelve), Complex32::new(1024.0, -2047.0) * 31f32.exp2());
        assert_eq!(Gains::Float12.read(1 << 18 | 0b100000), Complex32::new((-32f32).exp2(), 0.0));
        let file = capture(
            false,
            &[(PORT, payload(16, 0, 3, &[nine; 128])), (PORT, payload(32, 0, 3, &[nine; 128]))],
        );
        let csi = parse(&file).unwrap();
        assert_eq!((csi.gains.dim(), csi.gains[[1, 127, 0]]), ((2, 128, 1), Complex32::new(-0.625, 25.0)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let of = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        assert_eq!(of(b"no"), "Nexmon capture, byte 0: not a pcap file");
        let empty = capture(false, &[]);
        assert_eq!(of(&empty), "Nexmon capture needs at least 1 measurements, got 0");
        let unknown = capture(false, &[(PORT, payload(1, 0, 0x4711, &integers(0)))]);
        assert!(of(&unknown).contains("chip version 0x4711 is not known"), "{}", of(&unknown));
        assert_eq!(parse_as(&unknown, Gains::Integer).unwrap().gains.dim(), (1, 64, 1));
        let odd = capture(false, &[(PORT, payload(1, 0, 0x65, &[0; 63]))]);
        assert!(of(&odd).contains("252 bytes of gains"), "{}", of(&odd));
        let cut = &unknown[..unknown.len() - 1];
        assert!(of(cut).contains("but 315 are left"), "{}", of(cut));
        let mut long = empty.clone();
        long.extend([0xFF; 16]);
        assert!(of(&long).contains("a packet of 4294967295 bytes, but 0 are left"), "{}", of(&long));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0usize..500, value: u8, link in 0u8..=255) {
            let _ = (parse(&bytes), is(&bytes));
            let mut file = capture(false, &[(PORT, payload(1, 0, 0x65, &integers(0)))]);
            let at = at % file.len();
            (file[20], file[at]) = (link, value);
            let _ = parse(&file);
        }
    }
}
