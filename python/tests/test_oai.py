"""Traces of OpenAirInterface, written here after its documentation: no recorded one is at hand."""

import numpy as np
import pytest

import phy_sec
from phy_sec import oai

h5py = pytest.importorskip("h5py")

EVENT = "GNB_PHY_UL_FREQ_CHANNEL_ESTIMATE"


def write(path, records, event=EVENT):
    """``records``: rnti, frame, subframe, antenna, port, complex integers."""
    rnti, frame, subframe, antenna, port, gains = zip(*records)
    parts = [np.stack([g.real, g.imag], -1).astype("<i2").tobytes() for g in gains]
    with h5py.File(path, "w") as file:
        group = file.create_group(f"events/{event}")
        count = len(records)
        columns = dict(rnti=rnti, frame=frame, subframe=subframe, antenna=antenna, port=port, gNB_ID=[0] * count)
        columns |= dict(timestamp_sec=[1000 + k // 2 for k in range(count)], timestamp_nsec=[250_000_000] * count)
        for name, values in columns.items():
            group[name] = np.array(values, np.int32)
        group["chest_f_data"] = np.frombuffer(b"".join(parts), np.uint8)
        group["chest_f_offsets"] = np.cumsum([0, *map(len, parts)]).astype(np.uint64)
    return path


def gains(k, bins=12):
    return np.arange(bins) + 10 * k - 1j * (np.arange(bins) + k)


def test_two_antennas(tmp_path):
    records = [
        (7, 1023, 3, 1, 0, gains(0)),  # a measurement that began before the trace
        (7, 1023, 8, 0, 0, gains(1)),
        (7, 1023, 8, 1, 0, gains(2)),
        (7, 0, 8, 0, 0, gains(3)),
        (7, 0, 8, 1, 0, gains(4)),
        (7, 0, 8, 0, 1, gains(5)),  # another port
    ]
    csi = oai.read_channel_estimates(write(tmp_path / "x.h5", records))
    assert csi.gains.shape == (2, 12, 2)
    assert (csi.gains[0, :, 1] == gains(2)).all() and (csi.gains[1, :, 0] == gains(3)).all()
    # Frame 0 comes after frame 1023.
    assert csi.sequence.tolist() == [1023 * 160 + 8, 1024 * 160 + 8]
    assert csi.time.tolist() == [1000.25, 1001.25]
    assert oai.read_channel_estimates(tmp_path / "x.h5", port=1).gains.shape == (1, 12, 1)


def test_which_user(tmp_path):
    path = write(tmp_path / "x.h5", [(7, 1, 0, 0, 0, gains(0)), (9, 2, 0, 0, 0, gains(1))])
    with pytest.raises(phy_sec.OutOfRangeError, match=r"\[7, 9\]"):
        oai.read_channel_estimates(path)
    with pytest.raises(phy_sec.OutOfRangeError, match="got 8"):
        oai.read_channel_estimates(path, rnti=8)
    assert (oai.read_channel_estimates(path, rnti=9).gains[0, :, 0] == gains(1)).all()


def test_hostile_files(tmp_path):
    path = tmp_path / "x.h5"
    record = (7, 1, 0, 0, 0, gains(0))
    with pytest.raises(phy_sec.MalformedError, match="there are"):
        oai.read_channel_estimates(write(path, [record], event="OTHER"))
    for name, values in [
        ("chest_f_offsets", [0, 1 << 40]),
        ("chest_f_offsets", [48, 0]),
        ("chest_f_offsets", [0]),
        ("frame", [1, 2, 3]),
        ("frame", [0.5]),
    ]:
        write(path, [record])
        with h5py.File(path, "r+") as file:
            del file[f"events/{EVENT}/{name}"]
            file[f"events/{EVENT}/{name}"] = np.array(values)
        with pytest.raises(phy_sec.MalformedError):
            oai.read_channel_estimates(path)
    # A column that claims a trillion numbers and holds none.
    write(path, [record])
    with h5py.File(path, "r+") as file:
        del file[f"events/{EVENT}/rnti"]
        file.create_dataset(f"events/{EVENT}/rnti", shape=(10**12,), chunks=(1024,), dtype="i4")
    with pytest.raises(phy_sec.MalformedError, match="no column rnti"):
        oai.read_channel_estimates(path)
    odd = [record, (7, 2, 0, 0, 0, gains(1, bins=11))]
    with pytest.raises(phy_sec.MalformedError, match="44, 48"):
        oai.read_channel_estimates(write(path, odd))
    with pytest.raises(phy_sec.TooShortError, match="port 3"):
        oai.read_channel_estimates(write(path, [record]), port=3)
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(OSError):
        oai.read_channel_estimates(path)
