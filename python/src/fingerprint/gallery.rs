//! Which enrolled transmitter sent a burst.

use phy_sec::fingerprint::enroll::{self, Identification};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyString},
};
use serde_json::{Value, json};

use super::Measurement;
use crate::{
    config,
    error::{Failure, InputError, ShapeError, detached},
};

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
pub(crate) struct Gallery(pub(super) enroll::Gallery);

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
        detached(py, || enroll::Gallery::from_json(bytes)).map(Gallery)
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

    /// float or None: the rate at which their recordings were made, Hz, if it is known.
    #[getter]
    fn sample_rate(&self) -> Option<f64> {
        self.0.sample_rate()
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
    /// ShapeError, OutOfRangeError
    ///     It was measured with other features; at another sample rate.
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
    /// ShapeError, OutOfRangeError
    ///     It was measured with other features; at another sample rate.
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
        if measurement.names != self.0.features() {
            return Err(ShapeError::new_err(format!(
                "measurement must have the features that were enrolled, {:?}; got {:?}",
                self.0.features(),
                measurement.names
            )));
        }
        if let Some(rate) = measurement.sample_rate {
            self.0.check_rate(rate).map_err(Failure::from)?;
        }
        Ok(measurement)
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
