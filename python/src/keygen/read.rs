//! Recordings of gains whose format shows in the file.

use std::path::PathBuf;

use phy_sec::keygen::probe::{recording, table};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::{Trace, parsed};
use crate::channel::Csi;

/// Read one end's channel gains, whatever the format: Intel 5300 log (``.dat``), ESP32 log, Nexmon capture (``.pcap``), PicoScenes file
/// (``.csi``), DW1000 log, NumPy array (``.npy``).
///
/// Parameters
/// ----------
/// source : str, os.PathLike or bytes
///     The file, or what is in it. An Intel 5300 log is known by its name alone: of bytes, use :func:`read_intel5300`.
///
/// Returns
/// -------
/// phy_sec.Csi
///     Gains ``[time, subcarrier, antenna]``: of a DW1000 120 taps, of an array its own first axes.
///
/// Raises
/// ------
/// MalformedError, TooShortError
///     It is none of these, or a damaged one.
/// OSError
///     The file cannot be read.
#[pyfunction]
pub(crate) fn read_csi(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<Csi> {
    let is_path = source.is_instance_of::<PyString>() || source.hasattr("__fspath__")?;
    let path: Option<PathBuf> = if is_path { Some(source.extract()?) } else { None };
    let extension =
        path.as_deref().and_then(|path| path.extension()).and_then(|extension| extension.to_str());
    let extension = extension.map(str::to_owned);
    parsed(py, source, move |bytes| recording::csi(bytes, extension.as_deref())).map(Csi)
}

/// Read RSSI of up to three parties from one table: CSV, a row for each.
///
/// Parameters
/// ----------
/// source : str, os.PathLike or bytes
///     The file, or what is in it.
///
/// Returns
/// -------
/// list of Trace
///     In the order of the rows (Alice, Bob, who listens), the place in the row as sequence number.
///
/// Raises
/// ------
/// MalformedError, TooShortError
///     It is no such table; the text names the line.
/// OSError
///     The file cannot be read.
#[pyfunction]
pub(crate) fn read_parties(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<Vec<Trace>> {
    parsed(py, source, table::parties).map(|parties| parties.into_iter().map(Trace).collect())
}
