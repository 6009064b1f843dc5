"""Boxes without flux and with one D: every operator is diagonal in cosines.

    u_k = cos(pi k (i + 1/2) / n),     - L u_k = D / h^2 (s + s^2/12 + s^3/90) u_k,     s = 4 sin^2(pi k / 2n)

cut after s, s^2 or s^3 for order 2, 4 or 6, and summed over the axes. So (1 - dt L) u = f and u(t) = exp(t L) u(0) each cost
two cosine transforms: products with a matrix along axes of up to 512 cells, which no fast transform beats there, and fast
transforms beyond. Without the cut the symbol is D (pi k / L)^2, the decay of the continuum.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.fft import dct, idct
from jaxtyping import Array

from physio.fields.diffusion import UNIFORM, UniformDiffusion
from physio.fields.grid import Grid

_LONGEST_MATRIX = 512


def symbol(grid: Grid, order: int) -> np.ndarray:
    """Eigenvalues of minus the operator with D = 1 in a box [1/mm2], shape of the grid."""
    total = np.zeros(grid.shape)
    for axis, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        s = 4.0 * np.sin(math.pi * np.arange(n) / (2 * n)) ** 2
        along = sum(c * s ** (k + 1) for k, c in enumerate(UNIFORM[: order // 2])) / h**2
        total = total + along.reshape([-1 if k == axis else 1 for k in grid.axes])
    return total


def filtered(operator: UniformDiffusion, u: Array, gain: Callable[[Array], Array]) -> Array:
    """``gain(- L) u``: each cosine of u times the gain at its eigenvalue. The operator's mask is not looked at."""
    eigenvalues = operator.diffusivity * symbol(operator.domain.grid, operator.order)
    return _transformed(gain(eigenvalues).astype(u.dtype) * _transformed(u, back=False), back=True)


def _transformed(u: Array, back: bool) -> Array:
    """The orthonormal cosine transform along every axis, or its inverse."""
    for axis, n in enumerate(u.shape):
        if n > _LONGEST_MATRIX:
            u = (idct if back else dct)(u, norm="ortho", axis=axis)
            continue
        matrix = jnp.asarray(cosines(n), u.dtype)
        u = jnp.moveaxis(jnp.tensordot(matrix, u, (0 if back else 1, axis), precision=jax.lax.Precision.HIGHEST), 0, axis)
    return u


@functools.lru_cache
def cosines(n: int) -> np.ndarray:
    """Orthonormal cosines in rows (wave, cell)."""
    rows = np.cos(math.pi * np.arange(n)[:, None] * (np.arange(n) + 0.5) / n) * math.sqrt(2.0 / n)
    rows[0] = math.sqrt(1.0 / n)
    return rows


def solve_box(operator: UniformDiffusion, f: Array, dt: Array) -> Array:
    """u of (1 - dt L) u = f in a box."""
    return filtered(operator, f, lambda rate: 1.0 / (1.0 + dt * rate))


def decay_box(operator: UniformDiffusion, u: Array, dt: Array) -> Array:
    """exp(dt L) u in a box: exact in time."""
    return filtered(operator, u, lambda rate: jnp.exp(-dt * rate))
