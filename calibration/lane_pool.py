"""Many starts of one person through few lanes: a lane that is done hands over its result and takes the next start.

Starts need very different numbers of iterations; so no lane waits for the slowest, and one compiled program serves any
number of starts.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator, started, stepped
from calibration.compiled import compiled_once
from calibration.fit import FitStatus
from calibration.problem import AbstractProblem

_FREE, _IDLE = -1, -2


class Ends(NamedTuple):
    """Where every start ended: ``z`` (unknowns, starts); ``cost``, ``status`` and ``iterations`` (starts,)."""

    z: np.ndarray
    cost: np.ndarray
    status: np.ndarray
    iterations: np.ndarray


@compiled_once
def _refilled(calibrator: AbstractCalibrator, problem: AbstractProblem, state: Any, z: Array, new: Array) -> Any:
    fresh = calibrator.init(problem, z)
    return jax.tree.map(lambda a, b: jnp.where(new, a, b), fresh, state)


@compiled_once
def _finished(calibrator: AbstractCalibrator, problem: AbstractProblem, state: Any) -> tuple[Array, ...]:
    fit = calibrator.finish(problem, state)
    return calibrator.done(state), fit.z, fit.cost, fit.status, fit.iterations


def run_pool(
    problem: AbstractProblem,
    calibrator: AbstractCalibrator,
    z: Array,
    *,
    progress: Callable[[str, float | None], None] | None = None,
) -> Ends:
    """Fit from every column of z (unknowns, starts); the lanes of ``problem`` are all the same."""
    z = np.asarray(z)
    count, lanes = z.shape[1], problem.lanes
    ends = Ends(z.copy(), np.full(count, np.inf), np.full(count, FitStatus.ITERATION_LIMIT), np.zeros(count, int))
    holds = np.full(lanes, _FREE)
    waiting = count
    state = None
    while True:
        # lanes that are free get the next starts; when none are left, nan, which is over at once
        free = np.flatnonzero(holds == _FREE)
        if free.size:
            taken = free[:waiting]
            holds[taken] = np.arange(count - waiting, count - waiting + taken.size)
            holds[free[waiting:]] = _IDLE
            waiting -= taken.size
            columns = jnp.asarray(np.where(holds >= 0, z[:, np.maximum(holds, 0)], np.nan))
            new = np.zeros(lanes, bool)
            new[free] = True
            state = started(calibrator, problem, columns) if state is None else state
            state = _refilled(calibrator, problem, state, columns, jnp.asarray(new))
        state = stepped(calibrator, problem, state)
        done, at, cost, status, iterations = map(np.asarray, jax.device_get(_finished(calibrator, problem, state)))
        over = (holds >= 0) & (done | (iterations >= calibrator.limit()))
        which = holds[over]
        ends.z[:, which], ends.cost[which] = at[:, over], cost[over]
        ends.status[which], ends.iterations[which] = status[over], iterations[over]
        holds[over] = _FREE
        if progress is not None:
            left = waiting + int((holds >= 0).sum())
            progress(f"{count - left} of {count} starts done", (count - left) / count)
        if waiting == 0 and (holds < 0).all():
            return ends
