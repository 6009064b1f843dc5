"""Tsit5 with one thread of a GPU for each lane: a whole segment in one launch, in registers.

The right-hand side is written as CUDA C from its jaxpr and compiled by NVRTC. Where there is no NVIDIA GPU, or a body has no
form as a kernel, ``Tsit5`` solves instead, with a warning that names what stood in the way on a GPU.
"""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp

from physio.solve.discrete_adjoint import DiscreteAdjoint
from physio.solve.kernel.across import Settings, across
from physio.solve.kernel.launch import filled
from physio.solve.kernel.segment import given, model_of
from physio.solve.kernel.unsupported import NoKernel
from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Plan
from physio.solve.status import Status
from physio.solve.stepping import marched
from physio.solve.tsit5 import Tsit5
from physio.system import System


class Tsit5Kernel(AbstractMethod):
    """For large cohorts on a GPU; brings its own reverse derivatives, so pass no adjoint.

    ``rows``       accepted steps of a segment kept for the way back; a lane that takes more gets ``Status.ROWS_FULL``
    ``max_steps``  each lane's budget for one segment
    """

    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 100_000
    first_step: float = 1e-3
    rows: int = 1024

    def march(self, system, plan, y):
        if not _on_a_gpu():
            return self._by_xla(system, plan, y)
        try:
            return self.by_kernel(system, plan, y)
        except NoKernel as why:
            warnings.warn(f"no kernel: {why}", stacklevel=2)
            return self._by_xla(system, plan, y)

    def _by_xla(self, system: System, plan: Plan, y) -> Marched:
        method = Tsit5(self.rtol, self.atol, self.max_steps, self.first_step)
        return DiscreteAdjoint(rows=self.rows).march(method, system, plan, y, 1)

    def by_kernel(self, system: System, plan: Plan, y) -> Marched:
        """The march on a GPU, one launch for each segment of the plan."""
        settings = Settings(self.rtol, self.atol, self.max_steps, self.rows)
        lanes = system.lanes
        whole, table, y = jax.tree.map(filled, (eqx.filter(system, eqx.is_inexact_array), plan.table, y))
        wide = y.shape[-1]
        numbers = eqx.combine(whole, system).narrowed(wide)
        run = across(model_of(system, plan), wide, settings)

        def segment(carry, column):
            y, h, status, steps = carry
            here = plan.columns(column)
            length = here.end - here.begin
            y = plan.begun(numbers, here, y)
            # a lane that failed has nothing to cross; a segment of no length takes one step
            go = status == Status.OK
            share = jnp.where(length > 0, h / jnp.where(length > 0, length, 1.0), 1.0)
            span = jnp.stack([jnp.zeros_like(h), jnp.where(go, 1.0, 0.0), share]).astype(y.dtype)
            y, share, taken, outcome = run(y, given(numbers, here), jax.lax.stop_gradient(span))
            status = jnp.where(go, outcome, status)
            h = jnp.where(go & (length > 0), jax.lax.stop_gradient(share * length), h)
            return (y, h, status, steps + jnp.where(go, taken, 0)), y

        none = jnp.zeros((wide,), jnp.int32)
        first = jnp.full((wide,), self.first_step, y.dtype)
        (final, _, status, steps), ends = jax.lax.scan(segment, (y, first, none, none), jnp.moveaxis(table, 1, 0))
        final, status, steps, ends = jax.tree.map(lambda x: x[..., :lanes], (final, status, steps, ends))
        times = plan.at.shape[0]
        lane = jnp.arange(lanes)
        seen = jnp.zeros((times, *final.shape), final.dtype)
        # advanced indices around a slice: (segments, lanes, states)
        seen = seen.at[plan.shown, :, lane].set(jnp.moveaxis(ends, 1, -1), mode="drop")
        return marched(plan, seen, final, status, steps)


def _on_a_gpu() -> bool:
    return jax.default_backend() == "gpu"
