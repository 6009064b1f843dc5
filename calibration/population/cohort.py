"""All people of a population at once, in blocks of equal width: one program, memory in proportion to the people.

Results of people do not depend on who shares their block. Blocks run on as many threads as there are processors.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.population.model import Population
from calibration.population.objectives import AbstractObjective
from calibration.processors import processors


# which axis of every field of ``Evaluated`` is that of people
_PEOPLE = (0, 0, 1, 1, 0, 0)


class Evaluated(NamedTuple):
    """An objective at x, by person.

    ``terms``   (people,), their sum is the objective; ``slopes`` (people, shared) along x
    ``eta``     (effects, people) the modes; ``drift`` (effects, people, shared) their derivatives along x
    ``phi``     (people,) the depth of the mode that was found, and ``good`` (people,) who can be counted
    """

    terms: Array
    slopes: Array
    eta: Array
    drift: Array
    phi: Array
    good: Array


@compiled_once
def _terms(population: Population, objective: AbstractObjective, x: Array) -> tuple[Array, Array]:
    known = objective.expand(population, x, jnp.zeros((len(population.random), population.people)))
    terms, _ = objective.terms(population, x, known)
    return terms, known.good & _read(population) & (jnp.abs(terms) < jnp.inf)


@compiled_once
def _evaluated(population: Population, objective: AbstractObjective, x: Array, eta: Array) -> Evaluated:
    known = jax.lax.stop_gradient(objective.expand(population, x, eta))

    def of_one(direction):
        return jax.jvp(lambda x: objective.terms(population, x, known), (x,), (direction,))

    (terms, eta), (slopes, drift) = jax.vmap(of_one, out_axes=(None, -1))(jnp.eye(x.size, dtype=x.dtype))
    good = known.good & _read(population) & (jnp.abs(terms) < jnp.inf) & (jnp.abs(slopes).max(-1) < jnp.inf)
    return Evaluated(terms, slopes, eta, drift, known.phi, good)


def _read(population: Population) -> Array:
    """Who has any reading (people,): nobody else says anything about what people share."""
    return population.readings.present.any(axis=0)


def terms_at(population: Population, objective: AbstractObjective, x: Array) -> tuple[Array, Array]:
    """``(terms (people,), who can be counted (people,))`` at fixed x, searched from eta = 0; the objective is their sum."""
    return _terms(population, objective, jnp.asarray(x, float))


class Cohort:
    """A population and an objective, ready to be evaluated again and again; ``width`` people in a block."""

    def __init__(self, population: Population, objective: AbstractObjective, width: int):
        people = population.people
        count = -(-people // width)
        # blocks of equal width, the last filled with the last person
        width = -(-people // count)
        self.population, self.objective = population, objective
        self._index = [np.minimum(np.arange(i * width, (i + 1) * width), people - 1) for i in range(count)]
        self._sizes = [min(width, people - i * width) for i in range(count)]
        self._blocks = [population] if count == 1 else [population.picked(i) for i in self._index]
        # a program on a graphics card has it to itself
        threads = processors() if jax.default_backend() == "cpu" else 1
        self._pool = ThreadPoolExecutor(max_workers=min(count, threads))

    def at(self, x: np.ndarray, eta: np.ndarray) -> Evaluated:
        """Every array as numpy, people as in the population; modes searched from the guess ``eta`` (effects, people)."""

        def one(block, index, size):
            found = _evaluated(block, self.objective, jnp.asarray(x), jnp.asarray(eta[:, index]))
            return [np.asarray(a).take(np.arange(size), axis=i) for a, i in zip(found, _PEOPLE, strict=True)]

        parts = list(self._pool.map(one, self._blocks, self._index, self._sizes))
        return Evaluated(*(np.concatenate(p, axis=i) for p, i in zip(zip(*parts, strict=True), _PEOPLE, strict=True)))

    def lowest(self, x: np.ndarray, eta: np.ndarray) -> Evaluated:
        """The better for each person of what is found from ``eta`` and from 0: the lowest mode may change with x."""
        old, new = self.at(x, eta), self.at(x, np.zeros_like(eta))
        # a rounding's difference must not make a person jump between two names of one minimum
        better = new.good & (~old.good | (new.phi < old.phi - 1e-6))

        def chosen(a, b, people_at):
            return np.where(better.reshape([-1 if i == people_at else 1 for i in range(a.ndim)]), a, b)

        return Evaluated(*(chosen(a, b, i) for a, b, i in zip(new, old, _PEOPLE, strict=True)))
