"""Where a tumour's field begins: at a scan that is taken as exact, or at a seed some time before the first.

How long before may be unknown: the solve lasts as long as the course says, and D and rho are larger until the first scan, by
the age over that time. What a seed becomes depends on their products with time only.
"""

import abc
from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import ParameterInfo
from physio.fields import Grid
from physio.priors import LogitNormal, LogNormal, Normal

AGE = "seed.age"


class AbstractStart(eqx.Module):
    """The cells at the first time of a solve."""

    @abc.abstractmethod
    def info(self) -> dict[str, ParameterInfo]:
        """Unit, prior and source of its unknowns."""

    @abc.abstractmethod
    def cells(self, grid: Grid, values: Mapping[str, Array]) -> Array:
        """Cells on the grid, with these unknowns and the medians of the others."""

    @abc.abstractmethod
    def age(self, values: Mapping[str, Array]) -> Array | None:
        """Days from the start to the first scan, or None where those of the course hold."""


class FromScan(AbstractStart):
    """A scan without error: for data without noise, or a prior's mean field."""

    first: Array

    def info(self):
        return {}

    def cells(self, grid, values):
        if self.first.shape != grid.shape:
            raise ValueError(f"a scan of shape {self.first.shape} cannot start a grid of {grid.shape}; expected a Seed there")
        return self.first

    def age(self, values):
        return None


class Seed(AbstractStart):
    """A Gaussian of cells, N = peak exp(-|x - c|^2 / (2 radius^2)); c is ``near`` [mm], known to ``doubt`` [mm].

    ``typical_age`` [d] is the median of the age at the first scan, with a coefficient of variation of 1, or None: it is known.
    """

    near: tuple[float, ...] = eqx.field(static=True)
    doubt: float = eqx.field(static=True, default=3.0)
    typical_age: float | None = eqx.field(static=True, default=None)

    def info(self):
        places = {
            f"seed.{axis}": ParameterInfo("mm", Normal(at, self.doubt), "near the centre of the first scan")
            for axis, at in zip("xyz", self.near, strict=False)
        }
        if self.typical_age is not None:
            places[AGE] = ParameterInfo("d", LogNormal(self.typical_age, cv=1.0), "assumed: of the size of the tumour")
        return places | {
            "seed.radius": ParameterInfo("mm", LogNormal(3.0, cv=0.3), "assumed"),
            "seed.peak": ParameterInfo("1", LogitNormal(0.4, sd=0.7), "assumed"),
        }

    def cells(self, grid, values):
        value = {name: values.get(name, jnp.asarray(i.prior.median, jnp.float64)) for name, i in self.info().items()}
        away = sum((grid.centres(k) - value[f"seed.{axis}"]) ** 2 for k, axis in zip(grid.axes, "xyz", strict=False))
        return jnp.broadcast_to(value["seed.peak"] * jnp.exp(-0.5 * away / value["seed.radius"] ** 2), grid.shape)

    def age(self, values):
        return values.get(AGE)
