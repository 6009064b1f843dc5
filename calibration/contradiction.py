"""Do the readings contradict the prior? Box's check, at the price of one evaluation.

    d = sum of squared standardised errors + |z|^2  at the posterior mode        ~ chi2 with one degree a reading

exactly for linear models with known spreads: d is then the distance of the readings from their prior predictive mean. Where
nothing that the prior allows comes near the readings, d is far out, be it by errors that remain or by unknowns that were
dragged many prior SDs from their place. A reading below its limit counts with -2 log of its probability; an unknown spread can
take misfit upon itself, and is then seen by its own z.

Source: G. E. P. Box, J. R. Stat. Soc. A 143:383-430 (1980).
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array
from scipy.stats import chi2

from calibration.compiled import compiled_once
from calibration.fit import Fit, FitStatus
from calibration.problem import Problem
from physio.solve import Status

SIGNIFICANCE = 1e-6


@compiled_once
def _distance(problem: Problem, z: Array) -> tuple[Array, Array]:
    predictions, spreads, status, _ = problem.predict(z)
    distance = jnp.zeros(problem.lanes)
    for o, read, predicted, sd in zip(problem.observations, problem.readings, predictions, spreads, strict=True):
        target = jnp.where(read.present, read.value, 1.0)
        error = (o.noise.transform(target) - o.noise.transform(predicted)) / sd
        apart = jnp.where(read.below, -2.0 * norm.logcdf(error), error**2)
        distance = distance + jnp.where(read.present, apart, 0.0).sum(0)
    return distance, status == Status.OK


def contradiction(fit: Fit) -> np.ndarray:
    """(lanes,) probability of readings as far from what the prior foretells; nan where the body is not solved."""
    problem = fit.problem
    distance, solved = (np.asarray(x) for x in _distance(problem, fit.z))
    if problem.informed:
        distance = distance + np.asarray((fit.z**2).sum(0))
    count = sum(np.asarray(read.present).sum(0) for read in problem.readings)
    chance = np.where(count > 0, chi2.sf(distance, np.maximum(count, 1)), 1.0)
    return np.where(solved, chance, np.nan)


def checked(fit: Fit, significance: float = SIGNIFICANCE) -> Fit:
    """The same fit with status CONTRADICTED where it had converged on readings less likely than ``significance``."""
    refuted = (fit.status == FitStatus.CONVERGED) & jnp.asarray(contradiction(fit) < significance)
    return dataclasses.replace(fit, status=jnp.where(refuted, FitStatus.CONTRADICTED, fit.status).astype(fit.status.dtype))
