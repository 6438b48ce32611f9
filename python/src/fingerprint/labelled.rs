//! From measurements whose transmitter is known: a gallery, an evaluation.

use phy_sec::fingerprint::{
    classify::Example,
    enroll::{self as known, EnrollConfig, same_rate},
    evaluate::{self as evaluation, EvaluateConfig, Observation},
};
use pyo3::{prelude::*, types::PyDict};

use super::{Gallery, Measurement};
use crate::{
    array, config,
    error::{OutOfRangeError, ShapeError, detached},
};

/// Measurements with what is known of each, and the names that all of them share.
struct Labelled<'a> {
    names: &'a [String],
    /// Hz, the one rate of those that know theirs.
    sample_rate: Option<f64>,
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
    let mut rates = measurements.iter().filter_map(|measurement| measurement.sample_rate);
    let sample_rate = rates.next();
    if let Some((one, other)) =
        sample_rate.zip(rates.find(|rate| !same_rate(sample_rate.unwrap_or(*rate), *rate)))
    {
        return Err(OutOfRangeError::new_err(format!(
            "measurements must all be of one sample_rate; got {one} and {other} Hz, whose features cannot be compared"
        )));
    }
    let rows = measurements.iter().zip(emitters).zip(recordings);
    Ok(Labelled {
        names,
        sample_rate,
        rows: rows.map(|((m, emitter), recording)| (&**m, emitter, recording)).collect(),
    })
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
    let Labelled { names, sample_rate, rows } = labelled(&measurements, emitters, recordings)?;
    let gallery = detached(py, || {
        let examples: Vec<Example> = rows
            .iter()
            .flat_map(|(measurement, emitter, recording)| {
                measurement.bursts.iter().map(move |features| Example { emitter, recording, features })
            })
            .collect();
        let gallery = known::Gallery::enroll(names, &examples, &config)?;
        match sample_rate {
            Some(rate) => gallery.at_sample_rate(rate),
            None => Ok(gallery),
        }
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
    let Labelled { names, rows, .. } = labelled(&measurements, emitters, recordings)?;
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
