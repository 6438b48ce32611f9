//! Logs of DecaRanging for the Decawave DW1000 ultra-wideband receiver, with accumulators: the channel's impulse response.
//!
//! Text. After `Accum Len N` come N lines `re, im`, one a tap of about 1 ns (half a cycle of 499.2 MHz; DW1000 User Manual,
//! section 7.2.38). Before it, `… SS Rx time = T …` (SS: the frame's sequence number, hexadecimal; T in s on the
//! receiver's own clock, which wraps at 17.2 s) and `RX OK … HLP(F) …` (F: where in the accumulator the first path is). `SS Tx
//! time` says what was sent, `Mode: 1` that this end begins the exchanges.
//!
//! Read off the recordings that the tests use (<https://github.com/HaowenWeiJohn/UWBKeyGeneration>); tested against those.

use ndarray::Array3;
use num_complex::Complex32;

use super::Csi;
use super::counter::{Unwrap, counted};
use crate::{Error, Result};

const WHAT: &str = "DW1000 log";
/// Taps before the first path that are kept, and taps in all.
const BEFORE: usize = 5;
/// A hundred of them after the first path are 30 m of detour.
const TAPS: usize = 120;

#[derive(Default)]
struct State {
    initiates: bool,
    sent: Option<u64>,
    heard: Option<u64>,
    time: Option<f64>,
    first_path: Option<f64>,
}

/// The impulse responses of a log, `[time, 120, 1]`: of each frame that was heard the taps from 5 before its first path on, the
/// first path as the receiver found it and rounded to a tap, so that two ends' taps mean the same detours.
///
/// Sequence numbers are those of the *exchange*: the frame with which the initiator began it, which both ends know (one of
/// them sent it, the other heard it), their wraps at 2⁸ undone. What the initiator says last is heard under a number of its
/// own, and pairs with nothing. Time is that of the receiver's clock.
///
/// # Errors
/// [`Error::Malformed`] with the line; [`Error::TooShort`] for a log without an accumulator.
pub fn parse(bytes: &[u8]) -> Result<Csi> {
    let text = String::from_utf8_lossy(bytes);
    let mut state = State::default();
    let (mut rows, mut time, mut sequence) = (Vec::new(), Vec::new(), Vec::new());
    let mut unwrap = Unwrap::<8>::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        let malformed = |line: usize, reason: String| Error::Malformed {
            what: WHAT,
            place: format!("line {}", line + 1),
            reason,
        };
        let Some(claimed) = line.strip_prefix("Accum Len ") else {
            state.note(line);
            continue;
        };
        let claimed: usize =
            claimed.trim().parse().map_err(|_| malformed(index, format!("a length of {claimed:?}")))?;
        // Not as many as the log claims are set aside, but as many as come.
        let mut taps = Vec::new();
        while taps.len() < claimed {
            let (at, line) = lines.next().unwrap_or((index, ""));
            let parts = line.split_once(',').and_then(|(re, im)| {
                Some(Complex32::new(
                    re.trim().parse::<i32>().ok()? as f32,
                    im.trim().parse::<i32>().ok()? as f32,
                ))
            });
            let tap = parts.ok_or_else(|| {
                let reason = format!("{line:?} where tap {} of {claimed} should be \"re, im\"", taps.len());
                malformed(at, reason)
            })?;
            taps.push(tap);
        }
        let first = state.first_path.take().ok_or_else(|| {
            malformed(index, "an accumulator whose first path (HLP) is not said before it".into())
        })?;
        let start = first.round() - BEFORE as f64;
        if !(start >= 0.0 && start + TAPS as f64 <= taps.len() as f64) {
            let reason =
                format!("a first path at tap {first} of {}: {TAPS} taps around it are needed", taps.len());
            return Err(malformed(index, reason));
        }
        rows.push(taps[start as usize..start as usize + TAPS].to_vec());
        let number = if state.initiates { state.sent } else { state.heard };
        sequence.push(number.map(|number| unwrap.next(number)));
        time.push(state.time.take().unwrap_or(0.0));
    }
    if rows.is_empty() {
        return Err(Error::TooShort { what: WHAT, need: 1, unit: "accumulators", got: 0 });
    }
    let gains = Array3::from_shape_fn((rows.len(), TAPS, 1), |(row, tap, _)| rows[row][tap]);
    let sequence: Option<Vec<u64>> = sequence.into_iter().collect();
    Csi::new(gains, time, sequence.and_then(counted))
}

/// Whether `bytes` look like such a log.
pub(crate) fn is(bytes: &[u8]) -> bool {
    bytes.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_start().starts_with(b"Accum Len "))
}

impl State {
    /// Takes up what a line says.
    fn note(&mut self, line: &str) {
        if let Some(mode) = line.strip_prefix("Mode: ") {
            self.initiates = mode.starts_with("1,");
        } else if let Some(rest) = line.split("HLP(").nth(1).filter(|_| line.starts_with("RX OK")) {
            let number = rest.split(')').next().and_then(|number| number.parse::<f64>().ok());
            self.first_path = number.filter(|number| number.is_finite());
        } else if let Some((before, after)) = line.split_once(" time = ") {
            let mut words = before.split_ascii_whitespace().rev();
            let direction = words.next();
            let number = words.next().and_then(|number| u64::from_str_radix(number, 16).ok());
            let time = after.split_ascii_whitespace().next().and_then(|time| time.parse::<f64>().ok());
            match (direction, number) {
                (Some("Tx"), Some(number)) => self.sent = Some(number),
                (Some("Rx"), Some(number)) => {
                    (self.heard, self.time) = (Some(number), time.filter(|time| time.is_finite()));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata;
    use proptest::prelude::*;

    fn frame(number: &str, first: f64, taps: usize) -> String {
        let taps: String = (0..taps).map(|tap| format!("{tap}, {}\n", -(tap as i64))).collect();
        format!(
            "21 {number} Rx time = 9.5e+000 92FD2D2307\n\n21 {number} Rx time(un) = 9.6e+000 0\n\
             RX OK WInd(0735), HLP({first:09.4}), PSC(0289)\nAccum Len {}\n{taps}\n",
            taps.lines().count()
        )
    }

    #[test]
    fn a_log_made_by_hand() {
        let responder = "Mode: 2, Chan 2\n".to_owned()
            + &frame("FF", 20.4, 200)
            + "07 Tx time = 1.0e+001\n"
            + &frame("01", 21.6, 200);
        let csi = parse(responder.as_bytes()).unwrap();
        assert_eq!((csi.gains.dim(), csi.time.as_slice()), ((2, 120, 1), &[9.5, 9.5][..]));
        assert_eq!(csi.gains[[0, 0, 0]], Complex32::new(15.0, -15.0));
        assert_eq!(csi.gains[[1, 119, 0]], Complex32::new(136.0, -136.0));
        assert_eq!(csi.sequence, Some(vec![0xFF, 0x101]));
        // Who began the exchange numbers it by what it sent.
        let initiator = "Mode: 1, Chan 2\nFF Tx time = 1.5e+001\n".to_owned() + &frame("07", 20.0, 200);
        assert_eq!(parse(initiator.as_bytes()).unwrap().sequence, Some(vec![0xFF]));
        assert!(is(responder.as_bytes()) && !is(b"1,2\n"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let of = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(of("Mode: 1\n"), "DW1000 log needs at least 1 accumulators, got 0");
        assert_eq!(of("Accum Len many\n"), "DW1000 log, line 1: a length of \"many\"");
        assert!(
            of("Accum Len 18446744073709551615\n1, 2\n")
                .starts_with("DW1000 log, line 1: \"\" where tap 1 of")
        );
        assert!(of("Accum Len 2\n1, 2\nx\n").starts_with("DW1000 log, line 3: \"x\" where tap 1 of 2"));
        assert!(of("Accum Len 1\n1, 2\n").contains("(HLP) is not said"));
        assert!(of(&frame("01", 190.0, 200)).contains("a first path at tap 190 of 200"));
        assert!(of(&frame("01", 3.0, 200)).contains("a first path at tap 3 of 200"));
    }

    /// Magnitudes over 120 taps correlate by 0.88 to 0.997 between the two ends of an exchange, whose frames find each other.
    #[test]
    fn recorded_exchanges() {
        let Some(folder) = testdata::folder("keygen/uwb_cir") else { return };
        for (anchor, tag, want) in [
            ("C2-4.0G-500M.1Anchor.log", "C2-4.0G-500M.1Tag.log", &[0.88, 0.996][..]),
            ("anchor_C2_6m_1.log", "tag_C2_6m_1.log", &[0.97]),
            ("nightAnchor.log", "nightTag.log", &[0.96]),
        ] {
            let [anchor, tag] =
                [anchor, tag].map(|name| parse(&std::fs::read(folder.join(name)).unwrap()).unwrap());
            let of = |csi: &Csi, row: usize| -> Vec<f64> {
                csi.gains
                    .index_axis(ndarray::Axis(0), row)
                    .iter()
                    .map(|gain| f64::from(gain.norm()))
                    .collect()
            };
            let numbers = |csi: &Csi| csi.sequence.clone().unwrap();
            let mut found = Vec::new();
            for (row, number) in numbers(&tag).iter().enumerate() {
                let other = numbers(&anchor).iter().position(|other| other == number).unwrap();
                found.push(pearson(&of(&anchor, other), &of(&tag, row)));
            }
            assert_eq!(found.len(), want.len());
            assert!(found.iter().zip(want).all(|(got, want)| got > want && *got < 0.999), "{found:?}");
        }
    }

    fn pearson(a: &[f64], b: &[f64]) -> f64 {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (ma, mb) = (mean(a), mean(b));
        let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
        sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..3000, value: u8, cut in 0usize..3000) {
            let _ = (parse(&bytes), is(&bytes));
            let mut text = ("Mode: 1,\n07 Tx time = 1.0\n".to_owned() + &frame("08", 20.0, 160)).into_bytes();
            let at = at % text.len();
            text[at] = value;
            let _ = parse(&text);
            text.truncate(cut);
            let _ = parse(&text);
        }
    }
}
