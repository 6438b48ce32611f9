//! The bursts of one recording, measured.

use numpy::{PyArray2, ndarray::ArrayView2};
use phy_sec::fingerprint::{
    feature,
    recording::{self, FingerprintConfig, Recording, Vector},
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array::{self, Samples},
    backend, config,
    error::{Failure, InputError, NotFiniteError, OutOfRangeError, ShapeError, detached},
};

/// Keywords of the whole configuration that say nothing about measuring.
const NOT_MEASURING: [&str; 3] = ["enroll", "split", "folds"];

/// Feature vectors of the bursts of one recording, and of stretches of it without a burst.
///
/// Parameters
/// ----------
/// bursts : numpy.ndarray
///     float64, ``[burst, feature]``, NaN where a feature could not be measured.
/// names : list of str
///     Of the features.
/// noise : numpy.ndarray, optional
///     float64, ``[stretch, feature]``, of stretches without a burst: the control.
/// sample_rate : float, optional
///     Hz, at which they were measured: a gallery refuses bursts of another rate than its own.
///
/// Raises
/// ------
/// OutOfRangeError
///     ``sample_rate`` is not a positive number.
/// ShapeError
///     An array is not contiguous 2-D float64, or has not a column for each name.
/// NotFiniteError
///     A value is infinite.
///
/// Notes
/// -----
/// :func:`measure` makes them from samples.
#[pyclass(module = "phy_sec.fingerprint", frozen)]
pub(crate) struct Measurement {
    pub(super) names: Vec<String>,
    pub(super) bursts: Vec<Vec<Option<f64>>>,
    pub(super) noise: Vec<Vec<Option<f64>>>,
    /// Hz, if somebody said.
    pub(super) sample_rate: Option<f64>,
    pub(super) ranges: Vec<(u64, u64)>,
    noise_ranges: Vec<(u64, u64)>,
    weak: usize,
    continuous: bool,
}

#[pymethods]
impl Measurement {
    #[new]
    #[pyo3(signature = (bursts, names, *, noise=None, sample_rate=None))]
    fn new(
        bursts: &Bound<'_, PyAny>,
        names: Vec<String>,
        noise: Option<&Bound<'_, PyAny>>,
        sample_rate: Option<f64>,
    ) -> PyResult<Self> {
        if let Some(rate) = sample_rate.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            return Err(OutOfRangeError::new_err(format!(
                "sample_rate must be a positive number of Hz; got {rate}"
            )));
        }
        let bursts = vectors("bursts", array::table::<f64>("bursts", bursts)?.as_array(), names.len())?;
        let noise = match noise {
            None => Vec::new(),
            Some(noise) => vectors("noise", array::table::<f64>("noise", noise)?.as_array(), names.len())?,
        };
        let (ranges, noise_ranges) = (Vec::new(), Vec::new());
        Ok(Measurement {
            names,
            bursts,
            noise,
            sample_rate,
            ranges,
            noise_ranges,
            weak: 0,
            continuous: false,
        })
    }

    /// list of str: the features, in the order of the vectors.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// numpy.ndarray: float64, ``[burst, feature]``, NaN where a feature could not be measured; a copy.
    #[getter]
    fn bursts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.table(py, &self.bursts)
    }

    /// numpy.ndarray: float64, ``[stretch, feature]``, of stretches without a burst; a copy.
    #[getter]
    fn noise<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.table(py, &self.noise)
    }

    /// float or None: the rate at which they were measured, Hz, if it is known.
    #[getter]
    fn sample_rate(&self) -> Option<f64> {
        self.sample_rate
    }

    /// list of tuple: first sample and one past the last of each burst; empty if it was not measured by :func:`measure`.
    #[getter]
    fn ranges(&self) -> Vec<(u64, u64)> {
        self.ranges.clone()
    }

    /// list of tuple: the same of the stretches without a burst.
    #[getter]
    fn noise_ranges(&self) -> Vec<(u64, u64)> {
        self.noise_ranges.clone()
    }

    /// int: bursts left out for being below ``min_snr_db``.
    #[getter]
    fn weak(&self) -> usize {
        self.weak
    }

    /// bool: whether the recording was taken for a continuous transmission and cut into pieces.
    #[getter]
    fn continuous(&self) -> bool {
        self.continuous
    }

    fn __len__(&self) -> usize {
        self.bursts.len()
    }

    fn __repr__(&self) -> String {
        let (bursts, features) = (self.bursts.len(), self.names.len());
        format!("Measurement({bursts} bursts, {} stretches of noise, {features} features)", self.noise.len())
    }
}

impl Measurement {
    fn of(names: Vec<String>, sample_rate: f64, got: &Recording) -> Measurement {
        let values = |vectors: &[Vector]| vectors.iter().map(Vector::values).collect();
        let ranges = |vectors: &[Vector]| vectors.iter().map(|v| (v.range.start, v.range.end)).collect();
        Measurement {
            names,
            bursts: values(&got.bursts),
            noise: values(&got.noise),
            sample_rate: Some(sample_rate),
            ranges: ranges(&got.bursts),
            noise_ranges: ranges(&got.noise),
            weak: got.weak,
            continuous: got.continuous,
        }
    }

    fn table<'py>(
        &self,
        py: Python<'py>,
        vectors: &[Vec<Option<f64>>],
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let columns = self.names.len();
        // An empty table has its columns too.
        if vectors.is_empty() {
            return Ok(PyArray2::zeros(py, (0, columns), false));
        }
        let values = vectors.iter().flatten().map(|value| value.unwrap_or(f64::NAN)).collect();
        array::rows(py, values, columns)
    }
}

fn vectors(name: &str, values: ArrayView2<'_, f64>, columns: usize) -> PyResult<Vec<Vec<Option<f64>>>> {
    if values.ncols() != columns {
        return Err(ShapeError::new_err(format!(
            "{name} must have a column for each of the {columns} names; got {}",
            values.ncols()
        )));
    }
    if let Some(index) = values.iter().position(|value| value.is_infinite()) {
        return Err(NotFiniteError::new_err(format!("{name} holds an infinity at index {index}")));
    }
    let vector = |row: numpy::ndarray::ArrayView1<'_, f64>| {
        row.iter().map(|value| Some(*value).filter(|value| !value.is_nan())).collect()
    };
    Ok(values.rows().into_iter().map(vector).collect())
}

fn measuring(function: &str, config: Option<&Bound<'_, PyDict>>) -> PyResult<FingerprintConfig> {
    for keyword in NOT_MEASURING {
        if config.is_some_and(|config| config.contains(keyword).unwrap_or(false)) {
            return Err(InputError::new_err(format!(
                "{function}: unknown keyword `{keyword}`: it belongs to enroll or evaluate"
            )));
        }
    }
    config::parse(function, config)
}

/// Finds and measures the bursts of one recording as its samples come. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// sample_rate : float
///     Hz.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
/// **config
///     As :func:`measure`.
#[pyclass(module = "phy_sec.fingerprint")]
pub(crate) struct Stream {
    names: Vec<String>,
    sample_rate: f64,
    stream: recording::Stream,
}

#[pymethods]
impl Stream {
    #[new]
    #[pyo3(signature = (sample_rate, *, backend="simd", **config))]
    fn new(
        py: Python<'_>,
        sample_rate: f64,
        backend: &str,
        config: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let config = measuring("Stream", config)?;
        let backend = backend::open(py, backend)?;
        let stream = recording::Stream::new(&config, sample_rate, &backend).map_err(Failure::from)?;
        Ok(Stream { names: feature::names(&config.features), sample_rate, stream })
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
    /// Measurement
    ///     Of the bursts whose measurement they complete.
    fn push(&mut self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<Measurement> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let stream = &mut self.stream;
        let bursts = detached(py, || stream.push(x))?;
        Ok(Measurement::of(
            self.names.clone(),
            self.sample_rate,
            &Recording { bursts, ..Recording::default() },
        ))
    }

    /// End the recording; the stream is then as new.
    ///
    /// Returns
    /// -------
    /// Measurement
    ///     Of the bursts that still waited, with what only the whole recording decides: the stretches without a burst, the count of
    ///     weak ones, and the pieces of a continuous transmission.
    fn finish(&mut self, py: Python<'_>) -> PyResult<Measurement> {
        let stream = &mut self.stream;
        let got = detached(py, || Ok::<_, Failure>(stream.finish()))?;
        Ok(Measurement::of(self.names.clone(), self.sample_rate, &got))
    }

    /// Forget everything.
    ///
    /// Parameters
    /// ----------
    /// start : int
    ///     Absolute index of the next sample, which begins a recording.
    #[pyo3(signature = (start=0))]
    fn reset(&mut self, #[pyo3(from_py_with = array::start)] start: u64) {
        self.stream.reset(start);
    }
}

/// Find and measure the bursts of one recording.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// sample_rate : float
///     Hz.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
/// **config
///     ``bursts`` (a dict: see :func:`phy_sec.find_bursts`), ``features`` (see :func:`names`), ``min_snr_db``, ``segment`` (samples; pieces of
///     a continuous transmission), ``max_per_recording``. Defaults: ``phy_sec.defaults("fingerprint")``.
///
/// Returns
/// -------
/// Measurement
///     Of its bursts, and of stretches without any. A recording without a burst whose spectrum is not that of noise is a
///     continuous transmission and is cut into pieces.
///
/// Raises
/// ------
/// ShapeError, NotFiniteError, OutOfRangeError
///     ``x`` is no contiguous 1-D complex64 array, or holds a NaN or an infinity; a value is outside its range.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, *, backend="simd", **config))]
pub(crate) fn measure(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    sample_rate: f64,
    backend: &str,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Measurement> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config = measuring("measure", config)?;
    let backend = backend::open(py, backend)?;
    let got = detached(py, || recording::measure(x, sample_rate, &config, &backend))?;
    Ok(Measurement::of(feature::names(&config.features), sample_rate, &got))
}
