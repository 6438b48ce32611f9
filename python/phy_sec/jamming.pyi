"""Jamming detection: from samples to timed events."""

from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Unpack

_Samples = NDArray[np.complex64]

class Config(TypedDict, total=False):
    center_frequency: float
    size: int
    looks: int
    pfa: float
    learn: float
    noise_power: float | None
    hold_blocks: int
    min_blocks: int
    min_duration: float
    min_occupancy: float
    max_duration: float
    standing: dict[str, Any]

class ArrayConfig(TypedDict, total=False):
    geometry: dict[str, Any]
    method: str
    sources: int | None
    criterion: str
    forward_backward: bool
    smoothing: int
    elevation: float
    grid: int

def directions(x: _Samples, **config: Unpack[ArrayConfig]) -> dict[str, Any]: ...
def direction_spectrum(
    x: _Samples, **config: Unpack[ArrayConfig]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def calibrate_array(
    x: _Samples, azimuth: float, **config: Unpack[ArrayConfig]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]: ...
def mitigate(
    x: _Samples, sample_rate: float, method: str, **config: Any
) -> tuple[_Samples, dict[str, Any]]: ...
def suggest(event: dict[str, Any], sample_rate: float, center_frequency: float = 0.0) -> dict[str, Any]: ...
def locate(measurements: list[dict[str, Any]], confidence: float = 0.95) -> dict[str, Any]: ...
def delay(x: _Samples, y: _Samples, sample_rate: float, most: float) -> dict[str, float]: ...
def same_sender(
    a: _Samples, b: _Samples, method: str = "difference", pfa: float = 0.01, **config: Any
) -> dict[str, Any]: ...
def secrecy_rate(main: float, eve: float) -> float: ...
def secrecy_outage(main: float, eve: float, rate: float) -> float: ...
def artificial_noise(symbols: _Samples, channel: _Samples, share: float, *, seed: int) -> _Samples: ...
def detect(
    x: _Samples, sample_rate: float, *, backend: str = "simd", **config: Unpack[Config]
) -> list[dict[str, Any]]: ...
@final
class Monitor:
    def __new__(cls, sample_rate: float, *, backend: str = "simd", **config: Unpack[Config]) -> Monitor: ...
    def push(self, x: _Samples) -> list[dict[str, Any]]: ...
    def finish(self) -> list[dict[str, Any]]: ...
    def gap(self, next: int) -> list[dict[str, Any]]: ...
    def reset(self) -> None: ...
    @property
    def config(self) -> dict[str, Any]: ...
    @property
    def counts(self) -> dict[str, int]: ...
