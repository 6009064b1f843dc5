"""How sure a population fit is of x, from the objective at its minimum.

    R = half the Hessian of the objective        covariance R^-1         ``from_curvature``  (NONMEM: MATRIX=R)
    S = sum over people of g_i g_i' / 4          covariance S^-1         ``from_scores``     (NONMEM: MATRIX=S), one evaluation
    both                                         covariance R^-1 S R^-1  ``sandwich``        (NONMEM's default)

g_i are the gradients of single people's terms. The sandwich also holds where the model is wrong; R^-1 has less scatter where it
is right. Hessians are central differences of exact gradients.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from calibration.population.cohort import Cohort
from calibration.population.fit import PopulationFit

_DIFFERENCE = 1e-3


def with_errors(fit: PopulationFit, covariance: Callable[[PopulationFit], np.ndarray | None]) -> PopulationFit:
    """The same fit with standard errors; without, where the objective has no minimum in every direction."""
    method = f"{fit.method}, errors: {covariance.__name__.replace('_', ' ')}"
    return dataclasses.replace(fit, covariance=covariance(fit), method=method)


def from_curvature(fit: PopulationFit) -> np.ndarray | None:
    """R^-1; None where R is not positive definite: the data do not support every number in x."""
    half = _half_hessian(fit)
    if half is None:
        return None
    curvatures = np.linalg.eigvalsh(half)
    # differences of gradients are good to about this share
    if curvatures[0] <= 1e-7 * curvatures[-1]:
        return None
    return np.linalg.inv(half)


def from_scores(fit: PopulationFit) -> np.ndarray | None:
    """S^-1, right where the model is right and people are many; None as for ``from_curvature``."""
    each = _slopes(_cohort(fit), fit, fit.x)
    if each is None:
        return None
    information = 0.25 * each.T @ each
    curvatures = np.linalg.eigvalsh(information)
    return np.linalg.inv(information) if curvatures[0] > 1e-10 * curvatures[-1] else None


def sandwich(fit: PopulationFit) -> np.ndarray | None:
    """R^-1 S R^-1; None as for ``from_curvature``."""
    inner = from_curvature(fit)
    if inner is None:
        return None
    each = _slopes(_cohort(fit), fit, fit.x)
    return inner @ (0.25 * each.T @ each) @ inner


def _cohort(fit: PopulationFit) -> Cohort:
    return Cohort(fit.population, fit.objective, fit.width)


def _slopes(cohort: Cohort, fit: PopulationFit, x: np.ndarray) -> np.ndarray | None:
    """Gradients of the terms of those who count (people, shared); None where one of them is lost."""
    at_x = cohort.at(x, fit.eta)
    return at_x.slopes[fit.counted] if at_x.good[fit.counted].all() else None


def _half_hessian(fit: PopulationFit) -> np.ndarray | None:
    rows, cohort = [], _cohort(fit)
    for step in np.eye(fit.x.size) * _DIFFERENCE:
        up, down = _slopes(cohort, fit, fit.x + step), _slopes(cohort, fit, fit.x - step)
        if up is None or down is None:
            return None
        rows.append((up - down).sum(axis=0) / (2.0 * _DIFFERENCE))
    whole = np.stack(rows)
    return 0.25 * (whole + whole.T)
