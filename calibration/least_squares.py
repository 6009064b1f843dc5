"""Levenberg-Marquardt, every lane with its own damping and its own acceptance.

    (J'J + lambda D) step = -J'r,     D = diag(J'J)

lambda follows the ratio of actual to predicted decrease (H. B. Nielsen, IMM-REP-1999-05); the scaling by the diagonal is
Marquardt's. A lane whose body cannot be solved at the trial point rejects the step.

A trial costs one solve without derivatives; derivatives are taken where it was accepted. Lanes that need none have z = nan
there, which a problem may leave unsolved.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, linearize
from physio.solve import Status

_SMALLEST_DAMPING = 1e-12


class _State(NamedTuple):
    z: Array
    residuals: Array
    jacobian: Array
    memory: Any
    cost: Array
    damping: Array
    growth: Array
    status: Array
    finished: Array
    iterations: Array


class LevenbergMarquardt(AbstractCalibrator):
    """Least squares with first derivatives.

    A lane has converged when a full Gauss-Newton step from where it stands promises to lower the cost by less than
    ``ftol (1 + cost)``; it has stalled when no step, however short, lowers the cost although more is promised.
    """

    iterations: int = 60
    ftol: float = 1e-12
    damping: float = 1e-2

    def limit(self) -> int:
        return self.iterations

    def done(self, state: _State) -> Array:
        return state.finished

    def init(self, problem: AbstractProblem, z: Array) -> _State:
        """Nothing is solved yet: the first step has no Jacobian, so it has no length and evaluates the start."""
        lanes = z.shape[-1]
        shapes = jax.eval_shape(problem.evaluate, z)
        residuals = shapes.residuals
        return _State(
            z,
            jnp.zeros(residuals.shape, z.dtype),
            jnp.zeros((residuals.shape[0], *z.shape), z.dtype),
            jax.tree.map(lambda x: jnp.full(x.shape, jnp.nan, x.dtype), shapes.memory),
            jnp.full((lanes,), jnp.inf, z.dtype),
            jnp.full((lanes,), self.damping, z.dtype),
            jnp.full((lanes,), 2.0, z.dtype),
            jnp.full((lanes,), FitStatus.ITERATION_LIMIT, jnp.int32),
            jnp.zeros((lanes,), bool),
            jnp.zeros((lanes,), jnp.int32),
        )

    def step(self, problem: AbstractProblem, state: _State) -> _State:
        normal = jnp.einsum("rpl,rql->lpq", state.jacobian, state.jacobian)
        slope = jnp.einsum("rpl,rl->lp", state.jacobian, state.residuals)
        diagonal = jnp.maximum(jnp.diagonal(normal, axis1=1, axis2=2), 1e-12)
        eye = jnp.eye(normal.shape[-1])
        damped = normal + state.damping[:, None, None] * diagonal[:, :, None] * eye
        move = -jnp.linalg.solve(damped, slope[..., None])[..., 0]
        expected = -(move * slope).sum(-1) - 0.5 * jnp.einsum("lp,lpq,lq->l", move, normal, move)
        trial = state.z + jnp.where(state.finished, 0.0, move.T)
        there = problem.evaluate(trial, state.memory)
        cost = 0.5 * (there.residuals**2).sum(0)
        usable = (there.status == Status.OK) & (cost < jnp.inf) & ~state.finished
        # comparisons with nan are false: a lane without a finite cost rejects
        # within the tolerance a higher cost is taken too, or a point that integration noise favoured would be a trap
        accept = usable & (cost <= state.cost + 0.5 * self.ftol * (1.0 + cost))
        first = ~(state.cost < jnp.inf)
        gain = jnp.where(first, 0.5, (state.cost - cost) / jnp.maximum(expected, 1e-300))
        shrink = jnp.maximum(1.0 / 3.0, 1.0 - (2.0 * jnp.clip(gain, 0.0, 1.0) - 1.0) ** 3)
        damping = jnp.where(accept, state.damping * shrink, state.damping * state.growth)
        growth = jnp.where(accept, 2.0, 2.0 * state.growth)
        # what a full step promises to gain: g'(J'J)^-1 g / 2, whatever the damping
        whole = jnp.linalg.solve(normal + 1e-12 * diagonal[:, :, None] * eye, slope[..., None])[..., 0]
        promise = 0.5 * (whole * slope).sum(-1)
        settled = (promise <= self.ftol * (1.0 + state.cost)) & ~first & ~state.finished
        unsolved = first & ~accept & ~state.finished
        stuck = (damping > 1e12) & ~state.finished & ~first
        code = jnp.where(settled, FitStatus.CONVERGED, jnp.where(stuck, FitStatus.STALLED, state.status))
        code = jnp.where(unsolved, FitStatus.SOLVE_FAILED, code)

        def keep(new, old):
            return jnp.where(accept, new, old)

        def derived():
            return keep(linearize(problem, jnp.where(accept, trial, jnp.nan), there.memory)[1], state.jacobian)

        jacobian = jax.lax.cond(accept.any(), derived, lambda: state.jacobian)
        return _State(
            keep(trial, state.z),
            keep(there.residuals, state.residuals),
            jacobian,
            there.memory,
            keep(cost, state.cost),
            jnp.where(state.finished, state.damping, jnp.maximum(damping, _SMALLEST_DAMPING)),
            jnp.where(state.finished, state.growth, growth),
            code.astype(jnp.int32),
            state.finished | settled | stuck | unsolved,
            state.iterations + ~state.finished,
        )

    def finish(self, problem: AbstractProblem, state: _State) -> Fit:
        information = jnp.einsum("rpl,rql->pql", state.jacobian, state.jacobian)
        return Fit(
            problem, state.z, state.cost, state.status, state.iterations, information, None, "Levenberg-Marquardt"
        )
