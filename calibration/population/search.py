"""What a population's search calls: the objective and its gradient at x, from the modes of the best point so far; and how large
a standard error of x is.

People begin each evaluation from where their modes were at the best point, moved along with x by their derivatives. A standard
error is what the gradients g_i of single people's terms promise: S = sum g_i g_i' / 4 is the information about x where the
model is right (E. R. Berndt, B. H. Hall, R. E. Hall, J. A. Hausman, Ann. Econ. Soc. Meas. 3:653-665 (1974)).
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from calibration.population.cohort import Cohort, Evaluated
from calibration.population.model import Population

# guesses of modes follow x no further than this in one step: they are linear
_FURTHEST = 0.5
_RIDGE = 1e-3


def information_root(population: Population, at_x: Evaluated, counted: np.ndarray) -> np.ndarray:
    """L with L L' = twice the information about x that people's scores promise, the expected Hessian of the objective."""
    slopes = at_x.slopes[counted]
    hessian = 0.5 * slopes.T @ slopes
    # few people may say nothing about a number: a logarithm is never taken as less sure than to 1
    known = hessian.diagonal()
    least = np.where(population.logarithms, 1.0, np.maximum(1e-8 * known.max(), 1e-8))
    return cholesky(hessian + np.diag(np.maximum(_RIDGE * known, least - known)), lower=True)


def scaled_gradient(population: Population, at_x: Evaluated, counted: np.ndarray) -> np.ndarray:
    """The objective's gradient, x in standard errors."""
    root = information_root(population, at_x, counted)
    return solve_triangular(root, at_x.slopes[counted].sum(axis=0), lower=True)


class Search:
    """What a minimiser calls: the objective at x and its gradient; it remembers the best point."""

    def __init__(self, cohort: Cohort, x: np.ndarray):
        self._cohort, self.x = cohort, x
        population = cohort.population
        self.best: Evaluated = cohort.lowest(x, np.zeros((len(population.random), population.people)))
        self.counted = self.best.good
        self.progress: Callable[[int, float], None] | None = None
        self._evaluations = 0

    @property
    def value(self) -> float:
        return float(self.best.terms[self.counted].sum())

    @property
    def gradient(self) -> np.ndarray:
        return self.best.slopes[self.counted].sum(axis=0)

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Infinite where a person who counts is lost."""
        drift = np.clip(self.best.drift @ (x - self.x), -_FURTHEST, _FURTHEST)
        now = self._cohort.at(x, np.where(self.counted, self.best.eta + drift, 0.0))
        self._evaluations += 1
        if not now.good[self.counted].all():
            return np.inf, np.zeros_like(x)
        value = float(now.terms[self.counted].sum())
        if value < self.value:
            self.x, self.best = np.array(x), now
        if self.progress is not None:
            self.progress(self._evaluations, self.value)
        return value, now.slopes[self.counted].sum(axis=0)

    def look_again(self) -> None:
        """Modes from 0 as well, at the best point."""
        now = self._cohort.lowest(self.x, np.where(self.counted, self.best.eta, 0.0))
        if now.good[self.counted].all():
            self.best = now
