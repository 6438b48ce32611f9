"""Backends give the same answers, and one that is not there says so."""

import os
import sys

import numpy as np
import pytest

import phy_sec


@pytest.fixture(scope="module")
def gpu():
    """``"gpu"``, where there is an adapter; Mesa's lavapipe is one. In CI its absence is a failure."""
    if not any(name.startswith("gpu:") for name in phy_sec.backends()):
        text = "no GPU adapter: the GPU kernels were not tested from Python (Debian: mesa-vulkan-drivers)"
        if os.environ.get("CI"):
            pytest.fail(text)
        print(text, file=sys.stderr)
        pytest.skip(text)
    return "gpu"


def test_the_processor_is_always_there():
    assert phy_sec.backends()[:2] == ["scalar", "simd"]


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_spectra_on_the_gpu(gpu, noise, size):
    x = noise(20_000)
    config = dict(size=size, hop=size // 2, sample_rate=1e6)
    want = phy_sec.stft_power(x, backend="scalar", **config)
    got = phy_sec.stft_power(x, backend=gpu, **config)
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6 * want.max())
    np.testing.assert_allclose(
        phy_sec.spectrogram(x, backend=gpu, **config).power, np.fft.fftshift(want, axes=1), rtol=0, atol=2e-6 * want.max()
    )


def test_the_hash_on_the_gpu_is_exact(gpu, rng):
    seed, key = rng.integers(0, 2, 5000 + 700 - 1).astype(bool), rng.integers(0, 2, 5000).astype(bool)
    want = phy_sec.toeplitz_hash(seed, key, 700, backend="scalar")
    np.testing.assert_array_equal(phy_sec.toeplitz_hash(seed, key, 700, backend=gpu), want)


def test_an_adapter_by_name(gpu, noise):
    x = noise(1000)
    named = [name for name in phy_sec.backends() if name.startswith("gpu:")][0]
    assert phy_sec.stft_power(x, size=64, hop=64, backend=named).shape == (15, 64)


def test_an_adapter_that_is_not_there(noise):
    with pytest.raises(phy_sec.BackendError, match="no GPU adapter fits `nonesuch`|no GPU support") as caught:
        phy_sec.stft_power(noise(1000), size=64, backend="gpu:nonesuch")
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("name", ["", "cuda", "gpus", "SIMD"])
def test_names_that_are_none(noise, name):
    with pytest.raises(phy_sec.OutOfRangeError, match='^backend must be "scalar", "simd" or "gpu"; got '):
        phy_sec.energy(noise(1), backend=name)
