//! Detectors on plain windows and numbers: thresholds, statistics, CFAR, change points.

use numpy::{PyReadonlyArray, ndarray::ArrayView2};
use phy_sec::jamming::{
    array::{Criterion, source_number as count_sources},
    detect::{self, spectral_kurtosis},
};
use pyo3::{prelude::*, types::PyDict};
use serde_json::json;

use crate::{
    array::{self, Samples},
    backend, config,
    error::{Failure, detached},
};

fn detector(value: &Bound<'_, PyAny>) -> PyResult<detect::Detector> {
    if let Ok(name) = value.extract::<String>() {
        let named = PyDict::new(value.py());
        named.set_item("method", name)?;
        return config::argument("detector", named.as_any());
    }
    config::argument("detector", value)
}

/// The window detectors, each as it is by default.
///
/// Returns
/// -------
/// list of dict
///     ``method`` and its fields.
#[pyfunction]
pub(crate) fn detectors(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    config::report(py, &detect::Detector::ALL)
}

/// The statistic of one window.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// detector : str or dict
///     A name, or ``{"method": name, field: value}``: see :func:`detectors`.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`phy_sec.backends`.
///
/// Returns
/// -------
/// float
///     Larger is more like a jammer.
#[pyfunction]
#[pyo3(signature = (x, detector, *, backend="simd"))]
pub(crate) fn statistic(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    detector: &Bound<'_, PyAny>,
    backend: &str,
) -> PyResult<f64> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let detector = self::detector(detector)?;
    let backend = backend::open(py, backend)?;
    detached(py, || detector.statistic(x, &backend))
}

/// What white noise reaches with a given probability: exact where there is a formula, else from seeded draws.
///
/// Parameters
/// ----------
/// detector : str or dict
///     See :func:`detectors`.
/// samples : int
///     Length of a window.
/// pfa : float
///     False-alarm probability of a window.
/// trials : int
///     Draws; a threshold from them has a relative deviation of ``1/sqrt(pfa * trials)`` in its probability.
/// seed : int
///     Of the draws.
///
/// Returns
/// -------
/// float
///     The statistic that noise exceeds with that probability.
#[pyfunction]
#[pyo3(signature = (detector, samples, pfa, *, trials=400_000, seed=1))]
pub(crate) fn threshold(
    py: Python<'_>,
    detector: &Bound<'_, PyAny>,
    samples: usize,
    pfa: f64,
    trials: usize,
    seed: u64,
) -> PyResult<f64> {
    let detector = self::detector(detector)?;
    detached(py, || {
        let mut calibration = detect::Calibration::new(trials, seed)?;
        detector.threshold(samples, pfa, &mut calibration)
    })
}

/// One detector over a stream, windows end to end. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// detector, samples, pfa, trials, seed
///     As :func:`threshold` has them.
#[pyclass(module = "phy_sec.jamming")]
pub(crate) struct WindowTest(std::sync::Mutex<detect::WindowTest>);

impl WindowTest {
    fn lock(&self) -> std::sync::MutexGuard<'_, detect::WindowTest> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[pymethods]
impl WindowTest {
    #[new]
    #[pyo3(signature = (detector, samples, pfa, *, trials=400_000, seed=1, backend="simd"))]
    fn new(
        py: Python<'_>,
        detector: &Bound<'_, PyAny>,
        samples: usize,
        pfa: f64,
        trials: usize,
        seed: u64,
        backend: &str,
    ) -> PyResult<Self> {
        let detector = self::detector(detector)?;
        let backend = backend::open(py, backend)?;
        detached(py, || {
            let mut calibration = detect::Calibration::new(trials, seed)?;
            detect::WindowTest::new(detector, samples, pfa, &mut calibration, &backend)
        })
        .map(|test| WindowTest(test.into()))
    }

    /// Take the next samples.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     The windows completed: ``sample_start``, ``statistic``, ``detected``.
    fn push<'py>(&mut self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let judged = detached(py, || self.lock().push(x))?;
        config::report(py, &judged)
    }

    /// Samples were lost; ``next`` is the absolute index of the sample that comes.
    fn gap(&mut self, #[pyo3(from_py_with = array::start)] next: u64) {
        self.lock().gap(next);
    }

    /// Start afresh at sample 0.
    fn reset(&mut self) {
        self.lock().reset();
    }

    /// float: what the statistic has to reach.
    #[getter]
    fn threshold(&self) -> f64 {
        self.lock().threshold()
    }
}

/// CFAR along a line of powers, or over a plane of them.
///
/// Parameters
/// ----------
/// cells : numpy.ndarray
///     float32, ``[cell]`` or ``[row, column]``.
/// **config
///     ``cfar`` (``{"method": "cell_averaging"}``, ``"ordered_statistic"``, ``"greatest_of"``, ``"smallest_of"``, ``"trimmed_mean"``),
///     ``guard``, ``training``, ``stride``, ``looks``, ``pfa``, ``edges`` (``"wrap"``, ``"shrink"``); over a plane ``guard``, ``training``,
///     ``stride`` and ``edges`` are pairs ``[row, column]``.
///
/// Returns
/// -------
/// list of dict
///     ``cell`` (an index, or ``[row, column]``), ``ratio``, ``multiplier``, ``training``.
#[pyfunction]
#[pyo3(signature = (cells, **config))]
pub(crate) fn cfar<'py>(
    py: Python<'py>,
    cells: &Bound<'py, PyAny>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(plane) = array::table::<f32>("cells", cells) {
        let window: detect::Plane = config::parse("cfar", config)?;
        let view: ArrayView2<'_, f32> = plane.as_array();
        let found = detached(py, || window.detect(view))?;
        let found: Vec<_> = found
            .iter()
            .map(|d| json!({ "cell": d.place, "ratio": d.ratio, "multiplier": d.multiplier, "training": d.training }))
            .collect();
        return config::report(py, &found);
    }
    let line: PyReadonlyArray<'_, f32, _> = array::series("cells", cells)?;
    let line = array::slice(&line)?;
    let window: detect::Sliding = config::parse("cfar", config)?;
    let found = detached(py, || window.detect(line))?;
    let found: Vec<_> = found
        .iter()
        .map(|d| json!({ "cell": d.cell, "ratio": d.ratio, "multiplier": d.multiplier, "training": d.training }))
        .collect();
    config::report(py, &found)
}

/// The multiplier of a CFAR method that noise reaches with probability ``pfa``.
///
/// Parameters
/// ----------
/// cfar : dict
///     ``{"method": name, field: value}``.
/// looks : int
///     Powers averaged in each cell.
/// training : int
///     Training cells.
/// pfa : float
///     Between 0 and 1.
///
/// Returns
/// -------
/// float
///     Times the mean, or the ordered cell, of the training cells.
#[pyfunction]
pub(crate) fn cfar_multiplier(
    cfar: &Bound<'_, PyAny>,
    looks: usize,
    training: usize,
    pfa: f64,
) -> PyResult<f64> {
    let cfar: detect::Cfar = config::argument("cfar", cfar)?;
    Ok(cfar.multiplier(looks, training, pfa).map_err(Failure::from)?)
}

/// Thresholds of the generalised spectral kurtosis estimator (Nita and Gary 2010).
///
/// Parameters
/// ----------
/// m : int
///     Powers summed.
/// shape : float
///     ``N * d`` of each: 1 for the power of complex noise in one bin.
/// tail : float
///     Probability below the lower and above the upper threshold, each.
/// law : str
///     ``"vi"`` or ``"iii"``: Pearson's.
///
/// Returns
/// -------
/// tuple of float
///     The lower and the upper one.
#[pyfunction]
#[pyo3(signature = (m, shape=1.0, tail=0.0013498980316300933, law=None))]
pub(crate) fn spectral_kurtosis_thresholds(
    m: usize,
    shape: f64,
    tail: f64,
    law: Option<&Bound<'_, PyAny>>,
) -> PyResult<(f64, f64)> {
    let law = law.map_or(Ok(spectral_kurtosis::Pearson::Vi), |law| config::argument("law", law))?;
    let [low, high] = spectral_kurtosis::thresholds(m, shape, tail, law).map_err(Failure::from)?;
    Ok((low, high))
}

/// The quantile of a Tracy-Widom law.
///
/// Parameters
/// ----------
/// order : int
///     1 for real, 2 for complex samples.
/// p : float
///     Probability below it.
///
/// Returns
/// -------
/// float
///     Of the largest eigenvalue, centred and scaled.
#[pyfunction]
pub(crate) fn tracy_widom_quantile(py: Python<'_>, order: usize, p: f64) -> PyResult<f64> {
    let law = match order {
        1 => detect::TracyWidom::Real,
        2 => detect::TracyWidom::Complex,
        _ => {
            return Err(crate::error::OutOfRangeError::new_err(format!("order must be 1 or 2; got {order}")));
        }
    };
    detached(py, || law.quantile(p))
}

/// Values until an alarm, on average, of a one-sided CUSUM chart.
///
/// Parameters
/// ----------
/// k, h, shift : float
///     Allowance, decision limit and the values' mean, in their standard deviations.
///
/// Returns
/// -------
/// float
///     Of independent normal values (Brook and Evans 1972).
#[pyfunction]
#[pyo3(signature = (k, h, shift=0.0))]
pub(crate) fn average_run_length(k: f64, h: f64, shift: f64) -> PyResult<f64> {
    Ok(detect::average_run_length(k, h, shift).map_err(Failure::from)?)
}

/// How many sources there are, from the eigenvalues of a covariance.
///
/// Parameters
/// ----------
/// eigenvalues : numpy.ndarray
///     float64, largest first.
/// samples : int
///     That the covariance was made of.
/// criterion : str
///     ``"mdl"`` (by default) or ``"aic"``.
///
/// Returns
/// -------
/// int
///     0 and more, below the number of eigenvalues.
#[pyfunction]
#[pyo3(signature = (eigenvalues, samples, criterion=None))]
pub(crate) fn source_number(
    eigenvalues: &Bound<'_, PyAny>,
    samples: usize,
    criterion: Option<&Bound<'_, PyAny>>,
) -> PyResult<usize> {
    let values = array::series::<f64>("eigenvalues", eigenvalues)?;
    let criterion =
        criterion.map_or(Ok(Criterion::default()), |value| config::argument("criterion", value))?;
    Ok(count_sources(array::slice(&values)?, samples, criterion).map_err(Failure::from)?)
}
