//! Logs of the Linux 802.11n CSI Tool for the Intel 5300 (Halperin, Hu, Sheth, Wetherall, ACM CCR 41(1), 2011): `.dat`.
//!
//! A record is a big-endian 16-bit length, a code, and length - 1 bytes. Code 0xBB is a channel measurement, little
//! endian: 20 bytes of header, then for each of 30 subcarrier groups 3 skipped bits and an 8-bit real and imaginary
//! part for each pair of antennas, packed from the least significant bit. Other codes are skipped.

use ndarray::Array3;
use num_complex::Complex32;

use super::Csi;
use super::counter::{Unwrap, counted};
use crate::{Error, Result};

const WHAT: &str = "Intel 5300 log";
pub(super) const SUBCARRIERS: usize = 30;
const HEADER: usize = 20;
const MEASUREMENT: u8 = 0xBB;

struct Record {
    time: u32,
    sequence: u16,
    gains: Vec<Complex32>,
}

/// The channel measurements of a log, `[time, 30, antenna]`.
///
/// Gains are the raw numbers of the card, which scales each packet by its gain control. Time is the card's
/// microsecond counter in s, its wrap at 2³² undone. Where packets were received on different numbers of antenna
/// pairs, the pairs that all have are kept. Sequence numbers are those of the log, their wraps at 2¹⁶ undone: two logs
/// agree on them if they begin within the same 65,536 packets. A log in which all are equal, as where the field is
/// not used, has none.
///
/// # Errors
/// [`Error::Malformed`] for a record that is cut off or contradicts itself, naming its first byte;
/// [`Error::TooShort`] for a log without a measurement.
pub fn parse(bytes: &[u8]) -> Result<Csi> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let malformed = |reason: String| Error::Malformed { what: WHAT, place: format!("byte {at}"), reason };
        let rest = &bytes[at..];
        let &[high, low, ..] = rest else {
            return Err(malformed("one byte is left where a record begins".into()));
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 {
            return Err(malformed("a record of length 0".into()));
        }
        let Some(body) = rest.get(2..2 + length) else {
            let left = rest.len() - 2;
            return Err(malformed(format!("a record of {length} bytes, but {left} are left")));
        };
        if body[0] == MEASUREMENT {
            records.push(record(&body[1..]).map_err(malformed)?);
        }
        at += 2 + length;
    }
    assemble(&records)
}

fn record(body: &[u8]) -> std::result::Result<Record, String> {
    if body.len() < HEADER {
        return Err(format!("a measurement of {} bytes, fewer than its header's {HEADER}", body.len()));
    }
    let (header, payload) = body.split_at(HEADER);
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (receivers, transmitters) = (usize::from(header[8]), usize::from(header[9]));
    if !(1..=3).contains(&receivers) || !(1..=3).contains(&transmitters) {
        return Err(format!(
            "{receivers} receive and {transmitters} transmit antennas, where 1 to 3 are possible"
        ));
    }
    let pairs = receivers * transmitters;
    let need = (SUBCARRIERS * (3 + 16 * pairs)).div_ceil(8);
    let claimed = usize::from(word(16));
    if claimed != need || payload.len() != need {
        return Err(format!(
            "{receivers} x {transmitters} antennas take {need} bytes of gains; the header claims {claimed}, there are {}",
            payload.len()
        ));
    }
    let gains = unpack(payload, pairs);
    let time = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    Ok(Record { time, sequence: word(6), gains })
}

/// The gains in a payload of as many bytes as `pairs` antenna pairs take, subcarriers one after another.
pub(super) fn unpack(payload: &[u8], pairs: usize) -> Vec<Complex32> {
    // The byte that begins at any bit; the last number ends inside the payload's last byte.
    let byte = |bit: usize| {
        let low = u16::from(payload[bit / 8]);
        let high = u16::from(payload.get(bit / 8 + 1).copied().unwrap_or(0));
        f32::from(((high << 8 | low) >> (bit % 8)) as u8 as i8)
    };
    let mut gains = Vec::with_capacity(SUBCARRIERS * pairs);
    let mut bit = 0;
    for _ in 0..SUBCARRIERS {
        bit += 3;
        for _ in 0..pairs {
            gains.push(Complex32::new(byte(bit), byte(bit + 8)));
            bit += 16;
        }
    }
    gains
}

fn assemble(records: &[Record]) -> Result<Csi> {
    let Some(pairs) = records.iter().map(|record| record.gains.len() / SUBCARRIERS).min() else {
        return Err(Error::TooShort { what: WHAT, need: 1, unit: "measurements", got: 0 });
    };
    let gains = Array3::from_shape_fn((records.len(), SUBCARRIERS, pairs), |(row, subcarrier, pair)| {
        let gains = &records[row].gains;
        gains[subcarrier * (gains.len() / SUBCARRIERS) + pair]
    });
    let (mut wraps, mut before) = (0u64, 0);
    let time = records.iter().map(|record| {
        // A counter that falls by more than half its range has wrapped; one that falls by less is out of order.
        wraps += u64::from(before > record.time && before - record.time > u32::MAX / 2);
        before = record.time;
        ((wraps << 32) + u64::from(record.time)) as f64 * 1e-6
    });
    let time = time.collect();
    let mut unwrap = Unwrap::<16>::new();
    let sequence = records.iter().map(|record| unwrap.next(u64::from(record.sequence))).collect();
    Csi::new(gains, time, counted(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record of 1 x 1 antennas whose gains count up.
    fn example(sequence: u16) -> Vec<u8> {
        let mut payload = vec![0u8; 72];
        let mut put = |bit: usize, value: u8| {
            for k in 0..8 {
                payload[(bit + k) / 8] |= (value >> k & 1) << ((bit + k) % 8);
            }
        };
        for k in 0..30u8 {
            put(usize::from(k) * 19 + 3, k);
            put(usize::from(k) * 19 + 11, (-i16::from(k)) as u8);
        }
        let mut record = vec![0, 93, 0xBB];
        record.extend(1_000_000u32.to_le_bytes());
        record.extend([0, 0]);
        record.extend(sequence.to_le_bytes());
        record.extend([1, 1, 0, 0, 0, 0, 0, 0]);
        record.extend(72u16.to_le_bytes());
        record.extend([0, 0]);
        record.extend(&payload);
        record
    }

    #[test]
    fn a_record_made_by_hand() {
        let mut log = example(5);
        log.extend([0, 3, 0xC1, 9, 9]); // a packet's content, skipped
        log.extend(example(6));
        let csi = parse(&log).unwrap();
        assert_eq!((csi.gains.dim(), csi.sequence), ((2, 30, 1), Some(vec![5, 6])));
        assert_eq!(csi.time, [1.0, 1.0]);
        for k in 0..30 {
            assert_eq!(csi.gains[[1, k, 0]], Complex32::new(k as f32, -(k as f32)));
        }
    }

    /// 70,000 packets, two of them late, one of them from before the first: no number comes twice.
    #[test]
    fn sequence_numbers_count_on_over_their_wraps() {
        let of = |numbers: &[u16]| {
            let log: Vec<u8> = numbers.iter().flat_map(|&number| example(number)).collect();
            parse(&log).unwrap().sequence
        };
        let long: Vec<u16> = (65_000..135_000u32).map(|number| number as u16).collect();
        assert_eq!(of(&long), Some((65_000..135_000).collect()));
        assert_eq!(
            of(&[65_534, 0, 65_535, 1, 40_000]),
            Some(vec![65_534, 65_536, 65_535, 65_537, 65_536 - 25_536])
        );
        assert_eq!(of(&[0, 65_535, 1]), Some(vec![0, u64::MAX, 1]));
        // One number for all is not a count, and two packets of one number are.
        assert_eq!(of(&[0, 0, 0]), None);
        assert_eq!(of(&[7, 7, 8]), Some(vec![7, 7, 8]));
    }

    #[test]
    fn hostile_lengths() {
        let good = example(1);
        let twice = [&good[..], &good].concat();
        let with = |at: usize, value: u8| {
            let mut log = twice.clone();
            log[95 + at] = value;
            log
        };
        for (log, says) in [
            (vec![], "Intel 5300 log needs at least 1 measurements, got 0"),
            (vec![0], "Intel 5300 log, byte 0: one byte is left where a record begins"),
            (vec![0, 0], "Intel 5300 log, byte 0: a record of length 0"),
            (twice[..150].to_vec(), "Intel 5300 log, byte 95: a record of 93 bytes, but 53 are left"),
            (with(0, 0xFF), "Intel 5300 log, byte 95: a record of 65373 bytes, but 93 are left"),
            (
                with(11, 9),
                "Intel 5300 log, byte 95: 9 receive and 1 transmit antennas, where 1 to 3 are possible",
            ),
            (
                with(11, 2),
                "Intel 5300 log, byte 95: 2 x 1 antennas take 132 bytes of gains; the header claims 72, there are 72",
            ),
            (
                with(20, 0xFF),
                "Intel 5300 log, byte 95: 1 x 1 antennas take 72 bytes of gains; the header claims 65352, there are 72",
            ),
            (
                vec![0, 2, 0xBB, 0],
                "Intel 5300 log, byte 0: a measurement of 1 bytes, fewer than its header's 20",
            ),
        ] {
            assert_eq!(parse(&log).unwrap_err().to_string(), says);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..95, value: u8) {
            let _ = parse(&bytes);
            let mut log = example(1);
            log[at] = value;
            let _ = parse(&log);
        }
    }
}
