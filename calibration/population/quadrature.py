"""Adaptive Gauss-Hermite quadrature of the marginal likelihood: the judge of all approximations.

    int exp(-Phi/2) deta / ((2 pi)^(r/2) |Omega|^(1/2))
        ~ |C| / |Omega|^(1/2) sum_k w_k exp(|u_k|^2 / 2 - Phi(eta* + C u_k) / 2),      C C' = (half Hessian)^-1

u_k and w_k are nodes and normalised weights of the standard normal distribution, ``nodes`` in each of r directions. One node
is Laplace's approximation. Where people's densities are skewed it converges slowly: raise the number until nothing changes.
Derivatives with respect to x hold the nodes where they are, which is exact where the quadrature is.

Source: J. C. Pinheiro, D. M. Bates, J. Comput. Graph. Stat. 4:12-35 (1995).
"""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.population.density import log_det_omega, of_effects, of_readings, of_scale
from calibration.population.local import Local, local
from calibration.population.model import Population
from calibration.population.objectives import AbstractConditional, AbstractObjective, Laplace
from physio.solve import Status


class Nodes(NamedTuple):
    """``eta`` (effects, people), ``good`` (people,); ``around`` (effects, people * nodes) and ``weight`` (people * nodes,), a
    logarithm; ``near`` the predictions there.
    """

    eta: Array
    good: Array
    around: Array
    weight: Array
    near: Local


class Quadrature(AbstractObjective):
    """``nodes`` in each direction, scaled by the half Hessian of ``about``: the exact one by default."""

    label: ClassVar[str] = "adaptive quadrature"
    nodes: int = 9
    about: AbstractConditional = Laplace()

    def expand(self, population, x, eta):
        shared, effects, people = population.shared(x), len(population.random), population.people
        known = self.about.expand(population, x, eta)
        # one direction of C is a column of the inverse of the transposed factor of the half Hessian
        factor = jnp.linalg.cholesky(self.about.half_hessian(population, shared, known, known.eta))
        u, w = np.polynomial.hermite_e.hermegauss(self.nodes)
        grid = np.stack(np.meshgrid(*[u] * effects, indexing="ij")).reshape(effects, -1)
        weight = np.log(np.stack(np.meshgrid(*[w / w.sum()] * effects, indexing="ij"))).sum(0).reshape(-1)
        turned = jax.scipy.linalg.solve_triangular(
            jnp.swapaxes(factor, 1, 2), jnp.broadcast_to(grid, (people, *grid.shape)), lower=False
        )
        around = (known.eta[:, :, None] + jnp.moveaxis(turned, 0, 1)).reshape(effects, -1)
        log_det = jnp.log(jnp.diagonal(factor, axis1=1, axis2=2)).sum(-1)
        weights = ((weight + 0.5 * (grid**2).sum(0))[None] - log_det[:, None]).reshape(-1)
        wide = population.tiled(grid.shape[1])
        near = local(wide.predict, wide.log_typical(shared).at[:effects].add(around), 1)
        solved = (near.status == Status.OK).reshape(people, -1).all(-1)
        return Nodes(known.eta, known.good & solved, around, weights, near)

    def terms(self, population, x, known):
        shared, effects = population.shared(x), len(population.random)
        wide = population.tiled(known.weight.shape[0] // population.people)
        f = known.near(wide.log_typical(shared).at[:effects].add(known.around))
        joint = of_readings(wide, shared, f, f).sum(0) + of_effects(shared, known.around)
        inside = (known.weight - 0.5 * joint).reshape(population.people, -1)
        total = jax.scipy.special.logsumexp(inside, axis=-1)
        return log_det_omega(shared) - 2.0 * total + of_scale(population)
