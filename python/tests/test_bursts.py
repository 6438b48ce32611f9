"""Bursts: where they were put, and how many noise alone makes."""

import numpy as np
import pytest

import phy_sec


@pytest.fixture
def scene(noise):
    """Noise of power 1e-4 and three bursts 20 dB above it."""
    x = noise(200_000, 1e-4)
    truth = [(20_000, 26_000), (70_000, 71_500), (150_000, 157_000)]
    for start, end in truth:
        x[start:end] += noise(end - start, 1e-2)
    return x, truth


def test_bursts_are_where_they_were_put(scene):
    x, truth = scene
    bursts = phy_sec.find_bursts(x)
    assert len(bursts) == len(truth)
    block = phy_sec.defaults("bursts")["block"]
    for burst, (start, end) in zip(bursts, truth):
        assert abs(burst.sample_start - start) <= block and abs(burst.sample_end - end) <= block
        assert burst.sample_count == burst.sample_end - burst.sample_start == x[burst.slice].size
        assert burst.noise_power == pytest.approx(1e-4, rel=0.2)


def test_cutting_the_stream_changes_nothing(scene, rng):
    x, _ = scene
    want = phy_sec.find_bursts(x, pfa=1e-3, pfa_hold=1e-2)
    for pieces in [1, 2, 50]:
        detector = phy_sec.BurstDetector(pfa=1e-3, pfa_hold=1e-2)
        got = []
        for piece in np.split(x, np.sort(rng.integers(0, x.size, pieces))):
            got += detector.push(piece)
        got += detector.finish()
        assert got == want


def test_a_reset_counts_from_where_it_is_told(scene):
    x, _ = scene
    detector = phy_sec.BurstDetector()
    detector.push(x)
    detector.reset(1 << 40)
    moved = detector.push(x) + detector.finish()
    assert [b.sample_start - (1 << 40) for b in moved] == [b.sample_start for b in phy_sec.find_bursts(x)]


def test_noise_alone_has_none(noise):
    assert phy_sec.find_bursts(noise(200_000), pfa=1e-9, pfa_hold=1e-8) == []


def test_a_nan_is_refused_and_the_stream_goes_on(scene):
    x, _ = scene
    broken = x[:1000].copy()
    broken[12] = np.nan
    detector = phy_sec.BurstDetector()
    with pytest.raises(phy_sec.NotFiniteError, match="12"):
        detector.push(broken)
    assert detector.push(x) + detector.finish() == phy_sec.find_bursts(x)
