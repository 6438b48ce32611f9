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
    antennas: Literal["first", "all"]
    calibrate: dict[str, Any]
    active: dict[str, float]
    preprocess: list[dict[str, Any]] | None
    quantize: dict[str, Any] | None
    error_rate: dict[str, float]
    reconcile: dict[str, Any]
    security: dict[str, Any]

class RandomnessConfig(TypedDict, total=False):
    alpha: float
    tests: list[str]
    exact: bool
    parallel: bool
    block_frequency: dict[str, int]
    non_overlapping: dict[str, int]
    overlapping: dict[str, int]
    universal: dict[str, int | None]
    linear_complexity: dict[str, int]
    serial: dict[str, int]
    approximate_entropy: dict[str, int]

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
def randomness(
    bits: NDArray[np.bool_], *, sequences: int = 1, **config: Unpack[RandomnessConfig]
) -> dict[str, Any]: ...
@overload
def reconcile(
    alice: np.ndarray[tuple[int], np.dtype[np.bool_]],
    bob: np.ndarray[tuple[int], np.dtype[np.bool_]],
    error_rate: float,
    *,
    seed: int,
    method: str = "cascade",
    **config: Any,
) -> tuple[NDArray[np.bool_], int, int]: ...
@overload
def reconcile(
    alice: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    bob: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    error_rate: float,
    *,
    seed: int,
    method: str = "cascade",
    **config: Any,
) -> tuple[NDArray[np.bool_], NDArray[np.uint64], NDArray[np.uint64]]: ...
def reconcile_strings(
    alice: NDArray[np.bool_], bob: NDArray[np.bool_], *, seed: int, **config: Unpack[Config]
) -> tuple[dict[str, Any], tuple[NDArray[np.bool_], NDArray[np.bool_]] | None]: ...
def amplify(
    bits: NDArray[np.bool_],
    min_entropy: float,
    leaked: int,
    *,
    seed: bytes,
    epsilon: float = 9.094947017729282e-13,
    hash: Literal["toeplitz", "modified_toeplitz"] = "toeplitz",
    backend: str = "simd",
) -> bytes | None: ...
def estimate_error_rate(
    errors: int, compared: int, *, weight: int = 1, confidence: float = 0.95
) -> dict[str, float]: ...
@final
class SecureSketch:
    def __init__(self, m: int, errors: int, *, code: Literal["bch", "reed_solomon"] = "bch") -> None: ...
    @property
    def symbol_bits(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def checks(self) -> int: ...
    @property
    def corrects(self) -> int: ...
    def sketch(self, word: NDArray[np.uint16], secret: NDArray[np.uint16]) -> NDArray[np.uint16]: ...
    def recover(
        self, copy: NDArray[np.uint16], sketch: NDArray[np.uint16]
    ) -> NDArray[np.uint16] | None: ...

def choose_reconciler(bits: int, error_rate: float, *, questions: float = 100.0) -> dict[str, Any]: ...
def derive(
    key: bytes,
    purpose: bytes,
    length: int,
    *,
    method: Literal["hkdf_sha256", "kmac128", "kmac256"] = "hkdf_sha256",
) -> bytes: ...
def read_intel5300(source: _Source) -> Csi: ...
def read_series(source: _Source) -> Trace: ...
def read_pairs(source: _Source) -> tuple[Trace, Trace]: ...
def read_magnitudes(source: _Source) -> Trace: ...
def read_parties(source: _Source) -> list[Trace]: ...
def read_csi(source: _Source) -> Csi: ...
def evaluate(
    alice: _Measured,
    bob: _Measured,
    *,
    eve: _Measured | None = None,
    preprocess: list[str] | None = None,
    quantize: list[str] | None = None,
    reconcile: list[str] | None = None,
    model: dict[str, float] | None = None,
    seed: int,
    backend: str = "simd",
    **config: Any,
) -> list[dict[str, Any]]: ...
def sweep(
    *,
    rho: list[float] | None = None,
    snr_db: list[float] | None = None,
    eve_rho: list[float] | None = None,
    probes: list[int] | None = None,
    preprocess: list[str] | None = None,
    quantize: list[str] | None = None,
    reconcile: list[str] | None = None,
    component: str = "complex",
    link: dict[str, Any] | None = None,
    eve_trace: bool = False,
    seed: int,
    backend: str = "simd",
    **config: Any,
) -> list[dict[str, Any]]: ...
def entropy(
    samples: NDArray[np.uint8],
    bits_per_symbol: int,
    *,
    iid: bool = False,
    permutations: int = 10000,
    seed: int = 1,
) -> dict[str, Any]: ...
def mutual_information(
    a: NDArray[np.float64], b: NDArray[np.float64], *, method: Literal["gaussian", "ksg"] = "gaussian"
) -> dict[str, float]: ...
def secret_key_capacity(
    alice: NDArray[np.float64] | None = None,
    bob: NDArray[np.float64] | None = None,
    eve: NDArray[np.float64] | None = None,
    *,
    method: Literal["gaussian", "ksg"] = "gaussian",
    rho_ab: float | None = None,
    rho_ae: float | list[float] | None = None,
    rho_be: float | list[float] | None = None,
    eve_correlation: float = 0.0,
) -> dict[str, float]: ...
def bit_given_eve(rho: float, *, alice: float = 0.0, bob: float = 0.0) -> float: ...
def quantized_information(rho: float, bits: int) -> float: ...
@final
class RepetitionCount:
    def __new__(
        cls, min_entropy: float, *, bits_per_symbol: int = 1, false_alarm: float = 9.313225746154785e-10
    ) -> RepetitionCount: ...
    @property
    def cutoff(self) -> int: ...
    def push(self, samples: NDArray[np.uint8]) -> int: ...
    def finish(self) -> dict[str, Any]: ...
    def reset(self) -> None: ...

@final
class AdaptiveProportion:
    def __new__(
        cls, min_entropy: float, *, bits_per_symbol: int = 1, false_alarm: float = 9.313225746154785e-10
    ) -> AdaptiveProportion: ...
    @property
    def cutoff(self) -> int: ...
    def push(self, samples: NDArray[np.uint8]) -> int: ...
    def finish(self) -> dict[str, Any]: ...
    def reset(self) -> None: ...

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
def arrangement_of(alice: Csi, bob: Csi, **config: Any) -> tuple[dict[str, Any], Csi]: ...
def methods() -> dict[str, list[str]]: ...
