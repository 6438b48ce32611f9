//! Reconciliation of two bit strings that are at hand.

use numpy::{
    PyUntypedArray, PyUntypedArrayMethods,
    ndarray::{ArrayView2, Axis},
};
use phy_sec::{
    bits::Bits,
    keygen::{RawBits, reconcile::Reconciler},
};
use pyo3::{IntoPyObjectExt, prelude::*, types::PyDict};

use crate::{array, config, error::detached};

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
///     ``"option7"``, ``"option8"``) and ``schedule`` (``"smallest"``, ``"all"``, ``"cascade_cpp"``).
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
