"""What a belief expects an instrument to read, with the instrument's own error: (instruments, lanes)."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array

from calibration.scores import crps_normal, crps_sample


class AbstractForecast(eqx.Module):
    """A distribution for every instrument and lane, on the scale where the instrument's error is normal."""

    @abc.abstractmethod
    def quantile(self, level: float) -> Array:
        """The value below which a reading falls with this probability."""

    @abc.abstractmethod
    def crps(self, reading: Array) -> Array:
        """Continuous ranked probability score of readings on the same scale."""


class NormalForecast(AbstractForecast):
    """``mean`` and ``sd``."""

    mean: Array
    sd: Array

    def quantile(self, level):
        return self.mean + ndtri(level) * self.sd

    def crps(self, reading):
        return crps_normal(self.mean, self.sd, reading)


class DrawnForecast(AbstractForecast):
    """``values`` (members, instruments, lanes), errors of the instrument included, and ``log_weights`` (members, lanes)."""

    values: Array
    log_weights: Array

    def quantile(self, level):
        order = jnp.argsort(self.values, axis=0)
        weights = jnp.broadcast_to(jnp.exp(self.log_weights)[:, None], self.values.shape)
        below = jnp.cumsum(jnp.take_along_axis(weights, order, axis=0), axis=0)
        place = jnp.minimum((below < level).sum(0), self.values.shape[0] - 1)
        return jnp.take_along_axis(jnp.take_along_axis(self.values, order, axis=0), place[None], axis=0)[0]

    def crps(self, reading):
        return crps_sample(self.values, reading, jnp.exp(self.log_weights)[:, None])
