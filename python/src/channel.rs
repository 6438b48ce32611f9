//! Channel measurements.

use num_complex::Complex32;
use numpy::{IntoPyArray, PyArray1, PyArray3, ToPyArray};
use pyo3::prelude::*;

use crate::{array, error::Failure};

/// A series of channel estimates by one receiver of one transmitter.
///
/// Parameters
/// ----------
/// gains : numpy.ndarray
///     complex64, ``[time, subcarrier, antenna]``, linear.
/// time : numpy.ndarray
///     float64, ``[time]``: when each was measured, s, on the receiver's own clock.
/// sequence : numpy.ndarray, optional
///     uint64, ``[time]``: the packets' sequence numbers, where the measurement carries them.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous array of its type, or their lengths differ.
/// NotFiniteError
///     ``gains`` or ``time`` holds a NaN or an infinity.
#[pyclass(module = "phy_sec", frozen)]
pub(crate) struct Csi(pub(crate) phy_sec::channel::Csi);

#[pymethods]
impl Csi {
    #[new]
    #[pyo3(signature = (gains, time, sequence=None))]
    fn new(
        gains: &Bound<'_, PyAny>,
        time: &Bound<'_, PyAny>,
        sequence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let gains = array::cube::<Complex32>("gains", gains)?.as_array().to_owned();
        let time = array::slice(&array::series::<f64>("time", time)?)?.to_vec();
        let sequence = match sequence {
            None => None,
            Some(sequence) => Some(array::slice(&array::series::<u64>("sequence", sequence)?)?.to_vec()),
        };
        Ok(Csi(phy_sec::channel::Csi::new(gains, time, sequence).map_err(Failure::from)?))
    }

    /// numpy.ndarray: complex64, ``[time, subcarrier, antenna]``; a copy.
    #[getter]
    fn gains<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray3<Complex32>> {
        self.0.gains.to_pyarray(py)
    }

    /// numpy.ndarray: float64, ``[time]``, s; a copy.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.time.to_pyarray(py)
    }

    /// numpy.ndarray or None: uint64, ``[time]``; a copy.
    #[getter]
    fn sequence<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<u64>>> {
        self.0.sequence.clone().map(|sequence| sequence.into_pyarray(py))
    }

    fn __len__(&self) -> usize {
        self.0.time.len()
    }

    fn __repr__(&self) -> String {
        let (times, subcarriers, antennas) = self.0.gains.dim();
        format!("Csi({times} times, {subcarriers} subcarriers, {antennas} antennas)")
    }
}
