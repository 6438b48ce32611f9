"""Physical-layer security for NumPy: radio samples in, security decisions out.

=========================  ==========================================================================================
``phy_sec``                samples, spectra, filters, bits, bursts; recordings: ``read``, ``write``, ``open``, ``create``
``phy_sec.keygen``         what two ends measured of one channel to a key and its ledger, or no key
``phy_sec.fingerprint``    bursts to the enrolled transmitter that sent them, or unknown
``phy_sec.jamming``        samples to timed events: what kind of jammer, where in time and frequency, how sure
``phy_sec.sim``            seeded scenes: noise, fading, a reciprocal link, waveforms, radio impairments, jammers
=========================  ==========================================================================================

Arrays are borrowed as they lie in memory, and work is done without the interpreter lock. Configuration is by keyword, with the
library's own names: ``phy_sec.defaults("stft")`` lists them. What cannot be used is an :class:`InputError` (a ``ValueError``)
that says what to do; *no key*, *unknown transmitter* and *no jammer* are values.

Examples
--------
A key from a moving link, the same at both ends, and none where the channel stands still:

>>> from phy_sec import fingerprint, jamming, keygen, sim
>>> probes = sim.link(rounds=6000, interval=1.0, subcarriers=1, snr_db=30.0, seed=1)
>>> report, (alice, bob) = keygen.agree(probes.alice, probes.bob, eve=probes.eve, seed=1, keys=True)
>>> alice == bob, report["released_bits"] > 128
(True, True)
>>> still = sim.link(rounds=1000, interval=1.0, subcarriers=1, snr_db=30.0, fading={"doppler": 0.0}, seed=1)
>>> keygen.agree(still.alice, still.bob, seed=1)["released_bits"]
0

A burst of an unmodulated carrier in noise, and how far it is off:

>>> import numpy as np
>>> x = sim.noise(20_000, 1e-4, seed=1)
>>> x[8_000:12_000] += (0.5 * np.exp(2j * np.pi * 0.012 * np.arange(4_000))).astype(np.complex64)
>>> burst, = phy_sec.find_bursts(x)
>>> abs(burst.sample_start - 8_000) < 64 and abs(burst.sample_count - 4_000) < 128
True
>>> cfo, *_ = [row for row in fingerprint.features(x, 1e6, burst) if row["feature"] == "cfo"]
>>> round(cfo["value"], -2)
12000.0

A jammer in a stream:

>>> tone = {"kind": "window", "start": 0.2, "duration": 0.1, "of": {"kind": "tone", "frequency": 137e3}}
>>> mixed = sim.mix(sim.noise(400_000, 1.0, seed=1), tone, ("jsr", 5.0), 1e6, seed=1)
>>> event, = jamming.detect(mixed.samples, 1e6, learn=0.1)
>>> event["class"], round(event["core:sample_start"] / 1e6, 2)
('tone', 0.2)
"""

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
