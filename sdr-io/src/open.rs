//! From a name to a source or a sink: paths, `file:` URIs with a query, and the table of extensions.

use std::path::{Path, PathBuf};

use crate::{
    CreateOptions, Datatype, Error, NonFinite, OpenOptions, Replay, Result, Sink, Source, SystemClock,
    raw::{RawSink, RawSource},
    sigmf::{SigmfSink, SigmfSource},
    wav::{WavSink, WavSource},
};

/// Opens a recording by its path or URI.
///
/// - `capture.cu8`, `/data/a.sigmf-meta`, `b.wav`: a path, taken literally
/// - `file:capture.bin?datatype=ci16_le&rate=20M&freq=2.412e9&loop=true&realtime=true`: a path with
///   percent-escapes and options; see [`OpenOptions`] for the keys
///
/// - `soapy:driver=uhd,serial=F5EAE1?rate=20M&freq=2.437G&gain=30`: a radio, through SoapySDR, in a build with the feature
///   `soapy`; see `soapy::RadioOptions` for the keys
///
/// # Errors
/// [`Error::Uri`] if it cannot be understood, [`Error::NoSoapy`] in a build without radios, [`Error::NoRadio`] for another
/// name of a radio, [`Error::Radio`], and whatever is wrong with the file.
pub fn open(uri: &str, options: &OpenOptions) -> Result<Box<dyn Source>> {
    if is_soapy(uri) {
        #[cfg(feature = "soapy")]
        return Ok(Box::new(crate::soapy::SoapySource::open(uri, options)?));
        #[cfg(not(feature = "soapy"))]
        return Err(Error::NoSoapy);
    }
    let mut options = options.clone();
    let path = locate(uri, &mut options)?;
    options.check()?;
    let source = format_of(&path).open(&path, &options)?;
    if options.replay.realtime || options.replay.repeat {
        return Ok(Box::new(Replay::new(source, options.replay, Box::new(SystemClock::default()))?));
    }
    Ok(source)
}

/// Begins to write a recording. Its extension decides the format; see the table of the [crate]. The URI of a radio,
/// `soapy:driver=uhd?rate=1M&freq=433.92M&gain=10`, transmits.
///
/// # Errors
/// [`Error::Exists`] unless overwriting is asked for, [`Error::Option`], [`Error::NoDatatype`],
/// [`Error::Unsupported`], [`Error::Io`], [`Error::NoSoapy`], [`Error::Radio`].
pub fn create(path: impl AsRef<Path>, options: &CreateOptions) -> Result<Box<dyn Sink>> {
    options.check()?;
    let path = path.as_ref();
    if path.to_str().is_some_and(is_soapy) {
        #[cfg(feature = "soapy")]
        return Ok(Box::new(crate::soapy::SoapySink::open(&path.to_string_lossy(), options)?));
        #[cfg(not(feature = "soapy"))]
        return Err(Error::NoSoapy);
    }
    format_of(path).create(path, options)
}

/// The formats. A new one is a variant, its extensions and its constructors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Sigmf,
    Wav,
    Raw,
}

/// Extensions, lower case. What is not here is raw.
const EXTENSIONS: &[(&str, Format)] = &[
    (".sigmf-meta", Format::Sigmf),
    (".sigmf-data", Format::Sigmf),
    (".sigmf", Format::Sigmf),
    (".sigmf.gz", Format::Sigmf),
    (".sigmf.xz", Format::Sigmf),
    (".sigmf.zip", Format::Sigmf),
    (".wav", Format::Wav),
    (".rf64", Format::Wav),
];

impl Format {
    fn open(self, path: &Path, options: &OpenOptions) -> Result<Box<dyn Source>> {
        Ok(match self {
            Format::Sigmf => Box::new(SigmfSource::open(path, options)?),
            Format::Wav => Box::new(WavSource::open(path, options)?),
            Format::Raw => Box::new(RawSource::open(path, options)?),
        })
    }

    fn create(self, path: &Path, options: &CreateOptions) -> Result<Box<dyn Sink>> {
        Ok(match self {
            Format::Sigmf => Box::new(SigmfSink::create(path, options)?),
            Format::Wav => Box::new(WavSink::create(path, options)?),
            Format::Raw => Box::new(RawSink::create(path, options)?),
        })
    }
}

fn format_of(path: &Path) -> Format {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    EXTENSIONS
        .iter()
        .find(|(extension, _)| name.ends_with(extension))
        .map_or(Format::Raw, |(_, format)| *format)
}

/// What people call radios, known so that the answer is not "no such file".
const RADIOS: [&str; 5] = ["uhd", "rtlsdr", "hackrf", "rtl_tcp", "pluto"];

fn is_soapy(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("soapy"))
}

/// The path that `uri` names, with its query put into `options`.
fn locate(uri: &str, options: &mut OpenOptions) -> Result<PathBuf> {
    let error = |problem: String| Error::Uri { uri: uri.to_owned(), problem };
    if uri.is_empty() {
        return Err(error("a path or URI is needed".into()));
    }
    if uri.contains('\0') {
        return Err(error("a path cannot hold a NUL".into()));
    }
    // One letter before the colon is a drive of Windows.
    let scheme = uri.split_once(':').filter(|(scheme, _)| {
        scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
    });
    let Some((scheme, rest)) = scheme else { return Ok(uri.into()) };
    let scheme = scheme.to_ascii_lowercase();
    if RADIOS.contains(&scheme.as_str()) {
        return Err(Error::NoRadio { scheme });
    }
    if scheme != "file" {
        return if rest.starts_with("//") {
            Err(error(format!("the scheme `{scheme}` is not known; expected a path or `file:`")))
        } else {
            Ok(uri.into()) // a file name with a colon in it
        };
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match path.strip_prefix("//") {
        None => path,
        Some(path) => match path.find('/') {
            Some(0) => path,
            Some(slash) if path[..slash].eq_ignore_ascii_case("localhost") => &path[slash..],
            _ => return Err(error("files of other hosts cannot be read".into())),
        },
    };
    let path = unescape(path).ok_or_else(|| error("a percent escape is broken".into()))?;
    if path.is_empty() {
        return Err(error("there is no path".into()));
    }
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        if seen.contains(&key) {
            return Err(error(format!("`{key}` is given twice")));
        }
        seen.push(key);
        let value = unescape(value).ok_or_else(|| error("a percent escape is broken".into()))?;
        set(options, key, &value).map_err(error)?;
    }
    Ok(path.into())
}

/// One pair of the query.
fn set(options: &mut OpenOptions, key: &str, value: &str) -> Result<(), String> {
    let flag = || match value {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("`{key}` is true or false, got `{value}`")),
    };
    let count = || value.parse::<u64>().map_err(|_| format!("`{key}` is a whole number, got `{value}`"));
    let hertz = || {
        parse_hertz(value).ok_or_else(|| format!("`{key}` is in Hz, such as 250e3 or 2.4M, got `{value}`"))
    };
    match key {
        "datatype" => options.datatype = Some(Datatype::parse(value).map_err(|error| error.to_string())?),
        "channels" => options.channels = Some(usize::try_from(count()?).unwrap_or(usize::MAX)),
        "rate" | "sample_rate" => options.sample_rate = Some(hertz()?),
        "freq" | "center_frequency" => options.center_frequency = Some(hertz()?),
        "header_bytes" => options.header_bytes = count()?,
        "partial" => options.partial = flag()?,
        "verify" => options.verify = flag()?,
        "loop" => options.replay.repeat = flag()?,
        "realtime" => options.replay.realtime = flag()?,
        "not_finite" => {
            options.not_finite = match value {
                "refuse" => NonFinite::Refuse,
                "zero" => NonFinite::Zero,
                _ => return Err(format!("`not_finite` is refuse or zero, got `{value}`")),
            }
        }
        _ => {
            return Err(format!(
                "`{key}` is not known; there are datatype, channels, rate, freq, header_bytes, partial, verify, \
                 not_finite, loop and realtime"
            ));
        }
    }
    Ok(())
}

/// A rate or frequency as people write it, in Hz: a finite number with an optional `k`, `M` or `G`.
///
/// ```
/// assert_eq!(sdr_io::parse_hertz("433.92M"), Some(433.92e6));
/// assert_eq!(sdr_io::parse_hertz("250e3"), Some(250e3));
/// assert_eq!(sdr_io::parse_hertz("fast"), None);
/// ```
pub fn parse_hertz(text: &str) -> Option<f64> {
    let (digits, scale) = match text.chars().last()? {
        'k' | 'K' => (&text[..text.len() - 1], 1e3),
        'M' => (&text[..text.len() - 1], 1e6),
        'G' => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    digits.parse::<f64>().ok().map(|value| value * scale).filter(|value| value.is_finite())
}

/// `%41` is `A`. `None` if an escape is broken, or what comes out is not text or holds a NUL.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths_and_options() {
        let cases = [
            ("a b?c=d.cu8", "a b?c=d.cu8"),
            ("C:\\data\\x.cu8", "C:\\data\\x.cu8"),
            ("take 1: antenna.cu8", "take 1: antenna.cu8"),
            ("file:a%20b.cu8", "a b.cu8"),
            ("file:///data/x.cu8", "/data/x.cu8"),
            ("FILE://localhost/data/x.cu8", "/data/x.cu8"),
            ("file:%3F.cu8", "?.cu8"),
        ];
        for (uri, path) in cases {
            assert_eq!(locate(uri, &mut OpenOptions::default()).unwrap(), Path::new(path), "{uri}");
        }
        let mut options = OpenOptions::default();
        let uri = "file:x?datatype=cs16&rate=250k&freq=433.92M&channels=2&loop&realtime=1&verify=true\
                   &header_bytes=44&partial=yes&not_finite=zero";
        locate(uri, &mut options).unwrap();
        assert_eq!(options.datatype, Some(Datatype::CI16_LE));
        assert_eq!((options.sample_rate, options.center_frequency), (Some(250e3), Some(433.92e6)));
        assert_eq!((options.channels, options.header_bytes), (Some(2), 44));
        assert!(options.replay.repeat && options.replay.realtime && options.verify && options.partial);
        assert_eq!(options.not_finite, NonFinite::Zero);
    }

    #[cfg(not(feature = "soapy"))]
    #[test]
    fn without_radios_it_says_what_is_missing() {
        let message = "this build opens no radios: install SoapySDR (apt-get install libsoapysdr-dev pkg-config) and \
                       build with --features soapy";
        for uri in ["soapy:driver=rtlsdr", "SOAPY:", "soapy:?rate=x"] {
            assert_eq!(open(uri, &OpenOptions::default()).err().unwrap().to_string(), message);
            assert_eq!(create(uri, &CreateOptions::default()).err().unwrap().to_string(), message);
        }
    }

    #[test]
    fn what_cannot_be_understood_says_why() {
        for (uri, message) in [
            ("", "``: a path or URI is needed"),
            ("a\0b", "`a\0b`: a path cannot hold a NUL"),
            (
                "http://x/y.cu8",
                "`http://x/y.cu8`: the scheme `http` is not known; expected a path or `file:`",
            ),
            (
                "rtlsdr:0",
                "`rtlsdr:` names a radio: open it through SoapySDR, such as soapy:driver=rtlsdr?rate=1M&freq=433.92M",
            ),
            ("file://elsewhere/x.cu8", "`file://elsewhere/x.cu8`: files of other hosts cannot be read"),
            ("file:", "`file:`: there is no path"),
            ("file:x%2", "`file:x%2`: a percent escape is broken"),
            ("file:x%00", "`file:x%00`: a percent escape is broken"),
            ("file:x?loop=1&loop=0", "`file:x?loop=1&loop=0`: `loop` is given twice"),
            ("file:x?loop=maybe", "`file:x?loop=maybe`: `loop` is true or false, got `maybe`"),
            ("file:x?rate=fast", "`file:x?rate=fast`: `rate` is in Hz, such as 250e3 or 2.4M, got `fast`"),
            ("file:x?channels=-1", "`file:x?channels=-1`: `channels` is a whole number, got `-1`"),
            ("file:x.cu8?rate=0", "sample_rate must be above 0 and at most 1e12 Hz, got 0"),
            ("file:x.cu8?channels=0", "channels must be from 1 to 4096, got 0"),
            ("file:x.cu8?freq=1e13", "center_frequency must be within ±1e12 Hz, got 10000000000000"),
            ("file:x.cu8?rate=1e300", "sample_rate must be above 0 and at most 1e12 Hz, got 1e300"),
            (
                "file:x?speed=2",
                "`file:x?speed=2`: `speed` is not known; there are datatype, channels, rate, freq, header_bytes, \
                 partial, verify, not_finite, loop and realtime",
            ),
        ] {
            let error = open(uri, &OpenOptions::default()).err().unwrap();
            assert_eq!(error.to_string(), message);
        }
    }
}
