//! Recordings of channel measurements, whatever their format: which one it is shows in the file itself, but for Intel 5300 logs,
//! which have no mark and are known by their name's ending.

use super::{Kind, Overheard, Trace, table};
use crate::channel::{Csi, dw1000, esp32, intel5300, nexmon, npy, picoscenes};
use crate::keygen::Config;
use crate::{Error, Result};

/// What a file of one end's measurements holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// [`intel5300`].
    Intel5300,
    /// [`esp32`].
    Esp32,
    /// [`nexmon`].
    Nexmon,
    /// [`picoscenes`].
    PicoScenes,
    /// [`dw1000`].
    Dw1000,
    /// [`npy`].
    Npy,
    /// [`table`].
    Table,
}

impl Format {
    /// By a file's content and the ending of its name, if there is one: `dat` is an Intel 5300 log.
    #[must_use]
    pub fn detect(bytes: &[u8], extension: Option<&str>) -> Self {
        let ends_in = |name: &str| extension.is_some_and(|extension| extension.eq_ignore_ascii_case(name));
        if ends_in("dat") {
            Self::Intel5300
        } else if ends_in("npy") || bytes.starts_with(npy::MAGIC) {
            Self::Npy
        } else if ends_in("pcap") || nexmon::is(bytes) {
            Self::Nexmon
        } else if ends_in("csi") || picoscenes::is(bytes) {
            Self::PicoScenes
        } else if dw1000::is(bytes) {
            Self::Dw1000
        } else if esp32::is(bytes) {
            Self::Esp32
        } else {
            Self::Table
        }
    }

    /// The channel measurements; `None` of a table, which holds real numbers.
    fn csi(self, bytes: &[u8]) -> Option<Result<Csi>> {
        Some(match self {
            Self::Intel5300 => intel5300::parse(bytes),
            Self::Esp32 => esp32::parse(bytes),
            Self::Nexmon => nexmon::parse(bytes),
            Self::PicoScenes => picoscenes::parse(bytes),
            Self::Dw1000 => dw1000::parse(bytes),
            Self::Npy => npy::parse(bytes),
            Self::Table => return None,
        })
    }
}

/// The complex measurements of a file.
///
/// - `extension`: of the file's name, see [`Format::detect`]
///
/// # Errors
/// Those of the format's reader; [`Error::Malformed`] for a table, which holds real numbers.
pub fn csi(bytes: &[u8], extension: Option<&str>) -> Result<Csi> {
    Format::detect(bytes, extension).csi(bytes).unwrap_or_else(|| {
        let (place, reason) = ("byte 0".into(), "a table, or no known format of channel gains".into());
        Err(Error::Malformed { what: "recording", place, reason })
    })
}

/// One end's measurements, as the chain takes them.
///
/// A NumPy array of real numbers `[time]` is RSSI; everything else that holds gains is CSI. A table is RSSI (`value`,
/// `index,value`, or one row) or CSI magnitudes.
///
/// # Errors
/// Those of the format's reader.
pub fn trace(bytes: &[u8], extension: Option<&str>, config: &Config) -> Result<Trace> {
    let format = Format::detect(bytes, extension);
    if format == Format::Npy
        && let npy::Array::Real(array) = npy::array(bytes)?
        && let Ok(values) = array.into_dimensionality::<ndarray::Ix1>()
    {
        let sequence = (0..values.len() as u64).collect();
        return Trace::new(values.insert_axis(ndarray::Axis(0)), Some(sequence), None, Kind::Rssi);
    }
    if let Some(csi) = format.csi(bytes) {
        return config.trace(&csi?);
    }
    if !table::is_wide(bytes) {
        return table::series(bytes);
    }
    let magnitudes = table::magnitudes(bytes);
    match (&magnitudes, table::parties(bytes)) {
        (Err(_), Ok(mut parties)) if parties.len() == 1 => Ok(parties.swap_remove(0)),
        _ => magnitudes,
    }
}

/// Both ends' measurements in one table: a column or a row for each.
///
/// # Errors
/// Those of [`table::pairs`]; [`Error::Malformed`] for a table of one row.
pub fn ends(bytes: &[u8]) -> Result<(Trace, Trace)> {
    if !table::is_wide(bytes) {
        return table::pairs(bytes);
    }
    let mut parties = table::parties(bytes)?.into_iter();
    match (parties.next(), parties.next()) {
        (Some(alice), Some(bob)) => Ok((alice, bob)),
        _ => Err(Error::TooShort { what: "table of both ends", need: 2, unit: "rows", got: 1 }),
    }
}

/// An eavesdropper's measurements: as [`trace`], and of a table with three rows the third.
///
/// # Errors
/// Those of [`trace`].
pub fn eve(bytes: &[u8], extension: Option<&str>, config: &Config) -> Result<Trace> {
    if Format::detect(bytes, extension) == Format::Table
        && table::is_wide(bytes)
        && let Ok(mut parties) = table::parties(bytes)
        && parties.len() == 3
    {
        return Ok(parties.swap_remove(2));
    }
    trace(bytes, extension, config)
}

/// All that an eavesdropper measured: every antenna of a file of channel gains, and of a table what [`eve`] reads.
///
/// # Errors
/// Those of [`trace`].
pub fn overheard(bytes: &[u8], extension: Option<&str>, config: &Config) -> Result<Overheard> {
    let format = Format::detect(bytes, extension);
    // Real numbers `[time]` are RSSI.
    let rssi =
        format == Format::Npy && matches!(npy::array(bytes)?, npy::Array::Real(array) if array.ndim() == 1);
    match format.csi(bytes).filter(|_| !rssi) {
        Some(csi) => Overheard::from_csi(&csi?, config.component),
        None => eve(bytes, extension, config).map(Overheard::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata;
    use proptest::prelude::*;

    #[test]
    fn formats_show_in_the_file() {
        for (bytes, extension, want) in [
            (&b"anything"[..], Some("DAT"), Format::Intel5300),
            (b"\x93NUMPY", None, Format::Npy),
            (b"\xD4\xC3\xB2\xA1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0", None, Format::Nexmon),
            (b"\x20\0\0\0\x15\x03\x15\x20", None, Format::PicoScenes),
            (b"File:x.log\nMode: 1\nAccum Len 1016\n", Some("log"), Format::Dw1000),
            (b"boot\nCSI_DATA,1,2\n", Some("csv"), Format::Esp32),
            (b"idx,rssi\n1,2\n", Some("csv"), Format::Table),
            (b"", None, Format::Table),
        ] {
            assert_eq!(Format::detect(bytes, extension), want);
        }
        assert!(csi(b"1,2\n", None).unwrap_err().to_string().contains("a table"));
    }

    #[test]
    fn tables_of_three_parties() {
        let rows = b"-98.5,-99,-100,-101\n-97,-98,-99.5,-99\n-80,-81,-80,-80\n";
        let config = Config::default();
        let (alice, bob) = ends(rows).unwrap();
        let eve = eve(rows, Some("csv"), &config).unwrap();
        assert_eq!([&alice, &bob, &eve].map(|trace| trace.values()[[0, 1]]), [-99.0, -98.0, -81.0]);
        // One row is one end's; several are not.
        assert_eq!(trace(b"1,2,3,4\n", None, &config).unwrap().values()[[0, 3]], 4.0);
        assert!(trace(rows, None, &config).is_err());
        assert!(ends(b"1,2,3,4\n").unwrap_err().to_string().contains("at least 2 rows"));
    }

    /// r(A,B) = 0.982, r(A,E) = 0.685; after differencing 0.68 and 0.095.
    #[test]
    fn the_chirp_recording() {
        let Some(folder) = testdata::folder("keygen/lora_chirp_with_eve") else { return };
        let bytes = std::fs::read(folder.join("set1_alice_bob_eve.csv")).unwrap();
        let (alice, bob) = ends(&bytes).unwrap();
        let eve = eve(&bytes, Some("csv"), &Config::default()).unwrap();
        let of = |a: &Trace, b: &Trace| {
            super::super::variation::pearson(a.values().row(0), b.values().row(0)).unwrap()
        };
        assert_eq!(alice.len(), 320);
        assert!((of(&alice, &bob) - 0.982).abs() < 5e-4 && (of(&alice, &eve) - 0.685).abs() < 5e-4);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120), text in "[0-9,.\n -]{0,80}") {
            let config = Config::default();
            for bytes in [&bytes[..], text.as_bytes()] {
                for extension in [None, Some("dat"), Some("csi"), Some("pcap"), Some("npy")] {
                    let _ = (trace(bytes, extension, &config), eve(bytes, extension, &config), ends(bytes), csi(bytes, extension));
                }
            }
        }
    }
}
