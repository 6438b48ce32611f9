"""The joint fit of a known waveform."""

import numpy as np
import pytest

import phy_sec
from phy_sec import fingerprint


def burst(rng, snr_db=30.0):
    """A smooth QPSK burst of 480 samples and the same, 2 kHz off at 1 MHz, with an image of 0.5 dB, in noise from sample 50 on."""
    symbols = rng.choice([-1, 1], 100) + 1j * rng.choice([-1, 1], 100)
    pulse = np.hanning(33)
    x = np.zeros(480, complex)
    x[16:416:4] = symbols
    x = np.convolve(x, pulse, "same")
    x /= np.sqrt(np.mean(np.abs(x) ** 2))
    gain = 10 ** (0.5 / 20)
    y = (x.real + 1j * gain * x.imag) * np.exp(2j * np.pi * 2e-3 * np.arange(480)) * 0.1
    received = (rng.normal(size=(600, 2)) @ [1, 1j]) * 0.1 * 10 ** (-snr_db / 20) / np.sqrt(2)
    received[50:530] += y
    return x.astype(np.complex64), received.astype(np.complex64)


def test_a_burst_is_found_and_measured():
    reference, x = burst(np.random.default_rng(1))
    (got,) = fingerprint.impairments(x, 1e6, reference)
    assert got["start"] == 50 and got["samples"] == 480
    for name, truth in [("cfo", 2e3), ("iq_gain_db", 0.5), ("iq_phase", 0.0), ("sfo_ppm", 0.0), ("iq_offset_i", 0.0)]:
        value = got["values"][name]
        assert abs(value["value"] - truth) < 4 * value["standard_error"], (name, value)
        assert value["missing"] is None
    assert got["values"]["cfo"]["unit"] == "Hz"
    assert got["values"]["dc_i"]["value"] is None and "not identifiable" in got["values"]["dc_i"]["missing"]
    (near,) = fingerprint.impairments(x, 1e6, reference, start=48, dc=True, amplifier=True)
    assert near["start"] == 50 and near["values"]["am_am_db"]["standard_error"] > 0
    assert fingerprint.impairments(x[:40], 1e6, reference) == []


def test_a_real_waveform_has_no_image():
    reference, x = burst(np.random.default_rng(2))
    real = reference.real.astype(np.complex64)
    (got,) = fingerprint.impairments(np.concatenate([real, np.zeros(9, np.complex64)]), 1e6, real)
    assert got["values"]["iq_gain_db"]["missing"] == "not identifiable from this modulation"


def test_what_is_wrong_is_said():
    reference, x = burst(np.random.default_rng(3))
    with pytest.raises(phy_sec.OutOfRangeError, match="20e6"):
        fingerprint.impairments(x, 1e6)
    with pytest.raises(phy_sec.InputError, match="reference"):
        fingerprint.impairments(x, 20e6, used=(0, 100))
    with pytest.raises(phy_sec.ShapeError, match="reference"):
        fingerprint.impairments(x, 1e6, reference, used=(0, 500))
    with pytest.raises(phy_sec.TooShortError, match="32 samples"):
        fingerprint.impairments(x, 1e6, reference[:20])
    with pytest.raises(phy_sec.TooShortError, match="the fit"):
        fingerprint.impairments(x, 1e6, reference, start=200)
    bad = x.copy()
    bad[7] = np.nan
    with pytest.raises(phy_sec.NotFiniteError, match="7"):
        fingerprint.impairments(bad, 1e6, reference)


def test_a_mode_s_squitter_is_read():
    octets = bytes.fromhex("8D4840D6202CC371C32CE0576098")
    chips = [n in (0, 2, 7, 9) for n in range(16)]
    for bit in np.unpackbits(np.frombuffer(octets, np.uint8)):
        chips += [bool(bit), not bit]
    x = np.zeros(600, np.complex64)
    x[100 : 100 + len(chips)] = chips
    x += np.random.default_rng(1).normal(size=(600, 2)) @ [0.02, 0.02j]
    (reply,) = fingerprint.replies(x.astype(np.complex64), 2e6)
    assert reply["address"] == 0x4840D6 and reply["exact"] and reply["start"] == 100
    assert bytes(reply["octets"]) == octets and reply["identifier"] == [132, 181]
    with pytest.raises(phy_sec.OutOfRangeError, match="2e6"):
        fingerprint.replies(x, 1e6)
