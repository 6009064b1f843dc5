"""Kernels as C, compiled by gcc and called in place: the check of a kernel's text where there is no GPU.

Two executors from the same model: ``width=1`` takes lane after lane in strict IEEE arithmetic, ``width=8`` and more
takes that many at a time in vector instructions, where sums may be ordered anew. Arrays are numpy, lanes last.
"""

import ctypes
import functools
import platform
from pathlib import Path
from typing import NamedTuple

import numpy as np

from physio.solve.kernel import build, signature
from physio.solve.kernel.block import block_program
from physio.solve.kernel.lane import c_program
from physio.solve.kernel.model import Model, emitted

_STRICT = ("-O2", "-ffp-contract=off", "-fno-math-errno")
# Without -fno-finite-math-only the guard against a nan would be compiled away.
_FAST = ("-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-fopenmp-simd")
_WIDE = ("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()


class Solution(NamedTuple):
    """``y`` (n, N) at the end, ``step`` (N,) proposed next, ``steps`` (N,) taken, ``status`` (N,) of ``Status``."""

    y: np.ndarray
    step: np.ndarray
    steps: np.ndarray
    status: np.ndarray


class Tape(NamedTuple):
    """What the way back needs: parameters, span, settings, and the accepted rows of every lane."""

    p: np.ndarray
    span: np.ndarray
    settings: np.ndarray
    rows: np.ndarray
    count: np.ndarray
    status: np.ndarray


class Compiled:
    """A model compiled by gcc: ``solve``, ``record`` and ``pullback``."""

    def __init__(self, model: Model, library: ctypes.CDLL, source: str, report: str):
        self.model, self.source, self.report = model, source, report
        self._library = library

    def solve(self, y, p, t0, t1, *, rtol=1e-6, atol=1e-8, first_step=1e-3, max_steps=100_000) -> Solution:
        """Integrate every lane from t0 to t1. ``y`` (n, N), ``p`` (P, N); times and the first step (N,) or one number."""
        y, p, span, out = self._prepare(y, p, t0, t1, first_step)
        settings = np.asarray([rtol, atol, max_steps, 0], self.model.dtype)
        self._call("solve", y.shape[1], y, p, span, settings, *out)
        return Solution(*out)

    def record(self, y, p, t0, t1, *, rtol=1e-6, atol=1e-8, first_step=1e-3, max_steps=100_000, rows=1024):
        """``(solution, tape)``. ``rows``: accepted steps kept for each lane; one that takes more is ROWS_FULL."""
        y, p, span, out = self._prepare(y, p, t0, t1, first_step)
        lanes = y.shape[1]
        settings = np.asarray([rtol, atol, max_steps, rows], self.model.dtype)
        kept = np.empty((lanes, rows, self.model.states + 2), self.model.dtype)
        count = np.empty((lanes,), np.int32)
        self._call("record", lanes, y, p, span, settings, *out, kept, count)
        return Solution(*out), Tape(p, span, settings, kept, count, out[3])

    def pullback(self, tape: Tape, cotangent) -> tuple[np.ndarray, np.ndarray]:
        """Cotangents of the start (n, N) and of the parameters (P, N) from that of the final state, steps frozen."""
        lanes = tape.p.shape[1]
        cotangent = self._array(cotangent, (self.model.states, lanes), "the cotangent")
        gy = np.empty_like(cotangent)
        gp = np.empty_like(tape.p)
        self._call("pullback", lanes, *tape, cotangent, gy, gp)
        return gy, gp

    def _prepare(self, y, p, t0, t1, first_step):
        lanes = np.shape(y)[-1]
        y = self._array(y, (self.model.states, lanes), "the start")
        p = self._array(p, (self.model.parameters, lanes), "the parameters")
        span = np.empty((signature.SPAN, lanes), self.model.dtype)
        for row, value in enumerate((t0, t1, first_step)):
            span[row] = value
        final, step = np.empty_like(y), np.empty((lanes,), self.model.dtype)
        return y, p, span, [final, step, np.empty((lanes,), np.int32), np.empty((lanes,), np.int32)]

    def _array(self, x, shape, what: str) -> np.ndarray:
        x = np.ascontiguousarray(x, self.model.dtype)
        if x.shape != shape:
            raise ValueError(f"{what} has shape {x.shape}, expected {shape} (lanes go last)")
        return x

    def _call(self, kernel: str, lanes: int, *arrays: np.ndarray) -> None:
        if lanes == 0:
            return
        function = self._library[kernel]
        function.restype = None
        function(ctypes.c_longlong(lanes), *(array.ctypes.data_as(ctypes.c_void_p) for array in arrays))


def compiled(model: Model, *, width: int = 8, gradient: bool = False, folder: Path | str | None = None) -> Compiled:
    """Write, compile and load. ``folder`` keeps objects between runs; without it they last as long as the process.

    NoCompiler where there is no gcc; UnsupportedPrimitive where the model has no straight-line C.
    """
    gcc = build.find("gcc", "a kernel in C")
    written = emitted(model, pullback=gradient)
    kernels = ("solve", "record", "pullback") if gradient else ("solve",)
    source = c_program(written, kernels) if width == 1 else block_program(written, kernels, width)
    flags = _STRICT if width == 1 else (*_FAST, *_WIDE)
    path, report = _object(gcc, source, flags, Path(folder) if folder is not None else _own_folder())
    return Compiled(model, ctypes.CDLL(str(path)), source, report)


@functools.cache
def _own_folder() -> Path:
    return build.private_folder()


def _object(gcc: str, source: str, flags: tuple[str, ...], folder: Path) -> tuple[Path, str]:
    """The shared object and gcc's notes on the loops it turned into vector instructions."""
    version = build.run([gcc, "--version"]).splitlines()[0]
    name = build.digest(source, *flags, version, platform.machine(), _processor())
    wanted, notes = folder / f"{name}.so", folder / f"{name}.txt"
    if not (wanted.is_file() and notes.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        work = build.private_folder()
        text, made, linked = work / "kernel.c", work / "kernel.o", work / "kernel.so"
        text.write_text(source, encoding="utf-8")
        report = build.run([gcc, *flags, "-fPIC", "-fopt-info-vec-optimized", "-c", str(text), "-o", str(made)])
        # Linked without the flags of the compiler: gcc would add code that turns off subnormal numbers in the
        # whole process as soon as the object is loaded.
        build.run([gcc, "-shared", str(made), "-o", str(linked), "-lm"])
        shared = folder / f"{name}.{work.name}.part"
        shared.write_bytes(linked.read_bytes())
        build.publish(shared, wanted)
        notes.write_text(report, encoding="utf-8")
        for path in (text, made, linked):
            path.unlink()
        work.rmdir()
    return wanted, notes.read_text(encoding="utf-8")


@functools.cache
def _processor() -> str:
    """What -march=native depends on: a folder may be shared by machines of several kinds."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("flags")), "")
