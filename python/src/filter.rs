//! Filters, decimation, and the search for a template.

use kernels::{
    Backend,
    fir::{self, Taps},
    xcorr,
};
use num_complex::Complex32;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::{
    array::{self, Samples},
    backend,
    error::{Failure, ShapeError, detached},
};

/// float32 or complex64 coefficients, `h[0]` first.
fn taps(value: &Bound<'_, PyAny>) -> PyResult<Taps> {
    if let Ok(real) = array::series::<f32>("taps", value) {
        return Ok(array::slice(&real)?.to_vec().into());
    }
    let complex = array::series::<Complex32>("taps", value).map_err(|error| {
        let text = error.value(value.py()).to_string();
        ShapeError::new_err(text.replace("a 1-D complex64 array", "a 1-D float32 or complex64 array"))
    })?;
    Ok(array::slice(&complex)?.to_vec().into())
}

/// Finite impulse response filter, ``y[n] = sum_k taps[k] * x[n - k]``, with zeros before the first sample.
///
/// Parameters
/// ----------
/// taps : numpy.ndarray
///     float32 or complex64, ``[tap]``, 1 to ``2**24`` of them.
/// x : numpy.ndarray
///     complex64, ``[sample]``. A NaN or an infinity goes through to the results that it is part of.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]``, as ``scipy.signal.lfilter(taps, 1, x)``.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous 1-D array of its type.
/// OutOfRangeError
///     No taps, or too many.
#[pyfunction]
#[pyo3(name = "fir", signature = (taps, x, *, backend="simd"))]
pub(crate) fn fir_with<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = self::taps)] taps: Taps,
    x: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    decimate(py, taps, 1, x, backend)
}

/// Filter, then keep samples 0, ``factor``, ``2 * factor``, ...; the others are never computed.
///
/// Parameters
/// ----------
/// taps : numpy.ndarray
///     float32 or complex64, ``[tap]``: a low-pass against aliases, from ``scipy.signal.firwin`` say.
/// factor : int
///     At least 1.
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[ceil(len(x) / factor)]``, as ``scipy.signal.lfilter(taps, 1, x)[::factor]``.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous 1-D array of its type.
/// OutOfRangeError
///     No taps, too many, or the factor is 0.
#[pyfunction]
#[pyo3(name = "decimate", signature = (taps, factor, x, *, backend="simd"))]
pub(crate) fn decimate_with<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = self::taps)] taps: Taps,
    factor: &Bound<'py, PyAny>,
    x: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let factor = array::at_most("factor", factor, isize::MAX as usize)?;
    decimate(py, taps, factor, x, backend)
}

fn decimate<'py>(
    py: Python<'py>,
    taps: Taps,
    factor: usize,
    x: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let backend = backend::open(py, backend)?;
    let filtered = detached(py, || {
        if factor == 1 {
            let mut out = vec![Complex32::default(); x.len()];
            return fir::Fir::new(&backend, taps)?.push(x, &mut out).map(|()| out);
        }
        let mut decimator = fir::Decimator::new(&backend, taps, factor)?;
        let mut out = vec![Complex32::default(); decimator.outputs(x.len())];
        decimator.push(x, &mut out).map(|()| out)
    })?;
    Ok(array::row(py, filtered))
}

/// Finite impulse response filter for a stream. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// taps : numpy.ndarray
///     float32 or complex64, ``[tap]``.
#[pyclass(module = "phy_sec")]
pub(crate) struct Fir(fir::Fir);

#[pymethods]
impl Fir {
    #[new]
    fn new(#[pyo3(from_py_with = self::taps)] taps: Taps) -> PyResult<Self> {
        Ok(Fir(fir::Fir::new(&Backend::default(), taps).map_err(Failure::from)?))
    }

    /// Filter the next samples.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray
    ///     complex64, ``[sample]``.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     complex64, ``[sample]``.
    fn push<'py>(
        &mut self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let filter = &mut self.0;
        let filtered = detached(py, || {
            let mut out = vec![Complex32::default(); x.len()];
            filter.push(x, &mut out).map(|()| out)
        })?;
        Ok(array::row(py, filtered))
    }

    /// Forget the samples.
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Filter and decimator for a stream. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// taps : numpy.ndarray
///     float32 or complex64, ``[tap]``.
/// factor : int
///     At least 1.
#[pyclass(module = "phy_sec")]
pub(crate) struct Decimator(fir::Decimator);

#[pymethods]
impl Decimator {
    #[new]
    fn new(#[pyo3(from_py_with = self::taps)] taps: Taps, factor: &Bound<'_, PyAny>) -> PyResult<Self> {
        let factor = array::at_most("factor", factor, isize::MAX as usize)?;
        Ok(Decimator(fir::Decimator::new(&Backend::default(), taps, factor).map_err(Failure::from)?))
    }

    /// Filter the next samples.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray
    ///     complex64, ``[sample]``.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     complex64, ``[sample]``: those of the stream's samples 0, ``factor``, ``2 * factor``, ... that are in ``x``.
    fn push<'py>(
        &mut self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let decimator = &mut self.0;
        let filtered = detached(py, || {
            let mut out = vec![Complex32::default(); decimator.outputs(x.len())];
            decimator.push(x, &mut out).map(|()| out)
        })?;
        Ok(array::row(py, filtered))
    }

    /// Forget the samples; the next one is sample 0.
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Normalised cross-correlation against a template: where in ``x`` does it stand?
///
/// ``rho[k] = |sum_n x[k + n] * conj(template[n])|**2 / (sum |template|**2 * sum_n |x[k + n]|**2)``
///
/// Parameters
/// ----------
/// template : numpy.ndarray
///     complex64, ``[sample]``, 1 to ``2**22`` of them, not all zero.
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// numpy.ndarray
///     float32, ``[len(x) - len(template) + 1]``, within 0..=1: 1 where the template stands, whatever its level and phase;
///     empty if ``x`` is shorter; 0 where ``x`` is silent, or holds a NaN or an infinity.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous 1-D complex64 array.
/// OutOfRangeError
///     The template is empty, too long, or has no finite energy above 0.
#[pyfunction]
#[pyo3(signature = (template, x, *, backend="simd"))]
pub(crate) fn cross_correlate<'py>(
    py: Python<'py>,
    template: &Bound<'py, PyAny>,
    x: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let (template, x): (Samples, Samples) = (array::series("template", template)?, array::series("x", x)?);
    let (template, x) = (array::slice(&template)?, array::slice(&x)?);
    let backend = backend::open(py, backend)?;
    let rho =
        detached(py, || xcorr::Template::new(&backend, template).map(|mut search| search.correlate(x)))?;
    Ok(array::row(py, rho))
}

/// A template to look for in a stream. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// template : numpy.ndarray
///     complex64, ``[sample]``, 1 to ``2**22`` of them, not all zero.
#[pyclass(module = "phy_sec")]
pub(crate) struct Template(xcorr::Template);

#[pymethods]
impl Template {
    #[new]
    fn new(template: &Bound<'_, PyAny>) -> PyResult<Self> {
        let template: Samples = array::series("template", template)?;
        Ok(Template(
            xcorr::Template::new(&Backend::default(), array::slice(&template)?).map_err(Failure::from)?,
        ))
    }

    /// Take the next samples.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray
    ///     complex64, ``[sample]``.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     float32, ``[place]``: the next values of ``rho``, in order, as far as their blocks are whole.
    fn push<'py>(&mut self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let template = &mut self.0;
        let rho = detached(py, || {
            let mut out = Vec::new();
            template.push(x, &mut out);
            Ok::<_, Failure>(out)
        })?;
        Ok(array::row(py, rho))
    }

    /// End the stream; the template is then as new.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     float32, ``[place]``: the values that still waited for their block.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let template = &mut self.0;
        let rho = detached(py, || {
            let mut out = Vec::new();
            template.finish(&mut out);
            Ok::<_, Failure>(out)
        })?;
        Ok(array::row(py, rho))
    }

    /// Forget the samples; the next one is sample 0.
    fn reset(&mut self) {
        self.0.reset();
    }
}
