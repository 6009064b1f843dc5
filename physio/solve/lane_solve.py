"""Small linear systems, one for every lane: A x = b with A (n, n, lanes) and b (n, lanes).

LU without exchange of rows for size, written so that every operation runs along contiguous lanes. Sound where the diagonal
dominates, as in I/(h gamma) - J; with ``pivot`` a general matrix is solved by LAPACK, lane after lane. Entries that are
zero by the wires are left out, in the order of least fill (H. M. Markowitz, Manage. Sci. 3:255-269 (1957)).

Derivatives are those of the solution, dx = A^-1 (db - dA x), not of the elimination.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

# with more multiplications than a full matrix of eight rows has, loops compile faster and run as fast
_MOST = 256


def lane_solver(
    matrix: Array,
    pivot: bool = False,
    pattern: np.ndarray | None = None,
    product: Callable[[Array], Array] | None = None,
) -> Callable[[Array], Array]:
    """``solve(b)`` for as many right sides as wanted; the elimination is done once.

    ``pattern``  (n, n) where the matrix may be other than zero; everywhere when it is not given
    ``product``  A x as a function whose derivatives are taken instead of the matrix's: dA x without dA
    """
    fixed = jax.lax.stop_gradient(matrix)
    if pivot:
        factors = jax.scipy.linalg.lu_factor(jnp.moveaxis(fixed, -1, 0))
        forward, backward = (_by_lapack(factors, transposed) for transposed in (0, 1))
    else:
        shape = _Shape.of(np.ones(matrix.shape[:2], bool) if pattern is None else pattern)
        by = _by_lines if shape.multiplications <= _MOST else _by_loops
        forward, backward = by(fixed, shape)

    def whole(x):
        return (matrix * x).sum(1)

    def solve(b):
        return jax.lax.custom_linear_solve(
            product or whole, b, lambda _, b: forward(b), transpose_solve=lambda _, b: backward(b)
        )

    return solve


class _Shape(NamedTuple):
    """The order of elimination, and in it the entries of L below the diagonal and of U right of it, by row and column."""

    order: list[int]
    below: list[list[int]]
    right: list[list[int]]

    @classmethod
    def of(cls, pattern: np.ndarray) -> "_Shape":
        full = pattern | np.eye(len(pattern), dtype=bool)
        order, below, right = [], [], []
        left = list(range(len(full)))
        while left:
            sub = full[np.ix_(left, left)]
            k = left[int(np.argmin((sub.sum(0) - 1) * (sub.sum(1) - 1)))]
            left.remove(k)
            order.append(k)
            below.append([i for i in left if full[i, k]])
            right.append([j for j in left if full[k, j]])
            full[np.ix_(below[-1], right[-1])] = True
        return cls(order, below, right)

    @property
    def multiplications(self) -> int:
        return sum(len(b) * (1 + len(r)) for b, r in zip(self.below, self.right, strict=True))


def _by_lapack(factors, transposed: int) -> Callable[[Array], Array]:
    def solve(b):
        one = jax.vmap(lambda f, b: jax.scipy.linalg.lu_solve(f, b, trans=transposed))
        return jnp.moveaxis(one(factors, jnp.moveaxis(b, -1, 0)), 0, -1)

    return solve


def _by_lines(matrix: Array, shape: _Shape) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Solvers with A and with its transpose, every operation a line of the program."""
    turns = list(zip(*shape, strict=True))
    entries: dict[tuple[int, int], Array] = {}

    def entry(i, j):
        return entries[i, j] if (i, j) in entries else matrix[i, j]

    for k, below, right in turns:
        for i in below:
            entries[i, k] = entry(i, k) / entry(k, k)
            for j in right:
                entries[i, j] = entry(i, j) - entries[i, k] * entry(k, j)
    places = [(k, k) for k, _, _ in turns]
    places += [(i, k) for k, below, _ in turns for i in below] + [(k, j) for k, _, right in turns for j in right]
    # one array, so that no right side repeats the elimination; pivots as what multiplies, which costs less than dividing
    stacked = jnp.stack([1.0 / entry(*place) if place[0] == place[1] else entry(*place) for place in places])
    lu = {place: stacked[n] for n, place in enumerate(places)}

    def forward(b):
        x = list(b)
        for k, below, _ in turns:
            for i in below:
                x[i] = x[i] - lu[i, k] * x[k]
        for k, _, right in reversed(turns):
            for j in right:
                x[k] = x[k] - lu[k, j] * x[j]
            x[k] = x[k] * lu[k, k]
        return jnp.stack(x)

    def backward(b):
        x = list(b)
        for k, _, right in turns:
            x[k] = x[k] * lu[k, k]
            for j in right:
                x[j] = x[j] - lu[k, j] * x[k]
        for k, below, _ in reversed(turns):
            for i in below:
                x[k] = x[k] - lu[i, k] * x[i]
        return jnp.stack(x)

    return forward, backward


def _by_loops(matrix: Array, shape: _Shape) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Solvers with A and with its transpose, rows and columns in the order of elimination."""
    size, order = len(shape.order), np.asarray(shape.order)
    places = np.argsort(order)
    rows = jnp.arange(size)

    def eliminate(k, a):
        below = (rows > k)[:, None]
        share = jnp.where(below, a[:, k] / a[k, k], 0.0)
        right = (rows > k)[None, :, None]
        a = a - share[:, None] * jnp.where(right, a[k][None], 0.0)
        return a.at[:, k].set(jnp.where(below, share, a[:, k]))

    lu = jax.lax.fori_loop(0, size, eliminate, matrix[order][:, order])
    return (lambda b: _substituted(lu, b[order])[places]), (lambda b: _substituted(lu, b[order], True)[places])


def _substituted(lu: Array, b: Array, transposed: bool = False) -> Array:
    """x with L U x = b; or U' L' x = b, where the rows take the place of the columns and the diagonal that of the ones."""
    size = b.shape[0]
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
