"""Key generation through Python: a key from a mobile link, none from one that stands still, and recordings."""

import os

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen, sim

MOBILE = dict(rounds=6000, interval=1.0, subcarriers=1, snr_db=30.0)


@pytest.fixture(scope="module")
def probes():
    return sim.link(seed=1, **MOBILE)


def test_a_mobile_link_gives_a_key(probes):
    report, (alice, bob) = keygen.agree(probes.alice, probes.bob, eve=probes.eve, seed=1, keys=True)
    released = report["released_bits"]
    assert released > 128 and alice == bob and isinstance(alice, bytes)
    assert len(alice) == -(-released // 8) and any(alice)
    assert report["schema"] == "phy-sec.keygen/1" and report["pairs"] == MOBILE["rounds"]
    # Two independent noises, each 30 dB below the channel; magnitudes correlate a little less than gains.
    assert 0.99 < report["correlation"] < 1
    assert report["kdr"] == report["errors"] / report["raw_bits"] < 0.05
    assert 0.4 < report["eve_kdr"] < 0.6
    # The account adds up: what is released is what is there, less what was said and the margins.
    assert released <= report["min_entropy"] - report["leaked_bits"]
    assert {"name", "bits", "why"} == set(report["ledger"][0])
    assert report == keygen.agree(probes.alice, probes.bob, eve=probes.eve, seed=1)


def test_a_link_that_stands_still_gives_none():
    probes = sim.link(seed=1, **{**MOBILE, "rounds": 1000, "subcarriers": 16}, fading={"doppler": 0.0})
    report, keys = keygen.agree(probes.alice, probes.bob, seed=1, keys=True)
    assert keys is None and report["released_bits"] == 0 and report["ledger"] == []
    assert report["reason"].startswith("no key: the ends do not demonstrably see the same changes over time")


def test_an_eavesdropper_who_hears_all_of_it_leaves_none(probes):
    report = keygen.agree(probes.alice, probes.bob, eve={"rho": 1.0}, seed=1)
    assert report["eve_rho"] == 1.0 and report["eve_kdr"] is None and report["released_bits"] == 0
    assert report["ledger"]


def test_arrays_and_csi_are_the_same_measurement(probes):
    """RSSI and CSI differ in the default quantizer only; of a `Trace` the kind is said."""
    alice, bob = (np.abs(end.gains[:, :, 0].astype(np.complex128)).T.copy() for end in [probes.alice, probes.bob])
    assert alice.shape == (1, MOBILE["rounds"])
    of_csi = keygen.agree(probes.alice, probes.bob, seed=3)
    of_array = keygen.agree(alice, bob, seed=3)
    # NumPy's magnitude and the library's may differ in the last place.
    for name in ["correlation", "correlation_processed"]:
        assert of_array[name] == pytest.approx(of_csi[name], abs=1e-12)
    for name in ["pairs", "errors", "raw_bits", "released_bits", "leaked_bits"]:
        assert of_array[name] == of_csi[name], name
    as_csi = [keygen.Trace(end[0], sequence=np.arange(end.size, dtype=np.uint64), kind="csi") for end in (alice, bob)]
    assert keygen.agree(*as_csi, seed=3) == of_array
    of_row = keygen.agree(alice[0], bob[0], seed=3)
    assert of_row["correlation"] == of_array["correlation"] and of_row["raw_bits"] < of_csi["raw_bits"]


def test_what_one_end_missed_is_left_out(probes):
    alice, bob = (np.abs(end.gains[:, 0, 0].astype(np.complex128)) for end in [probes.alice, probes.bob])
    number = np.arange(alice.size, dtype=np.uint64)
    heard = np.delete(np.arange(alice.size), np.s_[100:4000:37])
    report = keygen.agree(
        keygen.Trace(alice, sequence=number), keygen.Trace(bob[heard], sequence=number[heard]), seed=1
    )
    assert report["pairs"] == heard.size and report["correlation"] > 0.99
    with pytest.raises(phy_sec.ShapeError, match=f"^bob must have as many times as alice, {alice.size}; got {heard.size}: "):
        keygen.agree(alice, bob[heard], seed=1)
    # Nothing pairs what carries neither numbers nor times, unless the caller vouches for the order.
    alice, bob = keygen.Trace(alice), keygen.Trace(bob)
    assert keygen.agree(alice, bob, seed=1)["pairs"] == 0
    assert keygen.agree(alice, bob, seed=1, pairing={"by": "order"})["pairs"] == number.size


def test_lora_rssi_indoors_gives_no_key(data):
    folder = data / "keygen" / "lora_rssi_indoor_outdoor"
    alice, bob = (keygen.read_series(folder / name) for name in ["alice_rssi.csv", "bob_rssi.csv"])
    report, keys = keygen.agree(alice, bob, seed=1, keys=True)
    assert keys is None and report["released_bits"] == 0 and report["pairs"] == 2000
    assert report["correlation"] == pytest.approx(0.8459308868623955, abs=1e-12)
    assert (report["errors"], report["raw_bits"]) == (66, 1029) and report["kdr"] == pytest.approx(66 / 1029, abs=1e-15)
    assert report["correlation"] == pytest.approx(np.corrcoef(alice.values[0], bob.values[0])[0, 1], abs=1e-12)
    assert report["reason"].startswith("no key: 1029 raw bits hold at least")


def test_wifi_csi(data):
    folder = data / "keygen" / "csi_intel5300"
    paths = [folder / f"tmp_521_12__{end}.dat" for end in ["alice", "bob"]]
    alice, bob = map(keygen.read_intel5300, paths)
    assert alice.gains.shape[1] == 30
    np.testing.assert_array_equal(keygen.read_intel5300(paths[0].read_bytes()).gains, alice.gains)
    report = keygen.agree(alice, bob, seed=1)
    assert report["pairs"] == 299
    assert report["correlation"] == pytest.approx(0.893, abs=5e-4)
    assert report["correlation_processed"] == pytest.approx(0.950, abs=5e-4)
    assert report["kdr"] == pytest.approx(0.0044, abs=5e-5)


def test_a_recorded_static_link_gives_none(data):
    folder = data / "keygen" / "static_negative"
    alice, bob = (keygen.read_magnitudes(folder / name) for name in ["512alice_abs.csv", "512bob_abs.txt"])
    assert alice.kind == "csi" and alice.values.shape == (56, 164) and len(bob) == 114
    report = keygen.agree(alice, bob, seed=1)
    assert (report["pairs"], report["released_bits"]) == (0, 0)
    assert "the channel is static" in report["reason"]


def test_tables():
    trace = keygen.read_series(b"idx,rssi\n0,-23\n2,-25.5\n")
    assert trace.kind == "rssi" and trace.values.tolist() == [[-23.0, -25.5]]
    alice, bob = keygen.read_pairs(b"rssi_bob,rssi_alice\n1,2\n3,4\n")
    assert alice.values.tolist() == [[2.0, 4.0]] and bob.values.tolist() == [[1.0, 3.0]]
    with pytest.raises(phy_sec.MalformedError, match='^CSV, line 3: "NaN" is not a finite number$'):
        keygen.read_series(b"idx,rssi\n0,1\n1,NaN\n")
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        keygen.read_series("nowhere.csv")
    with pytest.raises(phy_sec.ShapeError, match="^source must be bytes or an array; got int"):
        keygen.read_series(3)


def test_scalar_and_simd_agree(probes):
    scalar = keygen.agree(probes.alice, probes.bob, seed=7, keys=True, backend="scalar")
    assert scalar == keygen.agree(probes.alice, probes.bob, seed=7, keys=True)


@pytest.mark.parametrize(
    "change, text",
    [
        (dict(reconsile={}), "agree: unknown keyword `reconsile`, expected one of `pairing`, "),
        (dict(eve={"ro": 0.1}), "agree: eve: unknown keyword `ro`, expected `rho`"),
        (dict(eve={"rho": 1.5}), "eve.rho must be within 0..=1, got 1.5"),
        (dict(eve=[0.1]), "eve must be a float64 array [time] or [lane, time], a Trace or a Csi; got list"),
        (dict(error_rate={"limit": float("nan")}), "limit must be finite; got nan"),
        (dict(component="phases"), "agree: component: unknown name `phases`, expected one of "),
        (dict(seed=-1), "seed must be a whole number within 0..=2^64-1; got -1"),
        (dict(backend="cpu"), 'backend must be "scalar", "simd" or "gpu"; got "cpu"'),
        (dict(bob=np.zeros(100, np.float32)), "bob must be a 1-D float64 array; got float32 of shape (100,): "),
        (dict(bob=np.zeros((1, 2, 3))), "bob must be a 1-D float64 array; got float64 of shape (1, 2, 3): "),
        (dict(bob=np.zeros((2, 100))), "Bob's measurements must have shape "),
        (dict(bob=np.full(100, np.nan)), "measurements holds a NaN or an infinity at index 0"),
    ],
)
def test_errors_name_the_argument(rng, change, text):
    alice = rng.standard_normal(100)
    given = {"alice": alice, "bob": alice, "seed": 1, **change}
    with pytest.raises(phy_sec.InputError) as caught:
        keygen.agree(given.pop("alice"), given.pop("bob"), **given)
    assert str(caught.value).lower().startswith(text.lower())


def test_a_trace_must_fit_together():
    with pytest.raises(phy_sec.ShapeError, match=r"^sequence must have shape \[3\], got \[1\]$"):
        keygen.Trace(np.zeros(3), sequence=np.zeros(1, np.uint64))
    with pytest.raises(phy_sec.OutOfRangeError, match='^kind must be "rssi" or "csi"; got "csl"$'):
        keygen.Trace(np.zeros(3), kind="csl")
    with pytest.raises(phy_sec.NotFiniteError, match="at index 1$"):
        keygen.Trace(np.array([0, np.inf]))
    with pytest.raises(TypeError, match="seed"):
        keygen.agree(np.zeros(3), np.zeros(3))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and devices here")
@pytest.mark.parametrize("read", [keygen.read_series, keygen.read_pairs, keygen.read_magnitudes, keygen.read_intel5300])
def test_what_is_no_file_is_not_waited_for(tmp_path, read):
    """A device gives bytes for ever, and a pipe waits for its other end."""
    os.mkfifo(tmp_path / "pipe")
    for path in ["/dev/zero", tmp_path / "pipe", tmp_path]:
        with pytest.raises(phy_sec.InputError, match="not a regular file"):
            read(path)
