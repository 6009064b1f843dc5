"""What a filter needs to know of a person: how x moves, what drives it, and what instruments see of it.

    x(t1) = transition(x(t0), w),    w ~ N(0, 1)           x  what is estimated, unbounded
    transform(reading) = predicted(x) + sd(x) e,    e ~ N(0, 1)
"""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array


class AbstractStateSpace(eqx.Module):
    """A model whose lanes do not interact; lanes are people, and members or sigma points of people.

    ``names``   rows of x
    ``noises``  how many standard normal numbers w drive one advance, however long
    """

    names: eqx.AbstractVar[tuple[str, ...]]
    instruments: eqx.AbstractVar[tuple[str, ...]]
    noises: eqx.AbstractVar[int]
    lanes: eqx.AbstractVar[int]

    @abc.abstractmethod
    def transition(self, x: Array, noise: Array, begin: Array, end: Array) -> tuple[Array, Array]:
        """``(x at end, whether it could be found)`` from x (n, lanes) and noise (noises, lanes); times are (lanes,)."""

    @abc.abstractmethod
    def observe(self, instrument: int, x: Array, time: Array) -> tuple[Array, Array]:
        """``(predicted, sd)`` (lanes,) of one instrument, on the scale where its error is normal."""

    @abc.abstractmethod
    def scaled(self, instrument: int, value: Array) -> Array:
        """A reading on the scale where the instrument's error is normal."""

    @abc.abstractmethod
    def tiled(self, times: int) -> "AbstractStateSpace":
        """Each lane repeated: lane l becomes lanes l*times ... l*times + times - 1."""

    @abc.abstractmethod
    def narrowed(self, lanes: int) -> "AbstractStateSpace":
        """The same with arrays that are about to be cut to this many lanes."""


def in_turns(width: int, function: Callable, model: AbstractStateSpace, *trees: Any) -> Any:
    """``function(model, *trees)`` for ``width`` people at a time on a CPU, whose cache then holds their members; all arrays
    have lanes last, and people do not interact.
    """
    lanes = model.lanes
    if jax.default_backend() != "cpu" or lanes <= width:
        return function(model, *trees)
    turns = -(-lanes // width)
    place = jnp.minimum(jnp.arange(turns * width), lanes - 1)
    arrays, fixed = eqx.partition((model.narrowed(width), *trees), eqx.is_array)

    def cut(x):
        return jnp.moveaxis(x[..., place].reshape(*x.shape[:-1], turns, width), -2, 0)

    def joined(x):
        return jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], turns * width)[..., :lanes]

    results = jax.lax.map(lambda part: function(*eqx.combine(part, fixed)), jax.tree.map(cut, arrays))
    return jax.tree.map(joined, results)


def each(model: AbstractStateSpace, count: int, function: Callable, *points: Array) -> tuple[Array, ...]:
    """``function(tiled model, *points)`` for points (count, rows, lanes) of every lane; results are (count, ..., lanes)."""
    lanes = model.lanes

    def flat(x):
        return jnp.moveaxis(x, 0, -1).reshape(*x.shape[1:-1], lanes * count)

    def back(x):
        return jnp.moveaxis(x.reshape(*x.shape[:-1], lanes, count), -1, 0)

    return jax.tree.map(back, function(model.tiled(count), *map(flat, points)))
