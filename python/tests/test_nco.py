"""The oscillator: its phase, over a long time and across cuts."""

import numpy as np
import pytest

import phy_sec


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("frequency", [0.0, 1.0, -12_345.678, 499_999.9, 0.1])
def test_rotation_is_the_complex_exponential(noise, frequency, backend):
    x, sample_rate = noise(10_000), 1e6
    before = x.copy()
    got = phy_sec.rotate(x, frequency, sample_rate, backend=backend)
    want = x.astype(complex) * np.exp(2j * np.pi * ((frequency / sample_rate * np.arange(x.size)) % 1.0))
    np.testing.assert_allclose(got, want, rtol=0, atol=4e-7 * np.abs(x).max())
    np.testing.assert_array_equal(x, before)


def test_no_phase_drift_after_2_to_the_30_samples():
    """The exact phase, in integers: frequency / sample_rate = 10007 / 2**21 of a turn a sample."""
    frequency, sample_rate, index = 10_007.0, float(1 << 21), (1 << 30) + 12_345
    nco = phy_sec.Nco(frequency, sample_rate)
    nco.seek(index)
    turn = (10_007 * index) % (1 << 21) / (1 << 21)
    assert abs(np.angle(np.exp(1j * (nco.phase - 2 * np.pi * turn)))) < 1e-9
    # And a frequency that is no binary fraction, against exact rational arithmetic.
    from fractions import Fraction

    nco = phy_sec.Nco(1234.567, 1e6)
    nco.seek(1 << 30)
    turn = float(Fraction(1234.567) * (1 << 30) / 10**6 % 1)
    assert abs(np.angle(np.exp(1j * (nco.phase - 2 * np.pi * turn)))) < 1e-6


def test_the_phase_of_the_samples_is_the_phase_that_it_says():
    nco = phy_sec.Nco(1234.567, 1e6, phase=0.5)
    nco.seek((1 << 30) - 100)
    for _ in range(3):
        phase = nco.phase
        assert np.angle(nco.push(np.ones(700, np.complex64))[0]) == pytest.approx(phase, abs=2e-7)
    assert nco.index == (1 << 30) - 100 + 2100
    nco.reset()
    assert nco.index == 0 and nco.phase == pytest.approx(0.5)


def test_cutting_the_stream_changes_nothing(noise, rng):
    x = noise(5000)
    want = phy_sec.rotate(x, 777.7, 48e3)
    nco = phy_sec.Nco(777.7, 48e3)
    cuts = np.sort(rng.integers(0, x.size, 20))
    got = np.concatenate([nco.push(piece) for piece in np.split(x, cuts)])
    np.testing.assert_array_equal(got, want)


def test_a_new_frequency_goes_on_from_the_same_phase():
    nco = phy_sec.Nco(1e3, 1e6)
    nco.push(np.ones(333, np.complex64))
    phase = nco.phase
    nco.set_frequency(-2e3, 1e6)
    assert nco.phase == pytest.approx(phase, abs=1e-12)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((1.0, 0.0), "sample_rate must be"),
        ((float("nan"), 1.0), "frequency must be"),
        ((1.0, 1.0, float("inf")), "phase must be finite, got inf"),
    ],
)
def test_impossible_oscillators(arguments, text):
    with pytest.raises(phy_sec.OutOfRangeError, match=text):
        phy_sec.Nco(*arguments)
