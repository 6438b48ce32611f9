//! Bursts whose waveform or protocol is known.

use phy_sec::fingerprint::{
    burst::mode_s,
    impairment::{Config, Estimator, Impairments, Reference},
};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::{
    array::{self, Samples},
    config,
    error::{Failure, InputError, detached},
};

/// Impairments of the transmitter of each burst of a known waveform, by one joint least-squares fit.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// sample_rate : float
///     Hz.
/// reference : numpy.ndarray, optional
///     complex64, ``[sample]``, at the same rate: what the bursts hold. Without it the preamble of 802.11a/g, at 20 MHz.
/// used : tuple of int, optional
///     Start and end of the samples of ``reference`` that are fitted, at most 65536; all of them without it. Those around are there
///     because what lies between two samples depends on its neighbours.
/// start : int, optional
///     Where in ``x`` the first fitted sample is expected: one fit there. Without it every burst of ``x`` is looked for.
/// search : int
///     Samples to either side of ``start`` in which the burst is looked for.
/// dc, amplifier : bool
///     Fit the receiver's DC, the cubic part of the amplifier.
///
/// Returns
/// -------
/// list of dict
///     For each burst ``start`` (the first fitted sample), ``samples``, ``gain`` (real and imaginary part) and ``values``: a dict from the name of each
///     impairment (``"cfo"``, ``"iq_gain_db"``, ...) to ``value``, ``standard_error`` (one sigma), ``missing`` (why there is no value,
///     otherwise ``None``) and ``unit``.
///
/// Raises
/// ------
/// TooShortError
///     Less than 32 samples are fitted, or they are not inside ``x`` where ``start`` says.
/// ShapeError, NotFiniteError, OutOfRangeError
///     An array is no contiguous 1-D complex64 array, holds a NaN or an infinity, or nothing but zeros; ``used`` is not inside the reference;
///     another rate than 20 MHz without a reference.
/// InputError
///     ``used`` without ``reference``.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, reference=None, *, used=None, start=None, search=8, dc=false, amplifier=false))]
#[expect(clippy::too_many_arguments, reason = "keywords of one call")]
pub(crate) fn impairments<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
    reference: Option<&Bound<'py, PyAny>>,
    used: Option<(usize, usize)>,
    start: Option<usize>,
    search: usize,
    dc: bool,
    amplifier: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let reference = match reference {
        Some(reference) => {
            let samples: Samples = array::series("reference", reference)?;
            let samples = array::slice(&samples)?;
            let (first, end) = used.unwrap_or((0, samples.len()));
            Reference::new(samples, first..end, sample_rate)
        }
        None if used.is_some() => {
            return Err(InputError::new_err(
                "used says which part of a reference is fitted; give a reference",
            ));
        }
        None => Reference::wifi_at(sample_rate),
    };
    let config = Config { search, dc, amplifier };
    let mut estimator =
        reference.and_then(|reference| Estimator::new(reference, &config)).map_err(Failure::from)?;
    let found = detached(py, || match start {
        Some(start) => estimator.fit(x, start).map(|got| vec![got]),
        None => estimator.find(x),
    })?;
    config::to_object(py, &Value::Array(found.iter().map(burst).collect()))
}

fn burst(burst: &Impairments) -> Value {
    json!({
        "start": burst.start, "samples": burst.samples, "gain": [burst.gain.re, burst.gain.im],
        "values": burst.to_json(),
    })
}

/// The Mode S replies of a recording, and the aircraft that sent them.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// sample_rate : float
///     Hz; 2e6.
///
/// Returns
/// -------
/// list of dict
///     For each reply ``start`` (first sample of the preamble), ``samples``, ``fraction`` (of a sample, by which it begins later), ``address`` (ICAO,
///     ``None`` if nothing vouches for it), ``exact`` (a squitter whose CRC is right), ``format``, ``octets`` (list of int), ``remainder`` (of the CRC), ``identifier``
///     (start and end of the samples that carry the address) and ``contrast_db``.
///
/// Raises
/// ------
/// ShapeError, NotFiniteError, OutOfRangeError
///     ``x`` is no contiguous 1-D complex64 array, or holds a NaN or an infinity; another rate than 2 MHz.
#[pyfunction]
pub(crate) fn replies<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let found = detached(py, || mode_s::find(x, sample_rate))?;
    let reply = |reply: &mode_s::Reply| {
        let identifier = reply.identifier();
        json!({
            "start": reply.start, "samples": reply.samples, "fraction": reply.fraction, "address": reply.address,
            "exact": reply.exact(), "format": reply.format, "octets": reply.octets, "remainder": reply.remainder,
            "identifier": [identifier.start, identifier.end], "contrast_db": reply.contrast_db,
        })
    };
    config::to_object(py, &Value::Array(found.iter().map(reply).collect()))
}
