"""How a march of a field is differentiated.

    Forward          plain loops: jax.jvp, best for a few scalars, and higher derivatives
    Checkpointed     jax.grad: the state at the start of each segment is kept; walking back, the states within a segment are
                     made again and each step is undone by its own vector-Jacobian product

Segments end at every dose and observation, and after ``rows`` steps: N steps in K segments cost K + rows states of memory and
one march more. With ``again=False`` every state is kept: N + K of them, and nothing is computed twice.
Both are derivatives of the steps that were taken. Sizes of steps are constants.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.fields.model import AbstractFieldModel
from physio.fields.plan import FieldPlan, blank, put, rows_of
from physio.fields.stepper import AbstractStepper, fenced


class March(NamedTuple):
    """What is fixed while a field marches."""

    stepper: AbstractStepper
    plan: FieldPlan

    def begun(self, model: AbstractFieldModel, k: Array, amounts: Array, state: Any) -> Any:
        """The state after the events at the start of segment k."""
        if not model.channels:
            return state
        named = {name: amounts[i] for i, name in enumerate(model.channels)}
        return model.jump(jnp.asarray(self.plan.start)[k], named, state)

    def step(self, model: AbstractFieldModel, k: Array, i: Array, state: Any) -> Any:
        """Step i of segment k."""
        dt = jnp.asarray(self.plan.dt)[k]
        t = jnp.asarray(self.plan.start)[k] + i * dt
        model, state = model.settled(t, state)
        return self.stepper.step(model, t, dt, state)

    def walked(self, model: AbstractFieldModel, amounts: Array, state: Any, visit, carry: Any) -> tuple[Any, Any, Any]:
        """``(observed states, carry, states at the starts)``; ``visit(carry, k, i, state)`` sees the state before each step."""
        seen = put(blank(state, self.plan.observations + 1), state, 0)

        def segment(carry, k):
            state, seen, other = carry
            begun = self.begun(model, k, amounts[k], state)

            def one(i, inner):
                state, other = inner
                return self.step(model, k, i, state), visit(other, k, i, state)

            after, other = jax.lax.fori_loop(0, jnp.asarray(self.plan.steps)[k], one, (begun, other))
            return (after, put(seen, after, jnp.asarray(self.plan.row)[k]), other), state

        (_, seen, carry), starts = jax.lax.scan(segment, (state, seen, carry), jnp.arange(self.plan.start.size))
        return jax.tree.map(lambda x: x[:-1], seen), carry, starts


class AbstractFieldAdjoint(eqx.Module):
    """Marches so that the result can be differentiated; ``rows`` are the most steps of a segment."""

    rows: eqx.AbstractVar[int]

    @abc.abstractmethod
    def march(self, march: March, model: AbstractFieldModel, amounts: Array, state: Any) -> Any:
        """The state at each observation, (times, ...) in every array."""


class Forward(AbstractFieldAdjoint):
    """No reverse mode."""

    rows: int = eqx.field(static=True, default=1 << 30)

    def march(self, march, model, amounts, state):
        return march.walked(model, amounts, state, lambda carry, *_: carry, None)[0]


class Checkpointed(AbstractFieldAdjoint):
    """Reverse mode with respect to every number of the model, the amounts and the first state."""

    rows: int = eqx.field(static=True, default=32)
    again: bool = eqx.field(static=True, default=True)

    def march(self, march, model, amounts, state):
        asked, known = eqx.partition(model, eqx.is_inexact_array)
        arrays, static = eqx.partition(known, eqx.is_array)
        return _marched(march, static, self.again, asked, arrays, amounts, state)


def _marched(march: March, static: Any, again: bool, asked: Any, arrays: Any, amounts: Array, state: Any) -> Any:
    steps = int(march.plan.steps.sum())
    first = march.plan.steps.cumsum() - march.plan.steps

    def model_of(asked, arrays):
        return eqx.combine(asked, arrays, static)

    @jax.custom_vjp
    def marched(asked, arrays, amounts, state):
        return march.walked(model_of(asked, arrays), amounts, state, lambda carry, *_: carry, None)[0]

    def forward(asked, arrays, amounts, state):
        model = model_of(asked, arrays)
        if again:
            seen, _, starts = march.walked(model, amounts, state, lambda carry, *_: carry, None)
            return seen, (asked, arrays, amounts, starts, None)

        def keep(kept, k, i, state):
            return put(kept, state, jnp.asarray(first)[k] + i)

        seen, kept, starts = march.walked(model, amounts, state, keep, blank(state, steps))
        return seen, (asked, arrays, amounts, starts, kept)

    def backward(residual, g_seen):
        asked, arrays, amounts, starts, kept = residual
        model = model_of(asked, arrays)
        g_seen = jax.tree.map(lambda g: jnp.concatenate([g, jnp.zeros_like(g[:1])]), g_seen)
        zeros = jax.tree.map(jnp.zeros_like, asked)
        buffer = blank(rows_of(starts, 0), int(march.plan.steps.max())) if again else kept

        def segment(carry, k):
            g, g_asked, buffer = carry
            g = jax.tree.map(jnp.add, g, rows_of(g_seen, jnp.asarray(march.plan.row)[k]))
            count, start = jnp.asarray(march.plan.steps)[k], rows_of(starts, k)
            offset = 0 if again else jnp.asarray(first)[k]
            if again:

                def record(i, inner):
                    state, buffer = inner
                    return march.step(model, k, i, state), put(buffer, state, i)

                # the state after the last step is not needed
                last = (march.begun(model, k, amounts[k], start), buffer)
                state, buffer = jax.lax.fori_loop(0, count - 1, record, last)
                buffer = put(buffer, state, count - 1)

            def undo(j, inner):
                g, g_asked = inner
                i = count - 1 - j
                before, g = fenced((rows_of(buffer, offset + i), g), jnp.asarray(march.plan.start)[k])
                pull = jax.vjp(lambda asked, state: march.step(model_of(asked, arrays), k, i, state), asked, before)[1]
                more, g = pull(g)
                return g, jax.tree.map(jnp.add, g_asked, more)

            g, g_asked = jax.lax.fori_loop(0, count, undo, (g, g_asked))
            begin = jax.vjp(lambda m, a, s: march.begun(model_of(m, arrays), k, a, s), asked, amounts[k], start)[1]
            more, g_amounts, g = begin(g)
            return (g, jax.tree.map(jnp.add, g_asked, more), buffer), g_amounts

        begun = (jax.tree.map(lambda g: jnp.zeros_like(g[0]), g_seen), zeros, buffer)
        (g, g_asked, _), g_amounts = jax.lax.scan(segment, begun, jnp.arange(march.plan.start.size), reverse=True)
        g = jax.tree.map(jnp.add, g, rows_of(g_seen, 0))
        return g_asked, None, g_amounts, g

    marched.defvjp(forward, backward)
    return marched(asked, arrays, amounts, state)
