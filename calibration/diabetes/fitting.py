"""Days fitted by one family: the most probable z of every day and a normal posterior about it.

Every day begins at the medians of the priors. A day that ends with a cost that chance does not
explain begins again from a few draws of the prior and keeps the best end. Where the best is still beyond chance, the model
cannot explain the day: what its residuals are larger than they should be, squared, multiplies the covariance, since the truth
may be as far from the model elsewhere.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator, calibrate
from calibration.diabetes.day_problem import DayProblem
from calibration.fit import Fit, FitStatus
from calibration.least_squares import LevenbergMarquardt
from calibration.processors import processors

CALIBRATOR = LevenbergMarquardt(iterations=60, ftol=1e-5)
WIDTH = 64
# starts of a day that chance does not explain, and how many standard deviations of chance that is
AGAIN, BEYOND = 4, 4.0
_SPREAD = 0.7


Progress = Callable[[str, float | None], None] | None


class _Ends(NamedTuple):
    """Of every start: ``z`` (unknowns, starts), ``information`` (unknowns, unknowns, starts), the rest (starts,)."""

    z: np.ndarray
    cost: np.ndarray
    status: np.ndarray
    iterations: np.ndarray
    information: np.ndarray

    @classmethod
    def of(cls, fits: Sequence[Fit]) -> "_Ends":
        """One after the other."""
        return cls(*(np.concatenate([np.asarray(getattr(fit, name)) for fit in fits], axis=-1) for name in cls._fields))


class DayFits(eqx.Module):
    """All days of a problem; ``misfit`` (days,) is the variance of innovations, at least 1; ``log_evidence`` up to what all
    families share; ``iterations`` of the start that is kept.
    """

    problem: DayProblem
    z: Array
    cost: np.ndarray
    status: np.ndarray
    covariance: Array
    misfit: np.ndarray
    log_evidence: np.ndarray
    iterations: np.ndarray


def fit_days(
    problem: DayProblem,
    *,
    again: int = AGAIN,
    calibrator: AbstractCalibrator = CALIBRATOR,
    seed: int = 0,
    progress: Progress = None,
) -> DayFits:
    """Fit every lane, from the medians of the priors; ``again`` more starts where chance does not explain it.

    A lane's result depends on its own number in ``problem`` and on nobody else.
    """
    count, days = len(problem.names), np.arange(problem.lanes)
    ends = _ends(problem, calibrator, np.zeros((count, problem.lanes)), days, progress)
    read = np.asarray(problem.trace.present).sum(0)
    high = ends.cost > 0.5 * read + BEYOND * np.sqrt(0.5 * read)
    if again and high.any():
        whose = np.repeat(days[high], again)
        draws = np.stack([np.random.default_rng([seed, day]).standard_normal((count, again)) for day in days[high]], axis=1)
        more = _ends(problem, calibrator, _SPREAD * draws.reshape(count, -1), whose, progress)
        for end, day in enumerate(whose):
            if more.cost[end] < ends.cost[day]:
                for kept, found in zip(ends, more, strict=True):
                    kept[..., day] = found[..., end]
    good = (ends.cost < np.inf) & (np.abs(ends.information) < np.inf).all((0, 1))
    # what is not the prior's part of the cost
    square = 2.0 * np.where(good, ends.cost, 0.0) - np.where(good, (ends.z**2).sum(0), 0.0)
    misfit = np.maximum(square / np.maximum(read, 1), 1.0)
    cost = np.where(good, ends.cost, np.inf)
    status = np.where(good, ends.status, FitStatus.SOLVE_FAILED)
    information = np.where(good[:, None, None], np.moveaxis(ends.information, -1, 0), np.eye(count))
    half = 0.5 * np.linalg.slogdet(information)[1]
    covariance = np.where(good[:, None, None], misfit[:, None, None] * np.linalg.inv(information), np.inf)
    return DayFits(
        problem,
        jnp.asarray(ends.z),
        cost,
        status,
        jnp.asarray(np.moveaxis(covariance, 0, -1)),
        misfit,
        np.where(good, -cost - half, -np.inf),
        ends.iterations,
    )


def _ends(problem: DayProblem, calibrator: AbstractCalibrator, z: np.ndarray, days: np.ndarray, progress: Progress) -> _Ends:
    """Where fits of the lanes ``days`` end that begin at z (unknowns, starts)."""
    if _side_by_side():
        return _Ends.of([calibrate(problem.picked(days), calibrator, jnp.asarray(z), progress=progress)])

    def one(start: int) -> Fit:
        return calibrate(problem.picked(days[[start]]), calibrator, jnp.asarray(z[:, [start]]))

    with ThreadPoolExecutor(processors()) as pool:
        fits = []
        for fit in pool.map(one, range(days.size)):
            fits.append(fit)
            if progress is not None:
                progress(f"{len(fits)} of {days.size} starts done", len(fits) / days.size)
    return _Ends.of(fits)


def _side_by_side() -> bool:
    """On a CPU the Jacobian of one day with its thirty tangents fills the vector units: days side by side only wait for one
    another.
    """
    return jax.default_backend() != "cpu"


def in_blocks(problem: DayProblem, z: Array, of: Callable[[DayProblem, Array], Array]) -> np.ndarray:
    """``of(days, z)`` (..., days) for all days, in blocks of equal width: memory in proportion to what is returned."""
    lanes = problem.lanes
    width, z = min(WIDTH, lanes), jnp.nan_to_num(jnp.asarray(z))
    program = eqx.filter_jit(of)
    blocks = [np.minimum(np.arange(i, i + width), lanes - 1) for i in range(0, lanes, width)]
    return np.concatenate([np.asarray(program(problem.picked(b), z[:, b])) for b in blocks], axis=-1)[..., :lanes]
