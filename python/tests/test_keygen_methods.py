"""Quantizers and preprocessors one by one, through Python."""

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen


@pytest.fixture(scope="module")
def ends():
    """Unit normal pairs, two lanes, correlation 0.99."""
    a, noise = np.random.default_rng(1).standard_normal((2, 2, 6000))
    return a, 0.99 * a + np.sqrt(1 - 0.99**2) * noise


@pytest.mark.parametrize("method", keygen.methods()["quantize"])
def test_every_quantizer(ends, method):
    alice = keygen.quantize(ends[0], method=method)
    rows = alice["symbols"].shape[0]
    assert rows == (1 if method == "vector" else 2) and alice["kept"].dtype == bool
    same = keygen.quantize(ends[0], method=method, role="bob", announced=alice["announced"])
    bob = keygen.quantize(ends[1], method=method, role="bob", announced=alice["announced"])
    kept = alice["kept"] & same["kept"]
    assert kept.any() and (alice["symbols"] == same["symbols"])[kept].all()
    both = alice["kept"] & bob["kept"]
    wrong = np.unpackbits((alice["symbols"] ^ bob["symbols"])[both]).sum()
    theory = keygen.quantizer_theory(0.99, method=method)
    assert wrong / alice["widths"][both].sum() == pytest.approx(theory["kdr"], abs=0.01)
    assert both.mean() == pytest.approx(theory["kept"], abs=0.03)
    assert 0 < theory["min_entropy"] < 1


def test_cells_are_equally_likely_and_gray(ends):
    got = keygen.quantize(ends[0][0], method="equiprobable", bits=3, offsets=1)
    assert got["symbols"].shape == (1, 6000) and (np.bincount(got["symbols"][0]) == 750).all()
    order = got["symbols"][0][np.argsort(ends[0][0])]
    assert [bin(x ^ y).count("1") for x, y in zip(order, order[1:]) if x != y] == [1] * 7


@pytest.mark.parametrize("method", keygen.methods()["preprocess"])
def test_every_preprocessor(ends, method):
    out = keygen.preprocess(ends[0], method=method)
    assert out.dtype == np.float64 and out.ndim == 2 and np.isfinite(out).all()
    steps, series, bits = keygen.learn(ends[0], [{"method": method}])
    np.testing.assert_array_equal(series, out)
    assert (bits > 0) == (method == "coherence")
    np.testing.assert_array_equal(keygen.preprocess(ends[0], **steps[0]), out)


def test_a_basis_is_learnt_and_applied_by_bob(ends):
    steps, alice, bits = keygen.learn(ends[0], [{"method": "pca", "calibration": 1000}])
    assert bits == 8 and np.array(steps[0]["basis"]).shape == (2, 2)
    bob = keygen.preprocess(ends[1], **steps[0])
    assert bob.shape == alice.shape == (2, 5000)
    np.testing.assert_allclose(np.array(steps[0]["basis"]) @ ends[1][:, 1000:], bob)


def test_errors_name_the_parameter(ends):
    with pytest.raises(phy_sec.OutOfRangeError, match=r"^bits must be within 1\.\.=4, got 9$"):
        keygen.quantize(ends[0], method="equiprobable", bits=9)
    with pytest.raises(phy_sec.InputError, match="alhpa"):
        keygen.quantize(ends[0], method="guard_band", alhpa=1)
    with pytest.raises(phy_sec.InputError, match="magic"):
        keygen.preprocess(ends[0], method="magic")
    with pytest.raises(phy_sec.OutOfRangeError, match='^role must be "alice" or "bob"; got "eve"$'):
        keygen.quantize(ends[0], role="eve")
    with pytest.raises(phy_sec.OutOfRangeError, match="^window must be odd and at least 3, got 2$"):
        keygen.preprocess(ends[0], method="moving_average", window=2)
