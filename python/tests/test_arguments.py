"""Every error names the argument, says what was wrong with it and what to do."""

import numpy as np
import pytest

import phy_sec

X = np.ones(10, np.complex64)
A = "x must be a 1-D complex64 array; got "
ARRAYS = [
    ([1, 2], A + "list: use np.asarray(x, np.complex64)"),
    (None, A + "NoneType: use np.asarray(x, np.complex64)"),
    (np.complex64(1), A + "complex64: use np.asarray(x, np.complex64)"),
    (np.zeros((3, 4)), A + "float64 of shape (3, 4): use np.ascontiguousarray(x, np.complex64)"),
    (X.astype(np.complex128), A + "complex128 of shape (10,): use np.ascontiguousarray(x, np.complex64)"),
    (X.astype(">c8"), A + ">c8 of shape (10,): use np.ascontiguousarray(x, np.complex64)"),
    (X.reshape(2, 5), A + "complex64 of shape (2, 5): pass one row at a time, or x.ravel() for a single series"),
    (X[::2], A + "complex64 of shape (5,) with gaps in memory: use np.ascontiguousarray(x)"),
    (X[::-1], A + "complex64 of shape (10,) with gaps in memory: use np.ascontiguousarray(x)"),
    (X.sum(keepdims=True).reshape(()), A + "complex64 of shape (): use x.reshape(1)"),
]
FUNCTIONS = [
    lambda x: phy_sec.energy(x),
    lambda x: phy_sec.moments(x),
    lambda x: phy_sec.autocorrelation(x, 1),
    lambda x: phy_sec.rotate(x, 1.0, 2.0),
    lambda x: phy_sec.Nco(1.0, 2.0).push(x),
    lambda x: phy_sec.stft_power(x),
    lambda x: phy_sec.spectrogram(x),
    lambda x: phy_sec.welch(x),
    lambda x: phy_sec.Stft().push(x),
    lambda x: phy_sec.find_bursts(x),
    lambda x: phy_sec.BurstDetector().push(x),
]


@pytest.mark.parametrize("array, text", ARRAYS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_arrays(function, array, text):
    with pytest.raises(phy_sec.ShapeError) as caught:
        function(array)
    assert str(caught.value) == text


def test_unaligned_samples():
    x = np.frombuffer(b"\0" * 81, np.uint8)[1:].view(np.complex64)
    with pytest.raises(phy_sec.ShapeError, match="with gaps in memory: use np.ascontiguousarray"):
        phy_sec.energy(x)


def test_what_the_advice_makes_is_accepted():
    for wrong in [[1, 2], np.zeros(4), X.astype(">c8"), X[::2]]:
        phy_sec.energy(np.ascontiguousarray(wrong, np.complex64))


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda: phy_sec.energy(X, backend="cuda"), "OutOfRangeError",
         'backend must be "scalar", "simd" or "gpu"; got "cuda": phy_sec.backends() lists what is here'),
        (lambda: phy_sec.autocorrelation(X, -1), "OutOfRangeError",
         "lag must be a whole number within 0..=9223372036854775807; got -1"),
        (lambda: phy_sec.autocorrelation(X, 1.5), "OutOfRangeError",
         "lag must be a whole number within 0..=9223372036854775807; got 1.5"),
        (lambda: phy_sec.conjugate_dot(X, X[:3]), "ShapeError", "b must be as long as a, 10 samples; got 3"),
        (lambda: phy_sec.rotate(X, 1.0, -1.0), "OutOfRangeError", "sample_rate must be above 0 Hz and finite, got -1"),
        (lambda: phy_sec.window("hann", 1 << 40), "OutOfRangeError",
         "n must be a whole number within 0..=268435456; got 1099511627776"),
        (lambda: phy_sec.window(("tukey", 1.5), 8), "OutOfRangeError", "window must be within 0..=1 (tukey), got 1.5"),
        (lambda: phy_sec.stft_power(X, size=0), "OutOfRangeError", "size must be within 1..=16777216, got 0"),
        (lambda: phy_sec.stft_power(X, hop=0), "OutOfRangeError", "hop must be at least 1, got 0"),
        (lambda: phy_sec.stft_power(X, sample_rate=0.0), "OutOfRangeError",
         "sample_rate must be above 0 Hz and finite, got 0"),
        (lambda: phy_sec.stft_power(X, size="a"), "InputError",
         'stft_power: size: invalid type: string "a", expected a whole number of at least 0'),
        (lambda: phy_sec.stft_power(X, size=-1), "InputError",
         "stft_power: size: invalid value: integer `-1`, expected a whole number of at least 0"),
        (lambda: phy_sec.stft_power(X, size=2**80), "InputError", f"size must fit 64 bits; got {2**80}"),
        (lambda: phy_sec.stft_power(X, sample_rate=float("nan")), "NotFiniteError", "sample_rate must be finite; got NaN"),
        (lambda: phy_sec.stft_power(X, window=object()), "InputError",
         "window must be a number, a text, a list or a dict; got object"),
        (lambda: phy_sec.stft_power(X, window={1: 2}), "InputError",
         "window: the keys of a dict must be text; got 1"),
        (lambda: phy_sec.stft_power(X, sizze=4), "InputError",
         "stft_power: unknown keyword `sizze`, expected one of "
         "`size`, `hop`, `window`, `scaling`, `detrend`, `sample_rate`"),
        (lambda: phy_sec.spectrogram(X, size=11), "TooShortError", "spectrogram needs at least 11 samples, got 10"),
        (lambda: phy_sec.welch(X, size=11), "TooShortError", "Welch's estimate needs at least 11 samples, got 10"),
        (lambda: phy_sec.defaults("nothing"), "InputError", None),
        (lambda: phy_sec.find_bursts(X, pfa=0.5), "OutOfRangeError", None),
        (lambda: phy_sec.pack_bits(X), "ShapeError",
         "bits must be a 1-D bool array; got complex64 of shape (10,): use np.ascontiguousarray(bits, np.bool_)"),
    ],
)
def test_values(call, kind, text):
    with pytest.raises(phy_sec.InputError) as caught:
        call()
    assert type(caught.value).__name__ == kind
    assert isinstance(caught.value, ValueError)
    if text is not None:
        assert str(caught.value) == text


def test_a_keyword_that_a_function_has_not():
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        phy_sec.energy(X, foo=1)


def test_samples_that_are_no_numbers():
    x = X.copy()
    x[7] = np.inf
    for function in [phy_sec.find_bursts, lambda x: phy_sec.welch(x, size=4), lambda x: phy_sec.Stft().push(x)]:
        with pytest.raises(phy_sec.NotFiniteError, match="holds a NaN or an infinity at index 7"):
            function(x)


def test_numpy_scalars_are_numbers():
    a = phy_sec.stft_power(X, size=np.int64(4), hop=np.uint8(2), sample_rate=np.float32(2.0))
    np.testing.assert_array_equal(a, phy_sec.stft_power(X, size=4, hop=2, sample_rate=2.0))


def test_none_is_the_default():
    np.testing.assert_array_equal(phy_sec.stft_power(X, size=4, window=None), phy_sec.stft_power(X, size=4))


def test_read_only_samples_are_welcome():
    x = X.copy()
    x.flags.writeable = False
    assert phy_sec.energy(x) == 10


def test_errors_are_what_they_are_to_python():
    assert issubclass(phy_sec.InputError, ValueError)
    for error in [phy_sec.TooShortError, phy_sec.OutOfRangeError, phy_sec.ShapeError, phy_sec.NotFiniteError, phy_sec.MalformedError]:
        assert issubclass(error, phy_sec.InputError) and error.__module__ == "phy_sec"
    assert issubclass(phy_sec.BackendError, RuntimeError) and issubclass(phy_sec.InternalError, RuntimeError)
