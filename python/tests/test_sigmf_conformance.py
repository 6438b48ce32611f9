"""SigMF of `sdr-io` against the Python package `sigmf`, in both directions.

What `sdr-io` writes validates there, opens with its checksum, and has the same samples, captures and annotations;
what `sigmf` writes, pairs and archives, opens in `sdr-io` with the same samples. Needs cargo and `pip install sigmf`.
"""

import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def missing(what):
    """A skip that is a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing", pytrace=False)
    pytest.skip(f"{what} is missing", allow_module_level=True)


try:
    import sigmf
    from sigmf import SigMFFile
except ImportError:
    missing("the Python package sigmf")
if shutil.which("cargo") is None:
    missing("cargo")

NUMBERS = ["f32", "f64", "i32", "i16", "u32", "u16"]
DATATYPES = [f"{kind}{number}_{order}" for kind in "cr" for number in NUMBERS for order in ("le", "be")]
DATATYPES += ["ci8", "cu8", "ri8", "ru8"]


@pytest.fixture(scope="session")
def examples():
    """Where the two examples are, freshly built."""
    command = ["cargo", "build", "-q", "--message-format=json", "-p", "phy-sec-sdr-io", "--examples"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    artifacts = [json.loads(line) for line in lines]
    return {a["target"]["name"]: a["executable"] for a in artifacts if a.get("executable")}


@pytest.fixture(scope="session")
def written(examples, tmp_path_factory):
    """The recordings that `sdr-io` wrote."""
    folder = tmp_path_factory.mktemp("written")
    subprocess.run([examples["write_sigmf"], folder], check=True)
    return folder


def dump(examples, path, output):
    """What `sdr-io` reads: (info, blocks, samples as [channel, sample])."""
    text = subprocess.run([examples["dump"], path, output], check=True, capture_output=True, text=True).stdout
    info, *blocks = map(json.loads, text.splitlines())
    return info, blocks, np.fromfile(output, np.complex64).reshape(info["channels"], -1)


def offset_binary(datatype):
    """`sigmf` puts zero on the code 2^(n-1), `kernels::convert` between it and the code below."""
    bits = {"u8": 8, "u16": 16, "u32": 32}.get(datatype[1:].split("_")[0])
    return 0 if bits is None else 2.0**-bits


@pytest.mark.parametrize("extension", ["sigmf-meta", "sigmf"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("datatype", DATATYPES)
def test_what_is_written_validates_and_reads_equal(written, datatype, channels, extension):
    path = written / f"{datatype}-{channels}.{extension}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recording = sigmf.fromfile(path)  # with its checksum
        recording.validate()
    assert recording.get_global_field("core:datatype") == datatype
    assert recording.sample_rate == 1e6
    assert recording.sample_count == 1000
    captures = recording.get_captures()
    assert [c["core:sample_start"] for c in captures] == [0, 400, 700]
    assert [c["core:global_index"] for c in captures] == [0, 450, 750]
    assert [c["core:frequency"] for c in captures] == [868e6, 868e6, 433.92e6]
    assert captures[0]["core:datetime"] == "2026-01-31T12:00:00.25Z"
    assert captures[1]["core:datetime"] == "2026-01-31T12:00:00.25045Z"
    annotations = recording.get_annotations()
    assert [a["core:sample_start"] for a in annotations] == [0, 100]
    assert annotations[1]["core:label"] == "burst"
    assert annotations[1]["phy-sec:statistic"] == 12.5

    got = recording.read_samples().reshape(1000, channels).T
    want = 0.9 * np.exp(0.01j * np.arange(1, channels + 1)[:, None] * np.arange(1000))
    if datatype.startswith("r"):
        want = want.real
    number = datatype[1:].split("_")[0]
    step = {"8": 2**-7, "6": 2**-15}.get(number[-1], 5e-6)  # the phases are float32
    shift = offset_binary(datatype) * (1 + 1j if datatype.startswith("c") else 1)
    assert np.abs(got + shift - want).max() <= step


@pytest.mark.parametrize("extension", ["sigmf-meta", "sigmf"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("datatype", DATATYPES)
def test_what_python_writes_reads_equal(examples, tmp_path, datatype, channels, extension):
    rng = np.random.default_rng(7)
    number = datatype[1:].split("_")[0]
    order = ">" if datatype.endswith("_be") else "<"
    code = np.dtype(f"{order}{number[0]}{int(number[1:]) // 8}")
    shape = (600, channels, 2 if datatype.startswith("c") else 1)
    if code.kind == "f":
        stored = rng.uniform(-1, 1, shape).astype(code)
    else:
        limits = np.iinfo(code)
        stored = rng.integers(limits.min, limits.max, shape, endpoint=True).astype(code)
    data = tmp_path / "x.sigmf-data"
    stored.tofile(data)
    recording = SigMFFile(
        data_file=data,
        global_info={
            "core:datatype": datatype,
            "core:sample_rate": 48000,
            "core:num_channels": channels,
            "core:description": "Ünïcode",
            "core:extensions": [{"name": "zoo", "version": "1.0.0", "optional": True}],
            "zoo:keeper": {"name": ["x", 1, None]},
        },
    )
    recording.add_capture(0, metadata={"core:frequency": 1e9, "core:datetime": "2026-01-31T12:00:00.000000Z"})
    recording.add_capture(100, metadata={"core:frequency": 1e9, "core:global_index": 160})
    recording.add_annotation(50, 20, metadata={"core:label": "burst", "zoo:animal": "bear"})
    path = tmp_path / f"x.{extension}"
    recording.tofile(path)
    if extension == "sigmf":
        data.unlink()  # it is in the archive

    info, blocks, samples = dump(examples, path, tmp_path / "out.cf32")
    assert (info["datatype"], info["channels"], info["samples"]) == (datatype, channels, 600)
    assert (info["sample_rate"], info["description"]) == (48000, "Ünïcode")
    assert [b["lost_before"] for b in blocks] == [0, 60]
    assert [b["samples"] for b in blocks] == [100, 500]
    assert blocks[0]["datetime"] == "2026-01-31T12:00:00Z"
    assert info["annotations"] == [
        {"core:sample_start": 50, "core:sample_count": 20, "core:label": "burst", "zoo:animal": "bear"}
    ]
    want = sigmf.fromfile(path).read_samples().reshape(600, channels).T
    shift = offset_binary(datatype) * (1 + 1j if datatype.startswith("c") else 1)
    # Floating point and up to 16 bits are exact; 32 bits are rounded to float32, there and here.
    tolerance = 1e-6 if number in ("i32", "u32") else 1e-7 if number == "f64" else 0
    assert np.abs(samples - (want + shift)).max() <= tolerance


def test_a_non_conforming_dataset_in_an_archive(examples, tmp_path):
    """A header, a trailer and a name of its own, as `sigmf` archives it."""
    samples = np.arange(40, dtype=np.int16)
    (tmp_path / "x.dat").write_bytes(b"HEADER" + samples.tobytes() + b"END")
    recording = SigMFFile(
        global_info={"core:datatype": "ci16_le", "core:dataset": "x.dat", "core:trailing_bytes": 3}
    )
    recording.add_capture(0, metadata={"core:header_bytes": 6})
    recording.set_data_file(tmp_path / "x.dat", offset=6)
    for name in ("y.sigmf-meta", "y.sigmf"):
        recording.tofile(tmp_path / name)
        _, _, got = dump(examples, tmp_path / name, tmp_path / "out.cf32")
        assert np.array_equal(got.view(np.float32)[0] * 32768, samples)
