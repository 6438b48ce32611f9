//! Entropy of raw samples, health tests, and what two ends share.

use phy_sec::keygen::{
    capacity::{self, Capacity, Eve, Method},
    entropy::{
        health::{self, HealthConfig},
        sp800_90b::{self, iid},
    },
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array, config,
    error::{Failure, InputError, OutOfRangeError, detached},
    keygen::lanes,
};

/// Assess the min-entropy of raw samples, after NIST SP 800-90B.
///
/// Parameters
/// ----------
/// samples : numpy.ndarray
///     uint8, ``[sample]``: values of ``bits_per_symbol`` bits in the order in which they were measured.
/// bits_per_symbol : int
///     Width of a sample, 1 to 8.
/// iid : bool
///     Also run the tests of section 5, which say whether the samples may be taken for independent and identically distributed.
/// permutations : int
///     With ``iid``: random orders to compare with.
/// seed : int
///     With ``iid``: of the random orders.
///
/// Returns
/// -------
/// dict
///     ``min_entropy`` (bits per sample), ``h_original``, ``h_bitstring``, ``original`` and ``bitstring`` (the ten estimators' ``name``,
///     ``min_entropy`` and intermediate ``values``), ``samples``, ``bits_per_symbol``, ``alphabet``, ``iid``: as ``phy-sec entropy --json``
///     prints it.
///
/// Raises
/// ------
/// ShapeError, TooShortError, OutOfRangeError
///     ``samples`` is no contiguous 1-D uint8 array, is too short, or holds a value that does not fit.
///
/// Notes
/// -----
/// The standard asks for a million samples; fewer give an estimate all the same.
#[pyfunction]
#[pyo3(signature = (samples, bits_per_symbol, *, iid=false, permutations=10000, seed=1))]
pub(crate) fn entropy<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
    bits_per_symbol: u32,
    iid: bool,
    permutations: u32,
    #[pyo3(from_py_with = array::seed)] seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let samples = array::series::<u8>("samples", samples)?;
    let samples = array::slice(&samples)?;
    let track = iid::Config { permutations: permutations as usize, seed };
    let (assessment, track) = detached(py, || {
        let assessment = sp800_90b::assess(samples, bits_per_symbol)?;
        let track = iid.then(|| iid::test(samples, bits_per_symbol, track)).transpose()?;
        Ok::<_, Failure>((assessment, track))
    })?;
    let report = config::report(py, &assessment)?;
    report.set_item("iid", config::report(py, &track)?)?;
    Ok(report)
}

/// Mutual information of two traces of the same instants.
///
/// Parameters
/// ----------
/// a : numpy.ndarray
///     float64, ``[time]`` or ``[lane, time]``.
/// b : numpy.ndarray
///     As long as ``a``.
/// method : str
///     ``"gaussian"``: by the sample covariance, as if they were jointly Gaussian. ``"ksg"``: by the four nearest neighbours, whatever
///     the distribution of continuous values.
///
/// Returns
/// -------
/// dict
///     ``bits`` per sample and their ``standard_error`` if samples are independent.
///
/// Raises
/// ------
/// ShapeError, TooShortError, NotFiniteError, OutOfRangeError
///     The traces do not fit each other, are too short, hold a NaN or an infinity, or determine each other.
///
/// Notes
/// -----
/// Kraskov, Stoegbauer and Grassberger, Phys. Rev. E 69, 066138 (2004), algorithm 1.
#[pyfunction]
#[pyo3(signature = (a, b, *, method="gaussian"))]
pub(crate) fn mutual_information<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    b: &Bound<'py, PyAny>,
    method: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let method = method_of(method)?;
    let (a, b) = (lanes("a", a)?.0, lanes("b", b)?.0);
    let information = detached(py, || capacity::mutual_information(a.view(), b.view(), method))?;
    config::report(py, &information)
}

fn method_of(name: &str) -> PyResult<Method> {
    match name {
        "gaussian" => Ok(Method::Gaussian),
        "ksg" => Ok(Method::Ksg),
        _ => Err(OutOfRangeError::new_err(format!("method must be \"gaussian\" or \"ksg\"; got {name:?}"))),
    }
}

/// Bounds of the secret-key capacity: of a Gaussian model, or of measured traces.
///
/// Parameters
/// ----------
/// alice : numpy.ndarray, optional
///     What one end measured: float64, ``[time]`` or ``[lane, time]``.
/// bob : numpy.ndarray, optional
///     What the other end measured at the same instants.
/// eve : numpy.ndarray, optional
///     What the eavesdropper measured.
/// method : str
///     Of traces: see :func:`mutual_information`.
/// rho_ab : float, optional
///     Without traces: correlation of Alice's and Bob's samples.
/// rho_ae : float or list of float, optional
///     Of Alice's and Eve's, for each of Eve's antennas.
/// rho_be : float or list of float, optional
///     Of Bob's and Eve's.
/// eve_correlation : float
///     Of Eve's antennas with each other.
///
/// Returns
/// -------
/// dict
///     Bits per sample: ``lower`` and ``upper`` bound, and what they are made of: ``alice_bob``, ``alice_eve``, ``bob_eve``, ``given_eve``
///     (information of Alice and Bob beyond Eve). Of complex samples the model's are twice that.
///
/// Raises
/// ------
/// InputError
///     Neither three traces nor three correlations, or both.
/// ShapeError, TooShortError, NotFiniteError, OutOfRangeError
///     See :func:`mutual_information`; or the correlations cannot hold together.
///
/// Notes
/// -----
/// I(A;B) - min(I(A;E), I(B;E)) <= C <= min(I(A;B), I(A;B|E)): Maurer, IEEE Trans. Inf. Theory 39(3), 1993.
#[pyfunction]
#[pyo3(signature = (alice=None, bob=None, eve=None, *, method="gaussian", rho_ab=None, rho_ae=None, rho_be=None, eve_correlation=0.0))]
#[expect(clippy::too_many_arguments, reason = "one for each keyword")]
pub(crate) fn secret_key_capacity<'py>(
    py: Python<'py>,
    alice: Option<&Bound<'py, PyAny>>,
    bob: Option<&Bound<'py, PyAny>>,
    eve: Option<&Bound<'py, PyAny>>,
    method: &str,
    rho_ab: Option<f64>,
    rho_ae: Option<&Bound<'py, PyAny>>,
    rho_be: Option<&Bound<'py, PyAny>>,
    eve_correlation: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let method = method_of(method)?;
    let bounds = match (alice, bob, eve, rho_ab, rho_ae, rho_be) {
        (Some(alice), Some(bob), Some(eve), None, None, None) => {
            let (a, b, e) = (lanes("alice", alice)?.0, lanes("bob", bob)?.0, lanes("eve", eve)?.0);
            detached(py, || Capacity::of_traces(a.view(), b.view(), e.view(), method))?
        }
        (None, None, None, Some(rho_ab), Some(rho_ae), Some(rho_be)) => {
            let eve = Eve {
                alice: antennas("rho_ae", rho_ae)?,
                bob: antennas("rho_be", rho_be)?,
                correlation: eve_correlation,
            };
            eve.capacity(rho_ab).map_err(Failure::from)?
        }
        _ => {
            return Err(InputError::new_err(
                "secret_key_capacity takes three traces, alice, bob and eve, or three correlations, rho_ab, rho_ae and rho_be",
            ));
        }
    };
    config::report(py, &bounds)
}

/// A number for one antenna, or one for each.
fn antennas(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    value
        .extract::<f64>()
        .map(|rho| vec![rho])
        .or_else(|_| value.extract())
        .map_err(|_| InputError::new_err(format!("{name} must be a number or a list of numbers")))
}

/// Min-entropy of one bit that both ends keep, given the eavesdropper's own unquantized measurement.
///
/// Parameters
/// ----------
/// rho : float
///     Correlation of her measurement with both ends'.
/// alice : float
///     Half width of Alice's guard band around 0, in standard deviations; 0 for the sign alone.
/// bob : float
///     Half width of Bob's.
///
/// Returns
/// -------
/// float
///     Average min-entropy, bits.
///
/// Raises
/// ------
/// OutOfRangeError
///     ``rho`` is not within -1..=1, or a guard band not within 0..=6.
#[pyfunction]
#[pyo3(signature = (rho, *, alice=0.0, bob=0.0))]
pub(crate) fn bit_given_eve(rho: f64, alice: f64, bob: f64) -> PyResult<f64> {
    Ok(capacity::bit_given_eve(rho, alice, bob).map_err(Failure::from)?)
}

/// Mutual information that quantization to cells of equal probability leaves of two jointly Gaussian samples.
///
/// Parameters
/// ----------
/// rho : float
///     Their correlation, within -0.9999..=0.9999.
/// bits : int
///     Bits of the quantizer, 1 to 6.
///
/// Returns
/// -------
/// float
///     Bits per sample.
///
/// Raises
/// ------
/// OutOfRangeError
///     A value is outside its range.
#[pyfunction]
pub(crate) fn quantized_information(rho: f64, bits: u32) -> PyResult<f64> {
    Ok(capacity::quantized(rho, bits).map_err(Failure::from)?)
}

macro_rules! health_test {
    ($(#[$doc:meta])* $name:ident $cutoff:ident) => {
        $(#[$doc])*
        #[pyclass(module = "phy_sec.keygen")]
        pub(crate) struct $name {
            test: health::$name,
            config: HealthConfig,
        }

        #[pymethods]
        impl $name {
            #[new]
            #[pyo3(signature = (min_entropy, *, bits_per_symbol=1, false_alarm=9.313225746154785e-10))]
            fn new(min_entropy: f64, bits_per_symbol: u32, false_alarm: f64) -> PyResult<Self> {
                let config = HealthConfig { min_entropy, bits_per_symbol, false_alarm };
                Ok(Self { test: health::$name::new(config).map_err(Failure::from)?, config })
            }

            /// int: the count that raises an alarm.
            #[getter]
            fn cutoff(&self) -> u32 {
                self.config.$cutoff()
            }

            /// Take the next samples.
            ///
            /// Parameters
            /// ----------
            /// samples : numpy.ndarray
            ///     uint8, ``[sample]``.
            ///
            /// Returns
            /// -------
            /// int
            ///     How many alarms they raise.
            fn push(&mut self, samples: &Bound<'_, PyAny>) -> PyResult<u64> {
                let samples = array::series::<u8>("samples", samples)?;
                Ok(self.test.push(array::slice(&samples)?))
            }

            /// End the stream.
            ///
            /// Returns
            /// -------
            /// dict
            ///     ``samples``, ``alarms``, and ``first``: the sample that raised the first one, or ``None``.
            fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                Ok(config::report(py, &self.test.finish())?.cast_into::<PyDict>()?)
            }

            /// Forget all samples.
            fn reset(&mut self) {
                self.test.reset();
            }
        }
    };
}

health_test! {
    /// The repetition count test, a 90B-style health test: a value that sticks. Cutting the stream anywhere changes nothing.
    ///
    /// Parameters
    /// ----------
    /// min_entropy : float
    ///     Of a healthy source, bits per sample.
    /// bits_per_symbol : int
    ///     Width of a sample, 1 to 8.
    /// false_alarm : float
    ///     Probability of a false alarm at each sample.
    RepetitionCount repetition_cutoff
}

health_test! {
    /// The adaptive proportion test, a 90B-style health test: a value that takes over. Cutting the stream anywhere changes nothing.
    ///
    /// Parameters
    /// ----------
    /// min_entropy : float
    ///     Of a healthy source, bits per sample.
    /// bits_per_symbol : int
    ///     Width of a sample, 1 to 8.
    /// false_alarm : float
    ///     Probability of a false alarm in each window of 1024 bits or 512 other samples.
    AdaptiveProportion proportion_cutoff
}
