"""Seeded scenes: noise, fading, a reciprocal link, what radios do to signals, jammers."""

from typing import Any, Literal, TypedDict, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Unpack

from . import Csi

_Samples = NDArray[np.complex64]

class FadingConfig(TypedDict, total=False):
    profile: Literal["flat", "tdl_a", "tdl_b", "tdl_c", "tdl_d", "tdl_e"]
    delay_spread: float
    doppler: float
    k_factor_db: float | None

class IqImbalance(TypedDict, total=False):
    gain_db: float
    phase: float

class Impairments(TypedDict, total=False):
    tx_iq: IqImbalance
    iq_offset: tuple[float, float] | list[float]
    phase_noise_linewidth: float
    cfo: float
    amplifier: dict[str, Any]
    turn_on: dict[str, float] | None
    sfo_ppm: float
    rx_iq: IqImbalance
    adc: dict[str, float] | None

class Asymmetry(TypedDict, total=False):
    ripple_db: float
    ripple_phase: float
    gain_db: float
    timing: float
    random_phase: bool

class LinkConfig(TypedDict, total=False):
    fading: FadingConfig
    rounds: int
    interval: float
    probing_delay: float
    subcarriers: int
    spacing: float
    antennas: int
    snr_db: float
    eve_snr_db: float
    eve: tuple[str, float] | dict[str, float]
    eve_antennas: int
    large_scale: dict[str, float]
    blocking: list[dict[str, float]]
    asymmetry: Asymmetry
    loss: float

def noise(n: int, power: float = 1.0, *, seed: int) -> _Samples: ...
def fade(x: _Samples, sample_rate: float, *, seed: int, **config: Unpack[FadingConfig]) -> _Samples: ...
def impair(x: _Samples, sample_rate: float, *, seed: int, **config: Unpack[Impairments]) -> _Samples: ...
def mix(
    victim: _Samples,
    jammer: dict[str, Any],
    ratio: tuple[str, Any] | dict[str, Any],
    sample_rate: float,
    *,
    seed: int,
) -> Mixed: ...
@final
class Mixed:
    @property
    def samples(self) -> _Samples: ...
    @property
    def jammer(self) -> _Samples: ...
    @property
    def active(self) -> list[tuple[int, int]]: ...

class Injection(TypedDict, total=False):
    share: float
    ends: Literal["both", "alice", "bob"]
    chosen: Literal["fading", "extremes"]
    snr_db: float
    burst: int

def inject(probes: Probes, *, seed: int, **config: Unpack[Injection]) -> Injected: ...
@final
class Injected:
    @property
    def alice(self) -> Csi: ...
    @property
    def bob(self) -> Csi: ...
    @property
    def known(self) -> Csi: ...
    @property
    def rounds(self) -> list[int]: ...

def link(*, seed: int, **config: Unpack[LinkConfig]) -> Probes: ...
@final
class Probes:
    @property
    def alice(self) -> Csi: ...
    @property
    def bob(self) -> Csi: ...
    @property
    def eve(self) -> Csi: ...

_Modulation = Literal["bpsk", "qpsk", "psk8", "qam16", "qam64", "qam256"]

class Wifi(TypedDict, total=False):
    rate: Literal["6", "9", "12", "18", "24", "36", "48", "54"]
    scrambler: int

class NrComb(TypedDict, total=False):
    resource_blocks: int
    numerology: int
    fft_size: int
    modulation: _Modulation
    pilot_symbols: list[int]
    identity: int

class SingleCarrier(TypedDict, total=False):
    modulation: _Modulation
    samples_per_symbol: int
    rolloff: float
    span: int

class Gfsk(TypedDict, total=False):
    samples_per_bit: int
    modulation_index: float
    bandwidth_time: float

class Lora(TypedDict, total=False):
    spreading_factor: int
    oversampling: int
    preamble: int
    sync_word: int

class Ook(TypedDict, total=False):
    samples_per_bit: int
    rise: int

def wifi(psdu: bytes, **config: Unpack[Wifi]) -> _Samples: ...
def nr_comb(slot: int = 0, *, seed: int, **config: Unpack[NrComb]) -> _Samples: ...
def single_carrier(symbols: NDArray[np.uint64], **config: Unpack[SingleCarrier]) -> _Samples: ...
def gfsk(bits: NDArray[np.bool_], **config: Unpack[Gfsk]) -> _Samples: ...
def lora(symbols: NDArray[np.uint64], **config: Unpack[Lora]) -> _Samples: ...
def ook(bits: NDArray[np.bool_], **config: Unpack[Ook]) -> _Samples: ...
