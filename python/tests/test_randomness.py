"""The SP 800-22 tests through Python."""

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen

PI_100 = "1100100100001111110110101010001000100001011010001100001000110100110001001100011001100010100010111000"


def rows(report, name):
    return next(test for test in report["tests"] if test["test"] == name)["rows"]


def test_worked_examples_of_the_standard():
    """Sections 2.1.8, 2.2.8, 2.3.8, 2.12.8 and 2.13.8 of SP 800-22."""
    bits = np.array([c == "1" for c in PI_100])
    report = keygen.randomness(bits, tests=["monobit", "runs", "cumulative_sums", "dft"])
    assert report["schema"] == "phy-sec.randomness/1" and report["bits"] == 100
    p = [row["p_values"][0] for name in ["monobit", "runs", "cumulative_sums"] for row in rows(report, name)]
    assert p == pytest.approx([0.109599, 0.500798, 0.219194, 0.114866], abs=6e-7)
    assert rows(report, "dft") == []
    assert report["tests"][3]["not_applicable"] == {"need": 1000, "unit": "bits", "got": 100}
    assert "not a proof of entropy" in report["caveat"]


def test_good_bits_and_bad_ones():
    bits = np.random.default_rng(1).integers(0, 2, 1 << 20).astype(bool)
    report = keygen.randomness(bits)
    assert report["conspicuous"] == [] and report["sequence_length"] == bits.size
    counts = {test["test"]: len(test["rows"]) for test in report["tests"]}
    assert counts["non_overlapping"] == 148 and counts["serial"] == counts["cumulative_sums"] == 2
    # Every sixteenth bit repeats the one before.
    bits[16::16] = bits[15::16][: bits[16::16].size]
    assert "serial first difference" in keygen.randomness(bits)["conspicuous"]


def test_sequences():
    bits = np.random.default_rng(2).integers(0, 2, 100_000).astype(bool)
    report = keygen.randomness(bits, sequences=100, tests=["runs"], alpha=0.05, parallel=True)
    (row,) = rows(report, "runs")
    assert report["sequence_length"] == 1000 and len(row["p_values"]) == 100
    assert row["passed"] == sum(p >= 0.05 for p in row["p_values"]) and row["proportion"] == row["passed"] / 100
    assert row["proportion_interval"] == pytest.approx([0.95 - 3 * np.sqrt(0.05 * 0.95 / 100), 1.0])
    assert 0 <= row["uniformity"] <= 1


@pytest.mark.parametrize(
    "bits, keywords, error, words",
    [
        (np.zeros(0, bool), {}, phy_sec.TooShortError, "at least 100 bits, got 0"),
        (np.zeros(1, bool), {}, phy_sec.TooShortError, "at least 100 bits, got 1"),
        (np.zeros(200, np.uint8), {}, phy_sec.ShapeError, "bits"),
        (np.zeros((2, 200), bool), {}, phy_sec.ShapeError, "bits"),
        (np.zeros(200, bool), {"sequences": 0}, phy_sec.OutOfRangeError, "sequences"),
        (np.zeros(200, bool), {"sequences": -1}, phy_sec.OutOfRangeError, "sequences"),
        (np.zeros(200, bool), {"serial": {"length": 2**60}}, phy_sec.OutOfRangeError, "serial.length"),
        (np.zeros(200, bool), {"block_frequency": {"block": 2**63}}, phy_sec.OutOfRangeError, "block_frequency.block"),
        (np.zeros(200, bool), {"tests": ["monobyte"]}, phy_sec.InputError, "monobyte"),
        (np.zeros(200, bool), {"alfa": 0.1}, phy_sec.InputError, "alfa"),
    ],
)
def test_bad_input(bits, keywords, error, words):
    with pytest.raises(error, match=words):
        keygen.randomness(bits, **keywords)
