//! A band into channels.

use kernels::{Backend, channelizer};
use num_complex::Complex32;
use numpy::PyArray2;
use pyo3::prelude::*;

use crate::{
    array::{self, Samples},
    backend,
    error::{Failure, detached},
};

fn pushed(bank: &mut channelizer::Channelizer, x: &[Complex32]) -> kernels::Result<Vec<Complex32>> {
    let mut out = vec![Complex32::default(); bank.outputs(x.len())];
    bank.push(x, &mut out).map(|()| out)
}

/// Cut a band into channels: polyphase filter bank, critically sampled.
///
/// ``y[m, k] = sum_n prototype[n] * x[channels * m + channels - 1 - n] * exp(2j * pi * k * n / channels)``
///
/// Parameters
/// ----------
/// prototype : numpy.ndarray
///     float32, ``[tap]``, 1 to ``2**24`` of them: the low-pass of each channel,
///     ``scipy.signal.firwin(16 * channels, 1 / channels).astype(np.float32)`` say.
/// channels : int
///     1 to 65536.
/// x : numpy.ndarray
///     complex64, ``[sample]``; zeros come before the first. A NaN or an infinity goes through to the frames that it is part of.
/// backend : str
///     ``"simd"`` or ``"scalar"``.
///
/// Returns
/// -------
/// numpy.ndarray
///     complex64, ``[len(x) // channels, channels]``: channel ``k`` holds what lies around ``k * sample_rate / channels``, at a rate of
///     ``sample_rate / channels``; those above the middle, the negative frequencies.
///
/// Raises
/// ------
/// ShapeError
///     An argument is not a contiguous 1-D array of its type.
/// OutOfRangeError
///     No taps or no channels, or too many.
///
/// Notes
/// -----
/// Harris, Dick and Rice, IEEE Trans. Microw. Theory Tech. 51(4), 2003.
#[pyfunction]
#[pyo3(signature = (prototype, channels, x, *, backend="simd"))]
pub(crate) fn channelize<'py>(
    py: Python<'py>,
    prototype: &Bound<'py, PyAny>,
    channels: &Bound<'py, PyAny>,
    x: &Bound<'py, PyAny>,
    backend: &str,
) -> PyResult<Bound<'py, PyArray2<Complex32>>> {
    let prototype = array::series::<f32>("prototype", prototype)?;
    let prototype = array::slice(&prototype)?;
    let channels = array::at_most("channels", channels, isize::MAX as usize)?;
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let backend = backend::open(py, backend)?;
    let frames = detached(py, || {
        channelizer::Channelizer::new(&backend, prototype, channels).and_then(|mut bank| pushed(&mut bank, x))
    })?;
    array::rows(py, frames, channels)
}

/// Cuts a stream into channels: see :func:`channelize`. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// prototype : numpy.ndarray
///     float32, ``[tap]``.
/// channels : int
///     1 to 65536.
#[pyclass(module = "phy_sec")]
pub(crate) struct Channelizer(channelizer::Channelizer);

#[pymethods]
impl Channelizer {
    #[new]
    fn new(prototype: &Bound<'_, PyAny>, channels: &Bound<'_, PyAny>) -> PyResult<Self> {
        let prototype = array::series::<f32>("prototype", prototype)?;
        let prototype = array::slice(&prototype)?;
        let channels = array::at_most("channels", channels, isize::MAX as usize)?;
        let bank = channelizer::Channelizer::new(&Backend::default(), prototype, channels);
        Ok(Channelizer(bank.map_err(Failure::from)?))
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
    ///     complex64, ``[frame, channel]``: the frames that they complete.
    fn push<'py>(
        &mut self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<Complex32>>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let bank = &mut self.0;
        let frames = detached(py, || pushed(bank, x))?;
        array::rows(py, frames, self.0.channels())
    }

    /// Forget the samples; the next one is sample 0.
    fn reset(&mut self) {
        self.0.reset();
    }
}
