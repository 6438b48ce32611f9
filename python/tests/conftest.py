"""What the tests share: seeded samples."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture
def noise(rng):
    """``noise(n, power)``: white Gaussian noise, complex64, ``[sample]``."""

    def make(n, power=1.0):
        parts = rng.standard_normal((n, 2)) * np.sqrt(power / 2)
        return (parts[:, 0] + 1j * parts[:, 1]).astype(np.complex64)

    return make
