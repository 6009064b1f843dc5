"""Adaptive Gauss-Hermite quadrature of the marginal likelihood: the judge of all approximations.

Points and weights are those of the standard normal distribution, ``nodes`` in each direction. One node is Laplace's
approximation. Where people's densities are skewed it converges slowly: raise the number until nothing changes.

Source: J. C. Pinheiro, D. M. Bates, J. Comput. Graph. Stat. 4:12-35 (1995).
"""

from typing import ClassVar

import numpy as np

from calibration.population.integral import AbstractIntegral
from calibration.population.objectives import AbstractConditional, Laplace


class Quadrature(AbstractIntegral):
    """``nodes`` in each direction, scaled by the half Hessian of ``about``: the exact one by default."""

    label: ClassVar[str] = "adaptive quadrature"
    nodes: int = 9
    about: AbstractConditional = Laplace()

    def points(self, effects):
        u, w = np.polynomial.hermite_e.hermegauss(self.nodes)
        grid = np.stack(np.meshgrid(*[u] * effects, indexing="ij")).reshape(effects, -1)
        weight = np.log(np.stack(np.meshgrid(*[w / w.sum()] * effects, indexing="ij"))).sum(0).reshape(-1)
        return grid, weight + 0.5 * (grid**2).sum(0)
