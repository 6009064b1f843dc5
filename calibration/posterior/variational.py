"""The normal distribution nearest to the posterior, in the sense of Kullback and Leibler: its mean and all its covariances.

    q = N(m, S),   maximise  E_q log p(z, y) + log det S / 2
    E_q grad log p = 0,   S^-1 = - E_q d2 log p = - E_q [S^-1 (z - m) grad log p']          at the maximum

Expectations are means over fixed points m + S^(1/2) e, the e quasi-random with mean 0 and covariance 1 exactly, so that the
iteration is deterministic, exact on linear models, and needs first derivatives only. Steps are natural gradients with a
retraction that keeps S^-1 positive. Unlike a Laplace approximation q sits where the mass is, not at the mode.

Sources: M. Opper, C. Archambeau, Neural Comput. 21:786-792 (2009); W. Lin, M. Schmidt, M. E. Khan, ICML 119:6116-6126 (2020);
R. Giordano, M. Ingram, T. Broderick, J. Mach. Learn. Res. 25(18):1-39 (2024) for fixed points.
"""

import dataclasses

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


class Variational(eqx.Module):
    """``points`` a lane (made even), natural gradient steps of length ``rate``; a lane is done when a step moves the mean by
    less than ``tolerance`` standard deviations and the precision by less than that share.
    """

    points: int = 32
    iterations: int = 60
    rate: float = 0.5
    tolerance: float = 1e-3


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

    def factor(precision):
        """S^(1/2) (lanes, unknowns, unknowns) with S = (precision)^-1: the inverse of the transposed factor."""
        lower = jnp.linalg.cholesky(precision)
        eye = jnp.broadcast_to(jnp.eye(unknowns), lower.shape)
        return jnp.swapaxes(jax.scipy.linalg.solve_triangular(lower, eye, lower=True), 1, 2)

    def step(now):
        mean, precision, open_, solved, steps, number = now
        root = factor(precision)
        shift = jnp.einsum("lij,kj->lki", root, points)
        flat = (mean[:, None] + shift).reshape(-1, unknowns).T
        at_z, slope = gradient(wide, flat)
        good = (at_z.status == Status.OK) & (jnp.abs(slope) < jnp.inf).all(0)
        good = good.reshape(lanes, count)
        slope = jnp.where(good[..., None], slope.T.reshape(lanes, count, unknowns), 0.0)
        fine = good.all(1)
        average = slope.mean(1)
        # S^-1 (z - m) = S^(-1/2)' e
        lifted = jnp.einsum("lji,kj->lki", jnp.linalg.inv(root), points)
        curved = -jnp.einsum("lki,lkj->lij", lifted, slope) / count
        change = 0.5 * (curved + jnp.swapaxes(curved, 1, 2)) - precision
        covariance = root @ jnp.swapaxes(root, 1, 2)
        new = precision + how.rate * change + 0.5 * how.rate**2 * change @ covariance @ change
        move = how.rate * jnp.einsum("lij,lj->li", covariance, average)
        relative = jnp.einsum("lji,ljk,lkm->lim", root, change, root)
        far = jnp.maximum(jnp.abs(jnp.linalg.solve(root, move[..., None])).max((1, 2)), jnp.abs(relative).max((1, 2)))
        usable = open_ & fine & (jnp.abs(new) < jnp.inf).all((1, 2))
        mean = jnp.where(usable[:, None], mean + move, mean)
        precision = jnp.where(usable[:, None, None], new, precision)
        solved = solved & (usable | ~open_)
        return mean, precision, usable & (far > how.tolerance), solved, steps + open_, number + 1

    precision = jnp.linalg.inv(jnp.moveaxis(covariance, -1, 0))
    start = z.T, precision, jnp.ones(lanes, bool), jnp.ones(lanes, bool), jnp.zeros(lanes, jnp.int32), 0
    mean, precision, open_, solved, steps, _ = jax.lax.while_loop(
        lambda now: now[2].any() & (now[5] < how.iterations), step, start
    )
    return mean.T, jnp.moveaxis(jnp.linalg.inv(precision), 0, -1), ~open_, solved, steps
