"""Filters, decimation and the search for a template against SciPy in double precision."""

import numpy as np
import pytest
import scipy.signal

import phy_sec

EPSILON = np.finfo(np.float32).eps


def make_taps(rng, n, kind):
    taps = rng.standard_normal(n)
    return taps.astype(np.float32) if kind == "real" else (taps + 1j * rng.standard_normal(n)).astype(np.complex64)


def assert_filtered(got, want, taps, x):
    """Each output is a sum of len(taps) products: its rounding is bounded by the sum of their magnitudes."""
    assert got.dtype == np.complex64 and got.shape == want.shape
    scale = np.sum(np.abs(taps)) * max(np.abs(x).max(), 1e-9)
    assert np.abs(got - want).max(initial=0) <= 4 * EPSILON * scale


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("n_taps", [1, 2, 7, 33, 128, 501])
def test_fir_is_lfilter(noise, rng, n_taps, kind, backend):
    taps = make_taps(rng, n_taps, kind)
    for n in [1, 5, 600, 3001]:
        x = noise(n)
        want = scipy.signal.lfilter(taps.astype(complex), 1, x.astype(complex))
        assert_filtered(phy_sec.fir(taps, x, backend=backend), want, taps, x)


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("factor", [1, 2, 3, 10, 64])
def test_decimation_is_filter_and_slice(noise, rng, factor, kind, backend):
    taps = make_taps(rng, 65, kind)
    for n in [1, 63, 64, 1000]:
        x = noise(n)
        want = scipy.signal.lfilter(taps.astype(complex), 1, x.astype(complex))[::factor]
        assert_filtered(phy_sec.decimate(taps, factor, x, backend=backend), want, taps, x)


@pytest.mark.parametrize("factor", [2, 4, 5, 8])
def test_decimation_is_scipys(noise, factor):
    """``scipy.signal.decimate`` with a FIR filter is zero-phase: ours delayed by half the filter."""
    x = noise(4000)
    taps = scipy.signal.firwin(20 * factor + 1, 1 / factor, window="hamming").astype(np.float32)
    want = scipy.signal.decimate(x.astype(complex), factor, ftype="fir")
    padded = np.concatenate([x, np.zeros(10 * factor, np.complex64)])
    got = phy_sec.decimate(taps, factor, padded)[10:]
    assert np.abs(got - want).max() < 1e-6 * np.abs(x).max() * 4


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("channels, n_taps", [(1, 1), (5, 23), (16, 256), (64, 1024)])
def test_channels_are_the_sum(noise, rng, channels, n_taps, backend):
    """Each frame in double precision: mix down by the channel's frequency, filter, keep every ``channels``-th sample."""
    taps, x = (rng.standard_normal(n_taps) / n_taps).astype(np.float32), noise(12 * channels + channels // 2)
    got = phy_sec.channelize(taps, channels, x, backend=backend)
    assert got.dtype == np.complex64 and got.shape == (12, channels)
    n = np.arange(n_taps)
    for k in range(channels):
        turned = taps * np.exp(2j * np.pi * k * n / channels)
        want = scipy.signal.lfilter(turned, 1, x.astype(complex))[channels - 1 :: channels]
        assert np.abs(got[:, k] - want).max() <= 4 * EPSILON * np.abs(taps).sum() * np.abs(x).max()


def test_cutting_the_stream_changes_nothing(noise, rng):
    x, taps = noise(5000), make_taps(rng, 77, "real")
    template = noise(100)
    for pieces in [1, 10, 300]:
        cut = np.split(x, np.sort(rng.integers(0, x.size, pieces)))
        fir = phy_sec.Fir(taps)
        np.testing.assert_array_equal(np.concatenate([fir.push(piece) for piece in cut]), phy_sec.fir(taps, x))
        decimator = phy_sec.Decimator(taps, 7)
        got = np.concatenate([decimator.push(piece) for piece in cut])
        np.testing.assert_array_equal(got, phy_sec.decimate(taps, 7, x))
        prototype = taps.astype(np.float32)
        bank = phy_sec.Channelizer(prototype, 24)
        got = np.concatenate([bank.push(piece) for piece in cut])
        np.testing.assert_array_equal(got, phy_sec.channelize(prototype, 24, x))
        search = phy_sec.Template(template)
        got = np.concatenate([search.push(piece) for piece in cut] + [search.finish()])
        np.testing.assert_array_equal(got, phy_sec.cross_correlate(template, x))
        fir.reset(), decimator.reset(), search.reset()
        np.testing.assert_array_equal(fir.push(x), phy_sec.fir(taps, x))
        np.testing.assert_array_equal(decimator.push(x), phy_sec.decimate(taps, 7, x))


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("length", [1, 2, 31, 64, 500])
def test_correlation_is_scipys(noise, length, backend):
    template, x = noise(length), noise(3000)
    x[700 : 700 + length] = template * np.complex64(0.5j)
    z, t = x.astype(complex), template.astype(complex)
    matched = np.abs(scipy.signal.correlate(z, t, mode="valid", method="direct")) ** 2
    energy = scipy.signal.correlate(np.abs(z) ** 2, np.ones(length), mode="valid", method="direct")
    want = matched / (energy * np.sum(np.abs(t) ** 2))
    got = phy_sec.cross_correlate(template, x, backend=backend)
    assert got.dtype == np.float32 and got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-6)
    assert got[700] == pytest.approx(1, abs=1e-5)


def test_a_template_longer_than_the_block_stands_nowhere(noise):
    assert phy_sec.cross_correlate(noise(10), noise(9)).shape == (0,)


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda: phy_sec.fir(np.zeros(0, np.float32), np.zeros(1, np.complex64)), "OutOfRangeError", "^taps must be "),
        (lambda: phy_sec.fir(np.zeros(3), np.zeros(1, np.complex64)), "ShapeError",
         r"^taps must be a 1-D float32 or complex64 array; got float64 of shape \(3,\): "
         r"use np.ascontiguousarray\(taps, np.complex64\)"),
        (lambda: phy_sec.decimate(np.ones(3, np.float32), 0, np.zeros(1, np.complex64)), "OutOfRangeError", "^factor must be "),
        (lambda: phy_sec.decimate(np.ones(3, np.float32), -1, np.zeros(1, np.complex64)), "OutOfRangeError", "^factor must be "),
        (lambda: phy_sec.channelize(np.zeros(0, np.float32), 4, np.zeros(9, np.complex64)), "OutOfRangeError", "^prototype must "),
        (lambda: phy_sec.channelize(np.ones(3, np.float32), 0, np.zeros(9, np.complex64)), "OutOfRangeError", "^channels must "),
        (lambda: phy_sec.cross_correlate(np.zeros(3, np.complex64), np.zeros(9, np.complex64)), "OutOfRangeError", "^template must "),
    ],
)
def test_impossible_filters(call, kind, text):
    with pytest.raises(phy_sec.InputError, match=text) as caught:
        call()
    assert type(caught.value).__name__ == kind
