"""Tumours left to themselves: laws of growth of one volume.

    dV/dt = growth(V)          V   volume   [mm^3],      t in d

A law gives the rate of growth at a volume; closed forms are in ``physio.tumours.closed_forms``. The volume at the start of a
run is a parameter like the others, and the laws that know their initial rate measure growth from it.

Priors are those of a mouse's tumour under the skin. What can be told from volumes alone: with a known start every law with two
numbers, though Gompertz's two go together with a correlation of 0.97; with a start to be estimated as well, one number less.

Sources: S. Benzekry et al., PLoS Comput. Biol. 10:e1003800 (2014), Lewis lung carcinoma; medians of refits of its 20 mice with
V(0) = 1 mm3, the volume of the million cells that were injected. C. Vaghi et al., PLoS Comput. Biol. 16:e1007178 (2020).
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogitNormal, LogNormal
from physio.units import as_number, as_quantity

INJECTED = "1e6 cells injected, taken as 1 mm3, Benzekry 2014; spread assumed"
REFIT = "median and spread of refits of 20 mice with Lewis lung carcinoma of Benzekry 2014"
GAINS = "pure numbers for mm3 and d: the unit depends on the power"


class AbstractGrowth(AbstractPlainPart):
    """One volume and its rate of growth."""

    time_unit: ClassVar[str] = "d"

    start: eqx.AbstractVar[Scalar]

    class State(eqx.Module):
        volume: Scalar = state("mm^3")

    class Outputs(eqx.Module):
        volume: Scalar = port("mm^3")

    @abc.abstractmethod
    def growth(self, volume: Scalar) -> Scalar:
        """dV/dt [mm^3/d] at a volume [mm^3]."""

    def rest(self):
        return self.State(volume=self.start)

    def outputs(self, t, state, sensed):
        return self.Outputs(volume=state.volume)

    def rates(self, t, state, sensed, out):
        return self.State(volume=self.growth(state.volume))


def _gained(volume: Scalar, gain: Scalar, power: Scalar) -> Scalar:
    """a V^g [mm^3/d], V in mm3."""
    return as_quantity(gain * as_number(volume, "mm^3") ** power, "mm^3/d")


class Exponential(AbstractGrowth):
    """dV/dt = a V: all cells divide, for ever at one rate."""

    start: Scalar = parameter("mm^3", LogNormal(13.2, cv=0.5), source="V0 free, refits of Benzekry 2014; spread assumed")
    rate: Scalar = parameter("1/d", LogNormal(0.2569, cv=0.25), source=f"a, {REFIT}; spread assumed")

    def growth(self, volume):
        return self.rate * volume


class Logistic(AbstractGrowth):
    """dV/dt = a V (1 - V / K): cells compete for room."""

    start: Scalar = parameter("mm^3", LogNormal(1.0, cv=0.2), source=INJECTED)
    rate: Scalar = parameter("1/d", LogNormal(0.502, cv=0.25), source=f"a, {REFIT}; spread assumed")
    capacity: Scalar = parameter("mm^3", LogNormal(1297.0, cv=0.4), source=f"K, {REFIT}; spread assumed")

    def growth(self, volume):
        return self.rate * volume * (1.0 - volume / self.capacity)


class Gompertz(AbstractGrowth):
    """dV/dt = (a - b log(V / V0)) V: the rate falls exponentially in time, as exp(-b t)."""

    start: Scalar = parameter("mm^3", LogNormal(1.0, cv=0.2), source=INJECTED)
    rate: Scalar = parameter("1/d", LogNormal(0.7425, cv=0.25), source=f"a, {REFIT}")
    slowing: Scalar = parameter("1/d", LogNormal(0.0792, cv=0.41), source=f"b, {REFIT}")

    def growth(self, volume):
        return (self.rate - self.slowing * jnp.log(volume / self.start)) * volume


class ReducedGompertz(AbstractGrowth):
    """Gompertz's law with a = k b: k is one number of the population, b differs from animal to animal.

    a and b of single animals lie on one line; with it one early volume already tells a tumour's course, and its age.
    """

    start: Scalar = parameter("mm^3", LogNormal(1.0, cv=0.2), source=INJECTED)
    slowing: Scalar = parameter("1/d", LogNormal(0.0792, cv=0.41), source=f"b, {REFIT}")
    ratio: Scalar = parameter("1", LogNormal(9.375, cv=0.02), source=f"k = a / b, {REFIT}; shared, spread assumed")

    def growth(self, volume):
        return self.slowing * (self.ratio - jnp.log(volume / self.start)) * volume


class PowerLaw(AbstractGrowth):
    """dV/dt = a V^g: a share of the tumour divides, that of a body of dimension 3 g."""

    start: Scalar = parameter("mm^3", LogNormal(1.0, cv=0.2), source=INJECTED)
    gain: Scalar = parameter("1", LogNormal(0.9206, cv=0.38), source=f"a, {REFIT}; {GAINS}")
    power: Scalar = parameter("1", LogitNormal(0.7884, sd=0.4), source=f"g, {REFIT}")

    def growth(self, volume):
        return _gained(volume, self.gain, self.power)


class Bertalanffy(AbstractGrowth):
    """dV/dt = a V^g - b V: gained at what takes up food, lost everywhere."""

    start: Scalar = parameter("mm^3", LogNormal(1.0, cv=0.2), source=INJECTED)
    gain: Scalar = parameter("1", LogNormal(0.95, cv=0.4), source=f"a, assumed near the power law's; {GAINS}")
    loss: Scalar = parameter("1/d", LogNormal(0.05, cv=0.5), source="b, assumed: a twentieth of the cells a day")
    power: Scalar = parameter("1", LogitNormal(0.8, sd=0.4), source="g, assumed near the power law's")

    def growth(self, volume):
        return _gained(volume, self.gain, self.power) - self.loss * volume


class ClassicalBertalanffy(AbstractGrowth):
    """dV/dt = a V^(2/3) - b V: food comes through the surface."""

    start: Scalar = parameter("mm^3", LogNormal(1.0, cv=0.2), source=INJECTED)
    gain: Scalar = parameter("mm/d", LogNormal(2.0, cv=0.3), source="a, assumed: reaches 1500 mm3 in three weeks")
    loss: Scalar = parameter("1/d", LogNormal(0.05, cv=0.5), source="b, assumed: a twentieth of the cells a day")

    def growth(self, volume):
        return self.gain * volume ** (2.0 / 3.0) - self.loss * volume
