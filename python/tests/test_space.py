"""Arrays, answers, positions, and their neighbours, through Python."""

import numpy as np
import pytest

import phy_sec
from phy_sec import jamming, sim

RATE = 1e6
LINE = {"linear": {"antennas": 4, "spacing": 0.5}}


def heard(azimuth, power, samples=4000, gains=1.0):
    """Four antennas on a line, one source in unit noise."""
    steering = gains * np.exp(1j * np.pi * np.arange(4) * np.sin(azimuth))
    signal = sim.noise(samples, power, seed=1)
    noise = np.stack([sim.noise(samples, 1.0, seed=2 + k) for k in range(4)])
    return np.ascontiguousarray(steering[:, None] * signal + noise, np.complex64)


@pytest.mark.parametrize("method", ["music", "root_music", "capon", "esprit"])
def test_a_direction_is_found(method):
    found = jamming.directions(heard(0.4, 10.0), geometry=LINE, method=method)
    assert found["sources"] == 1
    [direction] = found["directions"]
    assert direction["azimuth"] == pytest.approx(0.4, abs=0.01)
    assert direction["snr_db"] == pytest.approx(10, abs=1)


def test_spectrum_and_calibration():
    azimuth, level = jamming.direction_spectrum(heard(0.4, 100.0), grid=2000)
    assert azimuth.size == 2000 and azimuth[level.argmax()] == pytest.approx(0.4, abs=0.01)
    gains = np.exp(1j * np.array([0, 1.0, -2.0, 0.5]))
    measured, errors = jamming.calibrate_array(heard(0.2, 100.0, gains=gains), 0.2)
    assert np.abs(np.angle(measured / gains)).max() < 0.02 and errors.max() < 0.02
    with pytest.raises(phy_sec.OutOfRangeError, match="^sources must be below"):
        jamming.directions(heard(0.4, 1.0), sources=4)


def test_a_tone_is_notched_as_suggested():
    x = sim.noise(100_000, 1.0, seed=3)
    jammed = sim.mix(x, {"kind": "tone", "frequency": 1e5}, ("jsr", 20.0), RATE, seed=4).samples
    y, removed = jamming.mitigate(jammed[np.newaxis], RATE, "notch", frequencies=[1e5])
    assert y.shape == (1, x.size)
    # The filter settles within a thousand samples.
    assert np.mean(np.abs(y[0] - x)[5000:] ** 2) < 0.05
    assert removed["power_in"] > 50 * removed["power_out"]
    event = jamming.detect(np.concatenate([x, jammed]), RATE)[0]
    suggestion = jamming.suggest(event, RATE)
    assert suggestion["mitigation"]["method"] == "notch"
    y, _ = jamming.mitigate(jammed[np.newaxis], RATE, **suggestion["mitigation"])
    assert np.mean(np.abs(y[0]) ** 2) < 1.5
    with pytest.raises(phy_sec.InputError, match="mitigate"):
        jamming.mitigate(x[np.newaxis], RATE, "what")


def test_a_position_and_a_delay():
    sensors = [(0.0, 0.0), (100.0, 0.0), (0.0, 100.0)]
    bearings = [
        {"kind": "bearing", "sensor": list(s), "azimuth": float(np.arctan2(30 - s[0], 60 - s[1])), "sigma": 0.01}
        for s in sensors
    ]
    fix = jamming.locate(bearings)
    assert fix["position"] == pytest.approx([30, 60], abs=1e-3)
    assert fix["ellipse"]["major"] >= fix["ellipse"]["minor"] > 0
    x = sim.noise(5000, 1.0, seed=5)
    found = jamming.delay(x[100:4100].copy(), x[93:4093].copy(), RATE, 1e-4)
    assert found["delay"] == pytest.approx(7e-6, abs=5e-8)


def test_neighbours():
    h, other = sim.noise(16, 1.0, seed=6), sim.noise(16, 1.0, seed=7)
    again = h + sim.noise(16, 0.01, seed=8)
    for method in ["difference", "correlation"]:
        assert jamming.same_sender(h, again, method)["same"]
        assert not jamming.same_sender(h, other, method)["same"]
    assert jamming.secrecy_rate(3.0, 0.0) == pytest.approx(2.0)
    assert jamming.secrecy_outage(10.0, 1.0, 1.0) == pytest.approx(0.24596881830336703, abs=1e-12)
    symbols = sim.noise(100, 1.0, seed=9)
    sent = jamming.artificial_noise(symbols, h[:4].copy(), 0.5, seed=1)
    got = (h[:4, None] * sent).sum(axis=0) / np.linalg.norm(h[:4]) / np.sqrt(0.5)
    assert np.abs(got - symbols).max() < 1e-4
