"""Derivatives of functions whose lanes do not interact."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array


def lane_jacobian(function: Callable, x: Array, *, has_aux: bool = False) -> tuple[Any, ...]:
    """``(f(x), directions)``, and aux: the derivative along every row of x (rows, lanes), for all lanes at once.

    ``directions`` is f's result with a leading axis over the rows of x. One pass computes the value once and all
    tangents beside it; ``jax.linearize`` would run every loop twice.
    """
    rows = jnp.eye(x.shape[0], dtype=x.dtype)

    def along(row):
        return jax.jvp(function, (x,), (jnp.broadcast_to(row[:, None], x.shape),), has_aux=has_aux)

    return jax.vmap(along, out_axes=(None, 0, None) if has_aux else (None, 0))(rows)


def repeated(tree: Any, times: int) -> Any:
    """Every array with its last axis, the lanes, repeated: lane l becomes lanes l*times ... l*times + times - 1."""
    return jax.tree.map(lambda x: jnp.repeat(x, times, axis=-1) if isinstance(x, jax.Array) else x, tree)
