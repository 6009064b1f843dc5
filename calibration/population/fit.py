"""Maximum likelihood of what a population shares: a quasi-Newton search over x on exact gradients.

People begin each evaluation from their modes of the one before. A person who cannot be counted where the search begins (no mode
found, body not solved) is left out of the whole fit and flagged: the fit is that of the others. A person who is lost at a
trial point makes the search try a shorter step. How sure x is, ``calibration.population.covariance`` says.
"""

import dataclasses
import enum

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.optimize import minimize

from calibration.population.model import Population
from calibration.population.objectives import FOCEI, AbstractObjective


_VANISHED = 1e-4


class SearchStatus(enum.IntEnum):
    """How a search ended."""

    CONVERGED = 0
    ITERATION_LIMIT = 1
    STALLED = 2
    NOBODY = 3

    @property
    def reason(self) -> str:
        """One plain sentence."""
        return _REASONS[self]


_REASONS = {
    SearchStatus.CONVERGED: "converged",
    SearchStatus.ITERATION_LIMIT: "stopped at the iteration limit; the point may not be the best",
    SearchStatus.STALLED: "no step lowered the objective although its gradient is not small",
    SearchStatus.NOBODY: "no person could be counted at the start: look at the starting values and the readings",
}


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number in its own unit; ``se`` is None where not quantified."""

    name: str
    value: float
    se: float | None


@dataclasses.dataclass(frozen=True)
class PopulationFit:
    """``x`` (shared numbers,), the objective's ``value`` in NONMEM's scale, modes ``eta`` (effects, people), who is ``counted``
    (people,).

    ``covariance`` of x, or None: standard errors are then not quantified. ``method`` says what gave them.
    """

    population: Population
    objective: AbstractObjective
    method: str
    x: np.ndarray
    value: float
    gradient: np.ndarray
    status: SearchStatus
    iterations: int
    eta: np.ndarray
    counted: np.ndarray
    covariance: np.ndarray | None = None

    @property
    def minus_two_log_likelihood(self) -> float:
        """With all constants, of the people who were counted."""
        seen = np.asarray(self.population.readings.present & ~self.population.readings.below)
        return self.value + seen[:, self.counted].sum() * np.log(2.0 * np.pi)

    def estimates(self) -> list[Estimate]:
        """Thetas, variances and covariances of random effects, parameters of the noise, each with its standard error."""

        def natural(x):
            shared = self.population.shared(x)
            omega = shared.root @ shared.root.T
            first, entries = 0, []
            for block in self.population.blocks:
                entries += [omega[first + i, first + j] for i in range(len(block)) for j in range(i + 1)]
                first += len(block)
            noise = [getattr(shared.noise, name) for name in self.population.spreads]
            return jnp.stack([*shared.theta.values(), *entries, *noise])

        x = jnp.asarray(self.x)
        values = np.asarray(natural(x))
        if self.covariance is None:
            errors = [None] * len(values)
        else:
            slopes = np.asarray(jax.jacfwd(natural)(x))
            errors = [float(v) for v in np.sqrt(np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes))]
            # at the edge of what a variance can be, curvature says nothing about it
            edge = [any(f"{name}{end}" in n for name in self.vanished for end in ",]") for n in self.population.names]
            errors = [None if at_edge else e for e, at_edge in zip(errors, edge, strict=True)]
        return [Estimate(n, float(v), e) for n, v, e in zip(self.population.names, values, errors, strict=True)]

    @property
    def vanished(self) -> tuple[str, ...]:
        """Random effects whose variance has run towards 0 (SD below 1 %): the data show no scatter between people there."""
        root = np.asarray(self.population.shared(jnp.asarray(self.x)).root)
        variances = (root @ root.T).diagonal()
        return tuple(name for name, v in zip(self.population.random, variances, strict=True) if v < _VANISHED)

    def predictions(self) -> tuple[np.ndarray, np.ndarray]:
        """(numbers, people) of every person's own parameters, and of typical ones."""
        typical = self.population.log_typical(self.population.shared(jnp.asarray(self.x)))
        own = typical.at[: len(self.population.random)].add(self.eta)
        return tuple(np.asarray(self.population.predict(values)[0]) for values in (own, typical))

    def shrinkage(self) -> dict[str, float]:
        """1 - SD(eta) / omega of every random effect: near 1 the data of single people say nothing about it."""
        root = np.asarray(self.population.shared(jnp.asarray(self.x)).root)
        omega = np.sqrt((root @ root.T).diagonal())
        spread = self.eta[:, self.counted].std(axis=1, ddof=1) if self.counted.sum() > 1 else np.full(len(omega), np.nan)
        return {name: float(1.0 - s / o) for name, s, o in zip(self.population.random, spread, omega, strict=True)}


@eqx.filter_jit
def terms_at(population: Population, objective: AbstractObjective, x: Array) -> tuple[Array, Array]:
    """``(terms (people,), who can be counted (people,))`` at fixed x; the objective is their sum."""
    known = objective.expand(population, x, jnp.zeros((len(population.random), population.people)))
    terms = objective.terms(population, x, known)
    return terms, known.good & (jnp.abs(terms) < jnp.inf)


@eqx.filter_jit
def evaluated(population: Population, objective: AbstractObjective, x: Array, eta: Array):
    """``(terms (people,), gradients (people, shared), modes, good (people,))`` at x, from a guess of the modes."""
    known = jax.lax.stop_gradient(objective.expand(population, x, eta))

    def terms(x):
        return objective.terms(population, x, known)

    def of_one(direction):
        return jax.jvp(terms, (x,), (direction,))

    values, slopes = jax.vmap(of_one, out_axes=(None, -1))(jnp.eye(x.size, dtype=x.dtype))
    good = known.good & (jnp.abs(values) < jnp.inf) & (jnp.abs(slopes).max(-1) < jnp.inf)
    return values, slopes, known.eta, good


def fit_population(
    population: Population,
    objective: AbstractObjective = FOCEI(),
    *,
    x: Array | None = None,
    iterations: int = 200,
    gtol: float = 1e-3,
) -> PopulationFit:
    """From ``x``, by default the population's starting values. Converged when no entry of the gradient exceeds ``gtol``."""
    if population.people < 2:
        raise ValueError("one person says nothing about how people scatter: fit two or more, or one alone with calibration.problem")
    x = np.asarray(population.start() if x is None else x, dtype=float)
    eta = jnp.zeros((len(population.random), population.people))
    *_, eta, good = evaluated(population, objective, jnp.asarray(x), eta)
    counted = np.asarray(good)
    if not counted.any():
        nothing = np.full(x.shape, np.nan)
        return PopulationFit(
            population, objective, objective.label, x, np.nan, nothing, SearchStatus.NOBODY, 0, np.asarray(eta), counted
        )
    best = {"value": np.inf, "x": x, "eta": eta}

    def total(x):
        """The objective and its gradient; infinite where a person who counts is lost."""
        terms, slopes, eta, good = evaluated(population, objective, jnp.asarray(x), best["eta"])
        if not np.asarray(good)[counted].all():
            return np.inf, np.zeros_like(x)
        value = float(np.asarray(terms)[counted].sum())
        if value < best["value"]:
            best.update(value=value, x=np.array(x), eta=jnp.where(counted, eta, 0.0))
        return value, np.asarray(slopes)[counted].sum(axis=0)

    found = minimize(total, x, jac=True, method="BFGS", options={"maxiter": iterations, "gtol": gtol, "norm": np.inf})
    value, gradient = total(best["x"])
    if np.abs(gradient).max() <= gtol:
        status = SearchStatus.CONVERGED
    else:
        status = SearchStatus.ITERATION_LIMIT if found.nit >= iterations else SearchStatus.STALLED
    return PopulationFit(
        population,
        objective,
        objective.label,
        best["x"],
        value,
        gradient,
        status,
        found.nit,
        np.asarray(best["eta"]),
        counted,
    )
