//! Fingerprinting.

use numpy::{PyArray2, ndarray::ArrayView2};
use phy_sec::fingerprint::{
    classify::Example,
    enroll::{self as gallery, EnrollConfig, Identification},
    evaluate::{self as evaluation, EvaluateConfig, Observation},
    feature::{self, Extractor, Feature},
    recording::{self, FingerprintConfig, Recording, Vector},
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};
use serde_json::{Value, json};

use crate::{
    array::{self, Samples},
    backend,
    burst::Burst,
    config,
    error::{Failure, InputError, NotFiniteError, ShapeError, detached},
};

/// Keywords of the whole configuration that say nothing about measuring.
const NOT_MEASURING: [&str; 3] = ["enroll", "split", "folds"];

fn chosen(features: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Feature>> {
    features.map_or_else(|| Ok(Feature::ALL.to_vec()), |features| config::argument("features", features))
}

/// The numbers that a burst is described by.
///
/// Parameters
/// ----------
/// features : list of str, optional
///     ``"cfo"``, ``"cyclic"``, ``"iq_imbalance"``, ``"iq_offset"``, ``"transient"``, ``"spectrum"``, ``"envelope"``, ``"frequency"``; all of them
///     without it.
///
/// Returns
/// -------
/// list of str
///     Their names, in the order of the vectors: a feature has one number or more.
///
/// Raises
/// ------
/// InputError
///     No feature of that name.
#[pyfunction]
#[pyo3(signature = (features=None))]
pub(crate) fn names(features: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    Ok(feature::names(&chosen(features)?))
}

/// What one burst shows of its transmitter.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// sample_rate : float
///     Hz.
/// burst : Burst, optional
///     Where in ``x`` it is, and the noise around it: see :func:`phy_sec.find_bursts`. Without it the whole of ``x`` without noise.
/// features : list of str, optional
///     Which: see :func:`names`.
///
/// Returns
/// -------
/// list of dict
///     For each of :func:`names`: ``feature``, ``value``, ``standard_error`` (one sigma; ``None`` where a single burst cannot tell) and
///     ``missing``, why there is no value, otherwise ``None``.
///
/// Raises
/// ------
/// TooShortError
///     The burst has less than 64 samples.
/// ShapeError, NotFiniteError, OutOfRangeError
///     ``x`` is no contiguous 1-D complex64 array, holds a NaN or an infinity, does not hold the burst, or holds nothing but zeros.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, burst=None, *, features=None))]
pub(crate) fn features<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
    burst: Option<&Bound<'py, Burst>>,
    features: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let chosen = chosen(features)?;
    let (range, noise_power) = burst.map_or((0..x.len(), 0.0), |burst| {
        let burst = &burst.get().0;
        (burst.range.start as usize..burst.range.end as usize, burst.noise_power)
    });
    let extractor = Extractor::new(&chosen, sample_rate).map_err(Failure::from)?;
    let measured = detached(py, || extractor.extract(x, range, noise_power))?;
    let list: Vec<Value> = extractor
        .names()
        .iter()
        .zip(measured)
        .map(|(name, measured)| {
            let (value, error) = measured.map_or((None, None), |got| (Some(got.value), got.standard_error));
            let missing = measured.err().map(|why| why.to_string());
            json!({ "feature": name, "value": value, "standard_error": error, "missing": missing })
        })
        .collect();
    config::to_object(py, &Value::Array(list))
}

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
///
/// Raises
/// ------
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
    names: Vec<String>,
    bursts: Vec<Vec<Option<f64>>>,
    noise: Vec<Vec<Option<f64>>>,
    ranges: Vec<(u64, u64)>,
    noise_ranges: Vec<(u64, u64)>,
    weak: usize,
    continuous: bool,
}

#[pymethods]
impl Measurement {
    #[new]
    #[pyo3(signature = (bursts, names, *, noise=None))]
    fn new(
        bursts: &Bound<'_, PyAny>,
        names: Vec<String>,
        noise: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let bursts = vectors("bursts", array::table::<f64>("bursts", bursts)?.as_array(), names.len())?;
        let noise = match noise {
            None => Vec::new(),
            Some(noise) => vectors("noise", array::table::<f64>("noise", noise)?.as_array(), names.len())?,
        };
        let (ranges, noise_ranges) = (Vec::new(), Vec::new());
        Ok(Measurement { names, bursts, noise, ranges, noise_ranges, weak: 0, continuous: false })
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
    fn of(names: Vec<String>, got: &Recording) -> Measurement {
        let values = |vectors: &[Vector]| vectors.iter().map(Vector::values).collect();
        let ranges = |vectors: &[Vector]| vectors.iter().map(|v| (v.range.start, v.range.end)).collect();
        Measurement {
            names,
            bursts: values(&got.bursts),
            noise: values(&got.noise),
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
        Ok(Stream { names: feature::names(&config.features), stream })
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
        Ok(Measurement::of(self.names.clone(), &Recording { bursts, ..Recording::default() }))
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
        Ok(Measurement::of(self.names.clone(), &got))
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
    Ok(Measurement::of(feature::names(&config.features), &got))
}

/// Measurements with what is known of each, and the names that all of them share.
struct Labelled<'a> {
    names: &'a [String],
    rows: Vec<(&'a Measurement, String, String)>,
}

fn labelled<'a>(
    measurements: &'a [PyRef<'_, Measurement>],
    emitters: Vec<String>,
    recordings: Option<Vec<String>>,
) -> PyResult<Labelled<'a>> {
    let count = measurements.len();
    let fits = |name: &str, got: usize| {
        (got == count).then_some(()).ok_or_else(|| {
            ShapeError::new_err(format!(
                "{name} must have one entry for each of the {count} measurements; got {got}"
            ))
        })
    };
    fits("emitters", emitters.len())?;
    // Without names, every recording is a group of its own.
    let recordings = recordings.unwrap_or_else(|| (0..count).map(|index| index.to_string()).collect());
    fits("recordings", recordings.len())?;
    let names: &[String] = measurements.first().map_or(&[], |first| &first.names);
    if let Some(index) = measurements.iter().position(|other| other.names != names) {
        return Err(ShapeError::new_err(format!(
            "measurements must all have the same features; number {index} has others than number 0"
        )));
    }
    let rows = measurements.iter().zip(emitters).zip(recordings);
    Ok(Labelled { names, rows: rows.map(|((m, emitter), recording)| (&**m, emitter, recording)).collect() })
}

/// Learn transmitters.
///
/// Parameters
/// ----------
/// measurements : list of Measurement
///     One for each recording.
/// emitters : list of str
///     Whose it is, for each measurement.
/// recordings : list of str, optional
///     The group that it belongs to, for each measurement; without it each is its own. The threshold is set on groups left out.
/// **config
///     ``classifier`` (``"lda"`` or ``"nearest_centroid"``), ``false_rejection``. Defaults: ``phy_sec.defaults("enroll")``.
///
/// Returns
/// -------
/// Gallery
///     Of the transmitters.
///
/// Raises
/// ------
/// TooShortError
///     There is no burst.
/// ShapeError, OutOfRangeError
///     The arguments do not fit each other; a value is outside its range.
#[pyfunction]
#[pyo3(signature = (measurements, emitters, recordings=None, **config))]
pub(crate) fn enroll(
    py: Python<'_>,
    measurements: Vec<PyRef<'_, Measurement>>,
    emitters: Vec<String>,
    recordings: Option<Vec<String>>,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Gallery> {
    let config: EnrollConfig = config::parse("enroll", config)?;
    let Labelled { names, rows } = labelled(&measurements, emitters, recordings)?;
    let gallery = detached(py, || {
        let examples: Vec<Example> = rows
            .iter()
            .flat_map(|(measurement, emitter, recording)| {
                measurement.bursts.iter().map(move |features| Example { emitter, recording, features })
            })
            .collect();
        gallery::Gallery::enroll(names, &examples, &config)
    })?;
    Ok(Gallery(gallery))
}

/// Measure identification, with what is said of the receiver kept apart from what is said of the transmitters.
///
/// Parameters
/// ----------
/// measurements : list of Measurement
///     One for each recording.
/// emitters : list of str
///     Whose it is, for each measurement.
/// recordings : list of str, optional
///     The group that it belongs to, for each measurement; without it each is its own. No group is both learned from and tested on.
/// enrolled : list of bool, optional
///     Whether the emitter is enrolled, for each measurement; otherwise it plays the stranger. All are without it.
/// source : str
///     What the report calls it.
/// seed : int
///     Of a random split; the split by recording has nothing random.
/// **config
///     ``split`` (``"recording"``, or ``"random"``, which flatters), ``folds``, ``enroll`` (a dict: see :func:`enroll`).
///     Defaults: ``phy_sec.defaults("evaluate")``.
///
/// Returns
/// -------
/// dict
///     ``accuracy``, ``balanced_accuracy``, ``noise_only_balanced_accuracy`` (the same on stretches without a burst), ``chance``, ``eer``,
///     ``auroc_unknown``, ``warnings`` and more, as ``phy-sec fingerprint evaluate --json`` prints it; ``None`` for what could not be measured.
///
/// Raises
/// ------
/// TooShortError
///     Fewer than two enrolled emitters.
/// ShapeError, OutOfRangeError
///     The arguments do not fit each other; a value is outside its range.
#[pyfunction]
#[pyo3(signature = (measurements, emitters, recordings=None, *, enrolled=None, source="", seed=0, **config))]
#[expect(clippy::too_many_arguments, reason = "one for each keyword")]
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    measurements: Vec<PyRef<'py, Measurement>>,
    emitters: Vec<String>,
    recordings: Option<Vec<String>>,
    enrolled: Option<Vec<bool>>,
    source: &str,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let config: EvaluateConfig = config::parse("evaluate", config)?;
    let enrolled = enrolled.unwrap_or_else(|| vec![true; measurements.len()]);
    if enrolled.len() != measurements.len() {
        return Err(ShapeError::new_err(format!(
            "enrolled must have one entry for each of the {} measurements; got {}",
            measurements.len(),
            enrolled.len()
        )));
    }
    let Labelled { names, rows } = labelled(&measurements, emitters, recordings)?;
    let report = detached(py, || {
        let (mut bursts, mut noise) = (Vec::new(), Vec::new());
        for ((measurement, emitter, recording), enrolled) in rows.iter().zip(enrolled) {
            let observation = |features: &Vec<Option<f64>>| Observation {
                emitter: emitter.clone(),
                recording: recording.clone(),
                enrolled,
                features: features.clone(),
            };
            bursts.extend(measurement.bursts.iter().map(observation));
            noise.extend(measurement.noise.iter().map(observation));
        }
        evaluation::evaluate(source, names, &bursts, &noise, &config, seed)
    })?;
    config::report(py, &report)
}

/// Enrolled transmitters: see :func:`enroll`.
///
/// Parameters
/// ----------
/// json : str or bytes
///     What :meth:`to_json` or ``phy-sec fingerprint enroll`` wrote; safe where somebody else wrote it.
///
/// Raises
/// ------
/// MalformedError
///     Larger than 64 MiB, no JSON, or no gallery of this version.
/// ShapeError, NotFiniteError, OutOfRangeError
///     Its content cannot be a model.
#[pyclass(module = "phy_sec.fingerprint", frozen)]
pub(crate) struct Gallery(gallery::Gallery);

#[pymethods]
impl Gallery {
    #[new]
    fn new(py: Python<'_>, json: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = if let Ok(text) = json.cast::<PyString>() {
            text.to_str()?.as_bytes()
        } else if let Ok(bytes) = json.cast::<PyBytes>() {
            bytes.as_bytes()
        } else {
            let got = json.get_type().name()?;
            return Err(InputError::new_err(format!("json must be str or bytes; got {got}")));
        };
        detached(py, || gallery::Gallery::from_json(bytes)).map(Gallery)
    }

    /// Write it down.
    ///
    /// Returns
    /// -------
    /// str
    ///     JSON with a schema version.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// list of str: the enrolled transmitters, sorted.
    #[getter]
    fn emitters(&self) -> Vec<String> {
        self.0.emitters().to_vec()
    }

    /// list of str: the features that they were enrolled with.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.features().to_vec()
    }

    /// float: the score below which a burst is *unknown*.
    #[getter]
    fn threshold(&self) -> f64 {
        self.0.threshold()
    }

    /// Say who sent each burst.
    ///
    /// Parameters
    /// ----------
    /// measurement : Measurement
    ///     With the features that were enrolled.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     One for each burst: ``decision`` (a name, or ``None``: *unknown*), ``score``, ``threshold``, ``nearest``, ``evidence`` (what each
    ///     feature said for or against the nearest, the weightiest first), ``sample_start``, ``sample_count``.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     It was measured with other features.
    fn identify<'py>(
        &self,
        py: Python<'py>,
        measurement: &Bound<'py, Measurement>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let measurement = self.fitting(measurement)?;
        let found = detached(py, || {
            measurement.bursts.iter().map(|burst| self.0.identify(burst)).collect::<Result<Vec<_>, _>>()
        })?;
        let list = found.iter().enumerate().map(|(index, found)| line(found, measurement.ranges.get(index)));
        config::to_object(py, &Value::Array(list.collect()))
    }

    /// Say who sent all the bursts of one recording.
    ///
    /// Parameters
    /// ----------
    /// measurement : Measurement
    ///     With the features that were enrolled.
    ///
    /// Returns
    /// -------
    /// dict
    ///     As :meth:`identify`, from the bursts' evidence in sum.
    ///
    /// Raises
    /// ------
    /// TooShortError
    ///     There is no burst.
    /// ShapeError
    ///     It was measured with other features.
    fn identify_all<'py>(
        &self,
        py: Python<'py>,
        measurement: &Bound<'py, Measurement>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let measurement = self.fitting(measurement)?;
        let found = detached(py, || self.0.identify_all(&measurement.bursts))?;
        let whole = measurement.ranges.first().zip(measurement.ranges.last());
        config::to_object(py, &line(&found, whole.map(|(first, last)| (first.0, last.1)).as_ref()))
    }

    fn __repr__(&self) -> String {
        format!("Gallery({})", self.0.emitters().join(", "))
    }
}

impl Gallery {
    fn fitting<'a>(&self, measurement: &'a Bound<'_, Measurement>) -> PyResult<&'a Measurement> {
        let measurement = measurement.get();
        if measurement.names == self.0.features() {
            return Ok(measurement);
        }
        Err(ShapeError::new_err(format!(
            "measurement must have the features that were enrolled, {:?}; got {:?}",
            self.0.features(),
            measurement.names
        )))
    }
}

/// `phy-sec.identification/1`; a score without any usable feature is none.
fn line(found: &Identification, range: Option<&(u64, u64)>) -> Value {
    json!({
        "schema": "phy-sec.identification/1",
        "sample_start": range.map(|range| range.0),
        "sample_count": range.map(|range| range.1 - range.0),
        "decision": found.decision.name(),
        "score": found.score.is_finite().then_some(found.score),
        "threshold": found.threshold,
        "nearest": found.nearest,
        "evidence": found.evidence,
    })
}
