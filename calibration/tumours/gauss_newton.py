"""Gauss and Newton's steps where a Jacobian costs ten solves: several lengths of a step are tried for each Jacobian.

    (J'J + lambda diag(J'J)) step = - J'r,      lambda = 0, 1e-3, 1e-2, 1e-1, 1, 10,      |step| <= 1.5 in every unknown

Each is tried as it is and straight in the unknowns' own units, and the one of lowest cost is taken. Cells grow as exp(rho t):
log N is nearly linear in rho, and much less in z = log rho, where full steps towards faster growth overshoot.
Straight to second order: with k = x''(z) / x'(z), a step d becomes log(1 + k d) / k where k d > 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, linearize
from physio.solve.status import Status

_DAMPING = (0.0, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


class _State(NamedTuple):
    z: Array
    cost: Array
    information: Array
    status: Array
    finished: Array
    iterations: Array


class GaussNewton(AbstractCalibrator):
    """One Jacobian and twelve solves a step.

    A lane has converged when a full step promises to lower the cost by less than ``ftol (1 + cost)``, and stalled when no trial
    lowers it.
    """

    iterations: int = 20
    ftol: float = 1e-12
    reach: float = 1.5

    def limit(self):
        return self.iterations

    def done(self, state):
        return state.finished

    def init(self, problem, z):
        lanes = z.shape[-1]
        return _State(
            z,
            jnp.full((lanes,), jnp.inf, z.dtype),
            jnp.zeros((z.shape[0], z.shape[0], lanes), z.dtype),
            jnp.full((lanes,), FitStatus.ITERATION_LIMIT, jnp.int32),
            jnp.zeros((lanes,), bool),
            jnp.zeros((lanes,), jnp.int32),
        )

    def step(self, problem, state):
        here, jacobian = linearize(problem, state.z)
        cost = 0.5 * (here.residuals**2).sum(0)
        normal = jnp.einsum("rpl,rql->lpq", jacobian, jacobian)
        slope = jnp.einsum("rpl,rl->lp", jacobian, here.residuals)
        scale = jnp.maximum(jnp.diagonal(normal, axis1=1, axis2=2), 1e-12)

        def damped(share):
            return -jnp.linalg.solve(normal + share * scale[:, :, None] * jnp.eye(scale.shape[1]), slope[..., None])[..., 0].T

        whole = damped(1e-14)
        promise = -0.5 * (whole * slope.T).sum(0)
        steps = jnp.stack([damped(share) for share in _DAMPING[1:]])
        steps = jnp.clip(jnp.concatenate([whole[None], steps]), -self.reach, self.reach)
        trials = state.z + jnp.concatenate([steps, _straight(problem, state.z, steps)])

        def tried(z):
            there = problem.evaluate(z)
            at = 0.5 * (there.residuals**2).sum(0)
            # comparisons with nan are false
            return jnp.where((there.status == Status.OK) & (at < jnp.inf), at, jnp.inf)

        costs = jax.lax.map(tried, trials)
        best = costs.argmin(0)
        lowest = jnp.take_along_axis(costs, best[None], 0)[0]
        failed = ~((here.status == Status.OK) & (cost < jnp.inf))
        settled = promise <= self.ftol * (1.0 + cost)
        better = (lowest < cost) & ~failed & ~state.finished
        code = jnp.where(settled, FitStatus.CONVERGED, jnp.where(better, state.status, FitStatus.STALLED))
        code = jnp.where(failed, FitStatus.SOLVE_FAILED, code)
        chosen = jnp.take_along_axis(trials, best[None, None], 0)[0]
        return _State(
            jnp.where(better, chosen, state.z),
            jnp.where(state.finished, state.cost, jnp.where(better, lowest, cost)),
            jnp.where(state.finished, state.information, jnp.moveaxis(normal, 0, -1)),
            jnp.where(state.finished, state.status, code).astype(jnp.int32),
            state.finished | settled | failed | ~better,
            state.iterations + ~state.finished,
        )

    def finish(self, problem, state):
        """``information`` is J'J where the last step began; steps that converged make no difference to it."""
        return Fit(problem, state.z, state.cost, state.status, state.iterations, state.information, None, "Gauss-Newton")


def _straight(problem: AbstractProblem, z: Array, steps: Array) -> Array:
    """Steps in z that are straight in the unknowns' own units, where those are shorter."""

    def slope(z):
        return jax.jvp(problem.values, (z,), (jnp.ones_like(z),))[1]

    rate, bend = jax.jvp(slope, (z,), (jnp.ones_like(z),))
    turn = (bend / rate) * steps
    bent = turn > 1e-9
    return jnp.where(bent, steps * jnp.log1p(jnp.where(bent, turn, 0.0)) / jnp.where(bent, turn, 1.0), steps)
