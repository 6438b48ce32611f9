"""The interpreter lock is let go, and functions travel to other processes."""

import pickle
import sys
import threading
import time

import numpy as np
import pytest

import phy_sec

LONG = [
    pytest.param(lambda x: phy_sec.stft_power(x, size=4096, hop=256), id="stft_power"),
    pytest.param(lambda x: phy_sec.rotate(np.tile(x, 8), 1e3, 1e6, backend="scalar"), id="rotate"),
    pytest.param(lambda x: phy_sec.find_bursts(np.tile(x, 8)), id="find_bursts"),
]


@pytest.mark.parametrize("work", LONG)
def test_other_threads_go_on(noise, work):
    """Another thread takes turns within one call: with the lock held it would get none."""
    x = noise(1 << 20)
    turns, stop = [], threading.Event()

    def count():
        while not stop.is_set():
            turns.append(time.perf_counter())
            time.sleep(0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody gives the lock up but by letting it go
    try:
        other = threading.Thread(target=count)
        other.start()
        begin = time.perf_counter()
        work(x)
        end = time.perf_counter()
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        other.join()
    within = sum(begin + 0.1 * (end - begin) < turn < end - 0.1 * (end - begin) for turn in turns)
    assert within >= 3, f"{within} turns in {end - begin:.3f} s"


def test_functions_and_errors_are_pickled_by_name():
    for thing in [phy_sec.energy, phy_sec.stft_power, phy_sec.ShapeError, phy_sec.Nco]:
        assert pickle.loads(pickle.dumps(thing)) is thing
    error = pickle.loads(pickle.dumps(phy_sec.TooShortError("text")))
    assert isinstance(error, phy_sec.TooShortError) and str(error) == "text"
