"""Many starts for every person, the best kept.

All starts of all people are lanes of one batch. A start whose body cannot be solved is drawn again, a few times, and
counted; nothing is dropped, and what the other starts have reached stays as it is.
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator, calibrate
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem


class Starts(eqx.Module):
    """What became of every start: (starts, people), and where it ended, ``z`` (unknowns, starts, people).

    ``cost`` is infinite where no start could be solved; ``iterations`` counts those of all draws.
    """

    cost: Array
    status: Array
    iterations: Array
    redrawn: Array
    z: Array


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
        redrawn = redrawn + bad
        again = calibrate(wide, calibrator, jnp.where(bad, draw(round_), fit.z), progress=progress)
        fit = _replaced(fit, again, bad)

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
    ended = jnp.swapaxes(by_person(fit.z), -1, -2)
    table = Starts(cost.T, by_person(fit.status).T, by_person(fit.iterations).T, by_person(redrawn).T, ended)
    return chosen, table


def _replaced(old: Fit, new: Fit, lanes: Array) -> Fit:
    """``old`` with the marked lanes from ``new``: a lane that was done must not move because another was drawn again."""
    changed = ("z", "cost", "status", "information", "covariance")
    before, after = ({name: getattr(fit, name) for name in changed} for fit in (old, new))
    merged = jax.tree.map(lambda a, b: jnp.where(lanes, b, a), before, after)
    return dataclasses.replace(old, iterations=old.iterations + jnp.where(lanes, new.iterations, 0), **merged)
