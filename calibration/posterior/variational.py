"""The normal distribution nearest to the posterior, in the sense of Kullback and Leibler: its mean and all its covariances.

    q = N(m, S),   maximise  E_q log p(z, y) + log det S / 2
    E_q grad log p = 0,   S^-1 = - E_q d2 log p = - E_q [S^-1 (z - m) grad log p']          at the maximum

Expectations are means over fixed points m + S^(1/2) e, the e quasi-random with mean 0 and covariance 1 exactly, so that the
iteration is deterministic, exact on linear models, and needs first derivatives only. Steps are natural gradients with a
retraction that keeps S^-1 positive; each lane shortens its own where they lead away from the solution. Unlike a Laplace
approximation q sits where the mass is, not at the mode.

Sources: M. Opper, C. Archambeau, Neural Comput. 21:786-792 (2009); W. Lin, M. Schmidt, M. E. Khan, ICML 119:6116-6126 (2020);
R. Giordano, M. Ingram, T. Broderick, J. Mach. Learn. Res. 25(18):1-39 (2024) for fixed points.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import stats

from calibration.compiled import compiled_once
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, gradient
from physio.solve import Status

_SEED = 20261126
# of the standard deviations to begin with; how much further off a step may lead, from where on that says little; how a rate
# recovers
_BEGIN, _AWAY, _LITTLE, _FASTER = 0.5, 1.5, 0.1, 1.2


class Variational(eqx.Module):
    """``points`` a lane (made even), natural gradient steps of length ``rate`` or shorter; a lane is done when a whole step
    would move the mean by less than ``tolerance`` standard deviations and the precision by less than that share.
    """

    points: int = 64
    iterations: int = 300
    rate: float = 0.5
    tolerance: float = 1e-3


class _Now(NamedTuple):
    """Where every lane is, (lanes, ...): ``move`` and ``change`` are a whole step of mean and precision, ``far`` its size."""

    mean: Array
    precision: Array
    move: Array
    change: Array
    far: Array
    rate: Array
    steps: Array
    number: Array


def nodes(points: int, unknowns: int) -> np.ndarray:
    """(points, unknowns) quasi-random normal numbers in pairs +-e, with covariance 1 exactly."""
    half = max(points // 2, unknowns + 1)
    sobol = stats.qmc.Sobol(unknowns, scramble=True, rng=np.random.default_rng(_SEED))
    uniform = sobol.random(1 << (half - 1).bit_length())[:half]
    both = stats.norm.ppf(np.clip(uniform, 1e-10, 1.0 - 1e-10))
    root = np.linalg.cholesky(both.T @ both / half)
    whitened = np.linalg.solve(root, both.T).T
    return np.concatenate([whitened, -whitened])


def variational(fit: Fit, how: Variational = Variational()) -> Fit:
    """The same fit with the mean and covariance of the nearest normal distribution, begun at its Laplace approximation.

    A lane without a covariance keeps none. One that does not settle is marked at its iteration limit, one whose body cannot be
    solved at some of the points as failed; neither has a covariance then, so that no interval can come from it.
    """
    if fit.covariance is None:
        raise ValueError(f"{fit.method} has no covariance to begin from: apply calibration.laplace first")
    started = fit.quantified()
    eye = jnp.eye(fit.z.shape[0])[..., None]
    covariance = jnp.where(started, fit.covariance, eye)
    z = jnp.where(started, fit.z, 0.0)
    points = jnp.asarray(nodes(how.points, fit.z.shape[0]))
    mean, covariance, settled, solved, steps = _search(fit.problem, how, points, z, covariance)
    status = jnp.where(settled, FitStatus.CONVERGED, FitStatus.ITERATION_LIMIT)
    status = jnp.where(solved, status, FitStatus.SOLVE_FAILED)
    status = jnp.where(started, status, fit.status).astype(jnp.int32)
    covariance = jnp.where(started & solved & settled, covariance, jnp.where(eye > 0.0, jnp.inf, 0.0))
    return dataclasses.replace(
        fit,
        z=jnp.where(started, mean, fit.z),
        status=status,
        iterations=steps,
        information=None,
        covariance=covariance,
        method="variational, full covariance",
    )


@compiled_once
def _search(problem: AbstractProblem, how: Variational, points: Array, z: Array, covariance: Array):
    count, unknowns = points.shape
    lanes = z.shape[-1]
    wide = problem.tiled(count)

    def at(mean, precision):
        """A whole step from there, and its size: infinite where some point cannot be solved."""
        # S^(1/2) with S = (precision)^-1: the inverse of the transposed factor
        lower = jnp.linalg.cholesky(precision)
        eye = jnp.broadcast_to(jnp.eye(unknowns), lower.shape)
        root = jnp.swapaxes(jax.scipy.linalg.solve_triangular(lower, eye, lower=True), 1, 2)
        flat = (mean[:, None] + jnp.einsum("lij,kj->lki", root, points)).reshape(-1, unknowns).T
        at_z, slope = gradient(wide, flat)
        good = (at_z.status == Status.OK) & (jnp.abs(slope) < jnp.inf).all(0)
        good = good.reshape(lanes, count)
        slope = jnp.where(good[..., None], slope.T.reshape(lanes, count, unknowns), 0.0)
        # S^-1 (z - m) = S^(-1/2)' e
        lifted = jnp.einsum("lij,kj->lki", lower, points)
        curved = -jnp.einsum("lki,lkj->lij", lifted, slope) / count
        change = 0.5 * (curved + jnp.swapaxes(curved, 1, 2)) - precision
        # in standard deviations: of the mean, and of the precision
        along = jnp.einsum("lji,lj->li", root, slope.mean(1))
        relative = jnp.einsum("lji,ljk,lkm->lim", root, change, root)
        far = jnp.maximum(jnp.abs(along).max(1), jnp.abs(relative).max((1, 2)))
        move = jnp.einsum("lij,lj->li", root, along)
        return move, change, jnp.where(good.all(1) & (far < jnp.inf), far, jnp.inf)

    def step(now: _Now) -> _Now:
        rate = now.rate[:, None, None]
        covariance = jnp.linalg.inv(now.precision)
        mean = now.mean + now.rate[:, None] * now.move
        precision = now.precision + rate * now.change + 0.5 * rate**2 * now.change @ covariance @ now.change
        trying = now.far > how.tolerance
        mean = jnp.where(trying[:, None], mean, now.mean)
        precision = jnp.where(trying[:, None, None], precision, now.precision)
        move, change, far = at(mean, precision)
        # a step that leads away, or where a body cannot be solved, is taken back and tried at half its length
        better = trying & (far < jnp.maximum(_AWAY * now.far, _LITTLE))
        new = _Now(mean, precision, move, change, far, jnp.minimum(_FASTER * now.rate, how.rate), now.steps, now.number)
        slower = now._replace(rate=jnp.where(trying, 0.5 * now.rate, now.rate))
        chosen = [jnp.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(new[:6], slower[:6], strict=True)]
        return _Now(*chosen, now.steps + trying, now.number + 1)

    def unfinished(now: _Now):
        return ((now.far > how.tolerance) & (now.far < jnp.inf)).any() & (now.number < how.iterations)

    # begun inside what the Laplace approximation claims: its tails may reach where a body cannot be solved
    mean, precision = z.T, jnp.linalg.inv(jnp.moveaxis(covariance, -1, 0)) / _BEGIN**2
    whole = jnp.zeros(lanes, jnp.int32)
    start = _Now(mean, precision, *at(mean, precision), jnp.full(lanes, how.rate), whole, jnp.zeros((), jnp.int32))
    end = jax.lax.while_loop(unfinished, step, start)
    return end.mean.T, jnp.moveaxis(jnp.linalg.inv(end.precision), 0, -1), end.far <= how.tolerance, end.far < jnp.inf, end.steps
