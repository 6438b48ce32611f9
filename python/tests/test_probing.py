"""Channel estimates, their arrangement, and attackers, through Python. Their accuracy is tested in Rust."""

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen, sim


def test_channel_of_wifi_frames():
    """Two taps, two frames: gains are the taps' transform."""
    frame = sim.wifi(bytes(40))
    x = np.concatenate([np.zeros(500, np.complex64), frame] * 2 + [np.zeros(300, np.complex64)])
    x = (x + 0.3j * np.roll(x, 2)).astype(np.complex64)
    csi = phy_sec.estimate_channel(x, 20e6)
    k = np.r_[-26:0, 1:27]
    expected = 1 + 0.3j * np.exp(-2j * np.pi * k * 2 / 64)
    assert csi.gains.shape == (2, 52, 1)
    np.testing.assert_allclose(csi.gains[1, :, 0], expected, atol=1e-3)
    np.testing.assert_allclose(np.diff(csi.time), (500 + len(frame)) / 20e6)
    assert len(phy_sec.estimate_channel(sim.noise(5000, seed=1), 20e6)) == 0


def test_methods_and_their_errors():
    n = np.arange(139)
    period = np.exp(-1j * np.pi * 3 * n * (n + 1) / 139).astype(np.complex64)
    csi = phy_sec.estimate_channel(
        np.tile(period, 5), 1e6, method="sounding", sequence={"zadoff_chu": {"length": 139, "root": 3}}, taps=3
    )
    np.testing.assert_allclose(csi.gains[:, :, 0], [[1, 0, 0]] * 5, atol=1e-4)
    chirps = phy_sec.estimate_channel(sim.lora(np.array([5], np.uint64)), 500e3, method="lora")
    np.testing.assert_allclose(np.abs(chirps.gains), 1, atol=1e-3)
    with pytest.raises(phy_sec.InputError, match="odd"):
        phy_sec.estimate_channel(period, 1e6, method="odd")
    with pytest.raises(phy_sec.OutOfRangeError, match="20e6"):
        phy_sec.estimate_channel(period, 1e6)


def test_a_reversed_end_is_found():
    probes = sim.link(seed=1, rounds=600, subcarriers=30)
    reversed_ = phy_sec.Csi(
        np.ascontiguousarray(probes.bob.gains[:, ::-1]), probes.bob.time, probes.bob.sequence
    )
    found, arranged = keygen.arrangement_of(probes.alice, reversed_)
    assert found["found"]["order"] == "reversed" and found["confidence"] > 0.999
    np.testing.assert_array_equal(arranged.gains, probes.bob.gains)
    report = keygen.agree(probes.alice, reversed_, seed=1, calibrate={"columns": 200, "order": "auto", "response": True})
    assert report["calibration"]["order"] == "reversed" and report["pairs"] == 400
    plain = keygen.agree(probes.alice, probes.bob, seed=1)
    assert plain["calibration"] is None


def test_compensation_gains_correlation():
    probes = sim.link(
        seed=2, rounds=3000, interval=0.1, probing_delay=0.05, subcarriers=1, fading={"profile": "flat", "doppler": 2.0}
    )
    of = lambda method: keygen.agree(
        probes.alice, probes.bob, seed=1, component="real", pairing={"tolerance": 1.0, "compensate": {"method": method}}
    )["correlation"]
    assert of("cubic") > of("none") + 0.05


def test_injected_probes():
    probes = sim.link(seed=3, rounds=4000, interval=1.0, subcarriers=1, snr_db=30.0)
    injected = sim.inject(probes, seed=4, share=1.0, snr_db=30.0)
    assert injected.rounds == list(range(4000))
    run = lambda **more: keygen.agree(injected.alice, injected.bob, seed=1, **more)["released_bits"]
    assert run() > 0  # nobody told the ledger
    assert run(active={"injected": 1.0}) == 0 and run(eve=injected.known) == 0


def test_antennas_together():
    probes = sim.link(seed=5, rounds=2000, interval=1.0, subcarriers=1, eve=("correlation", 0.5), eve_antennas=4)
    assert probes.eve.gains.shape == (2000, 1, 4)
    alone = phy_sec.Csi(np.ascontiguousarray(probes.eve.gains[:, :, :1]), probes.eve.time, probes.eve.sequence)
    rho = lambda eve: keygen.agree(probes.alice, probes.bob, eve=eve, seed=1, component="real")["eve_rho"]
    assert rho(probes.eve) > rho(alone) + 0.1
