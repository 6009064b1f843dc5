"""Gradient descent with any optax transformation on minus the log density, each lane its own."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import optax
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, gradient
from physio.solve import Status


class _State(NamedTuple):
    z: Array
    best: Array
    cost: Array
    moments: Any
    memory: Any
    status: Array
    finished: Array
    iterations: Array


class Descent(AbstractCalibrator):
    """First-order descent; the best point seen is kept.

    ``optimiser`` must act elementwise (adam, rmsprop, sgd with momentum), so that lanes do not mix: one that
    normalises by a norm over all lanes would. Converged when the largest component of the gradient is below ``gtol``.
    """

    optimiser: optax.GradientTransformation = eqx.field(default_factory=lambda: optax.adam(0.05))
    iterations: int = 1000
    gtol: float = 1e-4

    def limit(self) -> int:
        return self.iterations

    def done(self, state: _State) -> Array:
        return state.finished

    def init(self, problem: AbstractProblem, z: Array) -> _State:
        at_z, _ = gradient(problem, z)
        solved = (at_z.status == Status.OK) & (-at_z.log_density < jnp.inf)
        code = jnp.where(solved, FitStatus.ITERATION_LIMIT, FitStatus.SOLVE_FAILED).astype(jnp.int32)
        cost = jnp.where(solved, -at_z.log_density, jnp.inf)
        start = jnp.zeros(z.shape[-1:], jnp.int32)
        return _State(z, z, cost, self.optimiser.init(z), at_z.memory, code, ~solved, start)

    def step(self, problem: AbstractProblem, state: _State) -> _State:
        at_z, slope = gradient(problem, state.z, state.memory)
        now = -at_z.log_density
        usable = (at_z.status == Status.OK) & (now < jnp.inf) & ~state.finished
        better = usable & (now <= state.cost)
        best = jnp.where(better, state.z, state.best)
        cost = jnp.where(better, now, state.cost)
        flat = usable & (jnp.max(jnp.abs(slope), axis=0) <= self.gtol)
        update, moments = self.optimiser.update(jnp.where(usable, -slope, 0.0), state.moments, state.z)
        moved = jnp.where(state.finished | flat, state.z, state.z + update)
        # a lane that left the region where its body can be solved goes back to its best point
        moved = jnp.where(usable | state.finished, moved, 0.5 * (state.z + state.best))
        code = jnp.where(flat, FitStatus.CONVERGED, state.status).astype(jnp.int32)
        return _State(
            moved,
            best,
            cost,
            moments,
            at_z.memory,
            code,
            state.finished | flat,
            state.iterations + ~state.finished,
        )

    def finish(self, problem: AbstractProblem, state: _State) -> Fit:
        return Fit(problem, state.best, state.cost, state.status, state.iterations, None, None, "gradient descent")
