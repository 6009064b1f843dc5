"""What every benchmark returns, and the one JSON line it prints last.

    name, figures [{figure, value, unit}], baselines [{baseline, value, unit}],
    targets [{figure, asked, value, met, reason}], versions, device, precision, compile_s, achieved_error

A figure that was asked for has a target whether it was met, missed or could not be measured; ``met`` is null
in the last case, with the reason. Standard library only; JAX and NumPy are imported when something is
measured.
"""

import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata

Value = float | int | str | bool | None
CORE = ("jax", "jaxlib", "numpy", "scipy", "equinox", "diffrax", "optimistix", "lineax", "optax")


@dataclass(frozen=True)
class Figure:
    """Something measured: ``value`` in ``unit`` ("1" for ratios and counts)."""

    figure: str
    value: Value
    unit: str


@dataclass(frozen=True)
class Baseline:
    """Something measured in the same run to compare with, at equal achieved error."""

    baseline: str
    value: Value
    unit: str


@dataclass(frozen=True)
class Target:
    """A figure that was asked for: the bound as text, the value, whether it was met, and why not when it was
    not run.
    """

    figure: str
    asked: str
    value: Value
    met: bool | None
    reason: str | None = None

    @classmethod
    def at_most(cls, figure: str, value: float, bound: float, unit: str) -> "Target":
        return cls(figure, f"<= {bound:g} {unit}".rstrip(), value, bool(value <= bound))

    @classmethod
    def at_least(cls, figure: str, value: float, bound: float, unit: str) -> "Target":
        return cls(figure, f">= {bound:g} {unit}".rstrip(), value, bool(value >= bound))

    @classmethod
    def within(cls, figure: str, value: float, reference: float, relative: float, unit: str) -> "Target":
        """Met when ``value`` lies within a relative distance of a reference value."""
        asked = f"{reference:.10g} {unit} within {100 * relative:g} %"
        return cls(figure, asked, value, bool(abs(value - reference) <= relative * abs(reference)))

    @classmethod
    def between(cls, figure: str, value: float, low: float, high: float, unit: str) -> "Target":
        return cls(figure, f"{low:g} to {high:g} {unit}".rstrip(), value, bool(low <= value <= high))

    @classmethod
    def not_run(cls, figure: str, asked: str, reason: str) -> "Target":
        return cls(figure, asked, None, None, reason)


@dataclass(frozen=True)
class Result:
    """What a benchmark found.

    precision       "float64" or "float32"
    compile_s       seconds of tracing and compilation, kept apart from all speeds
    achieved_error  the error at which the figures hold, with its meaning in ``error_meaning``
    """

    name: str
    figures: list[Figure]
    targets: list[Target]
    precision: str
    compile_s: float
    achieved_error: float | None
    error_meaning: str = ""
    baselines: list[Baseline] = field(default_factory=list)

    def record(self) -> dict:
        """The JSON object, with versions and device. Imports JAX."""
        return {
            "name": self.name,
            "figures": [_plain(vars(figure)) for figure in self.figures],
            "baselines": [_plain(vars(baseline)) for baseline in self.baselines],
            "targets": [_plain(vars(target)) for target in self.targets],
            "versions": versions(),
            "device": device(),
            "precision": self.precision,
            "compile_s": _number(self.compile_s),
            "achieved_error": _number(self.achieved_error),
            "error_meaning": self.error_meaning,
        }

    def line(self) -> str:
        """The record as one line of strict JSON; numbers that are not finite become null."""
        return json.dumps(self.record(), allow_nan=False)


def _plain(fields: dict) -> dict:
    return {key: _number(value) for key, value in fields.items() if not (key == "reason" and value is None)}


def _number(value: object) -> object:
    """A NumPy or JAX scalar as a Python one; not finite becomes None."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Python's version and those of the core libraries that are installed."""
    found = {"python": platform.python_version()}
    for package in CORE:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def device() -> str:
    """The device that JAX computes on, in words."""
    import jax

    first = jax.devices()[0]
    return f"{first.platform} {first.device_kind}"


@dataclass(frozen=True)
class Timing:
    """``result`` of the function; ``compile_s`` of tracing and compiling; ``run_s`` the median of the repeats
    [s].
    """

    result: object
    compile_s: float
    run_s: float


def measure(function: Callable, *arguments: object, repeats: int = 5) -> Timing:
    """Compile ``function`` for its arguments, warm up once, then time ``repeats`` calls until their results
    are ready.

    The persistent compilation cache is left out, so that ``compile_s`` means the same on every machine.
    """
    import jax

    kept = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        began = time.perf_counter()
        # a function of its own: one that was compiled before would be found, and its seconds with it
        compiled = jax.jit(lambda *given: function(*given)).lower(*arguments).compile()
        compile_s = time.perf_counter() - began
    finally:
        jax.config.update("jax_enable_compilation_cache", kept)
    result = jax.block_until_ready(compiled(*arguments))
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        seconds.append(time.perf_counter() - began)
    return Timing(result, compile_s, sorted(seconds)[len(seconds) // 2])
