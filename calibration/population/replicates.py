"""Replicates of a whole study from a population fit: other people of the same covariates and designs, other errors.

    eta* ~ N(0, Omega),   y* = h^-1(h(f(phi*)) + e*)          one study a replicate
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.population.fit import PopulationFit
from calibration.population.model import Population
from physio.solve import Status


class Replicates(NamedTuple):
    """``values`` (replicates, numbers, people), nan where that person's body was not solved; ``typical`` (numbers, people) the
    predictions of typical people, and the readings that were made: ``observed``, ``seen`` (above a limit), ``below`` (numbers,
    people). People who were not counted in the fit are seen nowhere.
    """

    values: np.ndarray
    typical: np.ndarray
    observed: np.ndarray
    seen: np.ndarray
    below: np.ndarray


@compiled_once
def _replicate(population: Population, x: Array, key: Array) -> Array:
    shared = population.shared(x)
    for_people, for_errors = jax.random.split(key)
    effects = len(population.random)
    eta = shared.root @ jax.random.normal(for_people, (effects, population.people))
    f, status = population.predict(population.log_typical(shared).at[:effects].add(eta))
    error = shared.noise.sd(f) * jax.random.normal(for_errors, f.shape)
    value = shared.noise.inverse(shared.noise.transform(f) + error)
    return jnp.where((status == Status.OK) & (jnp.abs(value) < jnp.inf), value, jnp.nan)


def replicated(fit: PopulationFit, key: Array, count: int) -> Replicates:
    """``count`` studies."""
    population, x = fit.population, jnp.asarray(fit.x)
    values = np.stack([np.asarray(_replicate(population, x, k)) for k in jax.random.split(key, count)])
    read = population.readings
    present = np.asarray(read.present) & fit.counted
    below = np.asarray(read.below) & present
    _, typical = fit.predictions()
    return Replicates(values, typical, np.asarray(read.value), present & ~below, below)
