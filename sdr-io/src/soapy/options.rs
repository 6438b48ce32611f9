//! What a radio is asked for, and its URI.

use num_complex::Complex64;

use crate::{Datatype, Error, NonFinite, OpenOptions, Result, open::unescape, parse_hertz};

/// What a radio is asked for: `soapy:ARGUMENTS?KEY=VALUE&...`. ARGUMENTS choose the device and go to its driver, such as
/// `driver=uhd,serial=F5EAE1`; the keys of the query are named with each field. What is not said stays as the radio has it.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioOptions {
    /// Arguments of the device, with a `driver` among them.
    pub args: Vec<(String, String)>,
    /// Samples per second: `rate=20M`.
    pub sample_rate: Option<f64>,
    /// Hz: `freq=2.437G`.
    pub center_frequency: Option<f64>,
    /// All of the gain, in dB: `gain=30`.
    pub gain: Option<f64>,
    /// The gain of one element, in dB: `gain.LNA=10`.
    pub gains: Vec<(String, f64)>,
    /// Automatic gain control: `agc=true`.
    pub agc: Option<bool>,
    /// `antenna=RX2`.
    pub antenna: Option<String>,
    /// Of the analogue filter, in Hz: `bandwidth=20M`.
    pub bandwidth: Option<f64>,
    /// `channels=0,1`; by default the first.
    pub channels: Vec<usize>,
    /// Where the reference clock comes from: `clock=external`.
    pub clock_source: Option<String>,
    /// Where the pulse per second comes from: `time=external`.
    pub time_source: Option<String>,
    /// Hz: `master_clock=61.44M`.
    pub master_clock: Option<f64>,
    /// The constant part: `dc=auto`, `dc=off` or `dc=0.01,-0.02`.
    pub dc: Option<Correction>,
    /// The imbalance of I and Q: `iq=auto`, `iq=off` or `iq=0.01,-0.02`.
    pub iq: Option<Correction>,
    /// The reference oscillator's error, in parts per million: `ppm=1.5`.
    pub ppm: Option<f64>,
    /// Settings of the driver: `setting.biastee=true`.
    pub settings: Vec<(String, String)>,
    /// Arguments of the stream: `stream.bufflen=16384`.
    pub stream_args: Vec<(String, String)>,
    /// How samples travel: `format=cs16`; by default as the radio has them.
    pub format: Option<SampleFormat>,
    /// Begin that many seconds from now, by the clock of the hardware: `start=0.5`. At most 60.
    pub start: Option<f64>,
    /// Seconds without a sample after which the stream is given up: `timeout=1`. From 0.01 to 3; by default 2.
    pub timeout: f64,
    /// Go on with a rate or frequency that is more than 100 ppm off, with a note, instead of refusing it: `mismatch=warn`.
    pub accept_mismatch: bool,
    /// Believe the time stamps: `timestamps=false` for a driver that makes them up from the computer's clock.
    pub timestamps: bool,
    /// What a NaN or infinite sample is: `not_finite=zero`.
    pub not_finite: NonFinite,
}

/// How an analogue flaw is corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Correction {
    /// By the radio itself.
    Automatic,
    /// Not by the radio.
    Off,
    /// By this much.
    Value(Complex64),
}

/// How samples travel between radio and computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFormat {
    /// Two floats, full scale 1.
    Cf32,
    /// Two integers of 16 bits.
    Cs16,
    /// Two integers of 8 bits.
    Cs8,
}

impl SampleFormat {
    pub(super) const ALL: [SampleFormat; 3] = [SampleFormat::Cf32, SampleFormat::Cs16, SampleFormat::Cs8];

    /// SoapySDR's name.
    pub fn soapy(self) -> &'static str {
        match self {
            SampleFormat::Cf32 => "CF32",
            SampleFormat::Cs16 => "CS16",
            SampleFormat::Cs8 => "CS8",
        }
    }

    /// SigMF's name. The library's byte order is the computer's own.
    pub fn datatype(self) -> Datatype {
        let little = match self {
            SampleFormat::Cf32 => Datatype::CF32_LE,
            SampleFormat::Cs16 => Datatype::CI16_LE,
            SampleFormat::Cs8 => Datatype::CI8,
        };
        if cfg!(target_endian = "big") { little.swapped() } else { little }
    }
}

/// The keys of the query, for the message that one is not known.
const KEYS: &str = "rate, freq, gain, gain.NAME, agc, antenna, bandwidth, channels, clock, time, master_clock, dc, iq, ppm, \
                    setting.NAME, stream.NAME, format, start, timeout, mismatch, timestamps and not_finite";

impl RadioOptions {
    /// Those of the device with these arguments, and nothing more.
    pub fn new(args: Vec<(String, String)>) -> Self {
        Self {
            args,
            sample_rate: None,
            center_frequency: None,
            gain: None,
            gains: Vec::new(),
            agc: None,
            antenna: None,
            bandwidth: None,
            channels: vec![0],
            clock_source: None,
            time_source: None,
            master_clock: None,
            dc: None,
            iq: None,
            ppm: None,
            settings: Vec::new(),
            stream_args: Vec::new(),
            format: None,
            start: None,
            timeout: 2.0,
            accept_mismatch: false,
            timestamps: true,
            not_finite: NonFinite::Refuse,
        }
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// [`Error::Uri`].
    pub fn parse(uri: &str) -> Result<Self> {
        Self::read(uri).map_err(|problem| Error::Uri { uri: uri.to_owned(), problem })
    }

    /// With what the caller of [`crate::open`] said beside the URI, which wins.
    ///
    /// # Errors
    /// [`Error::Option`] for what makes sense with files only.
    pub(super) fn with(mut self, options: &OpenOptions) -> Result<Self> {
        options.check()?;
        let only_files =
            |option, got: String| Err(Error::Option { option, rule: "left out for a radio".into(), got });
        if options.replay.repeat || options.replay.realtime {
            return only_files("loop or realtime", "true".into());
        }
        if options.header_bytes > 0 {
            return only_files("header_bytes", options.header_bytes.to_string());
        }
        self.sample_rate = self.sample_rate.or(options.sample_rate);
        self.center_frequency = self.center_frequency.or(options.center_frequency);
        if let Some(channels) = options.channels.filter(|_| self.channels == [0]) {
            self.channels = (0..channels.min(super::source::MAX_RADIO_CHANNELS)).collect();
        }
        if self.not_finite == NonFinite::Refuse {
            self.not_finite = options.not_finite;
        }
        if let (None, Some(datatype)) = (self.format, options.datatype) {
            let format = SampleFormat::ALL.into_iter().find(|format| format.datatype() == datatype);
            let rule = "cf32_le, ci16_le or ci8 for a radio".to_owned();
            self.format =
                Some(format.ok_or(Error::Option { option: "datatype", rule, got: datatype.to_string() })?);
        }
        Ok(self)
    }

    fn read(uri: &str) -> Result<Self, String> {
        if uri.contains('\0') {
            return Err("a URI cannot hold a NUL".into());
        }
        let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
        let (args, query) = rest.split_once('?').unwrap_or((rest, ""));
        let text = |escaped: &str| unescape(escaped).ok_or_else(|| "a percent escape is broken".to_owned());
        let mut options = Self::new(Vec::new());
        for pair in args.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("`{pair}` is not an argument: KEY=VALUE"))?;
            let key = text(key.trim())?;
            if options.args.iter().any(|(other, _)| *other == key) {
                return Err(format!("`{key}` is given twice"));
            }
            options.args.push((key, text(value.trim())?));
        }
        if !options.args.iter().any(|(key, value)| key == "driver" && !value.is_empty()) {
            // Without one, SoapySDR tries every module that is installed, and some crash.
            return Err("there is no driver, such as soapy:driver=uhd or soapy:driver=rtlsdr".into());
        }
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let (key, value) = (text(key)?, text(value)?);
            if seen.contains(&key) {
                return Err(format!("`{key}` is given twice"));
            }
            options.set(&key, &value)?;
            seen.push(key);
        }
        Ok(options)
    }

    /// One pair of the query.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let flag = || match value {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err(format!("`{key}` is true or false, got `{value}`")),
        };
        let number = |least: f64, most: f64| {
            let parsed = value.parse::<f64>().ok().filter(|x| (least..=most).contains(x));
            parsed.ok_or_else(|| format!("`{key}` is a number from {least} to {most}, got `{value}`"))
        };
        let hertz = |least: f64| {
            let parsed = parse_hertz(value).filter(|x| *x > least && *x <= 1e12);
            parsed.ok_or_else(|| format!("`{key}` is in Hz, such as 250e3 or 2.4M, got `{value}`"))
        };
        let name = || if value.is_empty() { Err(format!("`{key}` is empty")) } else { Ok(value.to_owned()) };
        let correction = || {
            let pair = value.split_once(',').and_then(|(re, im)| Some((re.parse().ok()?, im.parse().ok()?)));
            match (value, pair) {
                ("auto" | "true", _) => Ok(Correction::Automatic),
                ("off" | "false", _) => Ok(Correction::Off),
                (_, Some((re, im))) if f64::abs(re) <= 2.0 && f64::abs(im) <= 2.0 => {
                    Ok(Correction::Value(Complex64::new(re, im)))
                }
                _ => Err(format!(
                    "`{key}` is auto, off or two numbers within ±2, such as 0.01,-0.02; got `{value}`"
                )),
            }
        };
        match key {
            "rate" | "sample_rate" => self.sample_rate = Some(hertz(0.0)?),
            "freq" | "center_frequency" => self.center_frequency = Some(hertz(-1e12)?),
            "gain" => self.gain = Some(number(-200.0, 200.0)?),
            "agc" => self.agc = Some(flag()?),
            "antenna" => self.antenna = Some(name()?),
            "bandwidth" => self.bandwidth = Some(hertz(0.0)?),
            "channels" => self.channels = channels(value)?,
            "clock" => self.clock_source = Some(name()?),
            "time" => self.time_source = Some(name()?),
            "master_clock" => self.master_clock = Some(hertz(0.0)?),
            "dc" => self.dc = Some(correction()?),
            "iq" => self.iq = Some(correction()?),
            "ppm" => self.ppm = Some(number(-1e4, 1e4)?),
            "format" => {
                let format = SampleFormat::ALL.into_iter().find(|f| f.soapy().eq_ignore_ascii_case(value));
                self.format =
                    Some(format.ok_or_else(|| format!("`{key}` is cf32, cs16 or cs8, got `{value}`"))?);
            }
            "start" => self.start = Some(number(0.0, 60.0)?),
            "timeout" => self.timeout = number(0.01, 3.0)?,
            "timestamps" => self.timestamps = flag()?,
            "mismatch" | "not_finite" => {
                let (other, given) = if key == "mismatch" { ("warn", "refuse") } else { ("zero", "refuse") };
                let accept = match value {
                    _ if value == other => true,
                    _ if value == given => false,
                    _ => return Err(format!("`{key}` is {given} or {other}, got `{value}`")),
                };
                if key == "mismatch" {
                    self.accept_mismatch = accept;
                } else {
                    self.not_finite = if accept { NonFinite::Zero } else { NonFinite::Refuse };
                }
            }
            _ => match key.split_once('.') {
                Some(("gain", element)) if !element.is_empty() => {
                    self.gains.push((element.to_owned(), number(-200.0, 200.0)?));
                }
                Some(("setting", setting)) if !setting.is_empty() => {
                    self.settings.push((setting.to_owned(), value.to_owned()));
                }
                Some(("stream", argument)) if !argument.is_empty() => {
                    self.stream_args.push((argument.to_owned(), value.to_owned()));
                }
                _ => return Err(format!("`{key}` is not known; there are {KEYS}")),
            },
        }
        Ok(())
    }

    /// How messages call the radio.
    pub fn name(&self) -> String {
        let pairs: Vec<_> = self.args.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("soapy:{}", pairs.join(","))
    }
}

fn channels(value: &str) -> Result<Vec<usize>, String> {
    let mut channels = Vec::new();
    for part in value.split(',') {
        match part.trim().parse::<usize>() {
            Ok(channel) if channels.contains(&channel) => {
                return Err(format!("channel {channel} is given twice"));
            }
            Ok(channel) if channel < super::source::MAX_RADIO_CHANNELS => channels.push(channel),
            _ => return Err(format!("`channels` is a list such as 0,1 of channels below 64, got `{value}`")),
        }
    }
    Ok(channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_said() {
        let uri = "soapy:driver=uhd,serial=F5%2C1?rate=20e6&freq=2.437G&gain=30&gain.LNA=10&agc=false&antenna=TX/RX\
                   &bandwidth=18M&channels=0,1&clock=external&time=gpsdo&master_clock=61.44M&dc=auto&iq=0.01,-0.02\
                   &ppm=-1.5&setting.biastee=true&stream.bufflen=16384&format=cs16&start=0.5&timeout=1&mismatch=warn\
                   &timestamps=0&not_finite=zero";
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        let got = RadioOptions::parse(uri).unwrap();
        assert_eq!(got.args, [pair("driver", "uhd"), pair("serial", "F5,1")].concat());
        assert_eq!(
            (got.sample_rate, got.center_frequency, got.gain),
            (Some(20e6), Some(2.437e9), Some(30.0))
        );
        assert_eq!((got.gains, got.agc), (vec![("LNA".to_owned(), 10.0)], Some(false)));
        assert_eq!(
            (got.antenna.as_deref(), got.bandwidth, got.channels),
            (Some("TX/RX"), Some(18e6), vec![0, 1])
        );
        assert_eq!(
            (got.clock_source.as_deref(), got.time_source.as_deref()),
            (Some("external"), Some("gpsdo"))
        );
        assert_eq!((got.master_clock, got.dc), (Some(61.44e6), Some(Correction::Automatic)));
        assert_eq!(got.iq, Some(Correction::Value(Complex64::new(0.01, -0.02))));
        assert_eq!((got.ppm, got.settings), (Some(-1.5), pair("biastee", "true")));
        assert_eq!((got.stream_args, got.format), (pair("bufflen", "16384"), Some(SampleFormat::Cs16)));
        assert_eq!((got.start, got.timeout, got.accept_mismatch), (Some(0.5), 1.0, true));
        assert_eq!((got.timestamps, got.not_finite), (false, NonFinite::Zero));
    }

    #[test]
    fn what_cannot_be_understood_says_why() {
        for (uri, problem) in [
            ("soapy:", "there is no driver, such as soapy:driver=uhd or soapy:driver=rtlsdr"),
            ("soapy:serial=1?rate=1M", "there is no driver, such as soapy:driver=uhd or soapy:driver=rtlsdr"),
            ("soapy:uhd", "`uhd` is not an argument: KEY=VALUE"),
            ("soapy:driver=a,driver=b", "`driver` is given twice"),
            ("soapy:driver=a?rate=0", "`rate` is in Hz, such as 250e3 or 2.4M, got `0`"),
            ("soapy:driver=a?rate=nan", "`rate` is in Hz, such as 250e3 or 2.4M, got `nan`"),
            ("soapy:driver=a?gain=1&gain=2", "`gain` is given twice"),
            ("soapy:driver=a?gain=inf", "`gain` is a number from -200 to 200, got `inf`"),
            ("soapy:driver=a?channels=0,0", "channel 0 is given twice"),
            ("soapy:driver=a?channels=", "`channels` is a list such as 0,1 of channels below 64, got ``"),
            ("soapy:driver=a?timeout=10", "`timeout` is a number from 0.01 to 3, got `10`"),
            ("soapy:driver=a?format=cs12", "`format` is cf32, cs16 or cs8, got `cs12`"),
            ("soapy:driver=a?mismatch=ignore", "`mismatch` is refuse or warn, got `ignore`"),
            ("soapy:driver=a?antenna=", "`antenna` is empty"),
            (
                "soapy:driver=a?dc=9,9",
                "`dc` is auto, off or two numbers within ±2, such as 0.01,-0.02; got `9,9`",
            ),
            ("soapy:driver=a%", "a percent escape is broken"),
        ] {
            let error = RadioOptions::parse(uri).unwrap_err();
            assert_eq!(error.to_string(), format!("`{uri}`: {problem}"));
        }
        let error = RadioOptions::parse("soapy:driver=a?speed=2").unwrap_err().to_string();
        assert!(error.ends_with(&format!("`speed` is not known; there are {KEYS}")), "{error}");
    }
}
