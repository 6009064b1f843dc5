"""Small linear systems, one for every lane: A x = b with A (n, n, lanes) and b (n, lanes).

LU without pivoting, written so that every operation runs along contiguous lanes. Sound where the diagonal dominates, as
in I/(h gamma) - J; with ``pivot`` a general matrix is solved by LAPACK, lane after lane.

Derivatives are those of the solution, dx = A^-1 (db - dA x), not of the elimination.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

# above this size loops compile faster than straight lines and run as fast
_UNROLLED = 8


def lane_solver(matrix: Array, pivot: bool = False) -> Callable[[Array], Array]:
    """``solve(b)`` for as many right sides as wanted; the elimination is done once."""
    fixed = jax.lax.stop_gradient(matrix)
    if pivot:
        factors = jax.scipy.linalg.lu_factor(jnp.moveaxis(fixed, -1, 0))
        forward, backward = (_by_lapack(factors, transposed) for transposed in (0, 1))
    else:
        upper = _eliminated(fixed)
        forward, backward = (lambda b: _substituted(upper, b)), (lambda b: _substituted(upper, b, True))

    def product(x):
        return (matrix * x).sum(1)

    def solve(b):
        return jax.lax.custom_linear_solve(
            product, b, lambda _, b: forward(b), transpose_solve=lambda _, b: backward(b)
        )

    return solve


def _by_lapack(factors, transposed: int) -> Callable[[Array], Array]:
    def solve(b):
        one = jax.vmap(lambda f, b: jax.scipy.linalg.lu_solve(f, b, trans=transposed))
        return jnp.moveaxis(one(factors, jnp.moveaxis(b, -1, 0)), 0, -1)

    return solve


def _eliminated(matrix: Array) -> Array:
    """L below the diagonal (its ones left out) and U on and above it, in one array."""
    size = matrix.shape[0]
    if size <= _UNROLLED:
        a = [[matrix[i, j] for j in range(size)] for i in range(size)]
        for k in range(size):
            for i in range(k + 1, size):
                a[i][k] = a[i][k] / a[k][k]
                for j in range(k + 1, size):
                    a[i][j] = a[i][j] - a[i][k] * a[k][j]
        return jnp.stack([jnp.stack(row) for row in a])
    rows = jnp.arange(size)

    def eliminate(k, a):
        below = (rows > k)[:, None]
        share = jnp.where(below, a[:, k] / a[k, k], 0.0)
        right = (rows > k)[None, :, None]
        a = a - share[:, None] * jnp.where(right, a[k][None], 0.0)
        return a.at[:, k].set(jnp.where(below, share, a[:, k]))

    return jax.lax.fori_loop(0, size, eliminate, matrix)


def _substituted(lu: Array, b: Array, transposed: bool = False) -> Array:
    """x with L U x = b; or U' L' x = b, where the rows take the place of the columns and the diagonal that of the ones."""
    size = b.shape[0]
    if size <= _UNROLLED:
        x = [b[k] for k in range(size)]

        def entry(i, j):
            return lu[j, i] if transposed else lu[i, j]

        for i in range(size):
            for j in range(i):
                x[i] = x[i] - entry(i, j) * x[j]
            x[i] = x[i] / lu[i, i] if transposed else x[i]
        for i in reversed(range(size)):
            for j in range(i + 1, size):
                x[i] = x[i] - entry(i, j) * x[j]
            x[i] = x[i] if transposed else x[i] / lu[i, i]
        return jnp.stack(x)
    rows = jnp.arange(size)[:, None]

    def column(k):
        return lu[k] if transposed else lu[:, k]

    def pivoted(k, x):
        return x.at[k].set(x[k] / lu[k, k])

    def down(k, x):
        x = pivoted(k, x) if transposed else x
        return x - jnp.where(rows > k, column(k), 0.0) * x[k]

    def up(i, x):
        k = size - 1 - i
        x = x if transposed else pivoted(k, x)
        return x - jnp.where(rows < k, column(k), 0.0) * x[k]

    return jax.lax.fori_loop(0, size, up, jax.lax.fori_loop(0, size, down, b))
