//! Channel estimates from samples, and what is told of how two ends' estimates fit one another.

use phy_sec::{
    channel::estimate::Estimator,
    keygen::probe::{Pairing, arrangement},
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array::{self, Samples},
    backend,
    channel::Csi,
    config,
    error::{Failure, detached},
};

/// Estimate the channel from samples of a known waveform.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// sample_rate : float
///     Hz.
/// method : str
///     ``"wifi"`` (802.11 long training field, 20 MHz), ``"comb"`` (OFDM reference symbols on known subcarriers), ``"sounding"`` (a sequence sent over
///     and over: the impulse response), ``"lora"`` (a gain for each chirp of a preamble), ``"rssi"`` (the mean power of each burst).
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`phy_sec.backends`.
/// **config
///     The method's own: see the guide to channel estimation.
///
/// Returns
/// -------
/// Csi
///     Gains ``[estimate, subcarrier or tap, 1]`` over a transmission of unit power, with times from the first sample on; of no estimates where nothing
///     of the kind is in ``x``.
///
/// Raises
/// ------
/// InputError
///     A configuration or rate that makes no sense, samples that are no numbers.
///
/// Notes
/// -----
/// Least squares, at the Cramer-Rao bound: Kay, Estimation Theory, 1993, theorem 4.1.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, *, method="wifi", backend="simd", **config))]
pub(crate) fn estimate_channel(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    sample_rate: f64,
    method: &str,
    backend: &str,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Csi> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let estimator: Estimator =
        config::parse_with("estimate_channel", config, [("method", method.to_owned().into())])?;
    let backend = backend::open(py, backend)?;
    Ok(Csi(detached(py, || estimator.estimate(x, sample_rate, &backend))?))
}

/// Tell in which order another end counts its subcarriers, and whether its antennas and subcarriers changed places.
///
/// Parameters
/// ----------
/// alice : Csi
///     What one end measured.
/// bob : Csi
///     What the other end measured of the same exchanges.
/// **config
///     How their rows find each other: ``by``, ``tolerance``, ``compensate``, as ``pairing`` of :func:`agree`.
///
/// Returns
/// -------
/// tuple of (dict, Csi)
///     ``found`` (``order``, ``transposed``, ``correlation``; ``None`` where it cannot be told), ``confidence`` and ``scores`` of all candidates;
///     and ``bob`` arranged as ``alice``, as it is where it cannot be told.
///
/// Raises
/// ------
/// ShapeError
///     The ends do not have as many gains in a row.
/// InputError
///     A configuration value that makes no sense.
#[pyfunction]
#[pyo3(signature = (alice, bob, **config))]
pub(crate) fn arrangement_of<'py>(
    py: Python<'py>,
    alice: &Bound<'py, Csi>,
    bob: &Bound<'py, Csi>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyAny>, Csi)> {
    let pairing: Pairing = config::parse("arrangement_of", config)?;
    let (alice, bob) = (&alice.get().0, &bob.get().0);
    let (found, arranged) = detached(py, || {
        let found = arrangement::detect(alice, bob, &pairing)?;
        let (_, subcarriers, antennas) = alice.gains.dim();
        let arranged = found.apply(bob, subcarriers, antennas)?;
        Ok::<_, Failure>((found, arranged))
    })?;
    Ok((config::report(py, &found)?, Csi(arranged)))
}
