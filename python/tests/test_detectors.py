"""The window detectors and their exact values through Python."""

import numpy as np
import pytest

import phy_sec
from phy_sec import jamming, sim


def test_exact_values():
    assert jamming.threshold("energy", 1000, 1e-3) == pytest.approx(1.1005780982933144, abs=1e-9)
    ca = {"method": "cell_averaging"}
    assert jamming.cfar_multiplier(ca, 1, 16, 1e-3) == pytest.approx(8.638824416951874, rel=1e-12)
    low, high = jamming.spectral_kurtosis_thresholds(1024)
    assert (low, high) == pytest.approx((0.8370110119084093, 1.214341875743549), abs=1e-7)
    assert jamming.tracy_widom_quantile(2, 0.9) == pytest.approx(-0.596851297117353, abs=2e-8)
    assert jamming.average_run_length(0.5, 4.0) == pytest.approx(335.36, rel=1e-4)
    assert jamming.source_number(np.array([9.0, 1.01, 1.0]), 500) == 1
    with pytest.raises(phy_sec.OutOfRangeError):
        jamming.tracy_widom_quantile(3, 0.5)


def test_every_detector_on_noise_and_on_a_carrier():
    x = sim.noise(64 * 256, 1.0, seed=5)
    tone = np.exp(2j * np.pi * 0.1234 * np.arange(x.size)).astype(np.complex64)
    for detector in jamming.detectors():
        test = jamming.WindowTest(detector, 256, 0.05, trials=20_000)
        windows = test.push(x)
        assert len(windows) == 64 and windows[1]["sample_start"] == 256
        assert sum(window["detected"] for window in windows) < 14, detector
        found = jamming.statistic(x[:256] + 3 * tone[:256], detector)
        assert detector["method"] == "cyclostationary" or found > test.threshold, detector


def test_cfar_on_a_line_and_over_a_plane():
    rng = np.random.default_rng(1)
    plane = rng.exponential(size=(8, 64)).astype(np.float32)
    plane[3, 60] = 1e4
    found = jamming.cfar(plane, pfa=1e-7)
    assert [d["cell"] for d in found] == [[3, 60]]
    line = jamming.cfar(plane[3].copy(), pfa=1e-7, cfar={"method": "greatest_of"})
    assert [d["cell"] for d in line] == [60]
