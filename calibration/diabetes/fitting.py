"""Days fitted by one family: the most probable z of every day and a normal posterior about it.

Every day begins where it is expected, at first at the medians of the priors. A day that ends with a cost that chance does not
explain begins again from a few draws of the prior and keeps the best end. Where the best is still beyond chance, the model
cannot explain the day: what its residuals are larger than they should be, squared, multiplies the covariance, since the truth
may be as far from the model elsewhere.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator
from calibration.compiled import compiled_once
from calibration.diabetes.day_problem import DayProblem
from calibration.fit import FitStatus
from calibration.lane_pool import Ends, run_pool
from calibration.least_squares import LevenbergMarquardt
from calibration.problem import AbstractProblem, linearize
from calibration.processors import processors

CALIBRATOR = LevenbergMarquardt(iterations=60, ftol=1e-5)
WIDTH = 64
# On a CPU a Jacobian of one day with its thirty tangents fills the vector units already: days side by side only wait for one
# another.
ALONE = 1
# starts of a day that chance does not explain, and how many standard deviations of chance that is
AGAIN, BEYOND = 4, 4.0
_SPREAD = 0.7


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
    z: np.ndarray | None = None,
    *,
    again: int = AGAIN,
    calibrator: AbstractCalibrator = CALIBRATOR,
    seed: int = 0,
    progress: Callable[[str, float | None], None] | None = None,
) -> DayFits:
    """Fit every lane, from z (unknowns, days) or from where each is expected; ``again`` more starts where chance does not
    explain it.

    A lane's result depends on its own number in ``problem`` and on nobody else.
    """
    count, days = len(problem.names), np.arange(problem.lanes)
    z = np.asarray(problem.centre if z is None else z)
    ends = _pooled(problem, calibrator, z, days, progress)
    read = np.asarray(problem.trace.present).sum(0)
    high = ends.cost > 0.5 * read + BEYOND * np.sqrt(0.5 * read)
    if again and high.any():
        whose = np.repeat(days[high], again)
        draws = np.stack([np.random.default_rng([seed, day]).standard_normal((count, again)) for day in days[high]], axis=1)
        more = _pooled(problem, calibrator, _SPREAD * draws.reshape(count, -1), whose, progress)
        for end, day in enumerate(whose):
            if more.cost[end] < ends.cost[day]:
                for kept, found in zip(ends, more, strict=True):
                    kept[..., day] = found[..., end]
    information, innovations = _information(problem, ends.z)
    # an end at the edge of what can be solved may not be solved again
    good = (ends.cost < np.inf) & (np.abs(information) < np.inf).all((1, 2)) & (np.abs(innovations) < np.inf).all(0)
    cost = np.where(good, ends.cost, np.inf)
    status = np.where(good, ends.status, FitStatus.SOLVE_FAILED)
    misfit = np.where(good, np.maximum((innovations**2).sum(0) / np.maximum(read, 1), 1.0), 1.0)
    half = 0.5 * np.linalg.slogdet(np.where(good[:, None, None], information, np.eye(count)))[1]
    covariance = np.linalg.inv(np.where(good[:, None, None], information, np.eye(count)))
    covariance = np.where(good[:, None, None], misfit[:, None, None] * covariance, np.inf)
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


def _pooled(problem: AbstractProblem, calibrator: AbstractCalibrator, z: np.ndarray, people: np.ndarray, progress) -> Ends:
    """``run_pool`` on as many threads as there are processors, each with its share of the starts."""
    on_cpu = jax.default_backend() == "cpu"
    threads = min(processors(), people.size) if on_cpu else 1
    width = ALONE if on_cpu else people.size
    shares = [np.arange(i, people.size, threads) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def one(share):
            return run_pool(problem, calibrator, z[:, share], people=people[share], width=width, progress=progress)

        parts = list(pool.map(one, shares))
    ends = Ends(np.empty_like(z), *(np.empty(people.size, p.dtype) for p in parts[0][1:]))
    for share, part in zip(shares, parts, strict=True):
        for whole, some in zip(ends, part, strict=True):
            whole[..., share] = some
    return ends


@compiled_once
def _normal(problem: AbstractProblem, z: Array) -> tuple[Array, Array]:
    at_z, jacobian = linearize(problem, z)
    return jnp.einsum("rpl,rql->lpq", jacobian, jacobian), at_z.residuals


def in_blocks(problem: DayProblem, z: Array, of: Callable[[DayProblem, Array], Array]) -> np.ndarray:
    """``of(days, z)`` (..., days) for all days, in blocks of equal width: memory in proportion to what is returned."""
    lanes = problem.lanes
    width, z = min(WIDTH, lanes), jnp.nan_to_num(jnp.asarray(z))
    program = eqx.filter_jit(of)
    blocks = [np.minimum(np.arange(i, i + width), lanes - 1) for i in range(0, lanes, width)]
    return np.concatenate([np.asarray(program(problem.picked(b), z[:, b])) for b in blocks], axis=-1)[..., :lanes]


def _information(problem: DayProblem, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """J'J (days, unknowns, unknowns) and the innovations (times, days), in blocks of equal width."""
    lanes = problem.lanes
    width = min(WIDTH, lanes)
    blocks = [np.minimum(np.arange(i, i + width), lanes - 1) for i in range(0, lanes, width)]
    with ThreadPoolExecutor(processors()) as pool:
        found = list(pool.map(lambda b: _normal(problem.picked(b), jnp.asarray(np.nan_to_num(z[:, b]))), blocks))
    information = np.concatenate([np.asarray(f[0]) for f in found])[:lanes]
    residuals = np.concatenate([np.asarray(f[1]) for f in found], axis=1)[:, :lanes]
    return information, residuals[: problem.trace.present.shape[0]]
