"""Many starts: for every person from the prior, or for one problem from its bounds.

``multistart`` keeps the best of a few starts of each person; all starts of all people are lanes of one batch. ``search_box``
sends any number of starts, uniform between bounds, through the lanes of one problem and says where each ended. A start whose
body cannot be solved is drawn again, a few times, and counted; nothing is dropped.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator, calibrate
from calibration.fit import Fit, FitStatus
from calibration.pool import Ends, run_pool
from calibration.problem import AbstractProblem


class Starts(eqx.Module):
    """What became of every start: (starts, people)."""

    cost: Array
    status: Array
    iterations: Array
    redrawn: Array


def multistart(
    problem: AbstractProblem,
    calibrator: AbstractCalibrator,
    keys: Array,
    *,
    starts: int,
    spread: float = 1.0,
    redraws: int = 3,
    progress: Callable[[str, float | None], None] | None = None,
) -> tuple[Fit, Starts]:
    """Fit every lane from ``starts`` points: the prior median and draws of ``spread`` prior standard deviations.

    ``keys`` (lanes,) are random keys, one a person, so that a person's starts depend on nobody else.
    """
    unknowns, people = len(problem.names), problem.lanes
    wide = problem.tiled(starts)

    def draw(round_):
        one = jax.vmap(lambda k: jax.random.normal(jax.random.fold_in(k, round_), (starts, unknowns)))(keys)
        return spread * jnp.moveaxis(one, -1, 0).reshape(unknowns, people * starts)

    first = jnp.tile(jnp.arange(starts) == 0, people)
    z = jnp.where(first, 0.0, draw(0))
    redrawn = jnp.zeros((people * starts,), jnp.int32)
    fit = calibrate(wide, calibrator, z, progress=progress)
    for round_ in range(1, redraws + 1):
        bad = fit.status == FitStatus.SOLVE_FAILED
        if not bool(bad.any()):
            break
        # the others start where they ended and are done at once
        redrawn = redrawn + bad
        fit = calibrate(wide, calibrator, jnp.where(bad, draw(round_), fit.z), progress=progress)

    def by_person(x):
        return x.reshape(*x.shape[:-1], people, starts)

    cost = by_person(jnp.where(fit.status == FitStatus.SOLVE_FAILED, jnp.inf, fit.cost))
    best = jnp.argmin(cost, axis=-1)

    def pick(x):
        if x is None:
            return None
        return jnp.take_along_axis(by_person(x), best.reshape((1,) * (x.ndim - 1) + (people, 1)), axis=-1)[..., 0]

    chosen = Fit(
        problem,
        pick(fit.z),
        pick(fit.cost),
        pick(fit.status),
        pick(fit.iterations),
        pick(fit.information),
        pick(fit.covariance),
        fit.method,
    )
    table = Starts(cost.T, by_person(fit.status).T, by_person(fit.iterations).T, by_person(redrawn).T)
    return chosen, table


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
