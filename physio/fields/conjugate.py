"""Preconditioned conjugate gradients for symmetric positive systems whose unknown is any tree of arrays."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

Linear = Callable[[Any], Any]


def conjugate_gradients(matrix: Linear, near: Linear, f: Any, tolerance: float, iterations: int) -> Any:
    """u of matrix(u) = f from zero, ``near`` a symmetric positive approximation of the inverse.

    Stops at a residual of ``tolerance`` times |f|; infinite where that was not reached within ``iterations``.
    """
    enough = tolerance**2 * _dot(f, f)
    z = near(f)

    def going(carry):
        _, r, _, _, count = carry
        return (_dot(r, r) > enough) & (count < iterations)

    def step(carry):
        u, r, p, rz, count = carry
        image = matrix(p)
        length = rz / _dot(p, image)
        u, r = _add(u, length, p), _add(r, -length, image)
        z = near(r)
        new = _dot(r, z)
        return u, r, _add(z, new / rz, p), new, count + 1

    u, r, *_ = jax.lax.while_loop(going, step, (jax.tree.map(jnp.zeros_like, f), f, z, _dot(f, z), jnp.zeros((), jnp.int32)))
    # a comparison with nan is false
    arrived = _dot(r, r) <= enough
    return jax.tree.map(lambda x: jnp.where(arrived, x, jnp.inf), u)


def _dot(a: Any, b: Any) -> Array:
    return sum((x * y).sum() for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def _add(a: Any, length: Array, b: Any) -> Any:
    return jax.tree.map(lambda x, y: x + length * y, a, b)
