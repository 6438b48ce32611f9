"""Packing and the Toeplitz hash against NumPy and the plain matrix."""

import numpy as np
import pytest
import scipy.linalg

import phy_sec


@pytest.mark.parametrize("n", [0, 1, 7, 8, 63, 64, 65, 128, 1000, 100_001])
def test_packing_is_little_endian_and_comes_back(rng, n):
    bits = rng.integers(0, 2, n).astype(bool)
    words = phy_sec.pack_bits(bits)
    padded = np.concatenate([bits, np.zeros(-n % 64, bool)])
    np.testing.assert_array_equal(words, np.packbits(padded, bitorder="little").view("<u8"))
    np.testing.assert_array_equal(phy_sec.unpack_bits(words, n), bits)


def toeplitz(seed, n_in, n_out):
    """``T[i, j] = seed[i + n_in - 1 - j]``."""
    return scipy.linalg.toeplitz(seed[n_in - 1 :], seed[:n_in][::-1])[:n_out]


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("n_in, n_out", [(1, 1), (5, 3), (64, 64), (65, 63), (100, 1), (1, 100), (128, 256), (1023, 511), (3000, 129)])
def test_the_hash_is_the_matrix_product(rng, n_in, n_out, backend):
    seed = rng.integers(0, 2, n_in + n_out - 1).astype(bool)
    key = rng.integers(0, 2, n_in).astype(bool)
    want = toeplitz(seed.astype(int), n_in, n_out) @ key.astype(int) % 2
    got = phy_sec.toeplitz_hash(seed, key, n_out, backend=backend)
    assert got.dtype == bool
    np.testing.assert_array_equal(got, want.astype(bool))


def test_the_hash_is_linear(rng):
    seed = rng.integers(0, 2, 20_000 + 4_000 - 1).astype(bool)
    a, b = (rng.integers(0, 2, 20_000).astype(bool) for _ in range(2))
    of = lambda key: phy_sec.toeplitz_hash(seed, key, 4_000)
    np.testing.assert_array_equal(of(a ^ b), of(a) ^ of(b))


def test_lengths_that_do_not_belong_together():
    bits = np.zeros(10, bool)
    with pytest.raises(phy_sec.ShapeError, match=r"^seed must hold len\(key\) \+ n_out - 1 = 14 bits; got 10$"):
        phy_sec.toeplitz_hash(bits, bits, 5)
    with pytest.raises(phy_sec.OutOfRangeError, match="^n_out must be within 1..=4294967296 bits, got 0$"):
        phy_sec.toeplitz_hash(bits, bits, 0)
    with pytest.raises(phy_sec.OutOfRangeError, match="^n_in must be within 1..=4294967296 bits, got 0$"):
        phy_sec.toeplitz_hash(bits, bits[:0], 11)
    with pytest.raises(phy_sec.OutOfRangeError, match=r"^n must be a whole number within 0..=64; got 65$"):
        phy_sec.unpack_bits(np.zeros(1, np.uint64), 65)
