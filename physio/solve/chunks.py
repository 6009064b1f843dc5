"""Lanes in chunks: each chunk goes as long as its own slowest lane, and stays in the cache.

Lanes that will need equally many steps belong together; the steps of a solve of almost the same people say which.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.adjoint import AbstractAdjoint
from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Plan
from physio.system import System

# so many lanes of twenty states stay in the cache of a core
CHUNK = 128


def march_in_chunks(
    method: AbstractMethod,
    adjoint: AbstractAdjoint,
    system: System,
    plan: Plan,
    y: Array,
    width: int,
    order: Array | None,
) -> Marched:
    """``adjoint.march`` for ``width`` lanes at a time, the last chunk filled up with the last lane.

    ``order`` (lanes,) is any number by which lanes are sorted first, such as their steps of last time.
    """
    lanes = system.lanes
    if lanes <= width:
        return adjoint.march(method, system, plan, y, 1)
    chunks = -(-lanes // width)
    place = jnp.arange(lanes) if order is None else jnp.argsort(order, stable=True)
    filled = jnp.concatenate([place, jnp.broadcast_to(place[-1:], (chunks * width - lanes,))])

    def cut(x):
        """(..., lanes) to (chunks, ..., width)."""
        return jnp.moveaxis(x[..., filled].reshape(*x.shape[:-1], chunks, width), -2, 0)

    def joined(x):
        """(chunks, ..., width) to (..., lanes)."""
        whole = jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], chunks * width)
        return jnp.zeros((*whole.shape[:-1], lanes), whole.dtype).at[..., place].set(whole[..., :lanes])

    def one(part: tuple[System, Plan, Array]) -> Marched:
        return adjoint.march(method, *part, chunks)

    parts = jax.tree.map(cut, (system.narrowed(width), plan, y))
    return jax.tree.map(joined, jax.lax.map(one, parts))
