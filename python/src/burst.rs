//! Where in a stream somebody sends.

use phy_sec::burst;
use pyo3::{
    prelude::*,
    types::{PyDict, PySlice},
};

use crate::{
    array::{self, Samples},
    backend, config,
    error::{Failure, detached},
};

/// A stretch of the stream in which somebody sends.
#[pyclass(module = "phy_sec", frozen, eq)]
#[derive(Clone, PartialEq)]
pub(crate) struct Burst(pub(crate) burst::Burst);

#[pymethods]
impl Burst {
    /// int: the first sample, absolute.
    #[getter]
    fn sample_start(&self) -> u64 {
        self.0.range.start
    }

    /// int: one past the last sample.
    #[getter]
    fn sample_end(&self) -> u64 {
        self.0.range.end
    }

    /// int: samples.
    #[getter]
    fn sample_count(&self) -> u64 {
        self.0.range.end - self.0.range.start
    }

    /// float: mean power of the noise around it, linear, full scale 1.
    #[getter]
    fn noise_power(&self) -> f64 {
        self.0.noise_power
    }

    /// slice: ``x[burst.slice]`` are its samples, where ``x`` begins at sample 0.
    #[getter]
    fn slice<'py>(&self, py: Python<'py>) -> Bound<'py, PySlice> {
        PySlice::new(py, self.0.range.start as isize, self.0.range.end as isize, 1)
    }

    fn __repr__(&self) -> String {
        let burst::Burst { range, noise_power } = &self.0;
        format!("Burst(sample_start={}, sample_end={}, noise_power={noise_power:e})", range.start, range.end)
    }
}

/// Find the bursts of a recording in memory.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
/// **config
///     ``pfa`` (probability that a block of white Gaussian noise opens a burst), ``pfa_hold`` (that it holds one open),
///     ``block``, ``min_length``, ``max_length``, ``max_gap`` (samples), ``floor_blocks``, ``floor_quantile``.
///     Defaults: ``phy_sec.defaults("bursts")``.
///
/// Returns
/// -------
/// list of Burst
///     In order; none overlap.
///
/// Raises
/// ------
/// ShapeError
///     ``x`` is not a contiguous 1-D complex64 array.
/// NotFiniteError
///     ``x`` holds a NaN or an infinity.
/// OutOfRangeError
///     A configuration value is outside its range.
///
/// Notes
/// -----
/// The floor is an order statistic of the block powers around: Rohling, IEEE Trans. AES 19(4), 1983.
#[pyfunction]
#[pyo3(signature = (x, *, backend="simd", **config))]
pub(crate) fn find_bursts(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    backend: &str,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Vec<Burst>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config = config::parse("find_bursts", config)?;
    let backend = backend::open(py, backend)?;
    let bursts = detached(py, || burst::detect(x, &config, &backend))?;
    Ok(bursts.into_iter().map(Burst).collect())
}

/// Finds bursts in a stream. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// backend : str
///     ``"simd"`` or ``"scalar"``.
/// **config
///     As :func:`find_bursts`.
#[pyclass(module = "phy_sec")]
pub(crate) struct BurstDetector(burst::BurstDetector);

#[pymethods]
impl BurstDetector {
    #[new]
    #[pyo3(signature = (*, backend="simd", **config))]
    fn new(py: Python<'_>, backend: &str, config: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let config = config::parse("BurstDetector", config)?;
        Ok(BurstDetector(
            burst::BurstDetector::new(&config, &backend::open(py, backend)?).map_err(Failure::from)?,
        ))
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
    /// list of Burst
    ///     Those that have ended.
    fn push(&mut self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<Vec<Burst>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let detector = &mut self.0;
        let bursts = detached(py, || {
            let mut bursts = Vec::new();
            detector.push(x, &mut bursts).map(|()| bursts)
        })?;
        Ok(bursts.into_iter().map(Burst).collect())
    }

    /// End the stream; the detector is then as new.
    ///
    /// Returns
    /// -------
    /// list of Burst
    ///     Those that were still to be judged.
    fn finish(&mut self, py: Python<'_>) -> PyResult<Vec<Burst>> {
        let detector = &mut self.0;
        let bursts = detached(py, || {
            let mut bursts = Vec::new();
            detector.finish(&mut bursts);
            Ok::<_, Failure>(bursts)
        })?;
        Ok(bursts.into_iter().map(Burst).collect())
    }

    /// Forget everything.
    ///
    /// Parameters
    /// ----------
    /// start : int
    ///     Absolute index of the next sample, after a gap say.
    #[pyo3(signature = (start=0))]
    fn reset(&mut self, #[pyo3(from_py_with = array::start)] start: u64) {
        self.0.reset(start);
    }

    /// float: power of a block over the floor at which a burst opens, linear.
    #[getter]
    fn open_ratio(&self) -> f64 {
        self.0.open_ratio()
    }
}
