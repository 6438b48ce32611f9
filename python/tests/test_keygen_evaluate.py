"""Many chains at once, and readers of gains, through Python."""

import numpy as np
import pytest

import phy_sec
from phy_sec import keygen, sim


def test_evaluate_is_agree_over_every_combination():
    probes = sim.link(seed=1, rounds=3000, interval=1.0, subcarriers=1, snr_db=30.0)
    rows = keygen.evaluate(
        probes.alice, probes.bob, eve=probes.eve, quantize=["threshold", "guard_band:alpha=0.2|0.4"],
        reconcile=["cascade", "cascade:variant=yanetal"], seed=2,
    )
    assert len(rows) == 3 * 2 * 2 and [row["eve"] for row in rows[:2]] == ["model", "trace"]
    assert rows[4]["quantize"] == "guard_band:alpha=0.2" and rows[2]["reconcile"] == "cascade:variant=yanetal"
    alone = keygen.agree(
        probes.alice, probes.bob, eve=probes.eve, quantize={"method": "guard_band", "alpha": 0.2}, seed=2
    )
    assert rows[5]["report"] == alone
    assert rows[5]["entropy_per_bit"] == alone["min_entropy"] / alone["raw_bits"]
    granted = keygen.evaluate(probes.alice, probes.bob, model={"rho": 0.1}, seed=2)[0]
    assert granted["report"]["eve_rho"] == 0.1
    with pytest.raises(phy_sec.OutOfRangeError, match="magic"):
        keygen.evaluate(probes.alice, probes.bob, quantize=["magic"], seed=2)


def test_all_of_eves_antennas_count(rng):
    h = (rng.standard_normal((2000, 1, 1)) + 1j * rng.standard_normal((2000, 1, 1))) / np.sqrt(2)
    other = (rng.standard_normal(h.shape) + 1j * rng.standard_normal(h.shape)) / np.sqrt(2)
    noise = lambda shape: 0.03 * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    csi = lambda g: phy_sec.Csi(
        np.ascontiguousarray(g + noise(g.shape), dtype=np.complex64), np.arange(2000.0), np.arange(2000, dtype=np.uint64)
    )
    alice, bob, eve = csi(h), csi(h), csi(np.concatenate([other, 1j * h], axis=2))
    for component in ("magnitude", "complex"):
        rows = keygen.evaluate(alice, bob, eve=eve, seed=1, component=component)
        assert rows[1]["eve"] == "trace" and rows[1]["report"]["eve_rho"] > 0.97
        assert rows[1]["report"]["released_bits"] == 0 < rows[0]["report"]["raw_bits"]
    # Or told to the ledger.
    rho = lambda **eve: keygen.agree(alice, bob, eve=eve, seed=1)["eve_rho"]
    assert abs(rho(rho=0.6, antennas=8) - (8 * 0.36 / (1 + 7 * 0.36)) ** 0.5) < 1e-12 and rho(rho=0.6) == 0.6


def test_sweep():
    points = keygen.sweep(rho=[0.9, 0.99], eve_rho=[0.0], probes=[2000], quantize=["threshold", "optimal"], seed=1)
    assert [(point["rho"], point["probes"]) for point in points] == [(0.9, 2000)] * 2 + [(0.99, 2000)] * 2
    for point in points:
        assert point["capacity_upper"] == pytest.approx(-np.log2(1 - point["rho"] ** 2))
        assert point["bits_per_probe"] < point["capacity_lower"] + 1e-12
    assert points[0]["kdr"] == pytest.approx(np.arccos(0.9) / np.pi, abs=0.03)
    assert keygen.sweep(rho=[0.9], eve_rho=[0.0], probes=[2000], quantize=["threshold"], seed=1) == points[:1]
    with pytest.raises(phy_sec.OutOfRangeError, match="rho must be above 0"):
        keygen.sweep(rho=[1.5], seed=1)


@pytest.mark.parametrize("dtype", ["f4", ">f8", "c8", "c16", "i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_as_numpy_saves_them(tmp_path, rng, dtype, order):
    values = (100 * rng.standard_normal((7, 5, 2))).astype(dtype)
    if np.dtype(dtype).kind == "c":
        values = (values + 1j * rng.standard_normal((7, 5, 2))).astype(dtype)
    np.save(tmp_path / "x.npy", np.asarray(values, order=order))
    csi = keygen.read_csi(tmp_path / "x.npy")
    assert np.array_equal(csi.gains, values.astype(np.complex64))
    assert csi.sequence.tolist() == list(range(7))
    np.save(tmp_path / "o.npy", np.array([{}], object))
    with pytest.raises(phy_sec.MalformedError, match="type"):
        keygen.read_csi(tmp_path / "o.npy")


def test_recorded_formats(data):
    csi = keygen.read_csi(data / "keygen/uwb_cir/nightTag.log")
    assert csi.gains.shape == (1, 120, 1)
    log = data / "keygen/csi_intel5300/tmp_521_12__alice.dat"
    assert np.array_equal(keygen.read_csi(log).gains, keygen.read_intel5300(log).gains)
    alice, bob, eve = keygen.read_parties(data / "keygen/lora_chirp_with_eve/set1_alice_bob_eve.csv")
    r = [np.corrcoef(alice.values, other.values)[0, 1] for other in (bob, eve)]
    assert r == pytest.approx([0.982, 0.685], abs=5e-4)
    line = b'CSI_DATA,5,1a:00:00:00:00:00,-30,11,1,0,0,1,1,1,0,0,0,-93,0,11,2,1000,0,47,0,4,0,"[1,2,3,4]"\n'
    assert keygen.read_csi(line).gains.ravel().tolist() == [2 + 1j, 4 + 3j]
    with pytest.raises(phy_sec.MalformedError, match="a table"):
        keygen.read_csi(b"1,2\n")
