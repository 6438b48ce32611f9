"""Windows, STFT and Welch against SciPy, to the rounding of float32."""

import itertools

import numpy as np
import pytest
import scipy.signal

import phy_sec

# Ours and SciPy's name, with parameters.
WINDOWS = [
    ("rectangular", "boxcar"),
    ("triangular", "triang"),
    ("bartlett", "bartlett"),
    ("hann", "hann"),
    ("hamming", "hamming"),
    ("blackman", "blackman"),
    ("blackman_harris", "blackmanharris"),
    ("nuttall", "nuttall"),
    ("flat_top", "flattop"),
    ("cosine", "cosine"),
    ("parzen", "parzen"),
    ("bohman", "bohman"),
    ("bartlett_hann", "barthann"),
    ("lanczos", "lanczos"),
    ("taylor", "taylor"),
    (("kaiser", 8.6), ("kaiser", 8.6)),
    ({"tukey": 0.3}, ("tukey", 0.3)),
    (("gaussian", 7), ("gaussian", 7)),
    (("exponential", 3.0), ("exponential", None, 3.0)),
]
EPSILON = np.finfo(np.float32).eps


def assert_equal_to_rounding(got, want, size):
    """An FFT in float32 errs by the rounding of a few of its log2(size) stages, relative to its largest bin."""
    scale = np.max(want, axis=-1, keepdims=True)
    error = np.max(np.abs(got - want) / scale)
    assert error <= 2 * EPSILON * max(1.0, np.log2(size)), f"relative to the peak {error:.2e}, size {size}"


@pytest.mark.parametrize("ours, scipys", WINDOWS)
def test_windows_are_scipys(ours, scipys):
    for n, periodic in itertools.product([1, 2, 5, 64, 1001], [True, False]):
        want = scipy.signal.get_window(scipys, n, fftbins=periodic)
        got = phy_sec.window(ours, n, periodic)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=EPSILON, atol=1e-12, err_msg=f"{ours} {n} {periodic}")


@pytest.mark.parametrize("size, hop", [(1, 1), (7, 3), (64, 32), (64, 64), (100, 10), (256, 100), (1000, 500), (4096, 1024), (8192, 8192)])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("detrend", ["none", "constant"])
@pytest.mark.parametrize("window", [("hann", "hann"), ("rectangular", "boxcar"), (("kaiser", 14.0), ("kaiser", 14.0))])
def test_stft_and_welch_are_scipys(noise, size, hop, scaling, detrend, window):
    if size == 1 and detrend == "constant":
        return  # one sample less its mean is nothing
    ours, scipys = window
    sample_rate = 2.4e6
    x = noise(max(20_000, 3 * size)) + np.complex64(0.3 - 0.1j)
    reference = dict(
        fs=sample_rate,
        window=scipys,
        nperseg=size,
        noverlap=size - hop,
        scaling=scaling,
        detrend=False if detrend == "none" else detrend,
        return_onesided=False,
    )
    config = dict(
        size=size, hop=hop, window=ours, scaling=scaling, detrend=detrend, sample_rate=sample_rate
    )
    _, _, want = scipy.signal.spectrogram(x.astype(np.complex128), mode="psd", **reference)
    got = phy_sec.stft_power(x, **config)
    assert got.dtype == np.float32 and got.shape == want.T.shape
    assert_equal_to_rounding(got, want.T, size)

    picture = phy_sec.spectrogram(x, **config)
    assert_equal_to_rounding(picture.power, np.fft.fftshift(want.T, axes=1), size)

    frequencies, want = scipy.signal.welch(x.astype(np.complex128), **reference)
    got = phy_sec.welch(x, **config)
    assert got.dtype == np.float64
    assert_equal_to_rounding(got, np.fft.fftshift(want), size)
    np.testing.assert_allclose(picture.frequencies, np.fft.fftshift(frequencies), atol=1e-6)


@pytest.mark.parametrize("backend", ["scalar", "simd"])
def test_the_unscaled_stft_is_the_fft(noise, backend):
    """A hop longer than a frame, which SciPy does not have."""
    x = noise(1000)
    got = phy_sec.stft_power(x, size=48, hop=100, window="rectangular", scaling="none", backend=backend)
    want = np.array([np.abs(np.fft.fft(x[start : start + 48].astype(complex))) ** 2 for start in range(0, 953, 100)])
    assert_equal_to_rounding(got, want, 48)


def test_frames_that_do_not_fit_are_not_there(noise):
    assert phy_sec.stft_power(noise(63), size=64).shape == (0, 64)
    assert phy_sec.stft_power(noise(64), size=64).shape == (1, 64)
    assert phy_sec.stft_power(noise(0), size=64).shape == (0, 64)


def test_white_noise_reads_its_power_per_hertz(noise):
    """The mean over all bins and frames is ``power / sample_rate`` within 4 sigma of its own scatter."""
    x = noise(1 << 18, power=0.25)
    density = phy_sec.welch(x, size=256, hop=256, window="rectangular", sample_rate=1e6)
    assert abs(density.mean() * 1e6 / 0.25 - 1) < 4 / np.sqrt(x.size)


def test_a_spectrogram_names_its_axes(noise):
    picture = phy_sec.spectrogram(noise(1000), size=100, hop=50, sample_rate=1e6, center_frequency=433e6)
    assert picture.power.shape == (19, 100)
    assert (picture.start, picture.sample_rate, picture.center_frequency) == (0, 1e6, 433e6)
    assert picture.frame_period == pytest.approx(50e-6) and picture.bin_width == pytest.approx(1e4)
    np.testing.assert_allclose(picture.times, np.arange(19) * 50e-6, atol=1e-15)
    assert picture.frequencies[50] == 433e6 and np.all(np.diff(picture.frequencies) > 0)


def test_a_tone_is_where_it_is():
    x = np.exp(2j * np.pi * 0.125 * np.arange(4096)).astype(np.complex64)
    picture = phy_sec.spectrogram(x, size=64, hop=64, scaling="spectrum", sample_rate=8e3, center_frequency=1e6)
    peak = picture.power.argmax(axis=1)
    assert np.all(picture.frequencies[peak] == 1e6 + 1e3)
    np.testing.assert_allclose(picture.power.max(axis=1), 1.0, rtol=1e-6)
