"""(1 - dt L) u = f on masks and with D that varies: conjugate gradients, with the cosine solver of the box to begin from.

    M^-1 r = r restricted to the tissue, solved in the box with one D, restricted again

M is symmetric and positive as the operator is, and the number of iterations does not grow with dt D / h^2. The derivative is
that of the solution, not of the iterations, in both modes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.fields.conjugate import conjugate_gradients
from physio.fields.cosine import solve_box
from physio.fields.diffusion import AbstractDiffusion, UniformDiffusion
from physio.fields.domain import Domain


def solve_implicit(operator: AbstractDiffusion, f: Array, dt: Array, tolerance: float = 1e-10, iterations: int = 200) -> Array:
    """u of (1 - dt L) u = f on the operator's domain; f is not looked at outside, where u is zero.

    Stops at a residual of ``tolerance`` times |f|, or where rounding ends it (float32). What has not converged within
    ``iterations`` is infinite, so that nobody takes it for a solution.
    """
    domain = operator.domain
    if isinstance(operator, UniformDiffusion) and domain.inside is None:
        return solve_box(operator, f, dt)
    tolerance = max(tolerance, 20.0 * float(jnp.finfo(f.dtype).eps))
    typical = jax.lax.stop_gradient(operator.typical())
    box = UniformDiffusion(Domain(domain.grid), typical)
    fixed = jax.lax.stop_gradient(dt)

    def applied(u):
        return u - jnp.asarray(dt, u.dtype) * operator(u)

    def near(r):
        # outside the matrix is the identity, which the right side of a transposed solve does see
        inner = solve_box(box, domain.kept(r), fixed)
        return inner if domain.inside is None else jnp.where(domain.inside, inner, r)

    def conjugate(matrix, f):
        return conjugate_gradients(matrix, near, f, tolerance, iterations)

    return jax.lax.custom_linear_solve(applied, domain.kept(f), conjugate, symmetric=True)
