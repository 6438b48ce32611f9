//! Windows and power spectra.

use kernels::{
    stft_power::{StftConfig, StftPower},
    window::Window,
};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    array::{self, Samples},
    backend, config,
    error::{Failure, detached},
};

/// A window function, as ``scipy.signal.get_window`` has it.
///
/// Parameters
/// ----------
/// window : str or tuple
///     ``"hann"``, ``"hamming"``, ``"blackman"``, ``"blackman_harris"``, ``"flat_top"``, ``"rectangular"``, ...;
///     with a parameter ``("kaiser", beta)``, ``("tukey", share)``, ``("gaussian", sigma)``, ``("exponential", tau)``.
/// n : int
///     Points.
/// periodic : bool
///     True for spectra, False (symmetric) for filter design.
///
/// Returns
/// -------
/// numpy.ndarray
///     float32, ``[n]``, at most 1.
///
/// Raises
/// ------
/// InputError
///     No window of that name, or its parameter is out of range.
///
/// Notes
/// -----
/// Harris, Proc. IEEE 66(1), 1978.
#[pyfunction]
#[pyo3(signature = (window, n, periodic=true))]
pub(crate) fn window<'py>(
    py: Python<'py>,
    window: &Bound<'py, PyAny>,
    n: &Bound<'py, PyAny>,
    periodic: bool,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let window: Window = config::argument("window", window)?;
    let n = array::at_most("n", n, 1 << 28)?;
    let points = detached(py, || window.check().map(|()| window.coefficients(n, periodic)))?;
    Ok(array::row(py, points))
}

/// Power of the short-time Fourier transform.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``: see :func:`backends`.
/// **config
///     ``size`` (samples in a frame and bins in a spectrum), ``hop`` (samples from frame to frame), ``window``,
///     ``scaling`` (``"density"``: power per Hz, ``"spectrum"``: power, ``"none"``), ``detrend`` (``"none"``,
///     ``"constant"``), ``sample_rate`` (Hz). Defaults: ``phy_sec.defaults("stft")``.
///
/// Returns
/// -------
/// numpy.ndarray
///     float32, ``[frame, bin]``; bins in FFT order (0, up, then the negative frequencies). Only frames that lie
///     wholly within ``x`` count: ``(len(x) - size) // hop + 1`` of them, none if ``x`` is shorter than one.
///
/// Raises
/// ------
/// ShapeError
///     ``x`` is not a contiguous 1-D complex64 array.
/// OutOfRangeError
///     A configuration value is outside its range.
///
/// Notes
/// -----
/// ``scipy.signal.ShortTimeFFT`` and ``scipy.signal.welch`` have the same windows and scalings.
#[pyfunction]
#[pyo3(signature = (x, *, backend="simd", **config))]
pub(crate) fn stft_power<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    backend: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config: StftConfig = config::parse("stft_power", config)?;
    let backend = backend::open(py, backend)?;
    let size = config.size;
    let power = detached(py, || {
        let mut stft = StftPower::new(config, backend)?;
        let mut power = vec![0.0; stft.frames(x.len()) * size];
        stft.process(x, &mut power).map(|()| power)
    })?;
    array::rows(py, power, size)
}

/// Power over time and frequency of a recording in memory.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1.
/// center_frequency : float
///     Hz; what 0 Hz of the baseband was tuned to.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``.
/// **config
///     As :func:`stft_power`.
///
/// Returns
/// -------
/// Spectrogram
///     Bins in ascending frequency.
///
/// Raises
/// ------
/// TooShortError
///     ``x`` is shorter than one frame.
/// ShapeError, NotFiniteError, OutOfRangeError
///     ``x`` is no contiguous 1-D complex64 array, or holds a NaN or an infinity; a value is outside its range.
#[pyfunction]
#[pyo3(signature = (x, *, center_frequency=0.0, backend="simd", **config))]
pub(crate) fn spectrogram(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    center_frequency: f64,
    backend: &str,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Spectrogram> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config: StftConfig = config::parse("spectrogram", config)?;
    let backend = backend::open(py, backend)?;
    let picture = detached(py, || phy_sec::spectrum::spectrogram(x, config, center_frequency, backend))?;
    let phy_sec::spectrum::Spectrogram {
        frame_period, bin_width, start, sample_rate, center_frequency, ..
    } = picture;
    let (frames, bins) = picture.power.dim();
    let frequencies = (0..bins).map(|bin| picture.frequency(bin)).collect();
    let times = (0..frames).map(|frame| start as f64 / sample_rate + frame as f64 * frame_period).collect();
    Ok(Spectrogram {
        power: picture.power.into_pyarray(py).unbind(),
        frequencies: array::row(py, frequencies).unbind(),
        times: array::row(py, times).unbind(),
        frame_period,
        bin_width,
        start,
        sample_rate,
        center_frequency,
    })
}

/// Power over time and frequency.
#[pyclass(module = "phy_sec", frozen, get_all)]
pub(crate) struct Spectrogram {
    /// numpy.ndarray: float32, ``[frame, bin]``, ascending frequency, in the unit of the scaling.
    power: Py<PyArray2<f32>>,
    /// numpy.ndarray: float64, ``[bin]``, the middle of each bin, Hz.
    frequencies: Py<PyArray1<f64>>,
    /// numpy.ndarray: float64, ``[frame]``, the first sample of each frame, s.
    times: Py<PyArray1<f64>>,
    /// float: seconds from one frame to the next.
    frame_period: f64,
    /// float: Hz from one bin to the next.
    bin_width: f64,
    /// int: absolute index of the first sample.
    start: u64,
    /// float: Hz.
    sample_rate: f64,
    /// float: Hz.
    center_frequency: f64,
}

/// Welch's estimate of the power spectrum: the mean over the frames of the spectrogram.
///
/// Parameters
/// ----------
/// x : numpy.ndarray
///     complex64, ``[sample]``, full scale 1.
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``.
/// **config
///     As :func:`stft_power`.
///
/// Returns
/// -------
/// numpy.ndarray
///     float64, ``[bin]``, ascending frequency: ``numpy.fft.fftshift(numpy.fft.fftfreq(size, 1 / sample_rate))``.
///
/// Raises
/// ------
/// TooShortError
///     ``x`` is shorter than one frame.
/// ShapeError, NotFiniteError, OutOfRangeError
///     ``x`` is no contiguous 1-D complex64 array, or holds a NaN or an infinity; a value is outside its range.
///
/// Notes
/// -----
/// Welch, IEEE Trans. Audio Electroacoust. 15(2), 1967, pp. 70-73. ``scipy.signal.welch`` takes the mean off each
/// segment unless told otherwise; here ``detrend="constant"`` does.
#[pyfunction]
#[pyo3(signature = (x, *, backend="simd", **config))]
pub(crate) fn welch<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    backend: &str,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let x: Samples = array::series("x", x)?;
    let x = array::slice(&x)?;
    let config: StftConfig = config::parse("welch", config)?;
    let backend = backend::open(py, backend)?;
    let power = detached(py, || phy_sec::spectrum::welch(x, config, backend))?;
    Ok(power.into_pyarray(py))
}

/// Windowed power spectra of a stream. Cutting the stream anywhere changes nothing.
///
/// Parameters
/// ----------
/// backend : str
///     ``"simd"``, ``"scalar"`` or ``"gpu"``.
/// **config
///     As :func:`stft_power`.
#[pyclass(module = "phy_sec")]
pub(crate) struct Stft(phy_sec::spectrum::Stft);

#[pymethods]
impl Stft {
    #[new]
    #[pyo3(signature = (*, backend="simd", **config))]
    fn new(py: Python<'_>, backend: &str, config: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let config: StftConfig = config::parse("Stft", config)?;
        Ok(Stft(phy_sec::spectrum::Stft::new(config, backend::open(py, backend)?).map_err(Failure::from)?))
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
    ///     float32, ``[frame, bin]``, ascending frequency: the frames that these samples complete, perhaps none. The
    ///     first of them starts at what :attr:`next_start` said before.
    ///
    /// Raises
    /// ------
    /// NotFiniteError
    ///     ``x`` holds a NaN or an infinity; the stream is then as if it had not come.
    fn push<'py>(&mut self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let x: Samples = array::series("x", x)?;
        let x = array::slice(&x)?;
        let stft = &mut self.0;
        let size = stft.config().size;
        let frames = detached(py, || stft.push(x).map(<[f32]>::to_vec))?;
        array::rows(py, frames, size)
    }

    /// End the stream.
    ///
    /// Returns
    /// -------
    /// int
    ///     Samples that completed no frame, and were dropped.
    fn finish(&mut self) -> usize {
        self.0.finish()
    }

    /// Forget the samples kept.
    ///
    /// Parameters
    /// ----------
    /// start : int
    ///     Absolute index of the next sample, after a gap say.
    #[pyo3(signature = (start=0))]
    fn reset(&mut self, #[pyo3(from_py_with = array::start)] start: u64) {
        self.0.reset(start);
    }

    /// int: absolute index of the first sample of the next frame to come.
    #[getter]
    fn next_start(&self) -> u64 {
        self.0.next_start()
    }

    /// dict: the configuration, defaults filled in.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        config::report(py, self.0.config())
    }
}
