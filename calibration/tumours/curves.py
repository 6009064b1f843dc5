"""Curves that are fitted to the sizes of one tumour, each with its unknowns and where they are looked for.

    value = centre exp(width z)      of what is positive            z   unknown of the fit, about 1 in size
    value = centre + width z         of a rate that may be negative, as where a tumour shrinks

The size at the first reading is in units of that reading, so that one width suits tumours of every size; times count from it.
Equations: ``physio.tumours.closed_forms`` and ``physio.tumours.inhibition``.
"""

import abc
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.tumours import closed_forms as exact
from physio.tumours.inhibition import claret, stein


class Unknown(NamedTuple):
    """Where a number is looked for."""

    name: str
    centre: float
    width: float
    positive: bool

    def value(self, z: Array) -> Array:
        return self.centre * jnp.exp(self.width * z) if self.positive else self.centre + self.width * z


class AbstractCurve(eqx.Module):
    """Sizes at times (numbers, lanes) from unknowns (unknowns, lanes), in units of the first reading."""

    label: eqx.AbstractClassVar[str]
    unknowns: eqx.AbstractClassVar[tuple[Unknown, ...]]

    @abc.abstractmethod
    def size(self, t: Array, *values: Array) -> Array:
        """Size at t from the unknowns in their own units."""

    def at(self, t: Array, z: Array) -> Array:
        """Size at t from z."""
        return self.size(t, *(u.value(z[i]) for i, u in enumerate(self.unknowns)))


START = Unknown("start", 1.0, 0.5, True)
RATE = Unknown("rate", 0.0, 0.05, False)


class ExponentialCurve(AbstractCurve):
    label: ClassVar[str] = "exponential"
    unknowns: ClassVar[tuple[Unknown, ...]] = (START, RATE)

    def size(self, t, start, rate):
        return exact.exponential(t, start, rate)


class LogisticCurve(AbstractCurve):
    label: ClassVar[str] = "logistic"
    unknowns: ClassVar[tuple[Unknown, ...]] = (START, RATE, Unknown("crowding", 0.3, 1.5, True))

    def size(self, t, start, rate, crowding):
        # below 0 the rate brings a tumour to nothing, above it to the inverse of the crowding
        left = jnp.exp(-jnp.clip(rate * t, -50.0, 50.0))
        return start / (left + (1.0 - left) * start * crowding)


class GompertzCurve(AbstractCurve):
    label: ClassVar[str] = "Gompertz"
    unknowns: ClassVar[tuple[Unknown, ...]] = (START, RATE, Unknown("slowing", 0.03, 1.0, True))

    def size(self, t, start, rate, slowing):
        return exact.gompertz(t, start, rate, slowing)


class PowerCurve(AbstractCurve):
    label: ClassVar[str] = "power law"
    unknowns: ClassVar[tuple[Unknown, ...]] = (START, RATE, Unknown("power", 0.5, 0.5, False))

    def size(self, t, start, rate, power):
        return _alive(t, start, rate, 0.0, jnp.minimum(power, 0.999))


class ClassicalBertalanffyCurve(AbstractCurve):
    label: ClassVar[str] = "classical Bertalanffy"
    unknowns: ClassVar[tuple[Unknown, ...]] = (START, RATE, Unknown("loss", 0.05, 1.0, True))

    def size(self, t, start, rate, loss):
        return _alive(t, start, rate + loss, loss, 2.0 / 3.0)


class BertalanffyCurve(AbstractCurve):
    label: ClassVar[str] = "Bertalanffy"
    unknowns: ClassVar[tuple[Unknown, ...]] = (
        START, RATE, Unknown("loss", 0.05, 1.0, True), Unknown("power", 0.5, 0.5, False),
    )  # fmt: skip

    def size(self, t, start, rate, loss, power):
        return _alive(t, start, rate + loss, loss, jnp.minimum(power, 0.999))


class ClaretCurve(AbstractCurve):
    label: ClassVar[str] = "Claret"
    unknowns: ClassVar[tuple[Unknown, ...]] = (
        START, Unknown("growth", 0.01, 1.0, True), Unknown("kill", 0.05, 1.0, True), Unknown("resistance", 0.05, 1.0, True),
    )  # fmt: skip

    def size(self, t, start, growth, kill, resistance):
        return claret(t, start, growth, kill, resistance)


class SteinCurve(AbstractCurve):
    label: ClassVar[str] = "Stein"
    unknowns: ClassVar[tuple[Unknown, ...]] = (
        START, Unknown("growth", 0.01, 1.0, True), Unknown("regression", 0.03, 1.0, True),
    )  # fmt: skip

    def size(self, t, start, growth, regression):
        return stein(t, start, growth, regression)


CURVES: tuple[AbstractCurve, ...] = (
    ExponentialCurve(), LogisticCurve(), GompertzCurve(), PowerCurve(), ClassicalBertalanffyCurve(), BertalanffyCurve(),
    ClaretCurve(), SteinCurve(),
)  # fmt: skip


def _alive(t: Array, start: Array, gain: Array, loss: Array, power: Array) -> Array:
    """Bertalanffy's law for a gain that may be negative: a tumour that has come to nothing stays so."""
    left = 1.0 - power
    grown = (gain * start**-left - loss) * t * exact.mean_decay(left * loss * t)
    ratio = 1.0 + left * grown
    # a floor instead of 0 keeps derivatives finite
    return start * jnp.exp(jnp.log(jnp.maximum(ratio, 1e-3)) / left)
