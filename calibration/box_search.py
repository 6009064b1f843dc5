"""Any number of starts of one problem, uniform between its bounds, through few lanes; and where each of them ended.

A start whose body cannot be solved may be drawn again, a few times, and is counted; nothing is dropped.
"""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator
from calibration.fit import FitStatus
from calibration.lane_pool import Ends, run_pool
from calibration.problem import AbstractProblem


def uniform_starts(problem: AbstractProblem, keys: Array) -> Array:
    """z (unknowns, starts) uniform between the problem's bounds; ``keys`` (starts,), one a start."""
    lower, upper = problem.bounds()
    for name, width in zip(problem.names, np.asarray(upper - lower), strict=True):
        if not width < np.inf:
            raise ValueError(f"'{name}' has an infinite bound: uniform starts need finite bounds")
    share = jax.vmap(lambda k: jax.random.uniform(k, (len(problem.names),)), out_axes=-1)(keys)
    return lower[:, None] + (upper - lower)[:, None] * share


def search_box(
    problem: AbstractProblem,
    calibrator: AbstractCalibrator,
    keys: Array,
    *,
    redraws: int = 0,
    progress: Callable[[str, float | None], None] | None = None,
) -> tuple[Ends, np.ndarray]:
    """``(ends, redrawn)`` of one start a key: where each ended, and how often (starts,) it failed and was drawn again.

    The lanes of the problem must all be the same. Without ``redraws`` a start that fails stays failed.
    """
    ends = run_pool(problem, calibrator, uniform_starts(problem, keys), progress=progress)
    redrawn = np.zeros(len(keys), int)
    for round_ in range(1, redraws + 1):
        bad = np.flatnonzero(ends.status == FitStatus.SOLVE_FAILED)
        if not bad.size:
            break
        fresh = jax.vmap(lambda k, r=round_: jax.random.fold_in(k, r))(keys[bad])
        redrawn[bad] += 1
        for whole, part in zip(ends, run_pool(problem, calibrator, uniform_starts(problem, fresh)), strict=True):
            whole[..., bad] = part
    return ends, redrawn


def persevere(
    problem: AbstractProblem, calibrator: AbstractCalibrator, ends: Ends, keys: Array, *, redrawn: float = 0.25
) -> Ends:
    """Every start once more from its own end, each unknown drawn anew with chance ``redrawn``; the better end is kept.

    Iterations add up. Starts know nothing of each other, so a start with its repeats is still one start. ``keys`` (starts,).
    """
    lower, upper = (np.asarray(x)[:, None] for x in problem.bounds())
    fresh = uniform_starts(problem, keys)
    choose = jax.vmap(lambda k: jax.random.bernoulli(jax.random.fold_in(k, 1), redrawn, (len(problem.names),)), out_axes=-1)
    again = run_pool(problem, calibrator, np.clip(np.where(choose(keys), fresh, ends.z), lower, upper))
    better = again.cost < ends.cost
    return Ends(
        np.where(better, again.z, ends.z),
        np.where(better, again.cost, ends.cost),
        np.where(better, again.status, ends.status),
        ends.iterations + again.iterations,
    )
