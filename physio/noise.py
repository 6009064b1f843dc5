"""Errors of instruments: their spread as a function of the true value, and the scale on which they are normal.

    transform(y) = transform(f) + e,    e ~ N(0, sd(f)^2)
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import expit, logit, ndtr, ndtri
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

    @abc.abstractmethod
    def inverse(self, transformed: Array) -> Array:
        """The value that ``transform`` takes there."""


class Additive(AbstractNoise):
    """Normal error of constant spread."""

    spread: Array = _in_unit()

    def sd(self, predicted):
        return jnp.broadcast_to(self.spread, predicted.shape)

    def transform(self, value):
        return value

    def inverse(self, transformed):
        return transformed


class Proportional(AbstractNoise):
    """Normal error in proportion to the predicted value; ``floor`` keeps it above zero."""

    fraction: Array = _pure()
    floor: Array = _in_unit()

    def sd(self, predicted):
        return jnp.maximum(self.fraction * jnp.abs(predicted), self.floor)

    def transform(self, value):
        return value

    def inverse(self, transformed):
        return transformed


class Combined(AbstractNoise):
    """Additive and proportional error, variances added."""

    spread: Array = _in_unit()
    fraction: Array = _pure()

    def sd(self, predicted):
        return jnp.sqrt(self.spread**2 + (self.fraction * predicted) ** 2)

    def transform(self, value):
        return value

    def inverse(self, transformed):
        return transformed


class Summed(AbstractNoise):
    """Additive and proportional error, standard deviations added."""

    spread: Array = _in_unit()
    fraction: Array = _pure()

    def sd(self, predicted):
        return self.spread + self.fraction * jnp.abs(predicted)

    def transform(self, value):
        return value

    def inverse(self, transformed):
        return transformed


class Power(AbstractNoise):
    """Normal error in proportion to a power of the predicted value, which must be positive."""

    fraction: Array = _pure()
    exponent: Array = _pure()

    def sd(self, predicted):
        return self.fraction * predicted**self.exponent

    def transform(self, value):
        return value

    def inverse(self, transformed):
        return transformed


class FlooredPower(AbstractNoise):
    """Normal error in proportion to a power of the predicted value, and below ``floor`` as at it."""

    fraction: Array = _pure()
    exponent: Array = _pure()
    floor: Array = _in_unit()

    def sd(self, predicted):
        return self.fraction * jnp.maximum(predicted, self.floor) ** self.exponent

    def transform(self, value):
        return value

    def inverse(self, transformed):
        return transformed


class LogNormalNoise(AbstractNoise):
    """Error of constant relative spread on the logarithm; values must be positive."""

    spread: Array = _pure()

    def sd(self, predicted):
        return jnp.broadcast_to(self.spread, predicted.shape)

    def transform(self, value):
        return jnp.log(value)

    def inverse(self, transformed):
        return jnp.exp(transformed)


class YeoJohnson(AbstractNoise):
    """Normal error of constant spread on Yeo and Johnson's scale, which bends values of either sign by one ``exponent``.

        h(y) = ((y + 1)^a - 1) / a  for y >= 0,      -((1 - y)^(2 - a) - 1) / (2 - a)  for y < 0

    with logarithms where a power is 0: a = 1 leaves y as it is. Source: I.-K. Yeo, R. A. Johnson, Biometrika 87:954-959 (2000).
    """

    spread: Array = _pure()
    exponent: Array = _pure()

    def sd(self, predicted):
        return jnp.broadcast_to(self.spread, predicted.shape)

    def transform(self, value):
        positive = value >= 0.0
        up, down = jnp.where(positive, value, 0.0), jnp.where(positive, 0.0, -value)
        return jnp.where(positive, _power(up, self.exponent), -_power(down, 2.0 - self.exponent))

    def inverse(self, transformed):
        positive = transformed >= 0.0
        up, down = jnp.where(positive, transformed, 0.0), jnp.where(positive, 0.0, -transformed)
        return jnp.where(positive, _root(up, self.exponent), -_root(down, 2.0 - self.exponent))


def _power(x: Array, a: Array) -> Array:
    """((x + 1)^a - 1) / a, smooth through a = 0."""
    log = jnp.log1p(x)
    small = jnp.abs(a) < 1e-8
    return jnp.where(small, log, jnp.expm1(jnp.where(small, 1.0, a) * log) / jnp.where(small, 1.0, a))


def _root(t: Array, a: Array) -> Array:
    """The x of ``_power``; infinite where none is so large, which an exponent outside 0 to 2 allows."""
    small = jnp.abs(a) < 1e-8
    inside = jnp.maximum(jnp.where(small, 0.0, a) * t, -1.0)
    return jnp.where(small, jnp.expm1(t), jnp.expm1(jnp.log1p(inside) / jnp.where(small, 1.0, a)))


class AbstractBounded(AbstractNoise):
    """Normal error of constant spread on a scale that takes the interval from ``low`` to ``high`` to the whole line."""

    spread: eqx.AbstractVar[Array]
    low: eqx.AbstractVar[float]
    high: eqx.AbstractVar[float]

    def sd(self, predicted):
        return jnp.broadcast_to(self.spread, predicted.shape)

    def share(self, value: Array) -> Array:
        """Of the interval that lies below a value."""
        return (value - self.low) / (self.high - self.low)

    def at_share(self, share: Array) -> Array:
        """The value with this share of the interval below it."""
        return self.low + (self.high - self.low) * share


class LogitNormal(AbstractBounded):
    """log((y - low) / (high - y)): values must lie between the bounds."""

    spread: Array = _pure()
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def transform(self, value):
        return logit(self.share(value))

    def inverse(self, transformed):
        return self.at_share(expit(transformed))


class ProbitNormal(AbstractBounded):
    """The standard normal quantile of (y - low) / (high - low): values must lie between the bounds."""

    spread: Array = _pure()
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def transform(self, value):
        return ndtri(self.share(value))

    def inverse(self, transformed):
        return self.at_share(ndtr(transformed))
