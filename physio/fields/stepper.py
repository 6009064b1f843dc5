"""One step of a field, explicit.

    ForwardEuler   u + dt f(t, u)                                              order 1   (FTCS)
    Heun           (u + v) / 2 + dt f(t + dt, v) / 2,   v = u + dt f(t, u)     order 2

Both are stable for dt <= 2 / lambda, lambda the largest eigenvalue of the diffusion: in three dimensions with one spacing h and
order 2 that is h^2 / (6 D).
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.fence import always_true, fence
from physio.fields.model import AbstractFieldModel, Still, for_each, operators


class AbstractStepper(eqx.Module):
    """A method of one step, with a stable derivative in both modes."""

    order: ClassVar[int]

    @abc.abstractmethod
    def step(self, model: AbstractFieldModel, t: Array, dt: Array, state: Any) -> Any:
        """The state at t + dt."""

    @abc.abstractmethod
    def limit(self, model: AbstractFieldModel) -> Array:
        """The longest step for which diffusion is stable; infinite for implicit methods."""


class ForwardEuler(AbstractStepper):
    """Explicit, order 1: one application of the operator a step."""

    order = 1

    def step(self, model, t, dt, state):
        return jax.tree.map(lambda u, f: _moved(u, dt, f), state, whole_rates(model, t, state))

    def limit(self, model):
        return explicit_limit(model)


class Heun(AbstractStepper):
    """Explicit, order 2: two applications a step; keeps bounds that ``ForwardEuler`` keeps."""

    order = 2

    def step(self, model, t, dt, state):
        euler = jax.tree.map(lambda u, f: _moved(u, dt, f), state, whole_rates(model, t, state))
        euler = fenced(euler, t)
        ahead = whole_rates(model, t + dt, euler)
        return jax.tree.map(lambda u, v, f: 0.5 * u + 0.5 * _moved(v, dt, f), state, euler, ahead)

    def limit(self, model):
        return explicit_limit(model)


def whole_rates(model: AbstractFieldModel, t: Array, state: Any) -> Any:
    """Diffusion and reaction together."""

    def both(op, u, r):
        return r if isinstance(op, Still) else op(u) + r

    return for_each(both, model, state, model.rates(t, state))


def explicit_limit(model: AbstractFieldModel) -> Array:
    """2 over the largest eigenvalue of all operators."""
    return 2.0 / jnp.stack([jnp.asarray(op.largest(), jnp.float64) for op in operators(model)]).max()


def fenced(state: Any, clock: Array) -> Any:
    """The state, computed once: stages that XLA fuses into each other are computed again at every neighbour."""
    always = always_true(jnp.asarray(clock))
    return jax.tree.map(lambda x: fence(x, always), state)


def _moved(u: Array, dt: Array, rate: Array) -> Array:
    return u + jnp.asarray(dt, u.dtype) * rate
