"""Cholesky factors and triangular solutions of small matrices whose last axis is lanes: every operation runs along lanes."""

import jax.numpy as jnp
from jaxtyping import Array


def cholesky(matrix: Array) -> list[list[Array]]:
    """Rows of the lower factor of (n, n, lanes); nan where a matrix is not positive definite."""
    rows: list[list[Array]] = []
    for i in range(matrix.shape[0]):
        row: list[Array] = []
        for j in range(i):
            inner = sum(row[k] * rows[j][k] for k in range(j))
            row.append((matrix[i, j] - inner) / rows[j][j])
        row.append(jnp.sqrt(matrix[i, i] - sum(r * r for r in row)))
        rows.append(row)
    return rows


def forward(rows: list[list[Array]], b: Array) -> Array:
    """L^-1 b for b (n, lanes)."""
    x: list[Array] = []
    for i, row in enumerate(rows):
        x.append((b[i] - sum(row[k] * x[k] for k in range(i))) / row[i])
    return jnp.stack(x)


def backward(rows: list[list[Array]], b: Array) -> Array:
    """L'^-1 b for b (n, lanes)."""
    size = len(rows)
    x: list[Array] = [b[i] for i in range(size)]
    for i in reversed(range(size)):
        inner = sum(rows[k][i] * x[k] for k in range(i + 1, size))
        x[i] = (b[i] - inner) / rows[i][i]
    return jnp.stack(x)


def solve(rows: list[list[Array]], b: Array) -> Array:
    """A^-1 b for b (n, lanes), from the rows of A's factor."""
    return backward(rows, forward(rows, b))


def log_det(rows: list[list[Array]]) -> Array:
    """log det A (lanes,); nan where A is not positive definite."""
    return 2.0 * sum(jnp.log(row[-1]) for row in rows)


def is_definite(rows: list[list[Array]]) -> Array:
    """Whether A is positive definite (lanes,): a pivot that is no root spoils all that follow."""
    return jnp.abs(rows[-1][-1]) < jnp.inf
