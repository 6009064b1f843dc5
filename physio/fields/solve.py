"""Solve a field from its first observation to its last."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.fields.adjoint import AbstractFieldAdjoint, Forward, March
from physio.fields.diffusion import concrete
from physio.fields.grid import FieldError
from physio.fields.model import AbstractFieldModel
from physio.fields.plan import longest, planned, total_steps
from physio.fields.stepper import AbstractStepper, Heun
from physio.schedule import Schedule, nothing
from physio.solve.status import Status

# a step at the bound itself is stable
_SLACK = 1.0 + 1e-9


class FieldPath(eqx.Module):
    """A field in time.

    ``at``      (times,) of the observations
    ``seen``    the state at each, (times, ...) in every array; at the time of an event, just before it
    ``status``  a ``Status``: one number for the whole solve
    ``steps``   taken
    """

    at: Array
    seen: Any
    status: Array
    steps: int = eqx.field(static=True)


def solve_field(
    model: AbstractFieldModel,
    state: Any,
    schedule: Schedule | None = None,
    *,
    at: Any,
    step: float,
    method: AbstractStepper = Heun(),
    adjoint: AbstractFieldAdjoint = Forward(),
) -> FieldPath:
    """March ``state`` from ``at[0]`` through all times of ``at``, in steps of at most ``step``, never across an event.

    Times, events and the step are known numbers on the clock of the model's rates. A step beyond the stable bound is an error
    here where the diffusivities are known numbers, and the status UNSTABLE_STEP where they are traced.
    """
    with jax.ensure_compile_time_eval():
        schedule = nothing() if schedule is None else schedule
    plan, amounts = planned(model.channels, schedule, at, step, adjoint.rows)
    limit = jax.lax.stop_gradient(method.limit(model))
    if concrete(limit) and longest(plan) > float(limit) * _SLACK:
        raise FieldError(_unstable(method, longest(plan), float(limit)))
    seen = adjoint.march(March(method, plan), model, amounts, state)
    finite = jnp.stack([(jnp.abs(x) < jnp.inf).all() for x in jax.tree.leaves(jax.lax.stop_gradient(seen))]).all()
    status = jnp.where(finite, Status.OK, Status.NOT_FINITE)
    status = jnp.where(longest(plan) > limit * _SLACK, Status.UNSTABLE_STEP, status).astype(jnp.int32)
    return FieldPath(jnp.asarray(np.atleast_1d(np.asarray(at, float))), seen, status, total_steps(plan))


def _unstable(method: AbstractStepper, dt: float, limit: float) -> str:
    return (
        f"a step of {dt:.6g} is unstable with {type(method).__name__}: diffusion bounds it by {limit:.6g}, which falls with "
        f"h^2 / D; give step={0.99 * limit:.3g} or less, or method=Strang(CrankNicolson())"
    )
