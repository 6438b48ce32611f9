//! Reconciliation of two bit strings that are at hand.

use numpy::{
    PyUntypedArray, PyUntypedArrayMethods,
    ndarray::{ArrayView2, Axis},
};
use phy_sec::{
    bits::Bits,
    keygen::{
        Config, Kdf, RawBits, Security,
        amplify::vouched,
        reconcile::{Reconciler, auto::Auto, estimate, strings},
    },
};
use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyBytes, PyDict},
};

use crate::{
    array, backend, config,
    error::{Failure, OutOfRangeError, detached},
};

/// Correct one end's bits to the other's, message by message as a session does it, and count what is said in public.
///
/// Both ends run here: for evaluation, and for strings whose other copy is at hand (sifted QKD keys, say).
///
/// Parameters
/// ----------
/// alice : numpy.ndarray
///     bool, ``[bit]`` or ``[frame, bit]``: the bits that stay. Frames go side by side, much faster than one by one.
/// bob : numpy.ndarray
///     The same shape: the bits that are corrected.
/// error_rate : float
///     At which they differ, 0 to 0.5: sets the lengths of the blocks.
/// seed : int
///     Of the public shuffles; drawn after the bits are fixed. The same shuffles serve all frames.
/// method : str
///     The reconciler.
/// **config
///     Of the method. ``"cascade"``: ``variant`` (``"original"``, ``"biconf"``, ``"yanetal"``, ``"option3"``, ``"option4"``,
///     ``"option7"``, ``"option8"``) and ``schedule`` (``"smallest"``, ``"all"``, ``"cascade_cpp"``). ``"ldpc"``, ``"polar"``, ``"bch"``,
///     ``"reed_solomon"``, ``"winnow"``, ``"auto"``: see the guide to key generation.
///
/// Returns
/// -------
/// corrected : numpy.ndarray
///     bool, the shape of ``bob``. Whether it is the same as ``alice`` is for a hash to find out.
/// leaked : int or numpy.ndarray
///     Bits said about the string; for frames uint64, ``[frame]``.
/// messages : int or numpy.ndarray
///     Questions that Bob sent; for frames uint64, ``[frame]``.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous bool array, or the two shapes differ.
/// OutOfRangeError
///     The error rate is outside its range.
/// TooShortError
///     There are no bits.
///
/// Notes
/// -----
/// Martinez-Mateo, Pacher, Peev, Ciurana and Martin, Quantum Inf. Comput. 15, 2015 (arXiv:1407.3257).
#[pyfunction]
#[pyo3(signature = (alice, bob, error_rate, *, seed, method="cascade", **config))]
pub(crate) fn reconcile<'py>(
    py: Python<'py>,
    alice: &Bound<'py, PyAny>,
    bob: &Bound<'py, PyAny>,
    error_rate: f64,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    method: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let reconciler: Reconciler = config::parse_with("reconcile", config, [("method", method.into())])?;
    let (alice, _) = frames("alice", alice)?;
    let (bob, one) = frames("bob", bob)?;
    let columns = bob.first().map_or(0, RawBits::len);
    let outcome = detached(py, || {
        reconciler.check()?;
        reconciler.both(alice, bob, error_rate, seed)
    })?;
    let bits: Vec<bool> = outcome.bob.iter().flat_map(|frame| frame.expose().iter()).collect();
    if let ([counts], true) = (&outcome.counts[..], one) {
        return (array::row(py, bits), counts.leaked, counts.messages).into_bound_py_any(py);
    }
    let leaked: Vec<u64> = outcome.counts.iter().map(|counts| counts.leaked as u64).collect();
    let messages: Vec<u64> = outcome.counts.iter().map(|counts| counts.messages as u64).collect();
    let corrected = array::rows(py, bits, columns)?;
    (corrected, array::row(py, leaked), array::row(py, messages)).into_bound_py_any(py)
}

/// Reconcile two strings from the error rate to the verification, and account for what is said.
///
/// Some bits are compared and thrown away, the rest reconciled, and both ends' tags compared: all that
/// ``phy-sec keygen reconcile`` does, both ends in this process.
///
/// Parameters
/// ----------
/// alice : numpy.ndarray
///     bool, ``[bit]``: the bits that stay.
/// bob : numpy.ndarray
///     As many: the bits that are corrected.
/// seed : int
///     Of all that is drawn in public; drawn after the bits are fixed.
/// **config
///     ``error_rate`` (``sample``, ``assume``, ``limit``) and ``reconcile`` (``method`` and its fields) of :func:`agree`.
///
/// Returns
/// -------
/// report : dict
///     ``estimate``, ``kdr``, ``method``, ``leaked_bits``, ``efficiency``, ``verified``, ``reason`` and more: as
///     ``phy-sec keygen reconcile --json`` prints it.
/// strings : tuple of numpy.ndarray or None
///     Alice's and Bob's bits, bool, ``[bit]``, those left out that were compared; ``None`` unless they are verified.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous bool array, or the lengths differ.
/// OutOfRangeError
///     A configuration value is outside its range.
/// TooShortError
///     There are fewer than two bits.
#[pyfunction]
#[pyo3(signature = (alice, bob, *, seed, **config))]
pub(crate) fn reconcile_strings<'py>(
    py: Python<'py>,
    alice: &Bound<'py, PyAny>,
    bob: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = array::seed)] seed: u64,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let config: Config = config::parse("reconcile_strings", config)?;
    let packed = |name: &str, value: &Bound<'_, PyAny>| -> PyResult<Bits> {
        Ok(array::series::<bool>(name, value)?.as_array().iter().copied().collect())
    };
    let (alice, bob) = (packed("alice", alice)?, packed("bob", bob)?);
    let strings::Reconciliation { report, strings } =
        detached(py, || strings::reconcile_strings(alice, bob, &config, seed))?;
    let strings = strings.map(|(alice, bob)| {
        let row = |bits: &Bits| array::row(py, bits.iter().collect::<Vec<bool>>());
        (row(alice.expose()), row(bob.expose()))
    });
    (config::report(py, &report)?, strings).into_bound_py_any(py)
}

/// Hash bits that both ends hold alike to the key that is left of them (privacy amplification, leftover hash lemma).
///
/// Parameters
/// ----------
/// bits : numpy.ndarray
///     bool, ``[bit]``.
/// min_entropy : float
///     Of all of them together against whoever listened to the channel, bits, before anything was said: yours to vouch for.
/// leaked : int
///     Bits that were said of them in public.
/// seed : bytes
///     32 uniform bytes, public, drawn after the bits were fixed (``secrets.token_bytes(32)``); both ends use the same.
/// epsilon : float
///     Distance of the key from a uniform one, 2**-256 to 0.5; by default 2**-40.
/// hash : str
///     ``"toeplitz"`` or ``"modified_toeplitz"``.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`phy_sec.backends`.
///
/// Returns
/// -------
/// bytes or None
///     ``floor(min_entropy - leaked - 2 log2(1 / epsilon))`` bits, least significant of a byte first; ``None`` if that is nothing.
///
/// Raises
/// ------
/// ShapeError
///     ``bits`` is not a contiguous bool array.
/// OutOfRangeError
///     ``seed`` is not 32 bytes, or a number is outside its range.
#[pyfunction]
#[pyo3(signature = (bits, min_entropy, leaked, *, seed, epsilon=9.094947017729282e-13, hash="toeplitz", backend="simd"))]
#[expect(clippy::too_many_arguments, reason = "keywords in Python")]
pub(crate) fn amplify<'py>(
    py: Python<'py>,
    bits: &Bound<'py, PyAny>,
    min_entropy: f64,
    leaked: usize,
    seed: &[u8],
    epsilon: f64,
    hash: &str,
    backend: &str,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let bits: Bits = array::series::<bool>("bits", bits)?.as_array().iter().copied().collect();
    let seed = seed
        .try_into()
        .map_err(|_| OutOfRangeError::new_err(format!("seed must be 32 bytes, got {}", seed.len())))?;
    let hash = serde_json::from_value(hash.into()).map_err(|_| {
        OutOfRangeError::new_err(format!("hash must be toeplitz or modified_toeplitz, got {hash:?}"))
    })?;
    let backend = backend::open(py, backend)?;
    let security = Security { epsilon, hash };
    let key = detached(py, || vouched(&bits, min_entropy, leaked, security, seed, &backend))?;
    Ok(key.map(|key| PyBytes::new(py, key.expose())))
}

/// Estimate an error rate from what was compared, with a confidence interval.
///
/// Parameters
/// ----------
/// errors : int
///     How many bits differed, or parities.
/// compared : int
///     Of how many.
/// weight : int
///     Bits of each parity; 1 for bits themselves.
/// confidence : float
///     Of the interval, between 0 and 1.
///
/// Returns
/// -------
/// dict
///     ``rate`` (half an error more than was seen), ``low`` and ``high``.
///
/// Raises
/// ------
/// TooShortError
///     Nothing was compared.
/// OutOfRangeError
///     More errors than that, or an impossible confidence.
///
/// Notes
/// -----
/// Clopper and Pearson, Biometrika 26(4), 1934; of parities Kiktenko et al., arXiv:1810.05841.
#[pyfunction]
#[pyo3(signature = (errors, compared, *, weight=1, confidence=0.95))]
pub(crate) fn estimate_error_rate(
    py: Python<'_>,
    errors: usize,
    compared: usize,
    weight: usize,
    confidence: f64,
) -> PyResult<Bound<'_, PyAny>> {
    let estimate = estimate::from_parities(errors, compared, weight, confidence).map_err(Failure::from)?;
    config::report(py, &estimate)
}

/// Choose the reconciler that is expected to say the least, by measured figures.
///
/// Parameters
/// ----------
/// bits : int
///     Length of the strings.
/// error_rate : float
///     At which they differ, 0 to 0.5.
/// questions : float
///     Most questions that may be expected.
///
/// Returns
/// -------
/// dict
///     ``reconcile``: the choice as :func:`agree` takes it; ``leaked``, ``failure``, ``questions`` and ``cost`` that are
///     expected of it.
///
/// Raises
/// ------
/// OutOfRangeError
///     ``questions`` or ``error_rate`` is outside its range.
#[pyfunction]
#[pyo3(signature = (bits, error_rate, *, questions=100.0))]
pub(crate) fn choose_reconciler(
    py: Python<'_>,
    bits: usize,
    error_rate: f64,
    questions: f64,
) -> PyResult<Bound<'_, PyAny>> {
    let choice = Auto { questions }.expected(bits, error_rate).map_err(Failure::from)?;
    config::report(py, &choice)
}

/// Derive an application's key from a released one.
///
/// Parameters
/// ----------
/// key : bytes
///     The key, as :func:`agree` returns it with ``keys=True``.
/// purpose : bytes
///     What it is for: keys for different purposes tell nothing of each other.
/// length : int
///     Bytes, at most 8,160 by HKDF and 65,536 by KMAC.
/// method : str
///     ``"hkdf_sha256"`` (RFC 5869), ``"kmac128"`` or ``"kmac256"`` (NIST SP 800-185).
///
/// Returns
/// -------
/// bytes
///     Computationally secure; no more entropy than ``key`` has.
///
/// Raises
/// ------
/// OutOfRangeError
///     A length that the method does not give.
/// TooShortError
///     An empty key.
#[pyfunction]
#[pyo3(signature = (key, purpose, length, *, method="hkdf_sha256"))]
pub(crate) fn derive<'py>(
    py: Python<'py>,
    key: &[u8],
    purpose: &[u8],
    length: usize,
    method: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let kdf: Kdf = config::argument("method", method.into_pyobject(py)?.as_any())?;
    let derived = kdf.derive(key, purpose, length).map_err(Failure::from)?;
    Ok(PyBytes::new(py, &derived))
}

/// The rows of `value`, and whether it is a single one.
fn frames(name: &str, value: &Bound<'_, PyAny>) -> PyResult<(Vec<RawBits>, bool)> {
    let packed = |bits: ArrayView2<'_, bool>| -> Vec<RawBits> {
        bits.rows().into_iter().map(|row| RawBits::new(row.iter().copied().collect::<Bits>())).collect()
    };
    if value.cast::<PyUntypedArray>().is_ok_and(|array| array.ndim() == 2) {
        Ok((packed(array::table::<bool>(name, value)?.as_array()), false))
    } else {
        Ok((packed(array::series::<bool>(name, value)?.as_array().insert_axis(Axis(0))), true))
    }
}
