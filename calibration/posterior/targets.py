"""Log densities that samplers move on: many independent posteriors at once, each with many chains.

    z = centre + root u            u is close to standard normal where a Laplace approximation is good

so that one step size and one length of trajectory suit all directions. A group that cannot begin (its fit failed, or its
curvature is not that of a maximum) has the standard normal for target, so that it costs the others nothing; its draws become
nan.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, gradient
from physio.solve import Status


class AbstractTarget(eqx.Module):
    """``groups`` independent densities of ``size`` numbers, evaluated for ``chains`` points each."""

    groups: eqx.AbstractVar[int]
    chains: eqx.AbstractVar[int]
    size: eqx.AbstractVar[int]

    @abc.abstractmethod
    def evaluate(self, u: Array) -> tuple[Array, Array]:
        """Log density (groups, chains) and its gradient (groups, chains, size) at u (groups, chains, size).

        -inf with gradient 0 where a body cannot be solved.
        """


class PersonTarget(AbstractTarget):
    """The posteriors of a problem's lanes, one group a lane, about a fit that has a covariance."""

    wide: AbstractProblem
    centre: Array
    root: Array
    started: Array
    groups: int = eqx.field(static=True)
    chains: int = eqx.field(static=True)
    size: int = eqx.field(static=True)

    def __init__(self, fit: Fit, chains: int):
        if fit.covariance is None:
            raise ValueError(f"{fit.method} has no covariance to begin from: apply calibration.laplace first")
        self.size, self.groups, self.chains = *fit.z.shape, chains
        self.wide = fit.problem.tiled(chains)
        covariance = jnp.moveaxis(fit.covariance, -1, 0)
        root = jnp.linalg.cholesky(jnp.where(jnp.abs(covariance) < jnp.inf, covariance, 0.0))
        sound = (jnp.abs(root) < jnp.inf).all((1, 2)) & (jnp.diagonal(root, axis1=1, axis2=2) > 0.0).all(1)
        self.started = sound & (fit.status != FitStatus.SOLVE_FAILED) & (jnp.abs(fit.z) < jnp.inf).all(0)
        self.root = jnp.where(self.started[:, None, None], root, jnp.eye(self.size))
        self.centre = jnp.where(self.started, fit.z, 0.0)

    def points(self, u: Array) -> Array:
        """z (unknowns, groups * chains) of u (groups, chains, unknowns)."""
        z = self.centre.T[:, None] + jnp.einsum("gij,gcj->gci", self.root, u)
        return z.reshape(-1, self.size).T

    def evaluate(self, u):
        at_z, slope = gradient(self.wide, self.points(u))
        shape = (self.groups, self.chains)
        slope = jnp.einsum("gij,gci->gcj", self.root, slope.T.reshape(*shape, self.size))
        value = at_z.log_density.reshape(shape)
        good = (at_z.status.reshape(shape) == Status.OK) & (jnp.abs(value) < jnp.inf)
        good &= (jnp.abs(slope) < jnp.inf).all(-1)
        value, slope = jnp.where(good, value, -jnp.inf), jnp.where(good[..., None], slope, 0.0)
        idle = ~self.started[:, None]
        return jnp.where(idle, -0.5 * (u**2).sum(-1), value), jnp.where(idle[..., None], -u, slope)
