"""Channel estimates that OpenAirInterface traced: the HDF5 files of its T tracer's ``extract -format hdf5``. Needs ``h5py``."""

import os

import numpy as np

from . import Csi, MalformedError, OutOfRangeError, TooShortError

__all__ = ["read_channel_estimates"]


def read_channel_estimates(
    path: str | os.PathLike[str],
    *,
    event: str = "GNB_PHY_UL_FREQ_CHANNEL_ESTIMATE",
    buffer: str = "chest_f",
    rnti: int | None = None,
    port: int = 0,
) -> Csi:
    """Read the channel estimates of one user from a trace.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    event : str
        Which event: the group ``/events/EVENT/``.
    buffer : str
        Which of its buffers: ``BUFFER_data`` holds the bytes of all records, ``BUFFER_offsets`` where each begins and the last ends.
    rnti : int, optional
        Which user; may be left out where there is only one.
    port : int
        Which antenna port of the transmitter.

    Returns
    -------
    phy_sec.Csi
        Gains ``[time, subcarrier, antenna]`` in the order of the trace (bins of the FFT), raw numbers; times of the machine's clock,
        s; as sequence number the frame times 160 plus the subframe (or slot), its wrap at 1024 frames undone. Measurements that
        not all antennas have are left out.

    Raises
    ------
    ImportError
        There is no ``h5py``.
    OSError
        The file cannot be read.
    MalformedError
        It has no such event, or one that contradicts itself.
    OutOfRangeError
        Several users, and ``rnti`` does not say which, or one that is not there.
    TooShortError
        No complete measurement.

    Notes
    -----
    The layout is that of OpenAirInterface's page *Extract buffers to HDF5* and of its script
    ``common/utils/T/tracer/load_channel_estimates_hdf5.m``: little-endian 16-bit real and imaginary parts, a record for each antenna and
    port, those of one measurement one after the other.
    """
    import h5py

    # Every number that is stored takes a byte: what claims more is refused before anything is set aside for it.
    most = os.path.getsize(path)
    with h5py.File(path, "r") as file:
        group = file.get(f"events/{event}")
        if not isinstance(group, h5py.Group):
            there = list(file["events"]) if isinstance(file.get("events"), h5py.Group) else []
            raise MalformedError(f"{os.fspath(path)}: no event {event}; there are {there}")

        def column(name: str) -> np.ndarray:
            dataset = group.get(name)
            if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1 or dataset.dtype.kind not in "iu" or dataset.size > most:
                raise MalformedError(f"{os.fspath(path)}: {event} has no column {name} of whole numbers")
            return dataset[:].astype(np.int64)

        names = ["timestamp_sec", "timestamp_nsec", "rnti", "frame", "subframe", "antenna", "port"]
        columns = {name: column(name) for name in names}
        offsets, count = column(f"{buffer}_offsets"), len(columns["rnti"])
        data = group.get(f"{buffer}_data")
        if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.itemsize != 1 or data.size > most:
            raise MalformedError(f"{os.fspath(path)}: {event} has no bytes {buffer}_data")
        if any(len(values) != count for values in columns.values()) or len(offsets) != count + 1:
            raise MalformedError(f"{os.fspath(path)}: the columns of {event} do not have one entry for each of {count} records")
        if (np.diff(offsets) < 0).any() or offsets[0] < 0 or offsets[-1] > len(data):
            raise MalformedError(f"{os.fspath(path)}: {buffer}_offsets leaves {buffer}_data")

        users = np.unique(columns["rnti"])
        if rnti is None and len(users) > 1:
            raise OutOfRangeError(f"rnti must say which of the users {users.tolist()}")
        if rnti is not None and rnti not in users:
            raise OutOfRangeError(f"rnti must be one of {users.tolist()}; got {rnti}")
        wanted = columns["port"] == port
        if rnti is not None:
            wanted &= columns["rnti"] == rnti
        records = np.flatnonzero(wanted)
        lengths = offsets[records + 1] - offsets[records]
        if not len(records):
            raise TooShortError(f"{os.fspath(path)}: no estimate of port {port}")
        if (lengths != lengths[0]).any() or lengths[0] % 4 or not lengths[0]:
            raise MalformedError(f"{os.fspath(path)}: estimates of {sorted(set(lengths.tolist()))} bytes")

        # A measurement's antennas follow one another; it ends where the frame changes or an antenna comes again.
        antennas = np.unique(columns["antenna"][records]).tolist()
        found: list[dict[int, int]] = []
        before = None
        for record in records.tolist():
            antenna = int(columns["antenna"][record])
            now = (int(columns["frame"][record]), int(columns["subframe"][record]))
            if now != before or antenna in found[-1]:
                found.append({})
            before = now
            found[-1][antenna] = record
        complete = [measurement for measurement in found if len(measurement) == len(antennas)]
        if not complete:
            raise TooShortError(f"{os.fspath(path)}: no measurement of all antennas {antennas}")
        gains = np.empty((len(complete), int(lengths[0]) // 4, len(antennas)), np.complex64)
        for row, measurement in enumerate(complete):
            for place, antenna in enumerate(antennas):
                record = measurement[antenna]
                parts = np.frombuffer(data[offsets[record] : offsets[record + 1]].tobytes(), "<i2").reshape(-1, 2)
                gains[row, :, place] = parts[:, 0] + 1j * parts[:, 1]

    first = np.array([measurement[antennas[0]] for measurement in complete])
    time = columns["timestamp_sec"][first] + columns["timestamp_nsec"][first] * 1e-9
    frame = columns["frame"][first]
    # The shorter way round, as in every other reader.
    step = (np.diff(frame) + 512) % 1024 - 512
    frame = np.concatenate([frame[:1], frame[0] + np.cumsum(step)])
    sequence = (frame * 160 + columns["subframe"][first]).astype(np.uint64)
    return Csi(gains, time.astype(np.float64), sequence)
