"""Implied variables that fit the state: z with g(s, x, z) = 0, for every lane.

Damped Newton: a step that does not lower the largest residual is halved. What follows differentiates is one more step
from the z found,

    z - (dg/dz)^-1 g(s, x, z)    with z and dg/dz held,

whose value is z and whose derivative is that of the implicit function theorem, in both modes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.lane_solve import lane_solver
from physio.solve.lanes import lane_jacobian
from physio.solve.plan import Field

_STEPS = 50
# the smallest share of a Newton step that is tried
_SMALLEST = 1e-3


def consistent(field: Field, s: Array, y: Array) -> tuple[Array, Array]:
    """``(y with its implied rows made consistent, lanes for which none were found)``."""
    rows = np.flatnonzero(field.algebraic)
    start = jax.lax.stop_gradient(y[rows])
    # what the residual closes over becomes an argument: derivatives must not follow the search
    residual, closed_over = jax.closure_convert(lambda z: field(s, y.at[rows].set(z))[rows], start)
    held = jax.lax.stop_gradient(closed_over)
    z, balanced = _solved(lambda z: residual(z, *held), start)
    return renewed(field, s, y.at[rows].set(z)), ~balanced


def renewed(field: Field, s: Array, y: Array) -> Array:
    """A consistent y whose implied rows depend on all else as the implicit function theorem says."""
    rows = np.flatnonzero(field.algebraic)
    z = jax.lax.stop_gradient(y[rows])

    def residual(z):
        return field(s, y.at[rows].set(z))[rows]

    off, matrix = _linearised(residual, z)
    step = lane_solver(jax.lax.stop_gradient(matrix), pivot=True)(off)
    # a lane without a solution keeps what it has: its status tells
    good = jnp.all(jnp.abs(step) < jnp.inf, axis=0)
    return y.at[rows].set(jnp.where(good, z - step, z))


class _Search(NamedTuple):
    """``z`` and the largest |z| on the way (rows, lanes); the share of a step that is taken, whether found, still open."""

    z: Array
    scale: Array
    share: Array
    found: Array
    open: Array
    number: Array


def _solved(residual, z: Array) -> tuple[Array, Array]:
    """Newton's method for every lane; ``(z, whether its last full step was nothing but rounding)``."""
    rounding = 1e3 * float(np.finfo(z.dtype).eps)

    def size(off):
        largest = jnp.abs(off).max(axis=0)
        return jnp.where(largest < jnp.inf, largest, jnp.inf)

    def step(now: _Search) -> _Search:
        off, matrix = _linearised(residual, now.z)
        move = lane_solver(matrix, pivot=True)(off)
        new = now.z - now.share * move
        better = size(residual(new)) < size(off)
        found = now.open & jnp.all(jnp.abs(move) <= rounding * now.scale, axis=0)
        on = now.open & ~found
        z = jnp.where(on & better, new, now.z)
        share = jnp.where(better, jnp.minimum(1.0, 4.0 * now.share), 0.5 * now.share)
        scale = jnp.maximum(now.scale, jnp.abs(z))
        return _Search(z, scale, share, now.found | found, on & (share > _SMALLEST), now.number + 1)

    lanes = jnp.zeros((z.shape[1],), bool)
    start = _Search(z, jnp.abs(z), jnp.ones(lanes.shape, z.dtype), lanes, ~lanes, jnp.zeros((), jnp.int32))
    end = jax.lax.while_loop(lambda now: jnp.any(now.open) & (now.number < _STEPS), step, start)
    return end.z, end.found


def _linearised(residual, z: Array) -> tuple[Array, Array]:
    """The residual and its Jacobian as (rows, columns, lanes)."""
    off, columns = lane_jacobian(residual, z)
    return off, jnp.swapaxes(columns, 0, 1)
