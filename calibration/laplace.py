"""Intervals from the curvature at the best point: a normal approximation of the posterior in z.

    covariance = (-d2 log p / dz2)^-1                    exact_curvature
               ~ (J'J)^-1                                 gauss_newton (expected information)

In z the prior contributes an identity to the curvature, so it is positive unless the fit is not at a maximum. A lane that is
not at one, whose fit failed, or whose curvature is singular (its smallest eigenvalue not above 1e-12 of its largest, nor above
1e-8: without a prior, data that do not see some direction) gets an infinite covariance, which no interval can come from, and
the status SINGULAR where it had converged.
Exact for linear models with normal errors; on skewed posteriors the interval's coverage is what the benchmarks measure.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, hessian, linearize

_SINGULAR = 1e-12
# a posterior SD of 10^4 prior SDs
_UNSEEN = 1e-8


@compiled_once
def _minus_hessian(problem: AbstractProblem, z: Array) -> Array:
    return -hessian(problem, z)


@compiled_once
def _normal_matrix(problem: AbstractProblem, z: Array) -> Array:
    _, jacobian = linearize(problem, z)
    return jnp.einsum("rpl,rql->pql", jacobian, jacobian)


def exact_curvature(fit: Fit) -> Array:
    """Minus the Hessian of the log density (unknowns, unknowns, lanes): two derivatives of every solve."""
    return _minus_hessian(fit.problem, fit.z)


def gauss_newton(fit: Fit) -> Array:
    """J'J (unknowns, unknowns, lanes): first derivatives only, right for known spreads and small residuals."""
    return _normal_matrix(fit.problem, fit.z) if fit.information is None else fit.information


def laplace(fit: Fit, curvature: Callable[[Fit], Array] = exact_curvature) -> Fit:
    """The same fit with the covariance that ``curvature`` gives at its point."""
    failed = fit.status == FitStatus.SOLVE_FAILED
    covariance = _inverse(jnp.where(failed, jnp.nan, curvature(fit)))
    singular = (fit.status == FitStatus.CONVERGED) & ~jnp.isfinite(covariance).all((0, 1))
    status = jnp.where(singular, FitStatus.SINGULAR, fit.status).astype(fit.status.dtype)
    method = f"{fit.method}, Laplace ({curvature.__name__.replace('_', ' ')})"
    return dataclasses.replace(fit, covariance=covariance, status=status, method=method)


@jax.jit
def _inverse(matrix: Array) -> Array:
    matrix = jnp.moveaxis(matrix, -1, 0)
    matrix = 0.5 * (matrix + jnp.swapaxes(matrix, 1, 2))
    finite = (jnp.abs(matrix) < jnp.inf).all((1, 2))[:, None, None]
    values, vectors = jnp.linalg.eigh(jnp.where(finite, matrix, 0.0))
    positive = values[:, :1] > jnp.maximum(_UNSEEN, _SINGULAR * values[:, -1:])
    inverse = jnp.where(positive, 1.0 / jnp.where(positive, values, 1.0), 0.0)
    covariance = jnp.einsum("lip,lp,ljp->lij", vectors, inverse, vectors)
    no_maximum = ~positive[:, :, None]
    return jnp.moveaxis(jnp.where(no_maximum, jnp.inf * jnp.eye(matrix.shape[-1]), covariance), 0, -1)
