"""Fingerprinting: which enrolled transmitter sent a burst, or that none of them did."""

from typing import Any, Literal, TypedDict, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Unpack

from . import Burst, BurstConfig

_Samples = NDArray[np.complex64]
_Features = list[
    Literal["cfo", "cyclic", "iq_imbalance", "iq_offset", "transient", "spectrum", "envelope", "frequency"]
]

class MeasureConfig(TypedDict, total=False):
    bursts: BurstConfig
    features: _Features
    min_snr_db: float
    segment: int
    max_per_recording: int

class EnrollConfig(TypedDict, total=False):
    classifier: Literal["lda", "nearest_centroid"]
    false_rejection: float

class EvaluateConfig(TypedDict, total=False):
    split: Literal["recording", "random"]
    folds: int | None
    enroll: EnrollConfig

def names(features: _Features | None = None) -> list[str]: ...
def features(
    x: _Samples, sample_rate: float, burst: Burst | None = None, *, features: _Features | None = None
) -> list[dict[str, Any]]: ...
def impairments(
    x: _Samples,
    sample_rate: float,
    reference: _Samples | None = None,
    *,
    used: tuple[int, int] | None = None,
    start: int | None = None,
    search: int = 8,
    dc: bool = False,
    amplifier: bool = False,
) -> list[dict[str, Any]]: ...
def replies(x: _Samples, sample_rate: float) -> list[dict[str, Any]]: ...
def measure(
    x: _Samples, sample_rate: float, *, backend: str = "simd", **config: Unpack[MeasureConfig]
) -> Measurement: ...
@final
class Measurement:
    def __new__(
        cls,
        bursts: NDArray[np.float64],
        names: list[str],
        *,
        noise: NDArray[np.float64] | None = None,
        sample_rate: float | None = None,
    ) -> Measurement: ...
    def __len__(self) -> int: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def bursts(self) -> NDArray[np.float64]: ...
    @property
    def noise(self) -> NDArray[np.float64]: ...
    @property
    def sample_rate(self) -> float | None: ...
    @property
    def ranges(self) -> list[tuple[int, int]]: ...
    @property
    def noise_ranges(self) -> list[tuple[int, int]]: ...
    @property
    def weak(self) -> int: ...
    @property
    def continuous(self) -> bool: ...

@final
class Stream:
    def __new__(cls, sample_rate: float, *, backend: str = "simd", **config: Unpack[MeasureConfig]) -> Stream: ...
    def push(self, x: _Samples) -> Measurement: ...
    def finish(self) -> Measurement: ...
    def reset(self, start: int = 0) -> None: ...

def enroll(
    measurements: list[Measurement],
    emitters: list[str],
    recordings: list[str] | None = None,
    **config: Unpack[EnrollConfig],
) -> Gallery: ...
def evaluate(
    measurements: list[Measurement],
    emitters: list[str],
    recordings: list[str] | None = None,
    *,
    enrolled: list[bool] | None = None,
    source: str = "",
    seed: int = 0,
    **config: Unpack[EvaluateConfig],
) -> dict[str, Any]: ...
@final
class Gallery:
    def __new__(cls, json: str | bytes) -> Gallery: ...
    def to_json(self) -> str: ...
    def identify(self, measurement: Measurement) -> list[dict[str, Any]]: ...
    def identify_all(self, measurement: Measurement) -> dict[str, Any]: ...
    @property
    def emitters(self) -> list[str]: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def sample_rate(self) -> float | None: ...
    @property
    def threshold(self) -> float: ...
