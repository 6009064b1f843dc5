"""Any Diffrax solver as a method for one person: the oracle, and the way to implicit or other schemes."""

from collections.abc import Callable
from typing import NamedTuple

import diffrax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.method import AbstractMethod
from physio.solve.status import Status


class _Carry(NamedTuple):
    status: Array
    steps: Array


class Diffrax(AbstractMethod):
    """``diffrax.diffeqsolve`` on every segment: ``Diffrax(diffrax.Kvaerno5())``.

    ``adjoint`` decides how derivatives are taken: the default serves reverse mode, ``diffrax.ForwardMode()``
    forward mode. ``max_steps`` holds for each segment.
    """

    solver: diffrax.AbstractSolver
    rtol: float = 1e-8
    atol: float = 1e-10
    max_steps: int = 16_384
    adjoint: diffrax.AbstractAdjoint = diffrax.RecursiveCheckpointAdjoint()

    def begin(self, y: Array) -> _Carry:
        if y.shape[-1] != 1:
            raise ValueError("a Diffrax method solves one person; a cohort is solved with Tsit5")
        return _Carry(jnp.zeros((1,), jnp.int32), jnp.zeros((1,), jnp.int32))

    def status(self, carry: _Carry) -> Array:
        return carry.status

    def steps(self, carry: _Carry) -> Array:
        return carry.steps

    def advance(self, field: Callable, y: Array, length: Array, carry: _Carry) -> tuple[Array, _Carry]:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda s, x, _: field(jnp.full((1,), s, y.dtype), x[:, None])[:, 0]),
            self.solver,
            t0=0.0,
            t1=1.0,
            dt0=None,
            y0=y[:, 0],
            stepsize_controller=diffrax.PIDController(rtol=self.rtol, atol=self.atol),
            max_steps=self.max_steps,
            adjoint=self.adjoint,
            throw=False,
        )
        failed = solution.result != diffrax.RESULTS.successful
        budget = solution.result == diffrax.RESULTS.max_steps_reached
        code = jnp.where(failed, jnp.where(budget, Status.STEP_BUDGET, Status.STEP_TOO_SMALL), Status.OK)
        status = jnp.where(carry.status == Status.OK, code.astype(jnp.int32)[None], carry.status)
        return solution.ys[0][:, None], _Carry(status, carry.steps + solution.stats["num_steps"].astype(jnp.int32))
