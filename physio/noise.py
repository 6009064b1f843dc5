"""Errors of instruments: their spread as a function of the true value, and the scale on which they are normal.

    transform(y) = transform(f) + e,    e ~ N(0, sd(f)^2)
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import as_float


def _in_unit():
    """A noise parameter in the instrument's unit."""
    return eqx.field(converter=as_float)


def _pure():
    """A noise parameter that is a pure number."""
    return eqx.field(converter=as_float, metadata={"pure": True})


class AbstractNoise(eqx.Module):
    """Spread of the error of one instrument; array fields are its parameters."""

    @abc.abstractmethod
    def sd(self, predicted: Array) -> Array:
        """Standard deviation of the error, on the scale of ``transform``."""

    @abc.abstractmethod
    def transform(self, value: Array) -> Array:
        """The scale on which the error is normal."""


class Additive(AbstractNoise):
    """Normal error of constant spread."""

    spread: Array = _in_unit()

    def sd(self, predicted):
        return jnp.broadcast_to(self.spread, predicted.shape)

    def transform(self, value):
        return value


class Proportional(AbstractNoise):
    """Normal error in proportion to the predicted value; ``floor`` keeps it above zero."""

    fraction: Array = _pure()
    floor: Array = _in_unit()

    def sd(self, predicted):
        return jnp.maximum(self.fraction * jnp.abs(predicted), self.floor)

    def transform(self, value):
        return value


class Combined(AbstractNoise):
    """Additive and proportional error, variances added."""

    spread: Array = _in_unit()
    fraction: Array = _pure()

    def sd(self, predicted):
        return jnp.sqrt(self.spread**2 + (self.fraction * predicted) ** 2)

    def transform(self, value):
        return value


class Summed(AbstractNoise):
    """Additive and proportional error, standard deviations added."""

    spread: Array = _in_unit()
    fraction: Array = _pure()

    def sd(self, predicted):
        return self.spread + self.fraction * jnp.abs(predicted)

    def transform(self, value):
        return value


class Power(AbstractNoise):
    """Normal error in proportion to a power of the predicted value, which must be positive."""

    fraction: Array = _pure()
    exponent: Array = _pure()

    def sd(self, predicted):
        return self.fraction * predicted**self.exponent

    def transform(self, value):
        return value


class LogNormalNoise(AbstractNoise):
    """Error of constant relative spread on the logarithm; values must be positive."""

    spread: Array = _pure()

    def sd(self, predicted):
        return jnp.broadcast_to(self.spread, predicted.shape)

    def transform(self, value):
        return jnp.log(value)
