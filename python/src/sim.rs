//! Seeded scenes.

use num_complex::Complex32;
use numpy::PyArray1;
use phy_sec::sim::{
    self,
    adversary::injection::Injection,
    fading::{FadingConfig, TappedDelayLine},
    impairment::Impairments,
    jammer::{self, Jammer, Ratio},
    link::LinkConfig,
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array::{self, Samples},
    channel::Csi,
    config,
    error::{Failure, OutOfRangeError, detached},
};

/// The longest simulated block, in samples: 2 GiB of them.
const MAX_SAMPLES: usize = 1 << 28;

/// Circular white Gaussian noise.
///
/// Parameters
/// ----------
/// n : int
///     Samples, at most ``2**28``.
/// power : float
///     Mean of ``|x|**2``, at least 0; full scale 1.
/// seed : int
///     The same seed gives the same samples on one platform.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[n]``.
///
/// Raises
/// ------
/// OutOfRangeError
///     ``n`` or ``power`` is out of range.
#[pyfunction]
#[pyo3(signature = (n, power=1.0, *, seed))]
pub(crate) fn noise<'py>(
    py: Python<'py>,
    n: &Bound<'py, PyAny>,
    power: f64,
    #[pyo3(from_py_with = array::seed)] seed: u64,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let n = array::at_most("n", n, MAX_SAMPLES)?;
    if !(power.is_finite() && power >= 0.0) {
        return Err(OutOfRangeError::new_err(format!("power must be at least 0 and finite, got {power}")));
    }
    let x = detached(py, || Ok::<_, Failure>(sim::noise(&mut sim::rng(seed), n, power)))?;
    Ok(array::row(py, x))
}

/// Send samples through a multipath fading channel.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// sample_rate : float
///     Hz.
/// seed : int
///     Of the channel's draw.
/// **config
///     ``profile`` (``"flat"``, ``"tdl_a"`` ..., see ``phy_sec.defaults("fading")``), ``delay_spread`` (s), ``doppler`` (Hz),
///     ``k_factor_db``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]``: of the same length; the echoes after its end are cut.
///
/// Raises
/// ------
/// InputError
///     A configuration or rate that makes no sense, samples that are no numbers.
///
/// Notes
/// -----
/// Clarke, BSTJ 47(6), 1968; 3GPP TR 38.901 section 7.7.2.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, *, seed, **config))]
pub(crate) fn fade<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config: FadingConfig = config::parse("fade", config)?;
    let faded = detached(py, || {
        let duration = x.len() as f64 / sample_rate;
        TappedDelayLine::new(&config, duration, &mut sim::rng(seed))?.apply(x, sample_rate, 0.0)
    })?;
    Ok(array::row(py, faded))
}

/// What a transmitter and a receiver do to a signal.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1.
/// sample_rate : float
///     Hz.
/// seed : int
///     Of the phase noise.
/// **config
///     ``tx_iq`` and ``rx_iq`` (``{"gain_db": ..., "phase": ...}``), ``iq_offset`` (``[re, im]``), ``cfo`` (Hz), ``sfo_ppm``,
///     ``phase_noise_linewidth`` (Hz), ``amplifier`` (``{"model": "rapp", ...}``), ``turn_on``, ``adc`` (``{"bits": 8}``).
///     Defaults, a perfect pair: ``phy_sec.defaults("impairments")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]``: longer or shorter than ``x`` if ``sfo_ppm`` is not 0.
///
/// Raises
/// ------
/// InputError
///     A configuration or rate that makes no sense, samples that are no numbers.
#[pyfunction]
#[pyo3(signature = (x, sample_rate, *, seed, **config))]
pub(crate) fn impair<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    sample_rate: f64,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config: Impairments = config::parse("impair", config)?;
    let impaired = detached(py, || {
        let mut x = x.to_vec();
        config.apply(&mut x, sample_rate, &mut sim::rng(seed)).map(|()| x)
    })?;
    Ok(array::row(py, impaired))
}

/// Add a jammer to a signal at a stated ratio.
///
/// Parameters
/// ----------
/// victim : numpy.ndarray
///     complex64, ``[sample]``.
/// jammer : dict
///     ``{"kind": "tone", "frequency": 1e5}``, ``{"kind": "sweep", "shape": "sawtooth", "from": -1e6, "to": 1e6, "period": 1e-3}``,
///     ``{"kind": "pulsed", "period": 1e-3, "duty": 0.1, "of": {"kind": "barrage"}}``, ...: frequencies in Hz from the centre of the
///     band, times in s.
/// ratio : dict or tuple
///     ``("jsr", db)``: jammer to signal, both while on; ``("mean_jsr", db)``: pauses included;
///     ``("jnr", {"db": ..., "noise_power": ...})``.
/// sample_rate : float
///     Hz.
/// seed : int
///     Of the jammer's noise, phases and hops.
///
/// Returns
/// -------
/// Mixed
///     The sum, the jammer alone, and when it was on.
///
/// Raises
/// ------
/// InputError
///     A jammer or ratio that makes no sense at this rate, samples that are no numbers.
///
/// Notes
/// -----
/// Poisel, Modern Communications Jamming Principles and Techniques, 2nd ed., 2011.
#[pyfunction]
#[pyo3(signature = (victim, jammer, ratio, sample_rate, *, seed))]
pub(crate) fn mix(
    py: Python<'_>,
    victim: &Bound<'_, PyAny>,
    jammer: &Bound<'_, PyAny>,
    ratio: &Bound<'_, PyAny>,
    sample_rate: f64,
    #[pyo3(from_py_with = array::seed)] seed: u64,
) -> PyResult<Mixed> {
    let victim: Samples = array::series("victim", victim)?;
    let victim = array::slice(&victim)?;
    let jammer: Jammer = config::argument("jammer", jammer)?;
    let ratio: Ratio = config::argument("ratio", ratio)?;
    let mixed = detached(py, || jammer::mix(victim, &jammer, ratio, sample_rate, &mut sim::rng(seed)))?;
    Ok(Mixed {
        samples: array::row(py, mixed.samples).unbind(),
        jammer: array::row(py, mixed.jammer).unbind(),
        active: mixed.active.into_iter().map(|range| (range.start, range.end)).collect(),
    })
}

/// A jammed signal and its truth.
#[pyclass(module = "phy_sec.sim", frozen, get_all)]
pub(crate) struct Mixed {
    /// numpy.ndarray: complex64, ``[sample]``, victim plus jammer.
    samples: Py<PyArray1<Complex32>>,
    /// numpy.ndarray: complex64, ``[sample]``, the jammer alone, as mixed in.
    jammer: Py<PyArray1<Complex32>>,
    /// list of (int, int): first sample and one past the last of each stretch in which the jammer was on.
    active: Vec<(usize, usize)>,
}

/// What Alice, Bob and Eve measure of one reciprocal fading channel.
///
/// Parameters
/// ----------
/// seed : int
///     Of the channel and of the noise.
/// **config
///     ``rounds``, ``interval`` (s), ``probing_delay`` (s), ``subcarriers``, ``spacing`` (Hz), ``antennas``, ``snr_db``, ``eve_snr_db``,
///     ``eve`` (``("wavelengths", distance)`` or ``("correlation", rho)``), ``eve_antennas``, ``large_scale``, ``blocking``, ``fading``, ``asymmetry``,
///     ``loss``.
///     Defaults: ``phy_sec.defaults("link")``.
///
/// Returns
/// -------
/// Probes
///     ``alice``, ``bob``, ``eve``, each a :class:`phy_sec.Csi`.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
///
/// Notes
/// -----
/// Alice's and Bob's gains correlate by ``J0(2 * pi * doppler * probing_delay) / (1 + 1 / snr)``, Eve's and Bob's by
/// ``J0(2 * pi * wavelengths)`` less the noise: Clarke, BSTJ 47(6), 1968.
#[pyfunction]
#[pyo3(signature = (*, seed, **config))]
pub(crate) fn link(
    py: Python<'_>,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Probes> {
    let config: LinkConfig = config::parse("link", config)?;
    let probes = detached(py, || config.run(&mut sim::rng(seed)))?;
    Ok(Probes {
        alice: Py::new(py, Csi(probes.alice))?,
        bob: Py::new(py, Csi(probes.bob))?,
        eve: Py::new(py, Csi(probes.eve))?,
    })
}

/// What the three measured.
#[pyclass(module = "phy_sec.sim", frozen, get_all)]
pub(crate) struct Probes {
    /// phy_sec.Csi: Alice's estimates from Bob's answers.
    alice: Py<Csi>,
    /// phy_sec.Csi: Bob's estimates from Alice's packets.
    bob: Py<Csi>,
    /// phy_sec.Csi: Eve's estimates from Alice's packets.
    eve: Py<Csi>,
}

/// Inject probes: an attacker chooses what the ends measure in some of the rounds.
///
/// Parameters
/// ----------
/// probes : Probes
///     What was measured without him; it stays as it is.
/// seed : int
///     Of his choices and of the ends' noise.
/// **config
///     ``share`` (of the rounds, 0 to 1), ``ends`` (``"both"``, ``"alice"``, ``"bob"``), ``chosen`` (``"fading"``, ``"extremes"``), ``snr_db``, ``burst``.
///     Defaults: ``phy_sec.defaults("injection")``.
///
/// Returns
/// -------
/// Injected
///     What the ends measure then, which rounds were his, and what he knows.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
#[pyfunction]
#[pyo3(signature = (probes, *, seed, **config))]
pub(crate) fn inject(
    py: Python<'_>,
    probes: &Bound<'_, Probes>,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Injected> {
    let injection: Injection = config::parse("inject", config)?;
    let probes = probes.get();
    let mut probes = sim::link::Probes {
        alice: probes.alice.get().0.clone(),
        bob: probes.bob.get().0.clone(),
        eve: probes.eve.get().0.clone(),
    };
    let (probes, injected) = detached(py, || {
        let injected = injection.apply(&mut probes, &mut sim::rng(seed))?;
        Ok::<_, Failure>((probes, injected))
    })?;
    Ok(Injected {
        alice: Py::new(py, Csi(probes.alice))?,
        bob: Py::new(py, Csi(probes.bob))?,
        known: Py::new(py, Csi(injected.known))?,
        rounds: injected.rounds,
    })
}

/// What an attacker made of a session.
#[pyclass(module = "phy_sec.sim", frozen, get_all)]
pub(crate) struct Injected {
    /// phy_sec.Csi: Alice's estimates.
    alice: Py<Csi>,
    /// phy_sec.Csi: Bob's estimates.
    bob: Py<Csi>,
    /// phy_sec.Csi: his gains where the round was his, what his receiver measured where not.
    known: Py<Csi>,
    /// list of int: sequence numbers of the rounds that were his.
    rounds: Vec<u64>,
}
