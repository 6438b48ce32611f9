"""Reconciliation of NumPy bits."""

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen


def pair(shape, error_rate=0.03, seed=1):
    rng = np.random.default_rng(seed)
    alice = rng.random(shape) < 0.5
    return alice, alice ^ (rng.random(shape) < error_rate)


def entropy(q):
    return -q * np.log2(q) - (1 - q) * np.log2(1 - q)


@pytest.mark.parametrize("variant", ["original", "biconf", "yanetal", "option3", "option4", "option7", "option8"])
def test_every_variant_corrects(variant):
    alice, bob = pair(4096)
    before = bob.copy()
    corrected, leaked, messages = keygen.reconcile(alice, bob, 0.03, variant=variant, seed=2)
    assert corrected.dtype == bool and np.array_equal(corrected, alice) and np.array_equal(bob, before)
    assert entropy(np.mean(alice ^ bob)) * 4096 < leaked < 0.35 * 4096 and 10 < messages < leaked
    again = keygen.reconcile(alice, bob, 0.03, method="cascade", variant=variant, seed=2)
    assert np.array_equal(again[0], corrected) and again[1:] == (leaked, messages)


def test_frames_are_what_they_are_alone():
    alice, bob = pair((70, 1000))
    corrected, leaked, messages = keygen.reconcile(alice, bob, 0.03, variant="option8", schedule="all", seed=5)
    assert corrected.shape == bob.shape and leaked.dtype == messages.dtype == np.uint64
    for frame in [0, 63, 64, 69]:
        alone = keygen.reconcile(alice[frame], bob[frame], 0.03, variant="option8", schedule="all", seed=5)
        assert np.array_equal(corrected[frame], alone[0])
        assert (leaked[frame], messages[frame]) == alone[1:]


def test_the_best_variant_says_little():
    q, n = 0.03, 1 << 14
    alice, bob = pair((64, n), q)
    corrected, leaked, _ = keygen.reconcile(alice, bob, q, variant="option8", seed=3)
    assert np.array_equal(corrected, alice)
    assert leaked.mean() / n / entropy(q) < 1.045


def test_what_does_not_fit_is_refused():
    alice, bob = pair(64)
    with pytest.raises(phy_sec.ShapeError, match="1-D bool"):
        keygen.reconcile(alice.astype(np.uint8), bob, 0.03, seed=1)
    with pytest.raises(phy_sec.ShapeError, match="Bob's frames must have shape"):
        keygen.reconcile(alice, bob[:60], 0.03, seed=1)
    with pytest.raises(phy_sec.OutOfRangeError, match="error rate"):
        keygen.reconcile(alice, bob, 0.6, seed=1)
    with pytest.raises(phy_sec.TooShortError):
        keygen.reconcile(alice[:0], bob[:0], 0.03, seed=1)
    with pytest.raises(phy_sec.InputError, match="option5"):
        keygen.reconcile(alice, bob, 0.03, variant="option5", seed=1)


@pytest.mark.parametrize(
    "config",
    [
        {"method": "ldpc"},
        {"method": "polar", "list": 4},
        {"method": "bch", "m": 9},
        {"method": "reed_solomon"},
        {"method": "winnow"},
        {"method": "auto", "questions": 20.0},
    ],
)
def test_every_method_corrects(config):
    alice, bob = pair(3000, 0.02)
    corrected, leaked, _ = keygen.reconcile(alice, bob, 0.02, seed=2, **config)
    assert np.array_equal(corrected, alice)
    assert entropy(np.mean(alice ^ bob)) * 3000 < leaked < 3000


def test_strings_from_sample_to_verification():
    alice, bob = pair(8000, 0.03)
    report, strings = keygen.reconcile_strings(
        alice, bob, seed=3, error_rate={"sample": 0.1}, reconcile={"method": "auto"}
    )
    assert report["verified"] and report["sample_bits"] == 800 and report["remaining_bits"] == 7200
    assert np.array_equal(*strings) and len(strings[0]) == 7200
    assert report["estimate"]["low"] < 0.03 < report["estimate"]["high"]
    assert 1 < report["efficiency"] < 1.6 and report["method"]["method"] in {"cascade", "ldpc", "polar"}
    noise = np.random.default_rng(2).random(8000) < 0.5
    report, strings = keygen.reconcile_strings(alice, noise, seed=3)
    assert strings is None and "disagree too much" in report["reason"]
    with pytest.raises(phy_sec.ShapeError, match="Bob's string"):
        keygen.reconcile_strings(alice, bob[:10], seed=3)


def test_error_rates_have_intervals():
    estimate = keygen.estimate_error_rate(10, 100)
    assert abs(estimate["low"] - 0.0490) < 1e-4 and abs(estimate["high"] - 0.1762) < 1e-4
    assert keygen.estimate_error_rate(10, 100, weight=8)["rate"] < estimate["rate"] / 7
    with pytest.raises(phy_sec.OutOfRangeError, match="errors"):
        keygen.estimate_error_rate(3, 2)


def test_the_choice_follows_patience():
    assert keygen.choose_reconciler(1000, 0.02, questions=1)["reconcile"]["method"] == "bch"
    few, many = (keygen.choose_reconciler(4096, 0.05, questions=q) for q in (10, 1e6))
    assert many["cost"] <= few["cost"] and few["questions"] <= 10
    with pytest.raises(phy_sec.OutOfRangeError, match="error rate"):
        keygen.choose_reconciler(1000, 0.6)


def test_derived_keys():
    # RFC 5869, test case 3.
    okm = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert keygen.derive(b"\x0b" * 22, b"", 42).hex() == okm
    keys = {keygen.derive(b"k" * 32, p, 32, method=m) for p in (b"a", b"b") for m in ("hkdf_sha256", "kmac128", "kmac256")}
    assert len(keys) == 6
    with pytest.raises(phy_sec.OutOfRangeError, match="length"):
        keygen.derive(b"k", b"", 8161)
    with pytest.raises(phy_sec.InputError, match="kmac512"):
        keygen.derive(b"k", b"", 8, method="kmac512")


def test_reconciled_bits_become_a_key():
    rng = np.random.default_rng(3)
    bits = rng.random(1000) < 0.5
    seed = bytes(range(32))
    for name in ("toeplitz", "modified_toeplitz"):
        key = keygen.amplify(bits, 800.0, 300, seed=seed, epsilon=2.0**-20, hash=name)
        assert len(key) == -(-460 // 8)
        assert key == keygen.amplify(bits, 800.0, 300, seed=seed, epsilon=2.0**-20, hash=name)
        assert key != keygen.amplify(bits, 800.0, 300, seed=bytes(32), epsilon=2.0**-20, hash=name)
    assert keygen.amplify(bits, 300.0, 300, seed=seed) is None
    for wrong in ({"seed": b"short"}, {"hash": "md5"}, {"epsilon": 2.0}):
        with pytest.raises(phy_sec.OutOfRangeError):
            keygen.amplify(bits, 800.0, 300, **({"seed": seed} | wrong))
    with pytest.raises(phy_sec.OutOfRangeError, match="min_entropy"):
        keygen.amplify(bits, 1001.0, 0, seed=seed)
