"""The text of one attempted step of Tsit5, the same in every kernel and as in ``physio.solve.tsit5``.

Names in scope: state ``x0``.., rates ``k1_0``.., parameters ``p0``.., ``t0`` (start of the segment), ``s`` (time since
it), ``h`` (proposed step), ``length``, ``rtol``, ``atol``. Each stage is a block of its own:

    { t = t0 + (s + c_i step);  y = x + step sum_j a_ij k_j;  ...the model...;  k_i = rate }

so that the straight-line code of the model is written once and pasted seven times.
"""

import numpy as np

from physio.solve.kernel.cells import written
from physio.solve.kernel.model import Emitted, assign
from physio.solve.status import Status
from physio.solve.tsit5 import TSIT5

A, B, C, E = TSIT5.a, TSIT5.b, TSIT5.c, TSIT5.e


def number(value: float) -> str:
    """A literal of the model's precision."""
    return written(np.float64(value))


def weighted(weights, k: str, j: int) -> str:
    """``sum_i weights_i k{i}_j``, zero weights left out."""
    return " + ".join(f"{number(w)} * {k}{i + 1}_{j}" for i, w in enumerate(weights) if w)


def scope(before: list[str], inside: list[str]) -> list[str]:
    return [*before, "{", *("  " + line for line in inside), "}"]


def inputs(n: int, stage: int) -> list[str]:
    """Time and state of a stage, from 1."""
    if stage == 1:
        return ["const real t = t0 + s;", *(f"const real y{j} = x{j};" for j in range(n))]
    return [
        f"const real t = t0 + (s + {number(C[stage - 1])} * step);",
        *(f"const real y{j} = x{j} + step * ({weighted(A[stage - 1], 'k', j)});" for j in range(n)),
    ]


def rate(model: Emitted, k: str, given: list[str]) -> list[str]:
    """Declare ``{k}_0``.. and fill them with the rate at ``given``."""
    n = model.model.states
    declared = f"real {', '.join(f'{k}_{j}' for j in range(n))};"
    return scope([declared], [*given, *model.rate.lines, *assign(lambda j: f"{k}_{j}", model.rate.results)])


def stages(model: Emitted, count: int) -> list[str]:
    """Rates ``k2`` to ``k{count}``."""
    n = model.model.states
    return [line for i in range(2, count + 1) for line in rate(model, f"k{i}", inputs(n, i))]


def proposed() -> list[str]:
    """From ``s``, ``h``, ``length``, ``status``: ``active``, ``last`` (reaches the end) and the ``step`` to try."""
    return [
        f"const whole active = (s < length) & (status == {int(Status.OK)});",
        "const whole last = s + h >= length;",
        "const real step = active ? (last ? length - s : h) : R(0.0);",
    ]


def tried(model: Emitted) -> list[str]:
    """From ``x``, ``k1``, ``s``, ``step`` to ``n0``.. (new state), ``k7`` and ``raw``, the norm of the error."""
    n = model.model.states
    ends = ["const real t = t0 + (s + step);", *(f"const real y{j} = n{j};" for j in range(n))]
    lines = [
        *stages(model, 6),
        *(f"const real n{j} = x{j} + step * ({weighted(B, 'k', j)});" for j in range(n)),
        *rate(model, "k7", ends),
        "real norm = R(0.0);",
    ]
    for j in range(n):
        largest = f"(ABS(x{j}) > ABS(n{j}) ? ABS(x{j}) : ABS(n{j}))"
        lines += scope([], [
            f"const real e = step * ({weighted(E, 'k', j)}) / (atol + rtol * {largest});",
            "norm += e * e;",
        ])  # fmt: skip
    return [*lines, f"const real raw = SQRT(norm * {number(1.0 / n)});"]


def judged() -> list[str]:
    """What becomes of the step: ``accept``; s, h, steps and status change."""
    budget, small = int(Status.STEP_BUDGET), int(Status.STEP_TOO_SMALL)
    most, least = (number((0.9 / factor) ** 5) for factor in (0.2, 10.0))
    return [
        # a comparison is false for nan: this keeps nan and infinity out of the controller
        "const whole accept = active & (raw <= R(1.0));",
        # the bounds are those that put the factor between 0.2 and 10
        f"const real upper = raw < {most} ? raw : {most};",
        f"const real bounded = upper > {least} ? upper : {least};",
        "const real factor = R(0.9) * EXP(R(-0.2) * LOG(bounded));",
        "steps += active;",
        "s = accept ? (last ? length : s + step) : s;",
        "h = active ? step * factor : h;",
        f"status = active & (steps >= budget) & (s < length) ? {budget} : status;",
        f"status = active & !accept & (h < smallest) ? {small} : status;",
    ]


def smallest(dtype) -> str:
    """The step below which a lane gives up, on the clock of the segment."""
    return f"const real smallest = {number(16 * float(np.finfo(dtype).eps))} * length;"
