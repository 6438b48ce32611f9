//! Arrays, answers and positions.

use num_complex::{Complex32, Complex64};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2,
    ndarray::{Array1, ArrayView1},
};
use phy_sec::{
    authenticate,
    event::Event,
    jamming::{
        array::{self as directions_of, ArrayConfig, Calibration, Covariance},
        locate as positions, mitigate as answers,
    },
    secrecy,
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array::{self, Samples},
    config,
    error::{Failure, detached},
};

/// Find the directions of what an antenna array hears.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[antenna, sample]``.
/// **config
///     ``geometry`` (``{"linear": {"antennas": 4, "spacing": 0.5}}``, ``{"circular": {"antennas": 8, "radius": 0.5}}`` or ``{"positions": [[x, y, z], ...]}``, in
///     wavelengths), ``method`` (``"music"``, ``"root_music"``, ``"capon"``, ``"esprit"``), ``sources``, ``criterion`` (``"mdl"``, ``"aic"``),
///     ``forward_backward``, ``smoothing``, ``elevation``, ``grid``. Defaults: ``phy_sec.defaults("array")``.
///
/// Returns
/// -------
/// dict
///     ``directions`` (each with ``azimuth`` in rad, ``standard_error``, ``bound``, ``power``, ``snr_db``), ``sources``, ``eigenvalues``, ``noise_power``.
#[pyfunction]
#[pyo3(signature = (x, **config))]
pub(crate) fn directions<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x: PyReadonlyArray2<'_, Complex32> = array::table("x", x)?;
    let x = x.as_array();
    let config: ArrayConfig = config::parse("directions", config)?;
    let found = detached(py, || directions_of::directions(x, &config))?;
    config::report(py, &found)
}

/// The spectrum of MUSIC or Capon over azimuth.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[antenna, sample]``.
/// **config
///     As :func:`directions`; ``method`` is ``"music"`` or ``"capon"``.
///
/// Returns
/// -------
/// azimuth : numpy.ndarray
///     float64, rad.
/// level : numpy.ndarray
///     float64, dB; 0 at the peak.
#[pyfunction]
#[pyo3(signature = (x, **config))]
#[allow(clippy::type_complexity)]
pub(crate) fn direction_spectrum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>)> {
    let x: PyReadonlyArray2<'_, Complex32> = array::table("x", x)?;
    let x = x.as_array();
    let config: ArrayConfig = config::parse("direction_spectrum", config)?;
    let spectrum = detached(py, || directions_of::spectrum(&Covariance::sample(x)?, &config))?;
    let (azimuth, level): (Vec<f64>, Vec<f64>) = spectrum.into_iter().unzip();
    Ok((azimuth.into_pyarray(py), level.into_pyarray(py)))
}

/// Gains and phases of an array's receivers, from one source at a known direction.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[antenna, sample]``: what the array hears of it.
/// azimuth : float
///     Where it is, rad.
/// **config
///     As :func:`directions`; only ``geometry`` and ``elevation`` count.
///
/// Returns
/// -------
/// gains : numpy.ndarray
///     complex128, ``[antenna]``, relative to the first: divide each row of a recording by its gain.
/// phase_errors : numpy.ndarray
///     float64, ``[antenna]``, rad.
#[pyfunction]
#[pyo3(signature = (x, azimuth, **config))]
#[allow(clippy::type_complexity)]
pub(crate) fn calibrate_array<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    azimuth: f64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyArray1<Complex64>>, Bound<'py, PyArray1<f64>>)> {
    let x: PyReadonlyArray2<'_, Complex32> = array::table("x", x)?;
    let x = x.as_array();
    let config: ArrayConfig = config::parse("calibrate_array", config)?;
    let found = detached(py, || {
        Calibration::from_source(&Covariance::sample(x)?, &config.geometry, azimuth, config.elevation)
    })?;
    Ok((found.gains.into_pyarray(py), found.phase_errors.into_pyarray(py)))
}

/// Take a jammer out of samples.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[antenna, sample]``; one antenna is ``x[np.newaxis]``.
/// sample_rate : float
///     Hz.
/// method : str
///     ``"notch"``, ``"tracking_notch"``, ``"blanking"``, ``"excision"``, ``"mask"``; with two antennas or more ``"null"`` and ``"beam"``.
/// **config
///     The method's own: ``frequencies``, ``bandwidth``; ``radius``, ``step``; ``block``, ``smooth``, ``rank``, ``threshold_db``, ``guard``; ``size``;
///     ``bands``; ``sources``; ``geometry``, ``azimuth``, ``nulls``, ``loading_db``. See docs/guide/array.md.
///
/// Returns
/// -------
/// y : numpy.ndarray
///     complex64, as many samples; one row for a beam.
/// removed : dict
///     ``samples``, ``power_in``, ``power_out``, ``zeroed`` (share, or ``None``).
#[pyfunction]
#[pyo3(signature = (x, sample_rate, method, **config))]
#[allow(clippy::type_complexity)]
pub(crate) fn mitigate<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
    method: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyArray2<Complex32>>, Bound<'py, PyAny>)> {
    let x: PyReadonlyArray2<'_, Complex32> = array::table("x", x)?;
    let x = x.as_array();
    let method: answers::Mitigation = config::parse_with("mitigate", config, [("method", method.into())])?;
    let (y, removed) = detached(py, || answers::mitigate(x, method, sample_rate))?;
    Ok((y.into_pyarray(py), config::report(py, &removed)?))
}

/// The answer that fits an event.
///
/// Parameters
/// ----------
/// event : dict
///     As :func:`detect` returns it.
/// sample_rate : float
///     Hz.
/// center_frequency : float
///     Hz that the event's frequencies are relative to.
///
/// Returns
/// -------
/// dict
///     ``mitigation`` (``method`` and its keywords for :func:`mitigate`, or ``None``), ``array`` (whether several antennas would help), ``avoid`` (bands, Hz), ``why``.
#[pyfunction]
#[pyo3(signature = (event, sample_rate, center_frequency=0.0))]
pub(crate) fn suggest<'py>(
    py: Python<'py>,
    event: &Bound<'py, PyAny>,
    sample_rate: f64,
    center_frequency: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let event: Event = config::argument("event", event)?;
    config::report(py, &answers::suggest(&event, sample_rate, center_frequency))
}

/// The position of an emitter from several sensors.
///
/// Parameters
/// ----------
/// measurements : list of dict
///     ``{"kind": "bearing", "sensor": [x, y], "azimuth": rad, "sigma": rad}``, ``{"kind": "tdoa", "sensor": [x, y], "reference": [x, y], "delay": s,
///     "sigma": s}``, ``{"kind": "rssi", "sensor": [x, y], "power_db": dB, "exponent": 2, "sigma_db": dB}``; they may be mixed.
/// confidence : float
///     Of the ellipse.
///
/// Returns
/// -------
/// dict
///     ``position`` (m), ``covariance`` (m²), ``power_db``, ``misfit``, ``degrees``, and ``ellipse`` (``major``, ``minor``, ``azimuth``).
#[pyfunction]
#[pyo3(signature = (measurements, confidence=0.95))]
pub(crate) fn locate<'py>(
    py: Python<'py>,
    measurements: &Bound<'py, PyAny>,
    confidence: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let measurements: Vec<positions::Measurement> = config::argument("measurements", measurements)?;
    let fix = detached(py, || positions::locate(&measurements))?;
    let ellipse = fix.ellipse(confidence).map_err(Failure::from)?;
    let report = config::report(py, &fix)?;
    report.set_item("ellipse", config::report(py, &ellipse)?)?;
    Ok(report)
}

/// The delay between two synchronous recordings of one signal, by GCC-PHAT.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// y : numpy.ndarray
///     complex64, as long.
/// sample_rate : float
///     Hz.
/// most : float
///     Longest delay that is looked at, s.
///
/// Returns
/// -------
/// dict
///     ``delay`` of ``y`` behind ``x``, s, and ``peak``: its height over the root mean square of the correlation.
#[pyfunction]
pub(crate) fn delay<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    sample_rate: f64,
    most: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let (x, y): (Samples, Samples) = (array::series("x", x)?, array::series("y", y)?);
    let (x, y) = (array::slice(&x)?, array::slice(&y)?);
    let found = detached(py, || positions::gcc_phat(x, y, sample_rate, most))?;
    config::report(py, &found)
}

/// Whether two channel estimates are of one sender: the likelihood-ratio test, or by correlation alone.
///
/// Parameters
/// ----------
/// a : numpy.ndarray
///     complex64, ``[gain]``.
/// b : numpy.ndarray
///     complex64, as long.
/// method : str
///     ``"difference"``: holds the probability of rejecting the same sender; ``"correlation"``: of accepting another one.
/// pfa : float
///     That probability.
/// **config
///     Of ``"difference"``: ``noise_power``, ``channel_power``, ``correlation``, ``free_phase``.
///
/// Returns
/// -------
/// dict
///     ``same``, ``statistic``, ``threshold``, ``pfa``, ``p_value``.
#[pyfunction]
#[pyo3(signature = (a, b, method="difference", pfa=0.01, **config))]
pub(crate) fn same_sender<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    b: &Bound<'py, PyAny>,
    method: &str,
    pfa: f64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (a, b): (Samples, Samples) = (array::series("a", a)?, array::series("b", b)?);
    let (a, b) = (array::slice(&a)?, array::slice(&b)?);
    let verdict = match method {
        "correlation" => detached(py, || authenticate::correlation(a, b, pfa))?,
        "difference" => {
            let test: authenticate::Difference =
                config::parse_with("same_sender", config, [("pfa", config::number("pfa", pfa)?)])?;
            detached(py, || test.test(a, b))?
        }
        _ => {
            let text = format!("method must be \"difference\" or \"correlation\"; got {method:?}");
            return Err(crate::error::OutOfRangeError::new_err(text));
        }
    };
    config::report(py, &verdict)
}

/// Secrecy capacity of a Gaussian wiretap channel.
///
/// Parameters
/// ----------
/// main : float
///     Linear SNR of the receiver.
/// eve : float
///     Linear SNR of the eavesdropper.
///
/// Returns
/// -------
/// float
///     Bits per complex sample.
#[pyfunction]
pub(crate) fn secrecy_rate(main: f64, eve: f64) -> PyResult<f64> {
    Ok(secrecy::secrecy_rate(main, eve).map_err(Failure::from)?)
}

/// Probability that the secrecy rate of two Rayleigh channels is below a rate.
///
/// Parameters
/// ----------
/// main : float
///     Mean linear SNR of the receiver.
/// eve : float
///     Mean linear SNR of the eavesdropper.
/// rate : float
///     Bits per complex sample.
///
/// Returns
/// -------
/// float
///     The probability.
#[pyfunction]
pub(crate) fn secrecy_outage(main: f64, eve: f64, rate: f64) -> PyResult<f64> {
    Ok(secrecy::secrecy_outage(main, eve, rate).map_err(Failure::from)?)
}

/// Symbols and artificial noise, as the antennas of a transmitter send them.
///
/// Parameters
/// ----------
/// symbols : numpy.ndarray
///     complex64, ``[sample]``.
/// channel : numpy.ndarray
///     complex64, ``[antenna]``: gains to the receiver.
/// share : float
///     Of the power in the signal; the rest is noise that the receiver does not hear.
/// seed : int
///     Of the noise.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[antenna, sample]``.
#[pyfunction]
#[pyo3(signature = (symbols, channel, share, *, seed))]
pub(crate) fn artificial_noise<'py>(
    py: Python<'py>,
    symbols: &Bound<'py, PyAny>,
    channel: &Bound<'py, PyAny>,
    share: f64,
    #[pyo3(from_py_with = array::seed)] seed: u64,
) -> PyResult<Bound<'py, PyArray2<Complex32>>> {
    let (symbols, channel): (Samples, Samples) =
        (array::series("symbols", symbols)?, array::series("channel", channel)?);
    let (symbols, channel) = (array::slice(&symbols)?, array::slice(&channel)?);
    let wide: Array1<Complex64> =
        ArrayView1::from(channel).mapv(|h| Complex64::new(h.re.into(), h.im.into()));
    let sent = detached(py, || {
        let precoder = secrecy::ArtificialNoise::new(wide.view(), share)?;
        Ok::<_, phy_sec::Error>(precoder.transmit(symbols, &mut phy_sec::sim::rng(seed)))
    })?;
    Ok(sent.into_pyarray(py))
}
