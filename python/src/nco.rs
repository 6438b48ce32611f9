//! Frequency shifts without phase drift.

use kernels::nco;
use num_complex::Complex32;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::{
    array::{self, Samples},
    backend,
    error::{Failure, OutOfRangeError, detached},
};

/// Shift in frequency: ``x[n] * exp(2j * pi * frequency * n / sample_rate)``.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``.
/// frequency : float
///     Hz, either sign; the negative of an offset takes it off.
/// sample_rate : float
///     Hz, above 0.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[sample]``; ``x`` itself stays as it is.
///
/// Raises
/// ------
/// ShapeError
///     ``x`` is not a contiguous 1-D complex64 array.
/// OutOfRangeError
///     The rate is not above 0, or a number is not finite.
#[pyfunction]
#[pyo3(signature = (x, frequency, sample_rate, *, backend="simd"))]
pub(crate) fn rotate<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    frequency: f64,
    sample_rate: f64,
    backend: &str,
) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let backend = backend::open(py, backend)?;
    let rotated = detached(py, || {
        let mut rotated = x.to_vec();
        nco::rotate(&backend, &mut rotated, frequency, sample_rate).map(|()| rotated)
    })?;
    Ok(array::row(py, rotated))
}

/// Numerically controlled oscillator: shifts a stream in frequency, piece by piece, without a jump or a drift.
///
/// The phase is a 64-bit fraction of a turn: after ``2**30`` samples it is off by less than 1e-9 rad.
///
/// Parameters
/// ----------
/// frequency : float
///     Hz, either sign.
/// sample_rate : float
///     Hz, above 0.
/// phase : float
///     rad, at sample 0.
///
/// Raises
/// ------
/// OutOfRangeError
///     The rate is not above 0, or a number is not finite.
#[pyclass(module = "phy_sec")]
pub(crate) struct Nco(nco::Nco);

#[pymethods]
impl Nco {
    #[new]
    #[pyo3(signature = (frequency, sample_rate, phase=0.0))]
    fn new(frequency: f64, sample_rate: f64, phase: f64) -> PyResult<Self> {
        if !phase.is_finite() {
            return Err(OutOfRangeError::new_err(format!("phase must be finite, got {phase}")));
        }
        let nco =
            nco::Nco::new(&kernels::Backend::default(), frequency, sample_rate).map_err(Failure::from)?;
        Ok(Nco(nco.with_phase(phase)))
    }

    /// Shift the next samples.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray
    ///     complex64, ``[sample]``.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray
    ///     complex64, ``[sample]``; ``x`` itself stays as it is.
    fn push<'py>(
        &mut self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<Complex32>>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let nco = &mut self.0;
        let rotated = detached(py, || {
            let mut rotated = x.to_vec();
            nco.push(&mut rotated);
            Ok::<_, Failure>(rotated)
        })?;
        Ok(array::row(py, rotated))
    }

    /// Another frequency from the next sample on, without a jump in phase.
    ///
    /// Parameters
    /// ----------
    /// frequency, sample_rate : float
    ///     Hz.
    fn set_frequency(&mut self, frequency: f64, sample_rate: f64) -> PyResult<()> {
        Ok(self.0.set_frequency(frequency, sample_rate).map_err(Failure::from)?)
    }

    /// Go to an absolute sample: across a gap, or back.
    ///
    /// Parameters
    /// ----------
    /// index : int
    ///     The sample that comes next.
    fn seek(&mut self, #[pyo3(from_py_with = array::start)] index: u64) {
        self.0.seek(index);
    }

    /// Back to sample 0.
    fn reset(&mut self) {
        self.0.reset();
    }

    /// int: the absolute sample that comes next.
    #[getter]
    fn index(&self) -> u64 {
        self.0.index()
    }

    /// float: phase of the next sample, rad, within -pi..=pi.
    #[getter]
    fn phase(&self) -> f64 {
        self.0.phase()
    }
}
