"""Sums over samples against NumPy in double precision."""

import numpy as np
import pytest

import phy_sec

LENGTHS = [1, 2, 3, 7, 8, 15, 64, 257, 4099, 100_003]
BACKENDS = ["scalar", "simd"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", LENGTHS)
def test_energy(noise, n, backend):
    x = noise(n)
    want = np.sum(np.abs(x.astype(complex)) ** 2)
    assert phy_sec.energy(x, backend=backend) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("n", LENGTHS)
def test_moments(noise, n):
    x = (noise(n) + np.complex64(0.2j)).astype(np.complex64)
    got, z = phy_sec.moments(x), x.astype(complex)
    assert sorted(got) == ["m10", "m11", "m20", "m21", "m22", "m30", "m31", "m40"]
    for name, value in got.items():
        p, q = int(name[1]), int(name[2])
        want = np.mean(z**p * np.conj(z) ** q)
        scale = np.mean(np.abs(z) ** (p + q))
        assert abs(value - want) <= 2e-6 * scale, name
    assert isinstance(got["m11"], float) and isinstance(got["m22"], float)


def test_moments_of_qpsk():
    """QPSK on the axes: E[x^4] = 1, E[|x|^4] = 1, E[x^2] = 0 (Swami and Sadler 2000, table 1)."""
    x = np.tile(np.array([1, 1j, -1, -1j], np.complex64), 25)
    got = phy_sec.moments(x)
    assert got["m40"] == pytest.approx(1) and got["m22"] == pytest.approx(1) and abs(got["m20"]) < 1e-7


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", LENGTHS)
def test_correlations(noise, n, backend):
    a, b = noise(n), noise(n)
    za, zb = a.astype(complex), b.astype(complex)
    bound = 1e-6 * np.sqrt(np.sum(np.abs(za) ** 2) * np.sum(np.abs(zb) ** 2))
    assert abs(phy_sec.conjugate_dot(a, b, backend=backend) - np.sum(za * np.conj(zb))) <= bound
    for lag in [0, 1, n // 2, n - 1, n, n + 5]:
        want = np.sum(za[lag:] * np.conj(za[: max(n - lag, 0)]))
        assert abs(phy_sec.autocorrelation(a, lag, backend=backend) - want) <= 1e-6 * np.sum(np.abs(za) ** 2), lag


def test_autocorrelation_of_a_tone_turns_with_its_frequency():
    x = np.exp(2j * np.pi * 0.01 * np.arange(1000)).astype(np.complex64)
    assert np.angle(phy_sec.autocorrelation(x, 16)) == pytest.approx(2 * np.pi * 0.01 * 16, abs=1e-6)


def test_empty_blocks_have_sums_of_nothing():
    x = np.empty(0, np.complex64)
    assert phy_sec.energy(x) == 0 and phy_sec.conjugate_dot(x, x) == 0 and phy_sec.autocorrelation(x, 0) == 0
    assert phy_sec.moments(x)["m11"] == 0


def test_a_nan_is_not_swallowed():
    x = np.ones(100, np.complex64)
    x[57] = np.nan
    assert np.isnan(phy_sec.energy(x)) and np.isnan(phy_sec.moments(x)["m11"])
