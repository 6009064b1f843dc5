"""The Laplacian of displacements in a box whose walls hold them: diagonal in sines.

    sin(pi k i / n),          i, k = 1 ... n - 1            along the axis of a face, whose ends are walls
    sin(pi k (i + 1/2) / n),  k = 1 ... n                   along the others, which begin half a cell from the wall
    - d^2 of either = 4 sin^2(pi k / 2n) / h^2 of itself

Products with a matrix along each axis, as in ``physio.fields.cosine``.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.fields.grid import Grid


def solve_held(grid: Grid, axis: int, f: Array) -> Array:
    """u of - div grad u = f on inner faces normal to ``axis``, u zero on all walls."""
    return _transformed(_transformed(f, axis, back=False) / jnp.asarray(_symbol(grid, axis), f.dtype), axis, back=True)


def _transformed(u: Array, axis: int, back: bool) -> Array:
    """The orthonormal sine transforms along every axis, or their inverses."""
    for k, n in enumerate(u.shape):
        matrix = jnp.asarray(_between_walls(n + 1) if k == axis else _beside_walls(n), u.dtype)
        u = jnp.moveaxis(jnp.tensordot(matrix, u, (0 if back else 1, k), precision=jax.lax.Precision.HIGHEST), 0, k)
    return u


def _symbol(grid: Grid, axis: int) -> np.ndarray:
    """Eigenvalues of minus the Laplacian [1/mm2]."""
    total = 0.0
    for k, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        along = 4.0 * np.sin(math.pi * np.arange(1, n + (k != axis)) / (2 * n)) ** 2 / h**2
        total = total + along.reshape([-1 if j == k else 1 for j in grid.axes])
    return total


@functools.lru_cache
def _between_walls(n: int) -> np.ndarray:
    """Sines of n cells at the n - 1 faces between them, in rows (wave, face)."""
    inner = np.arange(1, n)
    return np.sin(math.pi * inner[:, None] * inner / n) * math.sqrt(2.0 / n)


@functools.lru_cache
def _beside_walls(n: int) -> np.ndarray:
    """Sines of n cells at their centres, in rows (wave, cell)."""
    rows = np.sin(math.pi * np.arange(1, n + 1)[:, None] * (np.arange(n) + 0.5) / n) * math.sqrt(2.0 / n)
    rows[-1] *= math.sqrt(0.5)
    return rows
