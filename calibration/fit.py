"""What every calibrator returns."""

import enum

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array

from calibration.abstract_fit import AbstractFit
from calibration.problem import AbstractProblem


class FitStatus(enum.IntEnum):
    """How a person's fit ended."""

    CONVERGED = 0
    ITERATION_LIMIT = 1
    STALLED = 2
    SOLVE_FAILED = 3
    SINGULAR = 4
    CONTRADICTED = 5

    @property
    def reason(self) -> str:
        """One plain sentence."""
        return _REASONS[self]


_REASONS = {
    FitStatus.CONVERGED: "converged",
    FitStatus.ITERATION_LIMIT: "stopped at the iteration limit; the point may not be the best",
    FitStatus.STALLED: "no step improved the fit although the gradient is not small",
    FitStatus.SOLVE_FAILED: "the body could not be solved at the start of the fit",
    FitStatus.SINGULAR: "the data leave some direction free: the point is one of many, and no interval can be given",
    FitStatus.CONTRADICTED: "the readings contradict the prior or the model: nothing the prior allows would give them",
}


class Fit(AbstractFit):
    """A point for every lane, and once intervals are asked for, how sure it is.

    ``z`` (unknowns, lanes) and ``cost`` = half the sum of squared residuals or minus the log density, as ``kind``
    says. ``information`` is J'J at the point where the calibrator knows it. ``covariance`` (unknowns, unknowns, lanes) is on
    the scale of z, or None: then intervals are "not quantified".
    """

    problem: AbstractProblem
    z: Array
    cost: Array
    status: Array
    iterations: Array
    information: Array | None
    covariance: Array | None
    method: str = eqx.field(static=True)

    @property
    def names(self):
        return self.problem.names

    def values(self):
        return self.problem.values(self.z)

    def interval(self, level):
        """From the normal approximation in z."""
        if self.covariance is None:
            raise ValueError(f"intervals are not quantified by {self.method}: apply calibration.laplace first")
        reach = ndtri(0.5 + 0.5 * level) * self.posterior_sd()
        known = self.quantified()
        return tuple(jnp.where(known, self.problem.values(self.z + side * reach), jnp.nan) for side in (-1.0, 1.0))

    def quantified(self):
        """The fit did not fail, and a finite covariance is known."""
        if self.covariance is None:
            return jnp.zeros(self.z.shape[-1:], bool)
        return (jnp.abs(self.covariance) < jnp.inf).all((0, 1)) & (self.status != FitStatus.SOLVE_FAILED)

    def posterior_sd(self):
        return jnp.sqrt(jnp.diagonal(self.covariance).T)

    def draws(self, keys: Array, count: int) -> Array:
        """(count, unknowns, lanes) from the normal approximation; ``keys`` (lanes,), one a lane."""
        root = jnp.linalg.cholesky(jnp.moveaxis(self.covariance, -1, 0))
        noise = jax.vmap(lambda k: jax.random.normal(k, (count, self.z.shape[0])))(keys)
        return jnp.moveaxis(jnp.einsum("lij,lnj->lni", root, noise), 0, -1) + self.z
