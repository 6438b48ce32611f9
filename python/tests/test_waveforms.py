"""The simulator's waveforms through Python: lengths, levels, and what a receiver would see."""

import numpy as np
import pytest

import phy_sec
from phy_sec import sim


def power(x):
    return np.mean(np.abs(x) ** 2)


def test_wifi_has_its_training_fields():
    """IEEE 802.11-2020, 17.3.3: ten periods of 16 samples, then a field that repeats after 64."""
    frame = sim.wifi(bytes(range(100)), rate="24")
    assert frame.dtype == np.complex64 and (frame.size - 320) % 80 == 0
    short, long = frame[:160], frame[192:320]
    np.testing.assert_allclose(short[16:], short[:-16], atol=1e-5)
    np.testing.assert_allclose(long[64:], long[:64], atol=1e-5)
    # SIGNAL and ceil((16 + 800 + 6) / 96) data symbols.
    assert frame.size == 320 + 80 * (1 + -(-(16 + 800 + 6) // 96))
    assert power(frame) == pytest.approx(1, rel=0.1)


def test_nr_comb_repeats_its_prefixes():
    slot = sim.nr_comb(seed=1)
    assert slot.size == 7680 and power(slot) == pytest.approx(1, rel=0.01)  # 0.5 ms at 15.36 MHz
    assert not np.array_equal(slot, sim.nr_comb(seed=2))
    tail = slot.size - 512
    np.testing.assert_allclose(slot[tail - 36 : tail], slot[-36:], atol=1e-5)


def test_gfsk_turns_by_a_quarter_a_bit():
    """Modulation index 0.5: a long run of ones turns the phase by pi / 2 each bit."""
    x = sim.gfsk(np.ones(40, bool), samples_per_bit=8)
    np.testing.assert_allclose(np.abs(x), 1, atol=1e-6)
    turn = np.angle(x[168] / x[160])
    assert turn == pytest.approx(np.pi / 2, abs=1e-4)


def test_lora_chirps_are_recovered():
    symbols = np.array([0, 1, 77, 127], np.uint64)
    config = dict(spreading_factor=7, oversampling=1)
    frame = sim.lora(symbols, **config)
    up = sim.lora(np.zeros(1, np.uint64), **config)[-128:]
    payload = frame[-4 * 128 :].reshape(4, 128)
    np.testing.assert_array_equal(np.abs(np.fft.fft(payload * np.conj(up))).argmax(axis=1), symbols)


def test_ook_is_on_and_off(rng):
    bits = rng.integers(0, 2, 50).astype(bool)
    x = sim.ook(bits, samples_per_bit=20, rise=4)
    assert x.size == 1000
    np.testing.assert_allclose(np.abs(x.reshape(50, 20)[:, 10]), bits, atol=1e-6)


def test_single_carrier_has_its_length_and_its_power(rng):
    symbols = rng.integers(0, 16, 2000).astype(np.uint64)
    x = sim.single_carrier(symbols, modulation="qam16", samples_per_symbol=4, span=10)
    assert x.size == (2000 + 10) * 4
    assert power(x[100:-100]) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: sim.wifi(b""), "psdu must be"),
        (lambda: sim.wifi(b"x", rate="7"), "wifi: rate: unknown name `7`, expected one of `6`, `9`, "),
        (lambda: sim.lora(np.zeros(1, np.uint64), spreading_factor=99), "spreading_factor must be"),
        (lambda: sim.gfsk(np.zeros(3)), "bits must be a 1-D bool array; got float64 of shape (3,): "),
        (lambda: sim.single_carrier(np.zeros(3, np.int64)), "symbols must be a 1-D uint64 array; got int64 of shape (3,): "),
    ],
)
def test_errors(call, text):
    with pytest.raises(phy_sec.InputError) as caught:
        call()
    assert str(caught.value).startswith(text)
