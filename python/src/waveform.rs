//! Waveforms of the simulator.

use num_complex::Complex32;
use numpy::PyArray1;
use phy_sec::sim::{
    self,
    waveform::{Gfsk, Lora, NrComb, Ook, SingleCarrier, Wifi},
};
use pyo3::{prelude::*, types::PyDict};

use crate::{array, config, error::detached};

type Samples<'py> = PyResult<Bound<'py, PyArray1<Complex32>>>;

fn bits(value: &Bound<'_, PyAny>) -> PyResult<Vec<bool>> {
    Ok(array::slice(&array::series::<bool>("bits", value)?)?.to_vec())
}

/// On a 64-bit machine a `usize` is a `u64`; elsewhere what does not fit is out of every alphabet.
fn symbols(value: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let symbols = array::series::<u64>("symbols", value)?;
    Ok(array::slice(&symbols)?.iter().map(|&symbol| usize::try_from(symbol).unwrap_or(usize::MAX)).collect())
}

/// One frame of 802.11a/g OFDM at 20 MHz: training fields, SIGNAL, coded data, pilots.
///
/// Parameters
/// ----------
/// psdu : bytes
///     From the MAC header to the FCS, 1 to 4095 octets.
/// **config
///     ``rate`` (Mbit/s, as text: ``"6"`` to ``"54"``), ``scrambler`` (1 to 127). Defaults: ``phy_sec.defaults("wifi")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]`` at 20 MHz, unit mean power; the preamble is samples 0 to 320.
///
/// Raises
/// ------
/// InputError
///     A length or a configuration that makes no sense.
///
/// Notes
/// -----
/// IEEE 802.11-2020, clause 17.
#[pyfunction]
#[pyo3(signature = (psdu, **config))]
pub(crate) fn wifi<'py>(py: Python<'py>, psdu: &[u8], config: Option<&Bound<'py, PyDict>>) -> Samples<'py> {
    let config: Wifi = config::parse("wifi", config)?;
    Ok(array::row(py, detached(py, || config.modulate(psdu))?.samples))
}

/// One slot of a 5G NR-like downlink: OFDM with a comb of reference symbols, random data on the rest.
///
/// Parameters
/// ----------
/// slot : int
///     Its number in the frame.
/// seed : int
///     Of the data.
/// **config
///     ``resource_blocks``, ``numerology`` (0 to 3), ``fft_size``, ``modulation``, ``pilot_symbols``, ``identity``.
///     Defaults: ``phy_sec.defaults("nr_comb")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]`` at ``fft_size * 15e3 * 2**numerology`` Hz, unit mean power.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
///
/// Notes
/// -----
/// 3GPP TS 38.211, sections 5.2.1, 5.3.1, 7.4.1.1.
#[pyfunction]
#[pyo3(signature = (slot=0, *, seed, **config))]
pub(crate) fn nr_comb<'py>(
    py: Python<'py>,
    slot: usize,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'py, PyDict>>,
) -> Samples<'py> {
    let config: NrComb = config::parse("nr_comb", config)?;
    Ok(array::row(py, detached(py, || config.slot(slot, &mut sim::rng(seed)))?.samples))
}

/// Single-carrier PSK or QAM with root-raised-cosine pulses.
///
/// Parameters
/// ----------
/// symbols : numpy.ndarray
///     uint64, ``[symbol]``: of each the low bits that the constellation has, Gray-coded.
/// **config
///     ``modulation`` (``"bpsk"``, ``"qpsk"``, ``"psk8"``, ``"qam16"``, ...), ``samples_per_symbol``, ``rolloff``, ``span``.
///     Defaults: ``phy_sec.defaults("single_carrier")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[(len(symbols) + span) * samples_per_symbol]``, unit mean power in its middle.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
///
/// Notes
/// -----
/// Proakis and Salehi, Digital Communications, 5th ed., section 9.2.
#[pyfunction]
#[pyo3(signature = (symbols, **config))]
pub(crate) fn single_carrier<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = self::symbols)] symbols: Vec<usize>,
    config: Option<&Bound<'py, PyDict>>,
) -> Samples<'py> {
    let config: SingleCarrier = config::parse("single_carrier", config)?;
    Ok(array::row(py, detached(py, || config.modulate(&symbols))?))
}

/// Gaussian frequency-shift keying: Bluetooth Low Energy by default.
///
/// Parameters
/// ----------
/// bits : numpy.ndarray
///     bool, ``[bit]``: a one is the higher frequency.
/// **config
///     ``samples_per_bit``, ``modulation_index``, ``bandwidth_time``. Defaults: ``phy_sec.defaults("gfsk")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[len(bits) * samples_per_bit]``, constant envelope 1.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
///
/// Notes
/// -----
/// Murota and Hirade, IEEE Trans. Commun. 29(7), 1981.
#[pyfunction]
#[pyo3(signature = (bits, **config))]
pub(crate) fn gfsk<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = self::bits)] bits: Vec<bool>,
    config: Option<&Bound<'py, PyDict>>,
) -> Samples<'py> {
    let config: Gfsk = config::parse("gfsk", config)?;
    Ok(array::row(py, detached(py, || config.modulate(&bits))?))
}

/// A frame of LoRa chirps, uncoded: preamble, sync word, start-frame delimiter, payload.
///
/// Parameters
/// ----------
/// symbols : numpy.ndarray
///     uint64, ``[symbol]``, modulo ``2**spreading_factor``.
/// **config
///     ``spreading_factor`` (5 to 12), ``oversampling``, ``preamble``, ``sync_word``. Defaults: ``phy_sec.defaults("lora")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]`` at ``oversampling`` times the bandwidth, constant envelope 1.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
///
/// Notes
/// -----
/// Vangelista, IEEE Signal Process. Lett. 24(12), 2017.
#[pyfunction]
#[pyo3(signature = (symbols, **config))]
pub(crate) fn lora<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = self::symbols)] symbols: Vec<usize>,
    config: Option<&Bound<'py, PyDict>>,
) -> Samples<'py> {
    let config: Lora = config::parse("lora", config)?;
    Ok(array::row(py, detached(py, || config.modulate(&symbols))?))
}

/// On-off keying, as remote controls and sensors send it.
///
/// Parameters
/// ----------
/// bits : numpy.ndarray
///     bool, ``[bit]``.
/// **config
///     ``samples_per_bit``, ``rise`` (samples of an edge). Defaults: ``phy_sec.defaults("ook")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[len(bits) * samples_per_bit]``, power 1 while on.
///
/// Raises
/// ------
/// InputError
///     A configuration that makes no sense.
#[pyfunction]
#[pyo3(signature = (bits, **config))]
pub(crate) fn ook<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = self::bits)] bits: Vec<bool>,
    config: Option<&Bound<'py, PyDict>>,
) -> Samples<'py> {
    let config: Ook = config::parse("ook", config)?;
    Ok(array::row(py, detached(py, || config.modulate(&bits))?))
}
