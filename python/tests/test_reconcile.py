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
