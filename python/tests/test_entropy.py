"""Entropy, health tests and capacity through Python: NIST's figures, closed forms, and what is refused."""

import math

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen


def test_reference_output_of_nist(data):
    samples = np.fromfile(data / "randomness" / "sp800_90b" / "rand4_short.bin", np.uint8)
    report = keygen.entropy(samples, bits_per_symbol=4)
    assert report["min_entropy"] == pytest.approx(3.2154882678767365, abs=1e-6)
    assert [e["name"] for e in report["bitstring"]][:2] == ["most_common_value", "collision"]
    lag = {e["name"]: e for e in report["original"]}["lag"]
    assert lag["values"]["C"] == 662 and report["iid"] is None


def test_independent_samples(rng):
    samples = rng.integers(0, 4, 5000).astype(np.uint8)
    track = keygen.entropy(samples, 2, iid=True, permutations=300, seed=2)["iid"]
    assert len(track["permutation"]) == 19 and 1.8 < track["min_entropy"] < 2
    stuck = np.repeat(samples[:1000], 5)
    assert not keygen.entropy(stuck, 2, iid=True, permutations=50)["iid"]["passes"]


def test_refusals():
    with pytest.raises(phy_sec.OutOfRangeError, match="^samples must be values of bits_per_symbol bits, got 4$"):
        keygen.entropy(np.full(100, 4, np.uint8), 2)
    with pytest.raises(phy_sec.TooShortError):
        keygen.entropy(np.zeros(1, np.uint8), 1)
    with pytest.raises(phy_sec.ShapeError):
        keygen.entropy(np.zeros(10), 1)
    with pytest.raises(phy_sec.InputError, match="three traces"):
        keygen.secret_key_capacity(rho_ab=0.5)
    with pytest.raises(phy_sec.OutOfRangeError, match="^method must be"):
        keygen.mutual_information(np.arange(9.0), np.arange(9.0), method="guess")
    with pytest.raises(phy_sec.OutOfRangeError):
        keygen.RepetitionCount(0.0)


def test_information(rng):
    rho = 0.9
    a = rng.standard_normal(3000)
    b = rho * a + math.sqrt(1 - rho**2) * rng.standard_normal(3000)
    truth = -0.5 * math.log2(1 - rho**2)
    for method in ["gaussian", "ksg"]:
        got = keygen.mutual_information(a, b, method=method)
        assert abs(got["bits"] - truth) < 4 * got["standard_error"] < 0.3
    # A monotone change of one end changes nothing for neighbours.
    assert keygen.mutual_information(np.stack([a]), b**3, method="ksg")["bits"] == pytest.approx(truth, abs=0.12)


def test_capacity(rng):
    bounds = keygen.secret_key_capacity(rho_ab=0.9, rho_ae=0.54, rho_be=0.6)
    assert bounds["lower"] == pytest.approx(bounds["upper"])  # Alice - Bob - Eve is a chain
    two = keygen.secret_key_capacity(rho_ab=0.9, rho_ae=[0.5, 0.5], rho_be=[0.5, 0.5], eve_correlation=0.3)
    assert two["lower"] < keygen.secret_key_capacity(rho_ab=0.9, rho_ae=0.5, rho_be=0.5)["lower"]
    b = rng.standard_normal(4000)
    a, e = (rho * b + math.sqrt(1 - rho**2) * rng.standard_normal(4000) for rho in [0.9, 0.6])
    assert keygen.secret_key_capacity(a, b, e)["upper"] == pytest.approx(bounds["upper"], abs=0.1)
    assert keygen.bit_given_eve(0.5) == pytest.approx(-math.log2(0.5 + math.asin(0.5) / math.pi), abs=1e-4)
    assert keygen.quantized_information(0.95, 2) == pytest.approx(1.0139, abs=1e-4)


def test_health():
    test = keygen.RepetitionCount(1.0, false_alarm=2.0**-20)
    assert test.cutoff == 21
    assert test.push(np.zeros(20, np.uint8)) == 0 and test.push(np.zeros(20, np.uint8)) == 1
    assert test.finish() == {"samples": 40, "alarms": 1, "first": 20}
    test = keygen.AdaptiveProportion(8.0, bits_per_symbol=8)
    assert test.cutoff == 17
    assert test.push(np.tile(np.arange(16, dtype=np.uint8), 32)) == 1
    test.reset()
    assert test.finish() == {"samples": 0, "alarms": 0, "first": None}
