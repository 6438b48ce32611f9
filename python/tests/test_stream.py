"""Spectra of a stream: the batch, however it was cut."""

import numpy as np
import pytest

import phy_sec


@pytest.mark.parametrize("size, hop", [(64, 32), (64, 64), (100, 7), (32, 150)])
def test_cutting_the_stream_changes_nothing(noise, rng, size, hop):
    x = noise(5000)
    config = dict(size=size, hop=hop, sample_rate=1e6)
    want = phy_sec.spectrogram(x, **config).power
    for pieces in [0, 1, 10, 200]:
        stft = phy_sec.Stft(**config)
        frames, starts = [], []
        for piece in np.split(x, np.sort(rng.integers(0, x.size, pieces))):
            starts.append(stft.next_start)
            frames.append(stft.push(piece))
            assert frames[-1].shape[1] == size
        np.testing.assert_array_equal(np.concatenate(frames), want)
        assert starts == [hop * sum(len(f) for f in frames[:i]) for i in range(len(frames))]


def test_finish_tells_what_was_dropped_and_reset_where_to_go_on(noise):
    stft = phy_sec.Stft(size=64, hop=64)
    assert len(stft.push(noise(100))) == 1
    assert stft.finish() == 36
    stft.reset(1000)
    assert stft.next_start == 1000
    assert stft.config["size"] == 64 and stft.config["window"] == "hann"


def test_one_object_serves_one_thread_at_a_time(noise):
    """A second thread gets an error, not a race."""
    import threading

    stft = phy_sec.Stft(size=8192, hop=256)
    x, errors, started = noise(1 << 20), [], threading.Event()

    def work():
        started.set()
        stft.push(x)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    while thread.is_alive():
        try:
            stft.next_start
        except RuntimeError as error:
            errors.append(str(error))
            break
    thread.join()
    assert errors == ["Already mutably borrowed"]
