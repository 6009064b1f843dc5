"""One segment of every lane by a kernel on a GPU, and its reverse derivative by a second kernel over the recorded steps."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.kernel.lane import cuda_program
from physio.solve.kernel.launch import launch
from physio.solve.kernel.model import Model, emitted
from physio.solve.kernel.nvrtc import ptx


class Settings(NamedTuple):
    """Tolerances, the budget of steps of a segment, and how many accepted steps are recorded for the way back."""

    rtol: float
    atol: float
    max_steps: int
    rows: int


def across(model: Model, lanes: int, settings: Settings) -> Callable:
    """``(y (n, N), p (P, N), span (3, N)) -> (y, next step (N,), steps (N,), status (N,))``, with a reverse derivative.

    NoCompiler where there is no NVRTC, UnsupportedPrimitive where the model has no straight-line C.
    """
    n, real, whole = model.states, model.dtype, jnp.int32
    text = ptx(cuda_program(emitted(model, pullback=True), ("solve", "record", "pullback")))
    given = np.asarray([settings.rtol, settings.atol, settings.max_steps, settings.rows], real)
    state, each = jax.ShapeDtypeStruct((n, lanes), real), jax.ShapeDtypeStruct((lanes,), whole)
    outcome = [state, jax.ShapeDtypeStruct((lanes,), real), each, each]
    rows = [jax.ShapeDtypeStruct((settings.rows, n + 2, lanes), real), each]

    @jax.custom_vjp
    def run(y, p, span):
        return tuple(launch("solve", text, lanes, outcome, y, p, span, given))

    def forward(y, p, span):
        *out, kept, count = launch("record", text, lanes, outcome + rows, y, p, span, given)
        return tuple(out), (p, span, kept, count, out[3])

    def backward(tape, cotangents):
        p, span, kept, count, status = tape
        results = [state, jax.ShapeDtypeStruct(p.shape, real)]
        gy, gp = launch("pullback", text, lanes, results, p, span, given, kept, count, status, cotangents[0])
        return gy, gp, jnp.zeros_like(span)

    run.defvjp(forward, backward)
    return run
