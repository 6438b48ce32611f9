//! Key generation.

pub(crate) mod evaluate;
pub(crate) mod methods;
pub(crate) mod read;

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use numpy::{
    PyArray2, PyUntypedArray, PyUntypedArrayMethods, ToPyArray,
    ndarray::{Array2, Axis},
};
use phy_sec::{
    channel::intel5300,
    keygen::{
        self, Config,
        probe::{self, Kind, Overheard, table},
    },
};
use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};

use crate::{
    array, backend,
    channel::Csi,
    config,
    error::{Failure, MalformedError, OutOfRangeError, ShapeError, detached},
};

/// Measurements are small; something else was meant by a file of gigabytes.
const LARGEST: u64 = 1 << 30;

/// One end's measurements: real numbers, a row for each subcarrier.
///
/// Parameters
/// ----------
/// values : numpy.ndarray
///     float64, ``[time]`` or ``[lane, time]``; RSSI in dB, or magnitudes of channel gains.
/// sequence : numpy.ndarray, optional
///     uint64, ``[time]``: the packets' sequence numbers, which pair the two ends' measurements.
/// time : numpy.ndarray, optional
///     float64, ``[time]``, s, on a clock common to both ends: pairs them where there are no sequence numbers.
/// kind : str, optional
///     ``"rssi"`` or ``"csi"``, which sets the defaults of the chain; without it ``"rssi"`` for ``[time]``, ``"csi"`` for
///     ``[lane, time]``.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous array of its type, or their lengths differ.
/// NotFiniteError
///     ``values`` or ``time`` holds a NaN or an infinity.
#[pyclass(module = "phy_sec.keygen", frozen)]
pub(crate) struct Trace(probe::Trace);

#[pymethods]
impl Trace {
    #[new]
    #[pyo3(signature = (values, *, sequence=None, time=None, kind=None))]
    fn new(
        values: &Bound<'_, PyAny>,
        sequence: Option<&Bound<'_, PyAny>>,
        time: Option<&Bound<'_, PyAny>>,
        kind: Option<&str>,
    ) -> PyResult<Self> {
        let (values, of_shape) = lanes("values", values)?;
        let kind = match kind {
            None => of_shape,
            Some("rssi") => Kind::Rssi,
            Some("csi") => Kind::Csi,
            Some(kind) => {
                return Err(OutOfRangeError::new_err(format!(
                    "kind must be \"rssi\" or \"csi\"; got {kind:?}"
                )));
            }
        };
        let sequence = match sequence {
            None => None,
            Some(sequence) => Some(array::slice(&array::series::<u64>("sequence", sequence)?)?.to_vec()),
        };
        let time = match time {
            None => None,
            Some(time) => Some(array::slice(&array::series::<f64>("time", time)?)?.to_vec()),
        };
        Ok(Trace(probe::Trace::new(values, sequence, time, kind).map_err(Failure::from)?))
    }

    /// numpy.ndarray: float64, ``[lane, time]``; a copy.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.values().to_pyarray(py)
    }

    /// str: ``"rssi"`` or ``"csi"``.
    #[getter]
    fn kind(&self) -> &'static str {
        name(self.0.kind())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!("Trace({} times, {} lanes, {})", self.0.len(), self.0.lanes(), name(self.0.kind()))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Rssi => "rssi",
        Kind::Csi => "csi",
    }
}

/// `[time]` or `[lane, time]` as the library takes it, and what an array of that shape is taken for.
pub(crate) fn lanes(name: &str, value: &Bound<'_, PyAny>) -> PyResult<(Array2<f64>, Kind)> {
    if value.cast::<PyUntypedArray>().is_ok_and(|array| array.ndim() == 2) {
        let values = array::table::<f64>(name, value)?;
        Ok((values.as_array().to_owned(), Kind::Csi))
    } else {
        let values = array::series::<f64>(name, value)?;
        Ok((values.as_array().to_owned().insert_axis(Axis(0)), Kind::Rssi))
    }
}

/// What an argument measured, and whether it is a bare array, whose index stands for the sequence number.
fn trace(name: &str, value: &Bound<'_, PyAny>, config: &Config) -> PyResult<(probe::Trace, bool)> {
    if let Ok(trace) = value.cast::<Trace>() {
        return Ok((trace.get().0.clone(), false));
    }
    if let Ok(csi) = value.cast::<Csi>() {
        return Ok((config.trace(&csi.get().0).map_err(Failure::from)?, false));
    }
    if !value.is_instance_of::<PyUntypedArray>() {
        return Err(ShapeError::new_err(format!(
            "{name} must be a float64 array [time] or [lane, time], a Trace or a Csi; got {}",
            value.get_type().name()?
        )));
    }
    let (values, kind) = lanes(name, value)?;
    let sequence = (0..values.ncols() as u64).collect();
    Ok((probe::Trace::new(values, Some(sequence), None, kind).map_err(Failure::from)?, true))
}

/// An eavesdropper's measurements: all antennas of a `Csi` together.
fn overheard(eve: &Bound<'_, PyAny>, config: &Config) -> PyResult<(Overheard, bool)> {
    if let Ok(csi) = eve.cast::<Csi>() {
        let all = Overheard::from_csi(&csi.get().0, config.component).map_err(Failure::from)?;
        return Ok((all, false));
    }
    let (trace, bare) = trace("eve", eve, config)?;
    Ok((trace.into(), bare))
}

/// Agree on a key over what two ends measured, and account for every bit of it.
///
/// Parameters
/// ----------
/// alice : numpy.ndarray, Trace or Csi
///     What one end measured. An array is float64, ``[time]`` (RSSI, dB) or ``[lane, time]`` (magnitudes of channel gains);
///     equal indices at the two ends are the same exchange of packets. Where packets were lost, a :class:`Trace` with sequence
///     numbers or times says which is which, and so does a :class:`phy_sec.Csi`.
/// bob : numpy.ndarray, Trace or Csi
///     What the other end measured.
/// eve : numpy.ndarray, Trace, Csi or dict, optional
///     What an eavesdropper measured of the same exchanges: the upper end of how well that correlates with Alice's is what
///     she is granted, all antennas of a :class:`phy_sec.Csi` together. Or a dict, ``{"rho": 0.3}``, that grants her a correlation.
/// seed : int
///     Of everything random that is said in public.
/// keys : bool
///     Return the keys too.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`phy_sec.backends`.
/// **config
///     ``pairing``, ``component`` (of complex gains: ``"magnitude"``, ``"log_magnitude"``, ``"real"``, ``"imaginary"``,
///     ``"phase"``, ``"complex"``), ``antennas`` (``"first"`` or ``"all"``), ``calibrate``, ``preprocess``, ``active`` (what somebody who injects probes is granted),
///     ``quantize``, ``error_rate``, ``reconcile``, ``security``. Defaults: ``phy_sec.defaults("keygen")``.
///
/// Returns
/// -------
/// dict
///     ``pairs``, ``calibration``, ``correlation``, ``kdr``, ``errors``, ``raw_bits``, ``min_entropy``, ``leaked_bits``, ``released_bits`` (0 is *no key*),
///     ``reason``, ``eve_rho``, ``eve_kdr``, ``estimates``, ``ledger``: as ``phy-sec keygen agree --json`` prints it. With ``keys=True`` a
///     tuple: this, and ``(alice, bob)``, each ``bytes``, least significant bit first; ``None`` without a key.
///
/// Raises
/// ------
/// ShapeError, NotFiniteError
///     The measurements cannot be used, or the two ends' do not fit each other.
/// OutOfRangeError
///     A configuration value is outside its range.
///
/// Notes
/// -----
/// Keys that have become ``bytes`` are copies that Python never wipes.
#[pyfunction]
#[pyo3(signature = (alice, bob, *, eve=None, seed, keys=false, backend="simd", **config))]
#[expect(clippy::too_many_arguments, reason = "one for each keyword")]
pub(crate) fn agree<'py>(
    py: Python<'py>,
    alice: &Bound<'py, PyAny>,
    bob: &Bound<'py, PyAny>,
    eve: Option<&Bound<'py, PyAny>>,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    keys: bool,
    backend: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let model = eve.filter(|eve| eve.is_instance_of::<PyDict>());
    let config: Config = match model {
        Some(model) => config::parse_with("agree", config, [("eve", config::to_value("eve", model)?)])?,
        None => config::parse("agree", config)?,
    };
    let (alice, alice_bare) = trace("alice", alice, &config)?;
    let (bob, bob_bare) = trace("bob", bob, &config)?;
    let eve = match eve.filter(|_| model.is_none()) {
        None => None,
        Some(eve) => Some(overheard(eve, &config)?),
    };
    let first = eve.as_ref().and_then(|(eve, bare)| Some((eve.views().first()?, *bare)));
    let others = [Some(("bob", &bob, bob_bare)), first.map(|(eve, bare)| ("eve", eve, bare))];
    for (name, other, bare) in others.into_iter().flatten() {
        if alice_bare && bare && other.len() != alice.len() {
            return Err(ShapeError::new_err(format!(
                "{name} must have as many times as alice, {}; got {}: where packets were lost, pass keygen.Trace with sequence \
                 numbers or times",
                alice.len(),
                other.len()
            )));
        }
    }
    let backend = backend::open(py, backend)?;
    let eve = eve.map(|(eve, _)| eve);
    let agreement =
        detached(py, || keygen::agree_against(&alice, &bob, eve.as_ref(), &config, seed, backend))?;
    let report = config::report(py, &agreement.report)?;
    if !keys {
        return Ok(report);
    }
    let pair = agreement
        .keys
        .as_ref()
        .map(|(alice, bob)| (PyBytes::new(py, alice.expose()), PyBytes::new(py, bob.expose())));
    (report, pair).into_bound_py_any(py)
}

/// Calls `parse` on the bytes that `source` is, or on the content of the file that it names.
fn parsed<T: Send>(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    parse: impl FnOnce(&[u8]) -> phy_sec::Result<T> + Send,
) -> PyResult<T> {
    if !source.is_instance_of::<PyString>() && !source.hasattr("__fspath__")? {
        let data = array::bytes("source", source)?;
        let data = array::slice(&data)?;
        return detached(py, || parse(data));
    }
    let path: PathBuf = source.extract()?;
    detached(py, || Ok::<_, Failure>(parse(&content(&path)?)?))
}

/// A regular file of at most `LARGEST` bytes: a device gives bytes for ever, and a file may grow while it is read.
fn content(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| sdr_io::Error::Io { path: path.to_owned(), error };
    // Before it is opened: a pipe would wait for its other end.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(sdr_io::Error::NotAFile { path: path.to_owned() }.into());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length <= LARGEST {
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if length.max(bytes.len() as u64) > LARGEST {
        let text =
            format!("{}: more than {LARGEST} bytes, which no channel measurements are", path.display());
        return Err(MalformedError::new_err(text).into());
    }
    Ok(bytes)
}

/// Read a log of the Linux 802.11n CSI Tool (Intel 5300).
///
/// Parameters
/// ----------
/// source : str, os.PathLike or bytes
///     The file (``.dat``), or what is in it.
///
/// Returns
/// -------
/// phy_sec.Csi
///     Gains on 30 subcarriers, with the times of the log's clock.
///
/// Raises
/// ------
/// MalformedError, TooShortError
///     It is no such log.
/// OSError
///     The file cannot be read.
///
/// Notes
/// -----
/// Halperin, Hu, Sheth and Wetherall, ACM SIGCOMM CCR 41(1), 2011, p. 53.
#[pyfunction]
pub(crate) fn read_intel5300(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<Csi> {
    parsed(py, source, intel5300::parse).map(Csi)
}

/// Read one end's RSSI: CSV, ``value`` or ``index,value`` with the index as sequence number.
///
/// Parameters
/// ----------
/// source : str, os.PathLike or bytes
///     The file, or what is in it. A first line without numbers is a heading.
///
/// Returns
/// -------
/// Trace
///     One lane of RSSI.
///
/// Raises
/// ------
/// MalformedError, TooShortError
///     It is no such table; the text names the line.
/// OSError
///     The file cannot be read.
#[pyfunction]
pub(crate) fn read_series(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<Trace> {
    parsed(py, source, table::series).map(Trace)
}

/// Read both ends' RSSI from one table: CSV, a column for each end.
///
/// Parameters
/// ----------
/// source : str, os.PathLike or bytes
///     The file, or what is in it. The heading says which column is ``alice`` and which ``bob``; without one, the first is Alice's.
///
/// Returns
/// -------
/// tuple of Trace
///     Alice's and Bob's, the line number as sequence number.
///
/// Raises
/// ------
/// MalformedError, TooShortError
///     It is no such table; the text names the line.
/// OSError
///     The file cannot be read.
#[pyfunction]
pub(crate) fn read_pairs(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<(Trace, Trace)> {
    parsed(py, source, table::pairs).map(|(alice, bob)| (Trace(alice), Trace(bob)))
}

/// Read one end's CSI magnitudes: CSV with hour, minute, second, microsecond and a number for each subcarrier.
///
/// Parameters
/// ----------
/// source : str, os.PathLike or bytes
///     The file, or what is in it: a line per packet, or the same table turned around.
///
/// Returns
/// -------
/// Trace
///     A lane for each subcarrier, with the time of day.
///
/// Raises
/// ------
/// MalformedError, TooShortError
///     It is no such table; the text names the line.
/// OSError
///     The file cannot be read.
///
/// Notes
/// -----
/// The form of the Atheros CSI tool's scripts: Xie, Li and Li, ACM MobiCom 2015.
#[pyfunction]
pub(crate) fn read_magnitudes(py: Python<'_>, source: &Bound<'_, PyAny>) -> PyResult<Trace> {
    parsed(py, source, table::magnitudes).map(Trace)
}
