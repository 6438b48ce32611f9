//! Bits: packed, and hashed.

use kernels::{bits, toeplitz::Toeplitz};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::{
    array, backend,
    error::{Failure, ShapeError, detached},
};

/// Pack bits into 64-bit words, least significant first.
///
/// Parameters
/// ----------
/// bits : numpy.ndarray
///     bool, ``[bit]``.
///
/// Returns
/// -------
/// numpy.ndarray
///     uint64, ``[word]``: bit ``i`` is bit ``i % 64`` of word ``i // 64``; what is left of the last one is zero.
///
/// Raises
/// ------
/// ShapeError
///     ``bits`` is not a contiguous 1-D bool array.
#[pyfunction]
pub(crate) fn pack_bits<'py>(
    py: Python<'py>,
    bits: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let bits = array::series::<bool>("bits", bits)?;
    let bits = array::slice(&bits)?;
    let words = detached(py, || Ok::<_, Failure>(packed(bits)))?;
    Ok(array::row(py, words))
}

/// The first bits of packed words: the inverse of :func:`pack_bits`.
///
/// Parameters
/// ----------
/// words : numpy.ndarray
///     uint64, ``[word]``.
/// n : int
///     Bits, at most ``64 * len(words)``.
///
/// Returns
/// -------
/// numpy.ndarray
///     bool, ``[n]``.
///
/// Raises
/// ------
/// ShapeError
///     ``words`` is not a contiguous 1-D uint64 array.
/// OutOfRangeError
///     More bits are asked for than there are.
#[pyfunction]
pub(crate) fn unpack_bits<'py>(
    py: Python<'py>,
    words: &Bound<'py, PyAny>,
    n: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let words = array::series::<u64>("words", words)?;
    let words = array::slice(&words)?;
    let n = array::at_most("n", n, 64 * words.len())?;
    let bits = detached(py, || Ok::<_, Failure>(unpacked(words, n)))?;
    Ok(array::row(py, bits))
}

/// Toeplitz hash over GF(2), ``y[i] = xor_j seed[i + n_in - 1 - j] & key[j]``: the universal hash of privacy amplification.
///
/// Parameters
/// ----------
/// seed : numpy.ndarray
///     bool, ``[n_in + n_out - 1]``: public, uniform, chosen after the key.
/// key : numpy.ndarray
///     bool, ``[n_in]``.
/// n_out : int
///     Bits of the hash, at least 1.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`backends`. All give the same bits.
///
/// Returns
/// -------
/// numpy.ndarray
///     bool, ``[n_out]``.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous 1-D bool array, or the seed has not the length above.
/// OutOfRangeError
///     A length is 0 or above ``2**32``.
///
/// Notes
/// -----
/// Carter and Wegman 1979; Krawczyk, CRYPTO '94.
#[pyfunction]
#[pyo3(signature = (seed, key, n_out, *, backend="simd"))]
pub(crate) fn toeplitz_hash<'py>(
    py: Python<'py>,
    seed: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
    n_out: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let (seed, key) = (array::series::<bool>("seed", seed)?, array::series::<bool>("key", key)?);
    let (seed, key) = (array::slice(&seed)?, array::slice(&key)?);
    let (n_in, n_out) = (key.len(), array::at_most("n_out", n_out, kernels::toeplitz::MAX_BITS)?);
    if n_in > 0 && n_out > 0 && seed.len() != n_in + n_out - 1 {
        return Err(ShapeError::new_err(format!(
            "seed must hold len(key) + n_out - 1 = {} bits; got {}",
            n_in + n_out - 1,
            seed.len()
        )));
    }
    let backend = backend::open(py, backend)?;
    let hash = detached(py, || {
        let toeplitz = Toeplitz::new(&packed(seed), n_in, n_out, backend)?;
        let mut hash = vec![0; bits::words(n_out)];
        toeplitz.hash(&packed(key), &mut hash)?;
        Ok::<_, kernels::Error>(unpacked(&hash, n_out))
    })?;
    Ok(array::row(py, hash))
}

pub(crate) fn packed(bits: &[bool]) -> Vec<u64> {
    let mut words = vec![0; bits::words(bits.len())];
    bits::pack(&kernels::Backend::default(), bits, &mut words);
    words
}

fn unpacked(words: &[u64], n: usize) -> Vec<bool> {
    let mut bits = vec![false; n];
    bits::unpack(&kernels::Backend::default(), &words[..bits::words(n)], &mut bits);
    bits
}
