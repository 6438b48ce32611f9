"""Code-offset secure sketches."""

import numpy as np
import pytest
from phy_sec import OutOfRangeError, ShapeError
from phy_sec.keygen import SecureSketch


@pytest.mark.parametrize(("code", "m", "errors"), [("bch", 8, 10), ("reed_solomon", 8, 10), ("bch", 5, 3)])
def test_a_near_copy_gives_the_word_and_a_far_one_does_not(code, m, errors):
    rng = np.random.default_rng(1)
    sketch = SecureSketch(m, errors, code=code)
    assert sketch.corrects == errors and sketch.length == 2**m - 1
    symbols = 2**sketch.symbol_bits
    word = rng.integers(0, symbols, sketch.length, np.uint16)
    secret = rng.integers(0, symbols, sketch.length - sketch.checks, np.uint16)
    said = sketch.sketch(word, secret)
    for wrong in (0, 1, errors):
        copy = word.copy()
        places = rng.choice(len(word), wrong, replace=False)
        copy[places] ^= rng.integers(1, symbols, wrong, np.uint16)
        assert np.array_equal(sketch.recover(copy, said), word), wrong
    far = rng.integers(0, symbols, sketch.length, np.uint16)
    found = sketch.recover(far, said)
    assert found is None or not np.array_equal(found, word)


def test_what_cannot_be_is_refused():
    with pytest.raises(OutOfRangeError, match="code must be"):
        SecureSketch(8, 3, code="turbo")
    with pytest.raises(OutOfRangeError):
        SecureSketch(99, 3)
    with pytest.raises(OutOfRangeError):
        SecureSketch(4, 100)
    sketch = SecureSketch(5, 3)
    word = np.zeros(31, np.uint16)
    with pytest.raises(ShapeError, match=r"secret must have shape \[16\]"):
        sketch.sketch(word, word)
    with pytest.raises(ShapeError, match="16 to 31 symbols"):
        sketch.sketch(word[:15], word[:0])
    with pytest.raises(OutOfRangeError, match="symbols of 1 bits, got 2"):
        sketch.recover(word + np.uint16(2), word)
    with pytest.raises(ShapeError, match="uint16"):
        sketch.recover(np.zeros(31), word)
    with pytest.raises(ShapeError, match="sketch must have shape"):
        sketch.recover(word, word[:30])
