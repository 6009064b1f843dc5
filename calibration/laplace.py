"""Intervals from the curvature at the best point: a normal approximation of the posterior in z.

    covariance = (-d2 log p / dz2)^-1                    exact_curvature
               ~ (J'J)^-1                                 gauss_newton (expected information)

In z the prior contributes an identity to the curvature, so it is positive unless the fit is not at a maximum; such a
lane gets an infinite covariance, which no interval can come from. Exact for linear models with normal errors; on skewed
posteriors the interval's coverage is what the benchmarks measure.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from calibration.fit import Fit
from calibration.problem import AbstractProblem, hessian, linearize


def exact_curvature(problem: AbstractProblem, z: Array) -> Array:
    """Minus the Hessian of the log density (unknowns, unknowns, lanes): two derivatives of every solve."""
    return -hessian(problem, z)


def gauss_newton(problem: AbstractProblem, z: Array) -> Array:
    """J'J (unknowns, unknowns, lanes): first derivatives only, right for known spreads and small residuals."""
    _, jacobian, _, _ = linearize(problem, z)
    return jnp.einsum("rpl,rql->pql", jacobian, jacobian)


@eqx.filter_jit
def _covariance(problem: AbstractProblem, z: Array, curvature: Callable) -> Array:
    matrix = jnp.moveaxis(curvature(problem, z), -1, 0)
    matrix = 0.5 * (matrix + jnp.swapaxes(matrix, 1, 2))
    values, vectors = jnp.linalg.eigh(jnp.where(jnp.abs(matrix) < jnp.inf, matrix, 0.0))
    positive = values[:, :1] > 0.0
    inverse = jnp.where(positive, 1.0 / jnp.where(positive, values, 1.0), jnp.inf)
    covariance = jnp.einsum("lip,lp,ljp->lij", vectors, jnp.where(positive, inverse, 0.0), vectors)
    no_maximum = ~positive[:, :, None]
    return jnp.moveaxis(jnp.where(no_maximum, jnp.inf * jnp.eye(z.shape[0]), covariance), 0, -1)


def laplace(fit: Fit, curvature: Callable[[AbstractProblem, Array], Array] = exact_curvature) -> Fit:
    """The same fit with the covariance that ``curvature`` gives at its point."""
    covariance = _covariance(fit.problem, fit.z, curvature)
    method = f"{fit.method}, Laplace ({curvature.__name__.replace('_', ' ')})"
    return Fit(fit.problem, fit.z, fit.cost, fit.status, fit.iterations, covariance, method)
