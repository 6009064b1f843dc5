"""Where a body that grows comes to rest: div sigma + f = 0 with w = 0 on its surface, by conjugate gradients.

    M^-1 r = r restricted to open faces, - div grad u = r solved in the box for each component, restricted again

For one stiffness in a box the eigenvalues of M^-1 A lie between mu and lambda + 2 mu, on any grid (Korn's inequality, which the
staggered differences keep exactly); stiffness widens that by its contrast, and a mask by little on grids of heads.
Source: C. O. Horgan, SIAM Rev. 37:491-511 (1995), Korn's inequality.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.fields.conjugate import conjugate_gradients
from physio.fields.domain import Domain
from physio.fields.elasticity import ElasticBody
from physio.fields.grid import FieldError, Grid
from physio.fields.sine import solve_held
from physio.fields.staggered import Faces


def displaced(
    body: ElasticBody, growth: Array, force: Faces | None = None, tolerance: float = 1e-10, iterations: int = 500
) -> Faces:
    """w on inner faces [mm] at a growth strain in cells and a force on inner faces [kPa/mm].

    At nu = 0.45 and stiffness 1 to 6 it takes 60 to 70 iterations in boxes of 16^3 to 64^3 cells and 59 to 88 in masks; in a box
    110 at nu = 0.49, and 17 with one stiffness. Stops at a residual of ``tolerance`` times the load, or where
    rounding ends it (float32). Infinite where it did not arrive within ``iterations``, and for a body that is not ``sound``.
    The derivative is that of the solution, in both modes.
    """
    domain, grid = body.domain, body.domain.grid
    still = tuple(jnp.zeros([n - (k == a) for k, n in enumerate(grid.shape)], growth.dtype) for a in grid.axes)
    _check_load(grid, growth, still if force is None else force)
    tolerance = max(tolerance, 20.0 * float(jnp.finfo(growth.dtype).eps))

    def matrix(w):
        return _else_same(domain, body.pull(_kept(domain, w), jnp.zeros_like(growth)), w)

    def near(r):
        return _else_same(domain, tuple(solve_held(grid, a, x) for a, x in enumerate(_kept(domain, r))), r)

    def conjugate(matrix, load):
        return conjugate_gradients(matrix, near, load, tolerance, iterations)

    load = tuple(-x for x in body.pull(still, growth))
    if force is not None:
        load = tuple(x + f for x, f in zip(load, force, strict=True))
    w = jax.lax.custom_linear_solve(matrix, _kept(domain, load), conjugate, symmetric=True)
    return tuple(jnp.where(body.sound(), x, jnp.inf) for x in w)


def _kept(domain: Domain, w: Faces) -> Faces:
    """Zero on closed faces."""
    return tuple(domain.open(x, a) for a, x in enumerate(w))


def _else_same(domain: Domain, inner: Faces, w: Faces) -> Faces:
    """``inner`` on open faces and w itself on closed ones, which the right side of a transposed solve does see."""
    if domain.inside is None:
        return inner
    return tuple(x + y - z for x, y, z in zip(_kept(domain, inner), w, _kept(domain, w), strict=True))


def _check_load(grid: Grid, growth: Array, force: Faces) -> None:
    if growth.shape != grid.shape:
        raise FieldError(f"growth of shape {growth.shape} on a grid of {grid.shape}: give one strain for each cell")
    wanted = [tuple(n - (k == a) for k, n in enumerate(grid.shape)) for a in grid.axes]
    found = [x.shape for x in force]
    if found != wanted:
        raise FieldError(f"force of shapes {found}; expected one array for each axis on its inner faces, {wanted}")
