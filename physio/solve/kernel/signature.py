"""What goes into a kernel and what comes out: names, types, shapes and their order.

    n states, P parameters, N lanes, R rows

    solve     y (n, N), p (P, N), span (3, N), settings (4,)
              -> final (n, N), next (1, N), steps (1, N), status (1, N)
    record    the same -> the same, then rows (R, n + 2, N), count (1, N)
    pullback  p, span, settings, rows, count, status, cotangent (n, N) -> gy (n, N), gp (P, N)

``span``     t0, t1 and the first step to try, on the clock of the model, for every lane
``settings`` rtol, atol, the budget of steps, R
``next``     the step proposed at the end, to go on with
``rows``     s, h and y at the start of every accepted step, s the time since t0; the C kernels keep the rows of a lane
             together, (N, R, n + 2), the CUDA kernels those of a step
"""

from typing import NamedTuple

SPAN = 3


class Argument(NamedTuple):
    """One pointer of a kernel."""

    name: str
    kind: str
    written: bool

    @property
    def text(self) -> str:
        return f"{'' if self.written else 'const '}{self.kind}* RESTRICT {self.name}"


def _read(*names: str) -> list[Argument]:
    return [Argument(name, "int" if name in _INTEGERS else "real", False) for name in names]


def _write(*names: str) -> list[Argument]:
    return [Argument(name, "int" if name in _INTEGERS else "real", True) for name in names]


_INTEGERS = {"taken", "outcome", "count"}
_VALUES = ("final", "next", "taken", "outcome")
ARGUMENTS = {
    "solve": _read("start", "given", "span", "settings") + _write(*_VALUES),
    "record": _read("start", "given", "span", "settings") + _write(*_VALUES, "rows", "count"),
    "pullback": _read("given", "span", "settings", "rows", "count", "outcome", "cotangent") + _write("gstart", "ggiven"),
}


def parameters(kernel: str) -> str:
    """Text of the parameter list."""
    return ", ".join(argument.text for argument in ARGUMENTS[kernel])


def arguments(kernel: str) -> str:
    """Text of a call with the same names."""
    return ", ".join(argument.name for argument in ARGUMENTS[kernel])
