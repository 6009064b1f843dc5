"""Any Diffrax solver as a method for one person: the oracle, and the way to implicit or other schemes."""

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Field, Plan
from physio.solve.status import Status
from physio.system import System


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

    def march(self, system: System, plan: Plan, y: Array) -> Marched:
        if system.lanes != 1:
            raise ValueError("a Diffrax method solves one person; a cohort is solved with the project's own methods")

        if system.algebraic.any():
            raise ValueError("a Diffrax method cannot solve for implied variables: use Rodas4() or Rodas5P()")
        if system.triggered:
            raise ValueError(f"a Diffrax method knows no jumps, but {', '.join(system.triggered)} jump: use Tsit5()")

        def segment(carry, column):
            y, status, steps = carry
            here = plan.columns(column)
            y, code, taken = self._across(plan.field(system, here), plan.begun(system, here, y))
            status = jnp.where(status == Status.OK, code, status)
            return (y, status, steps + taken), y

        none = jnp.zeros((1,), jnp.int32)
        columns = jnp.moveaxis(plan.table, 1, 0)
        (final, status, steps), ends = jax.lax.scan(segment, (y, none, none), columns)
        times = plan.at.shape[0]
        seen = jnp.zeros((times, *y.shape), y.dtype).at[plan.shown[:, 0]].set(ends, mode="drop")
        return Marched(seen, final, status, steps)

    def _across(self, field: Field, y: Array) -> tuple[Array, Array, Array]:
        """``(state, result code, steps)`` at the end of a segment."""
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda s, x, _: field(jnp.full((1,), s, y.dtype), x[:, None])[:, 0]),
            self.solver,
            t0=jnp.zeros((), y.dtype),
            t1=jnp.ones((), y.dtype),
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
        taken = solution.stats["num_steps"].astype(jnp.int32)[None]
        return solution.ys[0][:, None], code.astype(jnp.int32)[None], taken
