"""Fingerprinting through Python: five radios told apart, a stranger refused, and what is refused of arguments."""

import csv
import json

import numpy as np
import pytest

import phy_sec
from phy_sec import fingerprint, sim

RATE = 1e6
# Offset Hz, carrier leakage, and the imbalance of the modulator; the last one is never enrolled.
RADIOS = {
    "alpha": (-5200.0, 0.20, {"gain_db": 0.6, "phase": 0.03}),
    "bravo": (-1900.0, 0.11, {"gain_db": -0.3, "phase": 0.08}),
    "charlie": (700.0, 0.22, {"gain_db": 0.9, "phase": -0.04}),
    "stranger": (-3600.0, 0.28, {"gain_db": 1.2, "phase": 0.02}),
}
RECORDINGS = 3


def recording(radio, number):
    """Six bursts with quiet between them, 25 dB above the noise."""
    cfo, leak, imbalance = RADIOS[radio]
    seed = 100 * list(RADIOS).index(radio) + number
    rng = np.random.default_rng(seed)
    cfo += rng.uniform(-100, 100)
    parts = []
    for burst in range(6):
        parts.append(np.zeros(rng.integers(3000, 6000), np.complex64))
        sent = sim.single_carrier(rng.integers(0, 4, 1000).astype(np.uint64))
        parts.append(sim.impair(sent, RATE, seed=seed + burst, cfo=cfo, iq_offset=[leak, 0.0], tx_iq=imbalance))
    x = np.concatenate([*parts, np.zeros(5000, np.complex64)])
    return x + sim.noise(x.size, 10**-2.5, seed=seed)


@pytest.fixture(scope="module")
def measured():
    return {
        (radio, number): fingerprint.measure(recording(radio, number), RATE)
        for radio in RADIOS
        for number in range(RECORDINGS)
    }


@pytest.fixture(scope="module")
def gallery(measured):
    known = {key: m for key, m in measured.items() if key[0] != "stranger" and key[1] > 0}
    return fingerprint.enroll(
        list(known.values()), [radio for radio, _ in known], [f"{radio} {number}" for radio, number in known]
    )


def test_measuring(measured):
    for (radio, _), m in measured.items():
        assert len(m) == 6 and m.bursts.shape == (6, len(m.names)) and m.noise.shape[1] == len(m.names)
        assert len(m.noise) == len(m.noise_ranges) > 0 and not m.continuous
        assert m.names == fingerprint.names() and len(m.ranges) == 6
        cfo = m.bursts[:, m.names.index(fingerprint.names(["cfo"])[0])]
        assert np.abs(np.nanmedian(cfo) - RADIOS[radio][0]) < 300


def test_features_of_one_burst():
    x = recording("alpha", 0)
    burst = phy_sec.find_bursts(x)[0]
    listed = fingerprint.features(x, RATE, burst, features=["cfo", "iq_offset"])
    assert [entry["feature"] for entry in listed] == fingerprint.names(["cfo", "iq_offset"])
    for entry in listed:
        assert (entry["value"] is None) == (entry["missing"] is not None)
    assert abs(listed[0]["value"] - RADIOS["alpha"][0]) < 300
    # A carrier alone has no image and no edge: there is a reason instead of a value.
    tone = phy_sec.rotate(np.ones(4096, np.complex64), 1e4, RATE)
    alone = {entry["feature"]: entry for entry in fingerprint.features(tone, RATE)}
    assert any(entry["missing"] == "not identifiable from this modulation" for entry in alone.values())


def test_each_radio_is_known_again_and_the_stranger_is_not(measured, gallery):
    assert gallery.emitters == ["alpha", "bravo", "charlie"] and gallery.names == fingerprint.names()
    for radio in RADIOS:
        whole = gallery.identify_all(measured[radio, 0])
        assert whole["decision"] == (None if radio == "stranger" else radio)
        bursts = gallery.identify(measured[radio, 0])
        assert [b["sample_start"] for b in bursts] == [start for start, _ in measured[radio, 0].ranges]
        for burst in bursts:
            assert burst["schema"] == "phy-sec.identification/1" and burst["threshold"] == gallery.threshold
            assert (burst["decision"] is None) == (burst["score"] < burst["threshold"])
            weights = [abs(entry["weight"]) for entry in burst["evidence"]]
            assert weights == sorted(weights, reverse=True)


def test_a_gallery_can_be_written_down(measured, gallery):
    text = gallery.to_json()
    again = fingerprint.Gallery(text)
    assert again.to_json() == text == fingerprint.Gallery(text.encode()).to_json()
    assert again.identify(measured["alpha", 0]) == gallery.identify(measured["alpha", 0])
    with pytest.raises(phy_sec.MalformedError, match="^gallery, schema: "):
        fingerprint.Gallery(text.replace("phy-sec.gallery/1", "phy-sec.gallery/9"))
    broken = json.loads(text)
    broken["features"].pop()
    with pytest.raises(phy_sec.ShapeError, match="^features must have shape"):
        fingerprint.Gallery(json.dumps(broken))
    with pytest.raises(phy_sec.InputError, match="^json must be str or bytes; got int$"):
        fingerprint.Gallery(3)


def evaluated(measured, **config):
    return fingerprint.evaluate(
        list(measured.values()),
        [radio for radio, _ in measured],
        [f"{radio} {number}" for radio, number in measured],
        enrolled=[radio != "stranger" for radio, _ in measured],
        **config,
    )


def test_evaluation(measured):
    report = evaluated(measured, source="simulated")
    assert report["schema"] == "phy-sec.fingerprint/1" and report["source"] == "simulated"
    assert (report["split"], report["emitters"], report["bursts"]) == ("recording", 3, 54)
    assert (report["unknown_emitters"], report["unknown_bursts"]) == (1, 18)
    assert report["accuracy"] > 0.95 and report["chance"] == pytest.approx(1 / 3)
    # The noise comes from one generator: it gives nobody away.
    assert report["noise_only_balanced_accuracy"] < 0.6
    assert report["auroc_unknown"] > 0.8
    flattering = evaluated(measured, split="random", seed=5)
    assert flattering["split"] == "random" and any("flatters" in text for text in flattering["warnings"])


def test_vectors_of_ones_own(rng):
    """Two radios of one feature each: missing is missing, and no recording is split."""
    centres = {"a": 0.0, "b": 5.0}
    made, emitters = [], []
    for emitter, centre in centres.items():
        for _ in range(4):
            vectors = centre + rng.standard_normal((20, 2))
            vectors[0, 1] = np.nan
            made.append(fingerprint.Measurement(vectors, ["one", "two"]))
            emitters.append(emitter)
    np.testing.assert_array_equal(np.isnan(made[0].bursts), [[False, True]] + [[False, False]] * 19)
    report = fingerprint.evaluate(made, emitters)
    assert report["accuracy"] > 0.98 and report["noise_only_balanced_accuracy"] is None
    assert report["measured"] == {"one": 1.0, "two": pytest.approx(0.95)}
    gallery = fingerprint.enroll(made, emitters, classifier="nearest_centroid")
    [found] = gallery.identify(fingerprint.Measurement(np.array([[5.0, np.nan]]), ["one", "two"]))
    assert found["decision"] == "b" and found["sample_start"] is None


def test_recorded_ble_devices(data):
    """Two devices, every recording a packet of its own: nothing but one burst to know each by."""
    folder = data / "fingerprint" / "ble"
    rows = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    assert len(rows) == 20
    made = []
    for row in rows:
        rate = float(row["sample_rate"])
        x = phy_sec.read(folder / row["file"], datatype=row["datatype"], sample_rate=rate).samples[0]
        made.append(fingerprint.measure(x, rate))
    emitters, recordings = ([row[column] for row in rows] for column in ["emitter", "recording"])
    report = fingerprint.evaluate(made, emitters, recordings)
    assert (report["split"], report["emitters"], report["chance"]) == ("recording", 2, 0.5)
    assert report["bursts"] == sum(map(len, made)) and report["accuracy"] > 0.8
    # No part of these recordings is without the device: there is no control, and the report says so.
    if not any(len(m.noise) for m in made):
        assert report["noise_only_balanced_accuracy"] is None and "control" in report["warnings"][-1]


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda x: fingerprint.measure(x, RATE, segmant=5), "measure: unknown keyword `segmant`, expected one of `bursts`, "),
        (lambda x: fingerprint.measure(x, RATE, split="random"), "measure: unknown keyword `split`: it belongs to enroll or evaluate"),
        (lambda x: fingerprint.measure(x, RATE, bursts={"blok": 3}), "measure: bursts: unknown keyword `blok`, expected one of "),
        (lambda x: fingerprint.measure(x, 0.0), "sample_rate must be positive and finite, got 0"),
        (lambda x: fingerprint.measure(np.where(np.arange(x.size) == 7, np.nan, x).astype(np.complex64), RATE), "samples holds a NaN or an infinity at index 7"),
        (lambda x: fingerprint.names(["cfoo"]), "features: unknown name `cfoo`, expected one of `cfo`, "),
        (lambda x: fingerprint.features(x[:50], RATE), "a fingerprint needs at least 64 samples, got 50"),
        (lambda x: fingerprint.features(x * np.complex64(0), RATE), "power must be positive and finite, got "),
        (lambda x: fingerprint.Measurement(np.zeros((2, 3)), ["a"]), "bursts must have a column for each of the 1 names; got 3"),
        (lambda x: fingerprint.Measurement(np.full((2, 1), np.inf), ["a"]), "bursts holds an infinity at index 0"),
        (lambda x: fingerprint.enroll([], []), "a classifier needs at least 1 bursts, got 0"),
        (lambda x: fingerprint.enroll([fingerprint.Measurement(np.zeros((1, 1)), ["a"])], []), "emitters must have one entry for each of the 1 measurements; got 0"),
        (lambda x: fingerprint.enroll([], [], clasifier="lda"), "enroll: unknown keyword `clasifier`, expected "),
        (lambda x: fingerprint.enroll([fingerprint.Measurement(np.zeros((1, 1)), [n]) for n in "ab"], ["a", "b"]), "measurements must all have the same features; number 1 has others than number 0"),
        (lambda x: fingerprint.evaluate([], []), "an evaluation needs at least 2 enrolled emitters, got 0"),
        (lambda x: fingerprint.evaluate([], [], fold=3), "evaluate: unknown keyword `fold`, expected one of "),
    ],
)
def test_errors_name_the_argument(noise, call, text):
    with pytest.raises(phy_sec.InputError) as caught:
        call(noise(20_000))
    assert str(caught.value).startswith(text)


def test_other_features_than_enrolled(gallery):
    other = fingerprint.Measurement(np.zeros((1, 1)), ["one"])
    with pytest.raises(phy_sec.ShapeError, match="^measurement must have the features that were enrolled, "):
        gallery.identify(other)


def test_other_rate_than_enrolled(measured, gallery):
    assert gallery.sample_rate == measured["alpha", 0].sample_rate == RATE
    assert fingerprint.Gallery(gallery.to_json()).sample_rate == RATE
    other = fingerprint.measure(recording("alpha", 0), 2 * RATE)
    with pytest.raises(phy_sec.OutOfRangeError, match="^sample_rate must be that of the recordings enrolled, .* 2000000 Hz for 1000000 Hz$"):
        gallery.identify(other)
    with pytest.raises(phy_sec.OutOfRangeError, match="^measurements must all be of one sample_rate; got 1000000 and 2000000 Hz"):
        fingerprint.enroll([measured["alpha", 0], other], ["alpha", "bravo"])
    with pytest.raises(phy_sec.OutOfRangeError, match="^sample_rate must be a positive number of Hz; got 0$"):
        fingerprint.Measurement(np.zeros((1, 1)), ["a"], sample_rate=0.0)
    # Vectors whose rate nobody said fit any gallery.
    unsaid = fingerprint.Measurement(measured["alpha", 0].bursts, gallery.names)
    assert unsaid.sample_rate is None and len(gallery.identify(unsaid)) == len(unsaid)


def test_cutting_the_stream_changes_nothing():
    x = recording("bravo", 1)
    whole = fingerprint.measure(x, RATE)
    for cuts in [[], [1], [5000, 5001, 20_000]]:
        stream = fingerprint.Stream(RATE)
        parts = [stream.push(piece) for piece in np.split(x, cuts)] + [stream.finish()]
        np.testing.assert_array_equal(np.concatenate([part.bursts for part in parts]), whole.bursts)
        assert [r for part in parts for r in part.ranges] == whole.ranges
        np.testing.assert_array_equal(parts[-1].noise, whole.noise)
        assert parts[-1].weak == whole.weak
    stream.reset(10**9)
    assert len(stream.push(x)) + len(stream.finish()) == len(whole)
    with pytest.raises(phy_sec.InputError, match="belongs to enroll or evaluate"):
        fingerprint.Stream(RATE, folds=3)
