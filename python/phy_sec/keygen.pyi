"""Key generation: from two ends' measurements to one key, with the account of every bit, or to none."""

import os
from typing import Any, Literal, TypedDict, final, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Unpack

from . import Csi

_Source = str | os.PathLike[str] | bytes
_Measured = NDArray[np.float64] | Trace | Csi

class Config(TypedDict, total=False):
    pairing: dict[str, Any]
    component: Literal["magnitude", "log_magnitude", "real", "imaginary", "phase", "complex"]
    preprocess: list[dict[str, Any]] | None
    quantize: dict[str, Any] | None
    error_rate: dict[str, float]
    reconcile: dict[str, Any]
    security: dict[str, float]

@final
class Trace:
    def __new__(
        cls,
        values: NDArray[np.float64],
        *,
        sequence: NDArray[np.uint64] | None = None,
        time: NDArray[np.float64] | None = None,
        kind: Literal["rssi", "csi"] | None = None,
    ) -> Trace: ...
    def __len__(self) -> int: ...
    @property
    def values(self) -> NDArray[np.float64]: ...
    @property
    def kind(self) -> Literal["rssi", "csi"]: ...

@overload
def agree(
    alice: _Measured,
    bob: _Measured,
    *,
    eve: _Measured | dict[str, float] | None = None,
    seed: int,
    keys: Literal[True],
    backend: str = "simd",
    **config: Unpack[Config],
) -> tuple[dict[str, Any], tuple[bytes, bytes] | None]: ...
@overload
def agree(
    alice: _Measured,
    bob: _Measured,
    *,
    eve: _Measured | dict[str, float] | None = None,
    seed: int,
    keys: Literal[False] = False,
    backend: str = "simd",
    **config: Unpack[Config],
) -> dict[str, Any]: ...
def read_intel5300(source: _Source) -> Csi: ...
def read_series(source: _Source) -> Trace: ...
def read_pairs(source: _Source) -> tuple[Trace, Trace]: ...
def read_magnitudes(source: _Source) -> Trace: ...
def quantize(
    series: NDArray[np.float64],
    *,
    method: str = "guard_band",
    role: Literal["alice", "bob"] = "alice",
    announced: NDArray[np.uint64] | None = None,
    **config: Any,
) -> dict[str, Any]: ...
def quantizer_theory(
    rho: float, *, method: str = "guard_band", eve_rho: float = 0.5, **config: Any
) -> dict[str, float]: ...
def preprocess(
    series: NDArray[np.float64], *, method: str = "remove_trend", **config: Any
) -> NDArray[np.float64]: ...
def learn(
    series: NDArray[np.float64], steps: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], NDArray[np.float64], int]: ...
def methods() -> dict[str, list[str]]: ...
