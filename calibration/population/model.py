"""Nonlinear mixed effects: people whose parameters scatter about typical values.

    log phi_i = log typical(theta, covariates_i) + eta_i,      eta_i ~ N(0, Omega)       random parameters
    phi_i     = typical(theta, covariates_i)                                              the others
    h(y_ij)   = h(f_j(phi_i)) + e_ij,                          e_ij ~ N(0, sd(f_ij)^2)

All that is shared, theta, Omega and the parameters of sd, is one vector x of unbounded numbers: logarithms of what is
positive, and the Cholesky factor of each block of Omega row by row with logarithms on its diagonal.

Source: M. Davidian, D. M. Giltinan, Nonlinear Models for Repeated Measurement Data (1995).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.population.structure import AbstractStructure
from physio.noise import AbstractNoise
from physio.observe import Readings
from physio.solve.lanes import picked


@dataclass(frozen=True)
class Theta:
    """A shared number: its name and where a fit begins. One that may be negative is no logarithm in x."""

    name: str
    start: float
    positive: bool = True

    def __post_init__(self) -> None:
        if self.positive and not self.start > 0.0:
            raise ValueError(f"{self.name} begins at {self.start}: give a number above 0, or positive=False")


@dataclass(frozen=True)
class Tied:
    """Independent random effects of one variance, such as those of one parameter on several occasions."""

    names: tuple[str, ...]


class Shared(NamedTuple):
    """x taken apart: theta name -> number, the Cholesky factor of Omega, the noise."""

    theta: dict[str, Array]
    root: Array
    noise: AbstractNoise


class Population(eqx.Module):
    """A population model with its data.

    ``typical``     from theta and covariates to address -> (people,) or a number shared by all, all positive
    ``blocks``      addresses with random effects; those of one block are correlated, those of a ``Tied`` share one variance
    ``variances``   where a fit begins, one of every random effect (of a ``Tied`` one for all) in the order of the blocks
    ``spreads``     fields of the noise to estimate; the others stay as they are
    ``covariates``  name -> (people,)
    """

    structure: AbstractStructure
    noise: AbstractNoise
    readings: Readings
    covariates: dict[str, Array]
    typical: Callable[[Mapping[str, Array], Mapping[str, Array]], dict[str, Array]] = eqx.field(static=True)
    thetas: tuple[Theta, ...] = eqx.field(static=True)
    blocks: tuple[tuple[str, ...] | Tied, ...] = eqx.field(static=True)
    variances: tuple[float, ...] = eqx.field(static=True)
    spreads: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        structure: AbstractStructure,
        readings: Readings,
        noise: AbstractNoise,
        *,
        thetas: Sequence[Theta],
        typical: Callable,
        random: Sequence[str | Sequence[str] | Tied],
        variances: Sequence[float],
        spreads: Sequence[str],
        covariates: Mapping[str, Array] | None = None,
    ):
        self.structure, self.readings, self.noise = structure, readings, noise
        self.typical, self.thetas, self.spreads = typical, tuple(thetas), tuple(spreads)
        self.blocks = tuple(b if isinstance(b, Tied) else (b,) if isinstance(b, str) else tuple(b) for b in random)
        self.variances = tuple(float(v) for v in variances)
        self.covariates = {name: jnp.asarray(value, jnp.float64) for name, value in (covariates or {}).items()}
        self._check()

    def _check(self) -> None:
        known = typical_names(self)
        for name in self.random:
            if name not in known:
                raise ValueError(f"random effect on {name!r}, which `typical` does not give; it gives {', '.join(known)}")
        if len(set(self.random)) != len(self.random):
            raise ValueError(f"two random effects on one parameter: {', '.join(self.random)}")
        wanted = sum(1 if isinstance(b, Tied) else len(b) for b in self.blocks)
        if len(self.variances) != wanted:
            raise ValueError(
                f"random effects need as many variances as there are, {wanted}, counting those that are tied once; got "
                f"{len(self.variances)}"
            )
        if not all(v > 0.0 for v in self.variances):
            raise ValueError(f"variances of random effects must be above 0, got {self.variances}")
        fields = vars(self.noise)
        for name in self.spreads:
            if name not in fields:
                raise ValueError(f"{type(self.noise).__name__} has no {name!r}; it has {', '.join(fields)}")
            if not float(fields[name]) > 0.0:
                raise ValueError(f"{name} of {type(self.noise).__name__} begins at {fields[name]}: give a number above 0")
        for name, value in self.covariates.items():
            if value.shape != (self.people,):
                raise ValueError(f"covariate {name!r} has shape {value.shape}; one number for each of {self.people} people")
            bad = np.flatnonzero(~np.isfinite(np.asarray(value)))
            if bad.size:
                raise ValueError(f"covariate {name!r} is not a number for person {bad[0]} (counted from 0)")
        seen = np.asarray(self.readings.present & ~self.readings.below)
        values = np.asarray(self.noise.transform(jnp.where(seen, self.readings.value, 1.0)))
        if not np.isfinite(values).all():
            row, person = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(
                f"reading {row} of person {person} (counted from 0) is {self.readings.value[row, person]}, which "
                f"{type(self.noise).__name__} has no error for: mark it below its limit or as absent, or change the noise"
            )
        if not seen.any():
            raise ValueError("no reading lies above its detection limit: nothing can be estimated")

    @property
    def people(self) -> int:
        return self.readings.value.shape[-1]

    @property
    def random(self) -> tuple[str, ...]:
        """Addresses with random effects, in order."""
        return tuple(name for block in self.blocks for name in _names(block))

    @property
    def addresses(self) -> tuple[str, ...]:
        """All individual parameters, the random ones first."""
        return (*self.random, *(n for n in typical_names(self) if n not in self.random))

    @property
    def names(self) -> tuple[str, ...]:
        """One of every number in x."""
        return (*(t.name for t in self.thetas), *(name for block in self.blocks for name in _entries(block)), *self.spreads)

    def start(self) -> Array:
        """x where a fit begins."""
        thetas = [np.log(t.start) if t.positive else t.start for t in self.thetas]
        left, omegas = list(self.variances), []
        for block in self.blocks:
            for i in range(1 if isinstance(block, Tied) else len(block)):
                omegas += [0.0] * i + [0.5 * np.log(left.pop(0))]
        return jnp.asarray([*thetas, *omegas, *(np.log(float(vars(self.noise)[n])) for n in self.spreads)])

    @property
    def logarithms(self) -> np.ndarray:
        """(shared,) which numbers of x are logarithms, or of their size: all but thetas that may be negative."""
        return np.asarray([t.positive for t in self.thetas] + [True] * (len(self.names) - len(self.thetas)))

    def shared(self, x: Array) -> Shared:
        """x taken apart."""
        theta = {t.name: jnp.exp(x[i]) if t.positive else x[i] for i, t in enumerate(self.thetas)}
        at, first = len(self.thetas), 0
        root = jnp.zeros((len(self.random),) * 2, x.dtype)
        for block in self.blocks:
            size = len(_names(block))
            if isinstance(block, Tied):
                rows = first + np.arange(size)
                root = root.at[rows, rows].set(jnp.exp(x[at]))
                at += 1
            else:
                for i in range(size):
                    for j in range(i + 1):
                        root = root.at[first + i, first + j].set(jnp.exp(x[at]) if i == j else x[at])
                        at += 1
            first += size
        noise = self.noise
        for i, name in enumerate(self.spreads):
            noise = eqx.tree_at(lambda n, name=name: getattr(n, name), noise, jnp.exp(x[at + i]))
        return Shared(theta, root, noise)

    def with_omega(self, x: Array, omega: Array) -> Array:
        """x with the blocks of a covariance (effects, effects) of random effects; what lies between blocks is left out."""
        at, first = len(self.thetas), 0
        for block in self.blocks:
            last = first + len(_names(block))
            part = omega[first:last, first:last]
            if isinstance(block, Tied):
                x = x.at[at].set(0.5 * jnp.log(jnp.diagonal(part).mean()))
                at += 1
            else:
                root = jnp.linalg.cholesky(part)
                for i in range(last - first):
                    for j in range(i + 1):
                        x = x.at[at].set(jnp.log(root[i, i]) if i == j else root[i, j])
                        at += 1
            first = last
        return x

    def omegas(self, shared: Shared) -> list[Array]:
        """Variances and covariances of random effects in the order of ``names``."""
        omega, first, entries = shared.root @ shared.root.T, 0, []
        for block in self.blocks:
            size = len(_names(block))
            if isinstance(block, Tied):
                entries.append(omega[first, first])
            else:
                entries += [omega[first + i, first + j] for i in range(size) for j in range(i + 1)]
            first += size
        return entries

    def log_typical(self, shared: Shared) -> Array:
        """(addresses, people) logarithms of typical values."""
        given = self.typical(shared.theta, self.covariates)
        return jnp.stack([jnp.broadcast_to(jnp.log(given[name]), (self.people,)) for name in self.addresses])

    def picked(self, index: Array) -> "Population":
        """The people ``index``, in that order; one may come several times."""
        again = picked((self.readings, self.covariates), index)
        return eqx.tree_at(
            lambda p: (p.structure, p.readings, p.covariates), self, (self.structure.picked(index), *again)
        )

    def tiled(self, times: int) -> "Population":
        """Each person repeated: person p becomes people p*times ... p*times + times - 1."""
        return self.picked(np.repeat(np.arange(self.people), times))

    def predict(self, log_values: Array) -> tuple[Array, Array]:
        """``(predictions (numbers, people), status)`` from the logarithms of individual parameters."""
        values = dict(zip(self.addresses, jnp.exp(log_values), strict=True))
        predicted, status = self.structure.predict(values, log_values.shape[-1])
        if predicted.shape != self.readings.value.shape:
            raise ValueError(
                f"the structure predicts {predicted.shape} (numbers, people), the readings are {self.readings.value.shape}: mark "
                "numbers that were not read as absent (nan)"
            )
        return predicted, status


def typical_names(population: Population) -> list[str]:
    """Addresses that ``typical`` gives."""
    start = {t.name: jnp.asarray(t.start) for t in population.thetas}
    return list(population.typical(start, population.covariates))


def _names(block: tuple[str, ...] | Tied) -> tuple[str, ...]:
    return block.names if isinstance(block, Tied) else block


def _entries(block: tuple[str, ...] | Tied) -> list[str]:
    """Names of the numbers in x that a block has."""
    if isinstance(block, Tied):
        return [f"omega[{' = '.join(block.names)}]"]
    return [f"omega[{block[i]},{block[j]}]" for i in range(len(block)) for j in range(i + 1)]
