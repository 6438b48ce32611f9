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

_Detector = str | dict[str, Any]

def detectors() -> list[dict[str, Any]]: ...
def statistic(x: _Samples, detector: _Detector, *, backend: str = "simd") -> float: ...
def threshold(
    detector: _Detector, samples: int, pfa: float, *, trials: int = 400_000, seed: int = 1
) -> float: ...
@final
class WindowTest:
    def __new__(
        cls,
        detector: _Detector,
        samples: int,
        pfa: float,
        *,
        trials: int = 400_000,
        seed: int = 1,
        backend: str = "simd",
    ) -> WindowTest: ...
    def push(self, x: _Samples) -> list[dict[str, Any]]: ...
    def gap(self, next: int) -> None: ...
    def reset(self) -> None: ...
    @property
    def threshold(self) -> float: ...

def cfar(cells: NDArray[np.float32], **config: Any) -> list[dict[str, Any]]: ...
def cfar_multiplier(cfar: dict[str, Any], looks: int, training: int, pfa: float) -> float: ...
def spectral_kurtosis_thresholds(
    m: int, shape: float = 1.0, tail: float = 0.0013498980316300933, law: str | None = None
) -> tuple[float, float]: ...
def tracy_widom_quantile(order: int, p: float) -> float: ...
def average_run_length(k: float, h: float, shift: float = 0.0) -> float: ...
def source_number(
    eigenvalues: NDArray[np.float64], samples: int, criterion: str | None = None
) -> int: ...
