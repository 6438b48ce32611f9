//! Fingerprinting: what a burst shows of its transmitter.

use phy_sec::fingerprint::feature::{self, Extractor, Feature};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::{
    array::{self, Samples},
    burst::Burst,
    config,
    error::{Failure, detached},
};

mod gallery;
mod impairment;
mod labelled;
mod measurement;

pub(crate) use gallery::Gallery;
pub(crate) use impairment::{impairments, replies};
pub(crate) use labelled::{enroll, evaluate};
pub(crate) use measurement::{Measurement, Stream, measure};

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
