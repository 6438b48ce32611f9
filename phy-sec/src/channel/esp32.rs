//! Logs of ESP32 boards: lines that begin with `CSI_DATA`, as the ESP32-CSI-Tool (S. M. Hernandez and E. Bulut, IEEE WoWMoM
//! 2020; header line in `_components/csi_component.h`) and Espressif's esp-csi (`examples/get-started/csi_recv`) write them to
//! the serial port.
//!
//! Comma-separated fields, then the numbers in brackets, between quotes or not, separated by spaces or commas: for each
//! subcarrier an 8-bit imaginary and real part, in this order (ESP-IDF Programming Guide, *Wi-Fi Channel State Information*).
//! Early versions of the tool printed them unsigned; 128 to 255 stand for -128 to -1. What the board says besides, between
//! the lines, is skipped.
//!
//! Tested against lines written after both programs' format strings, not against a board.

use ndarray::Array3;
use num_complex::Complex32;

use super::Csi;
use super::counter::{Unwrap, counted};
use crate::{Error, Result};

const WHAT: &str = "ESP32 log";
const MARK: &[u8] = b"CSI_DATA,";
/// 802.11n at 40 MHz with all training fields gives 306 pairs of numbers.
const MOST_NUMBERS: usize = 4096;

/// Where the fields are that count; none of them must be there.
#[derive(Clone, Copy, Default)]
struct Columns {
    sequence: Option<usize>,
    timestamp: Option<usize>,
    clock_is_set: Option<usize>,
    clock: Option<usize>,
}

impl Columns {
    /// By the header line.
    fn named(line: &str) -> Self {
        let at = |names: &[&str]| line.split(',').position(|name| names.contains(&name.trim()));
        Self {
            sequence: at(&["id", "seq"]),
            timestamp: at(&["local_timestamp"]),
            clock_is_set: at(&["real_time_set"]),
            clock: at(&["real_timestamp"]),
        }
    }

    /// By the number of fields before the bracket, where the header line is missing.
    fn counted(fields: usize) -> Self {
        match fields {
            // ESP32-CSI-Tool.
            25 => Self { timestamp: Some(18), clock_is_set: Some(22), clock: Some(23), sequence: None },
            // esp-csi: ESP32, S2, S3, C3; then C5, C6.
            24 => Self { sequence: Some(1), timestamp: Some(18), ..Self::default() },
            14 => Self { sequence: Some(1), timestamp: Some(9), ..Self::default() },
            _ => Self::default(),
        }
    }
}

struct Packet {
    sequence: Option<u64>,
    timestamp: Option<u64>,
    clock: Option<f64>,
    gains: Vec<Complex32>,
}

/// The channel measurements of a log, `[time, subcarrier, 1]`, subcarriers in the board's order.
///
/// Packets come with different training fields and so with different numbers of subcarriers: the most frequent number is kept
/// (of equals the greater one), the other packets are left out. Time is the host's clock where the board knew it throughout
/// (`real_time_set`), otherwise the board's microsecond counter, in s, its wrap at 2³² undone; otherwise the packet's place
/// in the log. Sequence numbers are those of `id` or `seq`, if there is such a field (in esp-csi the sender's counter).
///
/// # Errors
/// [`Error::Malformed`] with the line, except for a last line that was cut off; [`Error::TooShort`] for a log without a
/// measurement.
pub fn parse(bytes: &[u8]) -> Result<Csi> {
    let mut header = None;
    let mut packets: Vec<Packet> = Vec::new();
    let mut lines = bytes.split(|&byte| byte == b'\n').enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let malformed =
            |reason: String| Error::Malformed { what: WHAT, place: format!("line {}", index + 1), reason };
        let line = line.trim_ascii();
        if !line.starts_with(MARK) {
            // The header comes after whatever the board said while it started.
            if let Ok(line) = std::str::from_utf8(line)
                && line.starts_with("type,")
            {
                header = Some(Columns::named(line));
            }
            continue;
        }
        match packet(line, header) {
            Ok(packet) => packets.push(packet),
            // Whoever stopped the recording stopped it anywhere.
            Err(_) if lines.peek().is_none() => {}
            Err(reason) => return Err(malformed(reason)),
        }
    }
    assemble(&packets)
}

/// Whether `bytes` look like such a log.
pub(crate) fn is(bytes: &[u8]) -> bool {
    bytes.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_start().starts_with(MARK))
}

fn packet(line: &[u8], header: Option<Columns>) -> std::result::Result<Packet, String> {
    let line = std::str::from_utf8(line).map_err(|_| "not UTF-8 text".to_owned())?;
    let (fields, rest) = line.split_once('[').ok_or("no numbers in brackets")?;
    let (numbers, _) = rest.split_once(']').ok_or("the bracket is not closed")?;
    let fields: Vec<&str> = fields.trim_end_matches(['"', ' ']).trim_end_matches(',').split(',').collect();
    let columns = header.unwrap_or_else(|| Columns::counted(fields.len()));
    let field = |place: Option<usize>| place.and_then(|place| fields.get(place)).map(|field| field.trim());
    let natural = |place: Option<usize>, name: &str| {
        let parse = |text: &str| {
            text.parse::<u64>().map_err(|_| format!("the {name} {text:?} is not a natural number"))
        };
        field(place).map(parse).transpose()
    };
    let clock = field(columns.clock)
        .filter(|_| field(columns.clock_is_set) == Some("1"))
        .map(|text| {
            let time = text.parse::<f64>().ok().filter(|time| time.is_finite());
            time.ok_or_else(|| format!("the real_timestamp {text:?} is not a finite number"))
        })
        .transpose()?;
    let mut parts: Vec<f32> = Vec::new();
    for text in numbers.split([',', ' ']).filter(|text| !text.is_empty()) {
        let number = text.parse::<i16>().ok().filter(|number| (-128..=255).contains(number));
        let number = number.ok_or_else(|| format!("{text:?} is no 8-bit number"))?;
        parts.push(f32::from(if number > 127 { number - 256 } else { number }));
        if parts.len() > MOST_NUMBERS {
            return Err(format!("more than {MOST_NUMBERS} numbers"));
        }
    }
    if parts.is_empty() || !parts.len().is_multiple_of(2) {
        return Err(format!("{} numbers, where pairs of them are needed", parts.len()));
    }
    Ok(Packet {
        sequence: natural(columns.sequence, "sequence number")?,
        timestamp: natural(columns.timestamp, "local_timestamp")?,
        clock,
        gains: parts.chunks(2).map(|pair| Complex32::new(pair[1], pair[0])).collect(),
    })
}

fn assemble(packets: &[Packet]) -> Result<Csi> {
    let subcarriers = super::most_frequent(packets.iter().map(|packet| packet.gains.len()));
    let Some(subcarriers) = subcarriers else {
        return Err(Error::TooShort { what: WHAT, need: 1, unit: "measurements", got: 0 });
    };
    let kept: Vec<&Packet> = packets.iter().filter(|packet| packet.gains.len() == subcarriers).collect();
    let gains = Array3::from_shape_fn((kept.len(), subcarriers, 1), |(row, k, _)| kept[row].gains[k]);
    let all = |of: &dyn Fn(&Packet) -> Option<u64>| {
        kept.iter().map(|packet| of(packet)).collect::<Option<Vec<_>>>()
    };
    let clock: Option<Vec<f64>> = kept.iter().map(|packet| packet.clock).collect();
    let time = clock.unwrap_or_else(|| match all(&|packet| packet.timestamp) {
        Some(stamps) => {
            let mut unwrap = Unwrap::<32>::new();
            stamps.iter().map(|&stamp| unwrap.next(stamp) as i64 as f64 * 1e-6).collect()
        }
        None => (0..kept.len()).map(|index| index as f64).collect(),
    });
    Csi::new(gains, time, all(&|packet| packet.sequence).and_then(counted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOOL: &str = "type,role,mac,rssi,rate,sig_mode,mcs,bandwidth,smoothing,not_sounding,aggregation,stbc,fec_coding,sgi,\
        noise_floor,ampdu_cnt,channel,secondary_channel,local_timestamp,ant,sig_len,rx_state,real_time_set,real_timestamp,len,CSI_DATA\n";

    /// As the ESP32-CSI-Tool prints a packet.
    fn tool(stamp: u32, clock: &str, numbers: &str) -> String {
        format!(
            "CSI_DATA,AP,3C:71:BF:6D:2A:78,-73,11,1,0,0,1,1,1,0,0,0,-93,0,1,1,{stamp},0,47,0,{clock},6,[{numbers} ]\n"
        )
    }

    /// As esp-csi prints it.
    fn esp(id: u64, stamp: u32, numbers: &str) -> String {
        format!(
            "CSI_DATA,{id},1a:00:00:00:00:00,-30,11,1,0,0,1,1,1,0,0,0,-93,0,11,2,{stamp},0,47,0,6,0,\"[{numbers}]\"\n"
        )
    }

    #[test]
    fn both_programs_lines() {
        let text = format!(
            "I (340) wifi:mode : softAP\r\n{TOOL}{}{}",
            tool(1_000_000, "0,0.000000", "1 2 -3 4 0 127"),
            // Unsigned, as early versions: the same numbers.
            tool(3_500_000, "0,0.000000", "1 2 253 4 128 255"),
        );
        let csi = parse(text.as_bytes()).unwrap();
        assert_eq!((csi.gains.dim(), csi.sequence), ((2, 3, 1), None));
        assert_eq!(csi.time, [1.0, 3.5]);
        // The imaginary part comes first.
        assert_eq!(csi.gains[[0, 1, 0]], Complex32::new(4.0, -3.0));
        assert_eq!(csi.gains[[1, 1, 0]], Complex32::new(4.0, -3.0));
        assert_eq!(csi.gains[[1, 2, 0]], Complex32::new(-1.0, -128.0));

        // No header: by the number of fields. The counter wraps.
        let text = esp(7, u32::MAX, "1,2,3,4") + &esp(9, 999_999, "5,6,7,8");
        let csi = parse(text.as_bytes()).unwrap();
        assert_eq!(csi.sequence, Some(vec![7, 9]));
        assert!((csi.time[1] - csi.time[0] - 1.0).abs() < 1e-6, "{:?}", csi.time);
        assert!(is(text.as_bytes()) && !is(b"idx,rssi\n1,2\n"));

        // A C6 has other fields.
        let text = "type,seq,mac,rssi,rate,noise_floor,fft_gain,agc_gain,channel,local_timestamp,sig_len,rx_state,len,first_word,data\n\
                    CSI_DATA,12,1a:00:00:00:00:00,-30,11,-95,5,40,11,2500000,47,0,4,0,\"[1,2,3,4]\"\n";
        let csi = parse(text.as_bytes()).unwrap();
        assert_eq!((csi.sequence, csi.time), (Some(vec![12]), vec![2.5]));
    }

    #[test]
    fn the_clock_counts_where_it_was_set_throughout() {
        let of = |clocks: [&str; 2]| {
            let lines = clocks.map(|clock| tool(5_000_000, clock, "1 2"));
            parse((TOOL.to_owned() + &lines.concat()).as_bytes()).unwrap().time
        };
        assert_eq!(of(["1,1600000000.250000", "1,1600000001.500000"]), [1_600_000_000.25, 1_600_000_001.5]);
        assert_eq!(of(["0,0.0", "1,1600000001.5"]), [5.0, 5.0]);
    }

    /// The most frequent number of subcarriers stays.
    #[test]
    fn packets_of_other_lengths_are_left_out() {
        let text = esp(1, 1, "1,2,3,4") + &esp(2, 2, "1,2") + &esp(3, 3, "5,6,7,8");
        let csi = parse(text.as_bytes()).unwrap();
        assert_eq!((csi.gains.dim(), csi.sequence), ((2, 2, 1), Some(vec![1, 3])));
        let text = esp(1, 1, "1,2,3,4") + &esp(2, 2, "1,2");
        assert_eq!(parse(text.as_bytes()).unwrap().gains.dim(), (1, 2, 1));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let good = esp(1, 1, "1,2");
        let error = |line: &str| parse((good.clone() + line + &good).as_bytes()).unwrap_err().to_string();
        for (line, says) in [
            ("CSI_DATA,1,2\n", "ESP32 log, line 2: no numbers in brackets"),
            ("CSI_DATA,1,\"[1,2\n", "ESP32 log, line 2: the bracket is not closed"),
            ("CSI_DATA,1,\"[1,2,3]\"\n", "ESP32 log, line 2: 3 numbers, where pairs of them are needed"),
            ("CSI_DATA,1,\"[]\"\n", "ESP32 log, line 2: 0 numbers, where pairs of them are needed"),
            ("CSI_DATA,1,\"[1,256]\"\n", "ESP32 log, line 2: \"256\" is no 8-bit number"),
        ] {
            assert_eq!(error(line), says);
        }
        assert!(
            error(&good.replace(",1,0,47", ",x,0,47").replace("CSI_DATA,1,", "CSI_DATA,-1,"))
                .contains("sequence number \"-1\"")
        );
        assert_eq!(
            parse(b"boot\n").unwrap_err().to_string(),
            "ESP32 log needs at least 1 measurements, got 0"
        );
        // A last line that was cut off is not there.
        let cut = good.clone() + &good[..good.len() - 4];
        assert_eq!(parse(cut.as_bytes()).unwrap().time.len(), 1);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200, at in 0usize..200, value: u8) {
            let _ = (parse(&bytes), is(&bytes));
            let mut text = (TOOL.to_owned() + &tool(1, "1,1.5", "1 2 3 4") + &esp(1, 2, "1,2")).into_bytes();
            let at = text.len().saturating_sub(1 + at);
            text[at] = value;
            let _ = parse(&text);
            text.truncate(text.len() - cut.min(text.len()));
            let _ = parse(&text);
        }
    }
}
