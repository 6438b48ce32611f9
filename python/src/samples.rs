//! Samples as they come, and what is summed over them.

use kernels::{correlate, energy, moments};
use num_complex::{Complex32, Complex64};
use pyo3::{
    prelude::*,
    types::{PyComplex, PyDict},
};

use crate::{
    array::{self, Samples},
    backend,
    error::{Failure, ShapeError, detached},
};

/// Energy of a block, the sum of ``|x|**2``.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1. A NaN or an infinity goes through to the result.
/// backend : str
///     ``"simd"`` or ``"scalar"``: see :func:`backends`.
///
/// Returns
/// -------
/// float
///     Linear, at least 0; divide by ``len(x)`` for the mean power.
///
/// Raises
/// ------
/// ShapeError
///     ``x`` is not a contiguous 1-D complex64 array.
#[pyfunction]
#[pyo3(name = "energy", signature = (x, *, backend="simd"))]
pub(crate) fn energy_of(py: Python<'_>, x: &Bound<'_, PyAny>, backend: &str) -> PyResult<f32> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let backend = backend::open(py, backend)?;
    detached(py, || Ok::<_, Failure>(energy::energy(&backend, x)))
}

/// Mixed moments ``E[x**p * conj(x)**q]`` up to order 4.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1. A NaN or an infinity goes through to the result.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// dict
///     ``m10``, ``m20``, ``m11``, ``m30``, ``m21``, ``m40``, ``m31``, ``m22``: ``m21`` is ``E[x**2 * conj(x)]``.
///     ``m11`` and ``m22`` are real. The others of their order are their conjugates. Zeros for an empty block.
///
/// Raises
/// ------
/// ShapeError
///     ``x`` is not a contiguous 1-D complex64 array.
///
/// Notes
/// -----
/// Swami and Sadler, IEEE Trans. Commun. 48(3), 2000, build cumulants from these.
#[pyfunction]
#[pyo3(name = "moments", signature = (x, *, backend="simd"))]
pub(crate) fn moments_of<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let backend = backend::open(py, backend)?;
    let m = detached(py, || Ok::<_, Failure>(moments::moments(&backend, x)))?;
    let dict = PyDict::new(py);
    for (name, value) in
        [("m10", m.m10), ("m20", m.m20), ("m30", m.m30), ("m21", m.m21), ("m40", m.m40), ("m31", m.m31)]
    {
        dict.set_item(name, complex(py, value))?;
    }
    dict.set_item("m11", m.m11)?;
    dict.set_item("m22", m.m22)?;
    Ok(dict)
}

/// Lagged autocorrelation, the sum of ``x[n + lag] * conj(x[n])``.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1. A NaN or an infinity goes through to the result.
/// lag : int
///     Samples, at least 0. Zero is the result where ``lag >= len(x)``.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// complex
///     A tone of frequency ``f`` has the phase ``2 * pi * f * lag / sample_rate``.
///
/// Raises
/// ------
/// ShapeError
///     ``x`` is not a contiguous 1-D complex64 array.
#[pyfunction]
#[pyo3(signature = (x, lag, *, backend="simd"))]
pub(crate) fn autocorrelation<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    lag: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyComplex>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let lag = array::at_most("lag", lag, isize::MAX as usize)?;
    let backend = backend::open(py, backend)?;
    let sum = detached(py, || Ok::<_, Failure>(correlate::autocorrelation(&backend, x, lag)))?;
    Ok(complex(py, sum))
}

/// Conjugate inner product, the sum of ``a * conj(b)``.
///
/// Parameters
/// ----------
/// a, b : numpy.ndarray
///     complex64, ``[sample]``, of the same length. A NaN or an infinity goes through to the result.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// complex
///     Its phase is that of ``a`` over ``b``. ``numpy.vdot(b, a)`` is the same.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous 1-D complex64 array, or they differ in length.
#[pyfunction]
#[pyo3(signature = (a, b, *, backend="simd"))]
pub(crate) fn conjugate_dot<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    b: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyComplex>> {
    let (a, b): (Samples, Samples) = (array::series("a", a)?, array::series("b", b)?);
    let (a, b) = (array::slice(&a)?, array::slice(&b)?);
    if a.len() != b.len() {
        return Err(ShapeError::new_err(format!(
            "b must be as long as a, {} samples; got {}",
            a.len(),
            b.len()
        )));
    }
    let backend = backend::open(py, backend)?;
    let sum = detached(py, || Ok::<_, Failure>(correlate::conjugate_dot(&backend, a, b)))?;
    Ok(complex(py, sum))
}

/// Something that becomes Python's complex number.
pub(crate) trait ToComplex {
    fn to_complex(self) -> Complex64;
}

impl ToComplex for Complex32 {
    fn to_complex(self) -> Complex64 {
        Complex64::new(f64::from(self.re), f64::from(self.im))
    }
}

impl ToComplex for Complex64 {
    fn to_complex(self) -> Complex64 {
        self
    }
}

fn complex(py: Python<'_>, value: impl ToComplex) -> Bound<'_, PyComplex> {
    let value = value.to_complex();
    PyComplex::from_doubles(py, value.re, value.im)
}
