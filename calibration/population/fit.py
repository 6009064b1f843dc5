"""Maximum likelihood of what a population shares: a quasi-Newton search over x on exact gradients.

x is measured in standard errors (``calibration.population.search``). BFGS begins from the information they come from, and again
from where it ended until nothing changes. At the start and at each end modes are also searched from 0, for the lowest may have
changed. A person who cannot be counted where the search begins (no mode
found, body not solved) is left out of the whole fit and flagged: the fit is that of the others. A person who is lost at a
trial point makes the search try a shorter step. How sure x is, ``calibration.population.covariance`` says.
"""

import dataclasses
import enum
import re
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from calibration.population.cohort import Cohort
from calibration.population.model import Population
from calibration.population.objectives import FOCEI, AbstractObjective
from calibration.population.search import Search, information_root

# a variance below this has run towards 0: an SD of 1 %
_VANISHED = 1e-4

# the information is renewed after so many iterations: from a far start it says little about the end
_RENEWED = 6


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
    (people,); ``width`` people in a block.

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
    width: int
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
            noise = [getattr(shared.noise, name) for name in self.population.spreads]
            return jnp.stack([*shared.theta.values(), *self.population.omegas(shared), *noise])

        x = jnp.asarray(self.x)
        values = np.asarray(natural(x))
        if self.covariance is None:
            errors = [None] * len(values)
        else:
            slopes = np.asarray(jax.jacfwd(natural)(x))
            errors = [float(v) for v in np.sqrt(np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes))]
            # at the edge of what a variance can be, curvature says nothing about it
            edge = [any(name in re.split(r"\[|,| = |\]", n) for name in self.vanished) for n in self.population.names]
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


def fit_population(
    population: Population,
    objective: AbstractObjective = FOCEI(),
    *,
    x: Array | None = None,
    iterations: int = 200,
    gtol: float = 5e-3,
    width: int = 1024,
    progress: Callable[[int, float], None] | None = None,
) -> PopulationFit:
    """From ``x``, by default the population's starting values, with ``width`` people in a block.

    Converged when no entry of the gradient exceeds ``gtol``, x in standard errors: that is about how far x is from the minimum,
    and half its square the objective, for each shared number. A variance that the data want to be 0 ends near it, at an x of
    its own that means nothing. ``progress`` is told the number of evaluations and the lowest objective so far.
    """
    if population.people < 2:
        raise ValueError("one person says nothing about how people scatter: fit two or more, or one alone with calibration.problem")
    search = Search(Cohort(population, objective, width), np.asarray(population.start() if x is None else x, dtype=float))
    if not search.counted.any():
        nothing = np.full(search.x.shape, np.nan)
        return PopulationFit(
            population, objective, objective.label, search.x, np.nan, nothing, SearchStatus.NOBODY, 0, search.best.eta, search.counted, width
        )
    search.progress = progress
    status, done = SearchStatus.STALLED, 0
    while True:
        root = information_root(population, search.best, search.counted)
        if np.abs(solve_triangular(root, search.gradient, lower=True)).max() <= gtol:
            before = search.value
            search.look_again()
            if search.value > before - 1e-3:
                status = SearchStatus.CONVERGED
                break
            continue
        if done >= iterations:
            status = SearchStatus.ITERATION_LIMIT
            break
        before = search.value
        origin = search.x

        def scaled(y, origin=origin, root=root):
            value, gradient = search(origin + solve_triangular(root, y, lower=True, trans="T"))
            return value, solve_triangular(root, gradient, lower=True)

        options = {"maxiter": min(_RENEWED, iterations - done), "gtol": 0.5 * gtol, "norm": np.inf}
        found = minimize(scaled, np.zeros_like(origin), jac=True, method="BFGS", options=options)
        done += found.nit
        if found.nit == 0 or not search.value < before:
            break
    best = search.best
    return PopulationFit(
        population,
        objective,
        objective.label,
        search.x,
        search.value,
        search.gradient,
        status,
        done,
        np.where(search.counted, best.eta, 0.0),
        search.counted,
        width,
    )
