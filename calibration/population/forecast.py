"""What comes next for people of whom some readings are known, given what a population shares.

    p(y | readings) = int N(h(y); h(f(eta)), sd(f)^2) p(eta | readings, x) deta

by importance sampling about each person's mode: the points and weights of ``calibration.population.integral``. x may come from
other people: then nothing of these people's readings but what is marked as present is used. Numbers to be forecast are absent
readings whose times the structure knows. What x itself is unsure of is left out: it is little where x comes from many.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.population.density import of_effects, of_readings
from calibration.population.importance import ImportanceSampling
from calibration.population.integral import AbstractIntegral
from calibration.population.model import Population

_HALVINGS = 60


class Forecast(NamedTuple):
    """A mixture of normals on the scale of the noise: ``centre`` and ``sd`` (numbers, people, points), ``weight`` (people,
    points) that adds up to 1; ``solved`` (people,) and ``population`` whose noise has the scale.
    """

    population: Population
    centre: Array
    sd: Array
    weight: Array
    solved: np.ndarray

    def below(self, value: Array) -> Array:
        """(numbers, people) chance of a reading below ``value`` (numbers, people)."""
        scaled = self.population.noise.transform(jnp.asarray(value))
        return (self.weight * ndtr((scaled[..., None] - self.centre) / self.sd)).sum(-1)

    def quantile(self, level: float) -> np.ndarray:
        """(numbers, people) below which a new reading lies with this chance; nan for a person who was not solved."""
        found = np.array(_quantile(self.centre, self.sd, self.weight, jnp.asarray(level)))
        value = np.array(self.population.noise.inverse(found))
        value[:, ~self.solved] = np.nan
        return value


def forecast(population: Population, x: Array, integral: AbstractIntegral = ImportanceSampling(log2_points=10)) -> Forecast:
    """Of every number of ``population``, those that are present included, at the shared numbers x."""
    centre, sd, weight, solved = _mixture(population, integral, jnp.asarray(x))
    return Forecast(population, centre, sd, weight, np.asarray(solved))


@compiled_once
def _mixture(population: Population, integral: AbstractIntegral, x: Array):
    shared, people = population.shared(x), population.people
    known = integral.expand(population, x, jnp.zeros((len(population.random), people)))
    wide = population.tiled(known.weight.shape[0] // people)
    f = known.near.value
    joint = of_readings(wide, shared, f, f).sum(0) + of_effects(shared, known.around)
    logs = (known.weight - 0.5 * joint).reshape(people, -1)
    centre, sd = (a.reshape(f.shape[0], people, -1) for a in (shared.noise.transform(f), shared.noise.sd(f)))
    return centre, sd, jax.nn.softmax(logs, axis=-1), known.good


@compiled_once
def _quantile(centre: Array, sd: Array, weight: Array, level: Array) -> Array:
    low, high = (centre - 8.0 * sd).min(-1), (centre + 8.0 * sd).max(-1)

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        beyond = (weight * ndtr((middle[..., None] - centre) / sd)).sum(-1) > level
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    return 0.5 * sum(jax.lax.fori_loop(0, _HALVINGS, halve, (low, high)))
