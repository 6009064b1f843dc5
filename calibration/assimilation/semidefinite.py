"""Covariances (n, n, lanes) that may be singular: their roots, and equations with them.

A quantity that is known exactly, or is a sum of others, makes a covariance singular; so do a constant start and a
conserved total. Pivots below rounding are dropped, which makes the solution that of a generalised inverse: right wherever
the right-hand side lies in the range of the matrix, as a cross covariance does.
"""

import jax.numpy as jnp
from jaxtyping import Array

# of a row's own variance: what is left of it below this is rounding
_NOTHING = 1e-13


def root(covariance: Array) -> Array:
    """Lower triangular L (n, n, lanes) with L L' the covariance; zero columns where it is singular."""
    rest, rows = covariance, jnp.arange(covariance.shape[0])[:, None]
    smallest = _NOTHING * jnp.einsum("iil->il", covariance)
    columns = []
    for j in range(covariance.shape[0]):
        pivot = rest[j, j]
        good = pivot > smallest[j]
        column = jnp.where(good & (rows >= j), rest[:, j] / jnp.sqrt(jnp.where(good, pivot, 1.0)), 0.0)
        columns.append(column)
        rest = rest - column[:, None] * column[None, :]
    return jnp.stack(columns, axis=1)


def divided(right: Array, covariance: Array) -> Array:
    """X (m, n, lanes) with X covariance = right (m, n, lanes)."""
    lower, n = root(covariance), covariance.shape[0]

    def over(value, j):
        pivot = lower[j, j]
        return jnp.where(pivot > 0.0, value / jnp.where(pivot > 0.0, pivot, 1.0), 0.0)

    half: list[Array] = []
    for j in range(n):
        half.append(over(right[:, j] - sum(lower[j, k] * half[k] for k in range(j)), j))
    whole: list[Array] = [half[0]] * n
    for j in reversed(range(n)):
        whole[j] = over(half[j] - sum(lower[k, j] * whole[k] for k in range(j + 1, n)), j)
    return jnp.stack(whole, axis=1)


def symmetric(matrix: Array) -> Array:
    """Rounding taken off: the mean of a matrix and its transpose."""
    return 0.5 * (matrix + jnp.swapaxes(matrix, 0, 1))


def sandwich(left: Array, middle: Array) -> Array:
    """left middle left' for every lane."""
    return symmetric(jnp.einsum("ijl,jkl,mkl->iml", left, middle, left))
