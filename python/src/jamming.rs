//! Jamming detection.

use phy_sec::{event::Event, jamming};
use pyo3::{prelude::*, types::PyDict};
use serde_json::json;

use crate::{
    array::{self, Samples},
    backend, config,
    error::{Failure, detached},
};

fn configured(
    function: &str,
    sample_rate: f64,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<jamming::Config> {
    config::parse_with(function, config, [("sample_rate", config::number("sample_rate", sample_rate)?)])
}

fn list<'py>(py: Python<'py>, events: &[Event]) -> PyResult<Bound<'py, PyAny>> {
    config::report(py, &events)
}

/// Find the jamming in a recording in memory.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1.
/// sample_rate : float
///     Hz.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`phy_sec.backends`.
/// **config
///     ``center_frequency`` (Hz), ``size``, ``looks``, ``pfa``, ``learn`` (s), ``noise_power``, ``hold_blocks``, ``min_blocks``,
///     ``min_duration`` (s), ``min_occupancy``, ``max_duration`` (s), ``standing``, ``state``. Defaults: ``phy_sec.defaults("jamming")``.
///
/// Returns
/// -------
/// list of dict
///     In the order in which they ended. Each is a SigMF annotation (``core:sample_start``, ``core:sample_count``,
///     ``core:freq_lower_edge``, ``core:freq_upper_edge``, ``core:label``, ``core:comment``) with its evidence: ``class``, ``statistic``,
///     ``threshold``, ``pfa``, ``confidence``, ``parameters``. Empty is *no jammer*.
///
/// Raises
/// ------
/// TooShortError
///     There are too few samples to learn from and to judge one block: nothing could be said of them.
/// InputError
///     ``x`` is digital silence, or one value throughout: nothing could be said of it.
/// ShapeError, NotFiniteError, OutOfRangeError
///     ``x`` is no contiguous 1-D complex64 array, or holds a NaN or an infinity; a value is outside its range.
///
/// Notes
/// -----
/// What is louder, bin by bin, than anything that was there while the monitor learned, and lasts, is an event: jamming that is
/// wide and on from the first sample becomes the reference, unless ``noise_power`` is given.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, *, backend="simd", **config))]
pub(crate) fn detect<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
    backend: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config = configured("detect", sample_rate, config)?;
    let backend = backend::open(py, backend)?;
    let events = detached(py, || jamming::detect_jamming(x, config, backend))?;
    list(py, &events)
}

/// Finds jamming in a stream. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// sample_rate : float
///     Hz.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``.
/// **config
///     As :func:`detect`.
#[pyclass(module = "phy_sec.jamming")]
pub(crate) struct Monitor(jamming::Monitor);

#[pymethods]
impl Monitor {
    #[new]
    #[pyo3(signature = (sample_rate, *, backend="simd", **config))]
    fn new(
        py: Python<'_>,
        sample_rate: f64,
        backend: &str,
        config: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let config = configured("Monitor", sample_rate, config)?;
        let backend = backend::open(py, backend)?;
        Ok(Monitor(jamming::Monitor::new(config, backend).map_err(Failure::from)?))
    }

    /// Take the next samples.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray
    ///     complex64, ``[sample]``.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     The events that are over: see :func:`detect`.
    fn push<'py>(&mut self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let monitor = &mut self.0;
        let events = detached(py, || monitor.push(x))?;
        list(py, &events)
    }

    /// End the stream.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     What was still going on. The samples after the last whole block are not judged.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let monitor = &mut self.0;
        let events = detached(py, || monitor.finish())?;
        list(py, &events)
    }

    /// Samples were lost. What was learned of the radio and its surroundings stays.
    ///
    /// Parameters
    /// ----------
    /// next : int
    ///     Absolute index of the sample that comes next.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     What was going on before the gap.
    fn gap<'py>(
        &mut self,
        py: Python<'py>,
        #[pyo3(from_py_with = array::start)] next: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let monitor = &mut self.0;
        let events = detached(py, || monitor.gap(next))?;
        list(py, &events)
    }

    /// Forget everything, what was learned too; the next sample is number 0.
    fn reset(&mut self) {
        self.0.reset();
    }

    /// dict: the configuration, defaults filled in.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        config::report(py, self.0.config())
    }

    /// dict: blocks ``examined``, ``conspicuous``, ``learned`` from, ``silent`` (without any power: nothing is learned from them); stretches ``dismissed`` for being short.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let jamming::Counts { examined, silent, conspicuous, learned, dismissed } = self.0.counts();
        let counts = json!({
            "examined": examined, "silent": silent, "conspicuous": conspicuous, "learned": learned,
            "dismissed": dismissed,
        });
        config::to_object(py, &counts)
    }
}
