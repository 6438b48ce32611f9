"""Jamming detection through Python: three jammers found, none in noise, and the stream."""

import numpy as np
import pytest
import sigmf

import phy_sec
from phy_sec import jamming, sim

RATE = 1e6
# Kind, start s, duration s, class that may be said of it, centre Hz.
TRUTH = [
    ({"kind": "tone", "frequency": 150e3}, 0.3, 0.2, "tone"),
    ({"kind": "partial_band", "center": -200e3, "bandwidth": 200e3}, 0.7, 0.2, "wideband"),
]
CONFIG = dict(learn=0.2, center_frequency=100e6)


@pytest.fixture(scope="module")
def scene():
    """Noise of power 1, and two jammers, one after the other."""
    x = sim.noise(1_200_000, 1.0, seed=11)
    for seed, (kind, start, duration, _) in enumerate(TRUTH):
        jammer = {"kind": "window", "start": start, "duration": duration, "of": kind}
        x = sim.mix(x, jammer, ("jsr", 5.0), RATE, seed=seed).samples
    return x


@pytest.fixture(scope="module")
def events(scene):
    return jamming.detect(scene, RATE, **CONFIG)


def test_each_jammer_is_found_where_it_is(events):
    assert [event["class"] for event in events] == [name for *_, name in TRUTH]
    for event, (kind, start, duration, _) in zip(events, TRUTH):
        assert abs(event["core:sample_start"] / RATE - start) < 2e-3
        assert abs(event["core:sample_count"] / RATE - duration) < 4e-3
        center = 100e6 + kind.get("frequency", kind.get("center"))
        assert event["core:freq_lower_edge"] <= center <= event["core:freq_upper_edge"]
        width = event["core:freq_upper_edge"] - event["core:freq_lower_edge"]
        assert width == pytest.approx(kind.get("bandwidth", 0), abs=25e3)
        assert event["schema"] == "phy-sec.event/1"
        assert event["statistic"] > event["threshold"] and 0 <= event["confidence"] <= 1
        assert event["pfa"] == phy_sec.defaults("jamming")["pfa"]


def test_noise_alone_is_no_jammer():
    assert jamming.detect(sim.noise(1_000_000, seed=3), RATE, learn=0.2) == []


@pytest.mark.parametrize(
    "x, kind, text",
    [
        (np.zeros(0, np.complex64), "TooShortError", "jamming detection needs at least 4608 samples, got 0"),
        (sim.noise(4607, 1.0, seed=1), "TooShortError", "jamming detection needs at least 4608 samples, got 4607"),
        (np.zeros(100_000, np.complex64), "OutOfRangeError", "samples must be louder than digital silence"),
        (sim.noise(100_000, 1e-60, seed=1), "OutOfRangeError", "samples must be louder than digital silence"),
    ],
    ids=["none", "few", "zeros", "underflow"],
)
def test_nothing_judged_is_not_no_jammer(x, kind, text):
    with pytest.raises(phy_sec.InputError) as caught:
        jamming.detect(x, RATE)
    assert type(caught.value).__name__ == kind and str(caught.value).startswith(text)


def test_cutting_the_stream_changes_nothing(scene, events, rng):
    monitor, got = jamming.Monitor(RATE, **CONFIG), []
    for piece in np.split(scene, np.sort(rng.integers(0, scene.size, 30))):
        got += monitor.push(piece)
    assert got + monitor.finish() == events
    counts = monitor.counts
    assert counts["examined"] > 0 and counts["learned"] > 0
    monitor.reset()
    assert monitor.push(scene) + monitor.finish() == events


def test_after_a_gap_counting_goes_on(scene, events):
    monitor = jamming.Monitor(RATE, **CONFIG)
    before = monitor.push(scene[:600_000]) + monitor.gap(1 << 40)
    after = monitor.push(scene[600_000:]) + monitor.finish()
    assert [event["class"] for event in before] == ["tone"]
    [found] = after
    assert abs(found["core:sample_start"] - (1 << 40) - (events[1]["core:sample_start"] - 600_000)) < 2000


def test_scalar_and_simd_agree(scene, events):
    scalar = jamming.detect(scene, RATE, backend="scalar", **CONFIG)
    assert [(e["class"], e["core:sample_start"]) for e in scalar] == [(e["class"], e["core:sample_start"]) for e in events]


def test_events_are_sigmf_annotations(tmp_path, scene, events):
    phy_sec.write(tmp_path / "x.sigmf-meta", scene, sample_rate=RATE, center_frequency=100e6, annotations=events)
    reference = sigmf.fromfile(str(tmp_path / "x.sigmf-meta"))
    reference.validate()
    for written, event in zip(reference.get_annotations(), events):
        assert {name: event[name] for name in event if name.startswith("core:")}.items() <= written.items()


def test_errors(scene):
    with pytest.raises(phy_sec.InputError, match="^detect: unknown keyword `sise`, expected one of `sample_rate`, "):
        jamming.detect(scene, RATE, sise=4)
    with pytest.raises(phy_sec.OutOfRangeError, match="^sample_rate must be above 0 Hz and finite, got 0$"):
        jamming.detect(scene, 0.0)
    with pytest.raises(phy_sec.NotFiniteError, match="^sample_rate must be finite; got NaN$"):
        jamming.detect(scene, float("nan"))
    with pytest.raises(phy_sec.InputError, match="^Monitor: standing: unknown name `nearest`"):
        jamming.Monitor(RATE, standing={"method": "nearest"})
    broken = scene[:1000].copy()
    broken[5] = np.nan
    with pytest.raises(phy_sec.NotFiniteError, match="index 5$"):
        jamming.Monitor(RATE).push(broken)
