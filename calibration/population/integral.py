"""The marginal likelihood as a sum over points about each person's mode.

    int exp(-Phi/2) deta / ((2 pi)^(r/2) |Omega|^(1/2))
        ~ |C| / |Omega|^(1/2) sum_k exp(a_k - Phi(eta* + C u_k) / 2),      C C' = (half Hessian)^-1

in r directions. ``Quadrature`` and ``ImportanceSampling`` differ in the points u_k and their log weights a_k. Derivatives with
respect to x hold the points where they are, which is exact where the sum is.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from calibration.lane_cholesky import backward, cholesky, log_det
from calibration.population.density import log_det_omega, of_effects, of_readings, of_scale
from calibration.population.local import Local, local
from calibration.population.objectives import AbstractConditional, AbstractObjective
from physio.solve import Status


class Points(NamedTuple):
    """``eta`` (effects, people), ``phi`` and ``good`` (people,); ``around`` (effects, people * points) and ``weight``
    (people * points,), a logarithm; ``near`` the predictions there.
    """

    eta: Array
    phi: Array
    good: Array
    around: Array
    weight: Array
    near: Local


class AbstractIntegral(AbstractObjective):
    """Points scaled by the half Hessian of ``about``."""

    about: eqx.AbstractVar[AbstractConditional]

    @abc.abstractmethod
    def points(self, effects: int) -> tuple[np.ndarray, np.ndarray]:
        """u (effects, points) and a (points,)."""

    def expand(self, population, x, eta):
        shared, effects, people = population.shared(x), len(population.random), population.people
        known = self.about.expand(population, x, eta)
        # one direction of C is a column of the inverse of the transposed factor of the half Hessian
        rows = cholesky(self.about.half_hessian(population, shared, known, known.eta))
        u, weight = self.points(effects)
        turned = jax.vmap(lambda one: backward(rows, one), in_axes=-1, out_axes=-1)(u[:, None, :])
        around = (known.eta[:, :, None] + turned).reshape(effects, -1)
        weights = (weight[None] - 0.5 * log_det(rows)[:, None]).reshape(-1)
        wide = population.tiled(u.shape[1])
        near = local(wide.predict, wide.log_typical(shared).at[:effects].add(around), 1)
        solved = (near.status == Status.OK).reshape(people, -1).all(-1)
        return Points(known.eta, known.phi, known.good & solved, around, weights, near)

    def terms(self, population, x, known):
        shared, effects = population.shared(x), len(population.random)
        wide = population.tiled(known.weight.shape[0] // population.people)
        f = known.near(wide.log_typical(shared).at[:effects].add(known.around))
        joint = of_readings(wide, shared, f, f).sum(0) + of_effects(shared, known.around)
        inside = (known.weight - 0.5 * joint).reshape(population.people, -1)
        total = jax.scipy.special.logsumexp(inside, axis=-1)
        return log_det_omega(shared) - 2.0 * total + of_scale(population), known.eta
