"""Sample formats against NumPy's own, in every datatype that SigMF can name."""

import numpy as np
import pytest
from sigmf import SigMFFile

import phy_sec

# Full scale and the middle code: `value = (code - middle) / scale`.
FORMATS = {
    "i8": (128, 0), "i16": (2**15, 0), "i32": (2**31, 0),
    "u8": (128, 127.5), "u16": (2**15, 32767.5), "u32": (2**31, 2147483647.5),
    "f32": (1, 0), "f64": (1, 0),
}
DATATYPES = [
    f"{kind}{number}{order}"
    for kind in "cr"
    for number in FORMATS
    for order in ([""] if number[1:] == "8" else ["_le", "_be"])
]


def codes(rng, datatype, n):
    """Random components over the whole range, as NumPy stores them in that format."""
    number, big = datatype[1:].split("_")[0], datatype.endswith("_be")
    dtype = np.dtype(f"{'>' if big else '<'}{number[0]}{int(number[1:]) // 8}")
    if number[0] == "f":
        return rng.uniform(-1, 1, n).astype(dtype)
    limits = np.iinfo(dtype)
    drawn = rng.integers(limits.min, limits.max, n, dtype=dtype.newbyteorder("="), endpoint=True)
    drawn[:2] = limits.min, limits.max
    return drawn.astype(dtype)


@pytest.mark.parametrize("backend", ["scalar", "simd"])
@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_format_is_numpys(rng, datatype, backend):
    for n in [2, 6, 8, 130, 4096]:
        stored = codes(rng, datatype, n)
        scale, middle = FORMATS[datatype[1:].split("_")[0]]
        real = (stored.astype(np.float64) - middle) / scale
        want = real.astype(complex) if datatype[0] == "r" else real[0::2] + 1j * real[1::2]
        for data in [stored.tobytes(), bytearray(stored.tobytes()), memoryview(stored.tobytes()), stored]:
            got = phy_sec.convert(data, datatype, backend=backend)
            assert got.dtype == np.complex64 and got.shape == want.shape
            # Rounded once: half a unit in the last place of each component.
            for part in [np.real, np.imag]:
                np.testing.assert_array_equal(part(got), part(want).astype(np.float32))


@pytest.mark.parametrize("datatype", ["ci8", "ci16_le", "ci16_be", "ci32_le", "cf32_le", "cf64_le", "cf32_be"])
def test_the_scale_is_that_of_sigmf_python(rng, tmp_path, datatype):
    stored = codes(rng, datatype, 512)
    path = tmp_path / "x.sigmf-data"
    path.write_bytes(stored.tobytes())
    reference = SigMFFile(
        {"global": {"core:datatype": datatype, "core:version": "1.2.0"}, "captures": [{"core:sample_start": 0}], "annotations": []}
    )
    reference.set_data_file(path)
    np.testing.assert_array_equal(phy_sec.convert(stored, datatype), reference.read_samples().astype(np.complex64))


def test_other_tools_names():
    data = bytes(range(16))
    for name, sigmf in [("cs8", "ci8"), ("CS16", "ci16_le"), ("sc16", "ci16_le"), ("complex64", "cf32_le"), (".cu8", "cu8")]:
        np.testing.assert_array_equal(phy_sec.convert(data, name), phy_sec.convert(data, sigmf))


def test_nothing_is_nothing():
    assert phy_sec.convert(b"", "cu8").shape == (0,)
    assert phy_sec.convert(np.empty(0, np.int16), "ci16_le").shape == (0,)


def test_a_nan_goes_through():
    x = phy_sec.convert(np.array([np.nan, 1, 2, np.inf], np.float32), "cf32_le")
    assert np.isnan(x[0].real) and np.isinf(x[1].imag)


@pytest.mark.parametrize(
    "data, datatype, kind, text",
    [
        (b"1234567", "ci16_le", "ShapeError", "data must hold whole samples of ci16_le, 4 bytes each; got 7 bytes"),
        (b"12", "ci12", "OutOfRangeError", "`ci12` is not a datatype: expected one such as cf32_le, ci16_le, ci8 or cu8"),
        ("text", "cu8", "ShapeError", "data must be bytes or an array; got str: use bytes(data) or np.asarray(data)"),
        (7, "cu8", "ShapeError", "data must be bytes or an array; got int: use bytes(data) or np.asarray(data)"),
        (np.zeros((4, 4), np.uint8)[:, ::2], "cu8", "ShapeError",
         "data must be contiguous; got an array with gaps in memory: use np.ascontiguousarray(data)"),
    ],
)
def test_errors(data, datatype, kind, text):
    with pytest.raises(phy_sec.InputError) as caught:
        phy_sec.convert(data, datatype)
    assert (type(caught.value).__name__, str(caught.value)) == (kind, text)
