"""Recordings: written here and read by the `sigmf` package, the other way round, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
import sigmf
from sigmf import SigMFFile

import phy_sec

ANNOTATION = {
    "core:sample_start": 100, "core:sample_count": 50, "core:freq_lower_edge": 433.8e6, "core:freq_upper_edge": 434.0e6,
    "core:label": "burst", "core:comment": "where the tone is",
}


@pytest.fixture
def x(noise):
    x = noise(5000)
    return (x / (1.01 * max(abs(x.real).max(), abs(x.imag).max()))).astype(np.complex64)


@pytest.mark.parametrize("datatype, step", [("cf32_le", 0), ("cf64_be", 0), ("ci16_le", 2**-16), ("ci8", 2**-8), ("cu8", 2**-8)])
@pytest.mark.parametrize("name", ["x.sigmf-meta", "x.sigmf"])
def test_the_sigmf_package_reads_what_is_written(tmp_path, x, name, datatype, step):
    path = tmp_path / name
    clipped = phy_sec.write(
        path, x, sample_rate=1e6, center_frequency=433.9e6, time="2026-01-31T12:00:00Z", annotations=[ANNOTATION],
        datatype=datatype, description="noise", author="a test", hardware="none", license="https://spdx.org/licenses/MIT.html",
    )
    assert clipped == 0
    reference = sigmf.fromfile(str(path))
    reference.validate()
    assert reference.get_global_field("core:sample_rate") == 1e6
    assert reference.get_global_field("core:datatype") == datatype
    assert reference.get_captures()[0]["core:frequency"] == 433.9e6
    assert reference.get_captures()[0]["core:datetime"].startswith("2026-01-31T12:00:00")
    assert reference.get_annotations() == [ANNOTATION]
    got = reference.read_samples()
    # sigmf-python puts offset binary half a code lower: that is a convention, not a sample.
    tolerance = 2 * step if datatype == "cu8" else step
    assert max(abs(got.real - x.real).max(), abs(got.imag - x.imag).max()) <= tolerance + 1e-7

    recording = phy_sec.read(path, verify=True)
    assert recording.samples.shape == (1, x.size) and recording.samples.dtype == np.complex64
    assert abs(recording.samples[0] - x).max() <= np.sqrt(2) * step + 1e-7
    assert recording.annotations == [ANNOTATION]
    assert recording.metadata["global"]["core:author"] == "a test"
    assert recording.info["sample_rate"] == 1e6 and recording.info["center_frequency"] == 433.9e6
    assert recording.info["samples"] == x.size and recording.info["duration"] == x.size / 1e6
    [block] = recording.blocks
    assert block["lost_before"] == 0 and block["time"].startswith("2026-01-31T12:00:00")


@pytest.mark.parametrize("datatype", ["cf32_le", "ci16_le", "ci16_be", "ci8", "cf64_le"])
def test_what_the_sigmf_package_writes_is_read(tmp_path, rng, x, datatype):
    """Two captures with different frequencies, a gap between them, annotations, unknown extensions."""
    scale = {"cf32_le": 1, "cf64_le": 1, "ci8": 127}.get(datatype, 32767)
    dtype = {"cf32_le": "<f4", "cf64_le": "<f8", "ci8": "i1", "ci16_le": "<i2", "ci16_be": ">i2"}[datatype]
    stored = np.round(x.view(np.float32) * scale) if scale > 1 else x.view(np.float32)
    data = tmp_path / "x.sigmf-data"
    stored.astype(dtype).tofile(data)
    meta = SigMFFile(
        data_file=str(data),
        global_info={
            "core:datatype": datatype, "core:sample_rate": 2e6, "core:version": "1.2.0", "other:key": [1, {"a": None}],
            "core:extensions": [{"name": "other", "version": "1.0.0", "optional": True}],
        },
    )
    meta.add_capture(0, {"core:frequency": 100e6, "core:global_index": 1000})
    meta.add_capture(3000, {"core:frequency": 101e6, "core:global_index": 4500})
    meta.add_annotation(100, 50, {"core:label": "burst", "other:confidence": 0.5})
    meta.validate()
    meta.tofile(str(tmp_path / "x.sigmf-meta"))

    recording = phy_sec.read(tmp_path / "x.sigmf-meta", verify=True)
    np.testing.assert_array_equal(recording.samples[0], meta.read_samples().astype(np.complex64))
    first, second = recording.blocks
    assert (first["samples"], first["center_frequency"], first["global_index"]) == (3000, 100e6, 1000)
    assert (second["sample_start"], second["center_frequency"], second["lost_before"]) == (3000, 101e6, 500)
    assert recording.metadata["global"]["other:key"] == [1, {"a": None}]
    assert recording.annotations[0]["other:confidence"] == 0.5
    part = phy_sec.read(tmp_path / "x.sigmf-meta", start=2990, count=20)
    np.testing.assert_array_equal(part.samples, recording.samples[:, 2990:3010])
    assert [block["samples"] for block in part.blocks] == [10, 10]


@pytest.mark.parametrize("name, datatype, step", [("x.cf32", None, 0), ("x.cs16", None, 2**-16), ("x.cu8", None, 2**-8), ("x.wav", "ci16_le", 2**-16), ("x.bin", "cf64_le", 0)])
def test_raw_files_and_wav_come_back(tmp_path, x, name, datatype, step):
    path = tmp_path / name
    phy_sec.write(path, x, sample_rate=48e3, datatype=datatype)
    recording = phy_sec.read(path, datatype=datatype if name.endswith("bin") else None, sample_rate=48e3)
    assert abs(recording.samples[0] - x).max() <= np.sqrt(2) * step + 1e-7
    assert recording.info["sample_rate"] == 48e3


def test_several_channels(tmp_path, noise):
    x = np.stack([noise(1000), noise(1000), noise(1000)])
    phy_sec.write(tmp_path / "x.sigmf-meta", x, sample_rate=1e6)
    np.testing.assert_array_equal(phy_sec.read(tmp_path / "x.sigmf-meta").samples, x)
    reference = sigmf.fromfile(str(tmp_path / "x.sigmf-meta"))
    reference.validate()
    np.testing.assert_array_equal(reference.read_samples().T, x)


def test_many_channels_and_a_large_count_take_the_memory_of_the_file(tmp_path):
    """16 kB that claim as many channels as may be: 8 TiB, if memory followed the caller's number."""
    data = np.arange(2 * 4096 * 2, dtype=np.int8)
    (tmp_path / "x.sigmf-data").write_bytes(data.tobytes())
    meta = {"core:datatype": "ci8", "core:version": "1.2.5", "core:num_channels": 4096, "core:sample_rate": 1e6}
    (tmp_path / "x.sigmf-meta").write_text(json.dumps({"global": meta, "captures": [], "annotations": []}))
    samples, where = phy_sec.open(tmp_path / "x.sigmf-meta").read(2**28)
    assert samples.shape == (4096, 2) and where["samples"] == 2
    np.testing.assert_array_equal(samples, phy_sec.read(tmp_path / "x.sigmf-meta").samples)
    samples, _ = phy_sec.open(tmp_path / "x.sigmf-meta", repeat=True).read(2**28)
    assert samples.shape == (4096, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reading_takes_the_memory_of_the_samples(tmp_path):
    """One array, and not its rows beside it: 32 MiB of bytes are 128 MiB of samples. Alone in its process."""
    (tmp_path / "x.cu8").write_bytes(bytes(2 << 24))
    script = """
import sys
import phy_sec
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
before = peak()
samples = phy_sec.read(sys.argv[1]).samples
print(peak() - before, samples.nbytes)
"""
    run = subprocess.run([sys.executable, "-c", script, tmp_path / "x.cu8"], capture_output=True, text=True, check=True)
    grown, size = map(int, run.stdout.split())
    assert size == 128 << 20 and grown < 1.3 * size, f"{grown / size:.2f} times the samples"


def test_a_stretch_of_an_endless_stream_grows(tmp_path, x):
    """Longer than a block, so that the array grows; the last piece is cut off."""
    phy_sec.write(tmp_path / "x.cf32", x)
    endless = phy_sec.read(f"file:{tmp_path / 'x.cf32'}?loop=true&rate=1M", count=700_001)
    np.testing.assert_array_equal(endless.samples[0], np.resize(x, 700_001))
    part = phy_sec.read(tmp_path / "x.cf32", start=x.size - 10, count=10**12)
    np.testing.assert_array_equal(part.samples[0], x[-10:])
    assert phy_sec.read(tmp_path / "x.cf32", count=0).samples.shape == (1, 0)


def test_block_by_block(tmp_path, x):
    """A sink and a source: a gap and a retuning begin new captures, and blocks end there."""
    sink = phy_sec.create(tmp_path / "x.sigmf-meta", sample_rate=1e6)
    sink.write(x[:1000], center_frequency=1e9)
    sink.write(x[1000:2000], center_frequency=1e9)
    sink.write(x[2000:3000], center_frequency=1e9, lost_before=77)
    sink.write(x[3000:].reshape(1, -1), center_frequency=2e9)
    sink.annotate({"core:sample_start": 2500})
    sink.finish()
    with pytest.raises(phy_sec.InputError, match="^this recording is finished: create another$"):
        sink.write(x)

    source, pieces, starts = phy_sec.open(tmp_path / "x.sigmf-meta"), [], []
    assert source.info["segments"] == 3 and len(source.metadata["captures"]) == 3
    while (block := source.read(700)) is not None:
        samples, where = block
        pieces.append(samples[0])
        starts.append((where["sample_start"], where["lost_before"], where["center_frequency"]))
    np.testing.assert_array_equal(np.concatenate(pieces), x)
    assert (2000, 77, 1e9) in starts and (3000, 0, 2e9) in starts
    source.seek(4321)
    assert source.read(1)[0][0, 0] == x[4321]


def test_repeating_and_reading_an_endless_stream(tmp_path, x):
    phy_sec.write(tmp_path / "x.cf32", x)
    endless = phy_sec.read(f"file:{tmp_path / 'x.cf32'}?loop=true&rate=1M", count=12_000)
    np.testing.assert_array_equal(endless.samples[0], np.tile(x, 3)[:12_000])
    with pytest.raises(phy_sec.InputError, match="has no end: give count"):
        phy_sec.read(f"file:{tmp_path / 'x.cf32'}?loop=true&rate=1M")
    assert phy_sec.open(tmp_path / "x.cf32", repeat=True, sample_rate=1e6).info["samples"] is None


def test_a_detectors_bursts_go_with_the_samples(tmp_path, noise):
    x = noise(100_000, 1e-4)
    x[30_000:40_000] += noise(10_000, 1e-2)
    annotations = [
        {"core:sample_start": burst.sample_start, "core:sample_count": burst.sample_count, "core:label": "burst"}
        for burst in phy_sec.find_bursts(x)
    ]
    phy_sec.write(tmp_path / "x.sigmf-meta", x, sample_rate=1e6, annotations=annotations)
    assert sigmf.fromfile(str(tmp_path / "x.sigmf-meta")).get_annotations() == annotations


def test_what_cannot_be_opened(tmp_path, x):
    missing = tmp_path / "missing.sigmf-meta"
    with pytest.raises(FileNotFoundError) as caught:
        phy_sec.read(missing)
    assert caught.value.filename is not None
    phy_sec.write(tmp_path / "x.cf32", x)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        phy_sec.write(tmp_path / "x.cf32", x)
    phy_sec.write(tmp_path / "x.cf32", x, overwrite=True)
    (tmp_path / "cut.cf32").write_bytes(b"1234567")
    with pytest.raises(phy_sec.MalformedError, match="7 bytes are not a whole number of samples of 8 bytes"):
        phy_sec.read(tmp_path / "cut.cf32")
    (tmp_path / "empty.cf32").write_bytes(b"")
    with pytest.raises(phy_sec.MalformedError, match="holds no samples"):
        phy_sec.read(tmp_path / "empty.cf32")
    (tmp_path / "x.bin").write_bytes(bytes(80))
    with pytest.raises(phy_sec.InputError, match="state the datatype"):
        phy_sec.read(tmp_path / "x.bin")
    (tmp_path / "x.sigmf-meta").write_text(json.dumps({"global": {}}))
    with pytest.raises(phy_sec.MalformedError):
        phy_sec.read(tmp_path / "x.sigmf-meta")
    with pytest.raises(phy_sec.InputError):
        phy_sec.read(tmp_path)


def test_samples_that_are_no_numbers(tmp_path, x):
    broken = x.copy()
    broken[1234] = np.nan
    broken.tofile(tmp_path / "x.cf32")
    with pytest.raises(phy_sec.NotFiniteError, match="^sample 1234 of channel 0 is not finite$"):
        phy_sec.read(tmp_path / "x.cf32")
    recording = phy_sec.read(tmp_path / "x.cf32", not_finite="zero")
    assert recording.samples[0, 1234] == 0 and recording.blocks[0]["not_finite"] == 1
    with pytest.raises(phy_sec.NotFiniteError):
        phy_sec.write(tmp_path / "y.cf32", broken)
    assert not (tmp_path / "y.cf32").exists()


@pytest.mark.parametrize(
    "options, text",
    [
        (dict(not_finite="keep"), 'not_finite must be "refuse" or "zero"; got "keep"'),
        (dict(sample_rate=-1.0), "sample_rate must be above 0 and at most 1e12 Hz, got -1"),
        (dict(channels=0), "channels must be from 1 to 4096, got 0"),
        (dict(datatype="ci12"), "`ci12` is not a datatype: expected one such as cf32_le, ci16_le, ci8 or cu8"),
        (dict(count=-1), "count must be a whole number within 0..=9223372036854775807; got -1"),
        (dict(start=-1), "start must be a whole number within 0..=2^64-1; got -1"),
        (dict(start=5001), "sample 5001 is outside 0..5000"),
    ],
)
def test_impossible_options(tmp_path, x, options, text):
    x.tofile(tmp_path / "x.cf32")
    with pytest.raises(phy_sec.OutOfRangeError) as caught:
        phy_sec.read(tmp_path / "x.cf32", **options)
    assert str(caught.value) == text


def test_annotations_that_are_none(tmp_path, x):
    for annotation, text in [({}, "core:sample_start"), ({"core:sample_start": -1}, "core:sample_start"), ({"core:sample_start": 5, "core:freq_lower_edge": 1.0}, "core:freq_upper_edge")]:
        with pytest.raises(phy_sec.MalformedError, match=text):
            phy_sec.write(tmp_path / "x.sigmf-meta", x, annotations=[annotation])
    with pytest.raises(phy_sec.InputError, match="time must be as 2026-01-31T12:00:00Z"):
        phy_sec.write(tmp_path / "x.sigmf-meta", x, time="yesterday")
    assert list(tmp_path.iterdir()) == []
