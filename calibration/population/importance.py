"""Importance sampling of the marginal likelihood: points from a multivariate t distribution about each person's mode.

    a_k = log(r_k / sum_k r_k) + |u_k|^2 / 2,      r_k = N(u_k) / q(u_k)

with q the density of the proposal and N the standard normal one: the weights r are made to sum to one, so that a normal density
is integrated exactly and only the distance from it is sampled.

Its tails are wider than the normal ones, so that skewed people are met; points come from a scrambled Sobol sequence, the same
for everybody. Unlike a quadrature its cost does not grow as a power of the number of effects. Another ``seed`` shows the error.

Source: A. Gelman, X.-L. Meng, Stat. Sci. 13:163-185 (1998); as "IMPMAP" in population programs.
"""

from typing import ClassVar

import numpy as np
from scipy.special import logsumexp
from scipy.stats import chi2, multivariate_t, norm, qmc

from calibration.population.integral import AbstractIntegral
from calibration.population.objectives import FOCEI, AbstractConditional


class ImportanceSampling(AbstractIntegral):
    """2**``log2_points`` points for each person with ``freedom`` degrees of freedom, scaled by the half Hessian of ``about``."""

    label: ClassVar[str] = "importance sampling"
    log2_points: int = 11
    freedom: float = 5.0
    seed: int = 0
    about: AbstractConditional = FOCEI()

    def points(self, effects):
        even = qmc.Sobol(effects + 1, scramble=True, rng=self.seed).random_base2(self.log2_points).T
        # a point of the scrambled sequence may be 0 to rounding
        even = np.clip(even, 1e-15, 1.0 - 1e-15)
        u = norm.ppf(even[:effects]) / np.sqrt(chi2.ppf(even[effects], self.freedom) / self.freedom)
        density = multivariate_t(np.zeros(effects), np.eye(effects), df=self.freedom).logpdf(u.T)
        ratio = norm.logpdf(u).sum(0) - np.atleast_1d(density)
        return u, ratio - logsumexp(ratio) + 0.5 * (u**2).sum(0)
