//! The tables of key generation, method by method.

use numpy::{IntoPyArray, PyArray2, ndarray::Array2};
use phy_sec::keygen::{
    preprocess::{Preprocess, learn as learn_steps},
    quantize::{Quantizer, Role},
};
use pyo3::{prelude::*, types::PyDict};
use serde_json::Value;

use super::lanes;
use crate::{
    array, config,
    error::{Failure, OutOfRangeError, detached},
};

/// Quantize one end's series.
///
/// Parameters
/// ----------
/// series : numpy.ndarray
///     float64, ``[time]`` or ``[lane, time]``.
/// method : str
///     One of ``methods()["quantize"]``.
/// role : str
///     ``"alice"`` or ``"bob"``.
/// announced : numpy.ndarray, optional
///     uint64: what Alice's call returned under that name, for Bob.
/// **config
///     Of the method: see the guide to key generation.
///
/// Returns
/// -------
/// dict
///     ``symbols``, ``widths`` (bits of each) and ``classes`` (what Alice says of each), uint8 ``[row, time]``; ``kept``, bool
///     ``[row, time]``; ``announced``, uint64, and ``announced_bits``, what the ledger charges for it. A row is a lane, or a
///     pair of lanes.
///
/// Raises
/// ------
/// InputError
///     A parameter that is unknown or out of range, a NaN, or an announcement that does not fit.
#[pyfunction]
#[pyo3(signature = (series, *, method="guard_band", role="alice", announced=None, **config))]
pub(crate) fn quantize<'py>(
    py: Python<'py>,
    series: &Bound<'py, PyAny>,
    method: &str,
    role: &str,
    announced: Option<&Bound<'py, PyAny>>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let quantizer: Quantizer = config::parse_with("quantize", config, [("method", Value::from(method))])?;
    let role = match role {
        "alice" => Role::Alice,
        "bob" => Role::Bob,
        role => {
            return Err(OutOfRangeError::new_err(format!("role must be \"alice\" or \"bob\"; got {role:?}")));
        }
    };
    let (series, _) = lanes("series", series)?;
    let announced = match announced {
        None => Vec::new(),
        Some(announced) => array::slice(&array::series::<u64>("announced", announced)?)?.to_vec(),
    };
    let got = detached(py, || quantizer.quantize(role, &series, &announced))?;
    let columns = series.ncols();
    let out = PyDict::new(py);
    for (name, values) in [("symbols", &got.symbols), ("widths", &got.widths), ("classes", &got.classes)] {
        out.set_item(name, array::rows(py, values.clone(), columns)?)?;
    }
    out.set_item("kept", array::rows(py, got.kept.iter().collect::<Vec<bool>>(), columns)?)?;
    out.set_item("announced", array::row(py, got.announced.clone()))?;
    out.set_item("announced_bits", got.announced_bits)?;
    Ok(out)
}

/// What theory expects of a quantizer over jointly Gaussian, independent samples.
///
/// Parameters
/// ----------
/// rho : float
///     Correlation of the two ends' series.
/// method : str
///     One of ``methods()["quantize"]``.
/// eve_rho : float
///     Correlation of an eavesdropper's series with theirs.
/// **config
///     Of the method.
///
/// Returns
/// -------
/// dict
///     ``kdr`` (share of the raw bits that differ), ``kept`` (symbols over samples), ``mutual_information`` (bits of a kept
///     symbol), ``min_entropy`` (of a raw bit, given Eve's measurement and what is public).
///
/// Raises
/// ------
/// InputError
///     A parameter that is unknown or out of range.
#[pyfunction]
#[pyo3(signature = (rho, *, method="guard_band", eve_rho=0.5, **config))]
pub(crate) fn quantizer_theory<'py>(
    py: Python<'py>,
    rho: f64,
    method: &str,
    eve_rho: f64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let quantizer: Quantizer =
        config::parse_with("quantizer_theory", config, [("method", Value::from(method))])?;
    quantizer.check().map_err(Failure::from)?;
    for (name, value) in [("rho", rho), ("eve_rho", eve_rho)] {
        if !(-1.0..=1.0).contains(&value) {
            return Err(OutOfRangeError::new_err(format!("{name} must be within -1..=1, got {value}")));
        }
    }
    let (theory, entropy) =
        detached(py, || Ok::<_, phy_sec::Error>((quantizer.theory(rho), quantizer.min_entropy(eve_rho))))?;
    let report = config::report(py, &theory)?;
    report.set_item("min_entropy", entropy)?;
    Ok(report)
}

/// Process one end's series by one step.
///
/// Parameters
/// ----------
/// series : numpy.ndarray
///     float64, ``[time]`` or ``[lane, time]``.
/// method : str
///     One of ``methods()["preprocess"]``.
/// **config
///     Of the method: see the guide to key generation.
///
/// Returns
/// -------
/// numpy.ndarray
///     float64, ``[lane, time]``. What a step learns, it learns from ``series``: for Bob, take :func:`learn`'s steps.
///
/// Raises
/// ------
/// InputError
///     A parameter that is unknown or out of range, or a NaN.
#[pyfunction]
#[pyo3(signature = (series, *, method="remove_trend", **config))]
pub(crate) fn preprocess<'py>(
    py: Python<'py>,
    series: &Bound<'py, PyAny>,
    method: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let step: Preprocess = config::parse_with("preprocess", config, [("method", Value::from(method))])?;
    let (series, _) = lanes("series", series)?;
    let out: Array2<f64> = detached(py, || step.apply(series))?;
    Ok(out.as_standard_layout().into_owned().into_pyarray(py))
}

/// Let Alice learn what some steps have to learn, from her series.
///
/// Parameters
/// ----------
/// series : numpy.ndarray
///     float64, ``[time]`` or ``[lane, time]``: hers.
/// steps : list of dict
///     Each with ``method`` and its parameters.
///
/// Returns
/// -------
/// tuple
///     The steps as learnt, which both ends apply; her series after them, float64 ``[lane, time]``; and the bits that the
///     ledger charges for saying them.
///
/// Raises
/// ------
/// InputError
///     A parameter that is unknown or out of range, or a NaN.
#[pyfunction]
pub(crate) fn learn<'py>(
    py: Python<'py>,
    series: &Bound<'py, PyAny>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyArray2<f64>>, usize)> {
    let steps: Vec<Preprocess> = config::argument("steps", steps)?;
    let (series, _) = lanes("series", series)?;
    let learnt = detached(py, || learn_steps(&steps, series))?;
    let steps = config::report(py, &learnt.steps)?;
    Ok((steps, learnt.series.as_standard_layout().into_owned().into_pyarray(py), learnt.announced_bits))
}

/// The names of all methods.
///
/// Returns
/// -------
/// dict
///     ``preprocess`` and ``quantize``: lists of str.
#[pyfunction]
pub(crate) fn methods(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("preprocess", Preprocess::ALL)?;
    out.set_item("quantize", Quantizer::ALL)?;
    Ok(out)
}
