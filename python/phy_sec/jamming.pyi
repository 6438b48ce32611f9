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
    state: dict[str, Any]

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
