"""Derivatives of functions whose lanes do not interact."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.plan import Field
from physio.sparsity import colours


def field_jacobian(field: Field, s: Array, y: Array) -> tuple[Array, Array]:
    """``(rates, slopes)``: slopes[j] (states, lanes) is the derivative along state j, and the last that along s.

    States whose columns of the field's pattern meet in no row are moved together.
    """
    found = np.concatenate([field.pattern, np.ones((y.shape[0], 1), bool)], axis=1)
    colour = colours(found)
    together = jnp.asarray(colour == np.arange(colour.max() + 1)[:, None], y.dtype)

    def along(row):
        ones = jnp.broadcast_to(row[:, None], (row.size, y.shape[1]))
        return jax.jvp(field, (s, y), (ones[-1], ones[:-1]))

    rates, moved = jax.vmap(along, out_axes=(None, 0))(together)
    return rates, jnp.where(found.T[..., None], moved[colour], 0.0)


def lane_jacobian(function: Callable, x: Array, *, has_aux: bool = False) -> tuple[Any, ...]:
    """``(f(x), directions)``, and aux: the derivative along every row of x (rows, lanes), for all lanes at once.

    ``directions`` is f's result with a leading axis over the rows of x. One pass computes the value once and all
    tangents beside it; ``jax.linearize`` would run every loop twice.
    """
    rows = jnp.eye(x.shape[0], dtype=x.dtype)

    def along(row):
        return jax.jvp(function, (x,), (jnp.broadcast_to(row[:, None], x.shape),), has_aux=has_aux)

    return jax.vmap(along, out_axes=(None, 0, None) if has_aux else (None, 0))(rows)


def picked(tree: Any, index: Array) -> Any:
    """Every array with the lanes ``index`` of its last axis, in that order."""
    return jax.tree.map(lambda x: x[..., index] if isinstance(x, jax.Array) else x, tree)


def repeated(tree: Any, times: int) -> Any:
    """Every array with its last axis, the lanes, repeated: lane l becomes lanes l*times ... l*times + times - 1."""
    return jax.tree.map(lambda x: jnp.repeat(x, times, axis=-1) if isinstance(x, jax.Array) else x, tree)
