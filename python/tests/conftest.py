"""What the tests share: seeded samples, and where recordings are."""

import os
import pathlib

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


@pytest.fixture
def data():
    """The folder of recordings; without one the test is skipped, except where CI is set."""
    given = os.environ.get("PHY_SEC_DATA")
    folder = pathlib.Path(given) if given else pathlib.Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"no recordings in {folder}: set PHY_SEC_DATA")
    return folder
