"""Physical-layer security for NumPy: radio samples in, security decisions out."""

import sys

from ._native import (
    BackendError,
    Burst,
    BurstDetector,
    Channelizer,
    Csi,
    Decimator,
    Fir,
    InputError,
    InternalError,
    MalformedError,
    Nco,
    NotFiniteError,
    OutOfRangeError,
    Recording,
    ShapeError,
    Sink,
    Source,
    Spectrogram,
    Stft,
    Template,
    TooShortError,
    autocorrelation,
    backends,
    channelize,
    conjugate_dot,
    convert,
    create,
    cross_correlate,
    decimate,
    defaults,
    energy,
    estimate_channel,
    find_bursts,
    fingerprint,
    fir,
    jamming,
    keygen,
    moments,
    open,
    pack_bits,
    read,
    rotate,
    sim,
    spectrogram,
    stft_power,
    toeplitz_hash,
    unpack_bits,
    welch,
    window,
    write,
)


def _name(module, name):
    """The functions live in the extension; they get the names under which they are imported, printed and pickled."""
    module.__name__ = name
    sys.modules[name] = module
    for thing in list(vars(module).values()):
        if isinstance(thing, type(energy)):
            thing.__module__ = name


_name(sys.modules[__name__], __name__)
for _module in [fingerprint, jamming, keygen, sim]:
    _name(_module, f"{__name__}.{_module.__name__.rpartition('.')[2]}")
