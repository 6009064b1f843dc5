"""What filters with a normal belief share: they move two moments, and a smoother can walk back over them."""

import abc
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation.belief import BeliefStatus, Gaussian, chosen
from calibration.assimilation.conditioning import Reading, conditioned
from calibration.assimilation.filtering import AbstractFilter
from calibration.assimilation.forecast import NormalForecast
from calibration.assimilation.state_space import AbstractStateSpace


class Moved(NamedTuple):
    """Moments of x after an advance: ``mean`` (n, lanes), ``covariance`` (n, n, lanes), ``cross`` the covariance of x before
    with x after (n, n, lanes), and ``good`` lanes.
    """

    mean: Array
    covariance: Array
    cross: Array
    good: Array


class AbstractNormalFilter(AbstractFilter):
    """A filter whose belief is normal."""

    @abc.abstractmethod
    def moved(self, model: AbstractStateSpace, belief: Gaussian, to: Array) -> Moved:
        """Moments after the transition to the times ``to``."""

    @abc.abstractmethod
    def seen(self, model: AbstractStateSpace, belief: Gaussian, instrument: int) -> tuple[Array, Array, Array]:
        """``(mean, variance, covariance with x)`` of what an instrument would read: (lanes,), (lanes,), (n, lanes)."""

    def advanced(self, model: AbstractStateSpace, belief: Gaussian, to: Array) -> tuple[Gaussian, Array]:
        """The belief at ``to``, and the covariance of x before with x after; a lane that stays is fully its own past."""
        mean, covariance, cross, good = self.moved(model, belief, to)
        finite = jnp.all(jnp.abs(mean) < jnp.inf, axis=0) & jnp.all(jnp.abs(covariance) < jnp.inf, axis=(0, 1))
        good = good & finite
        okay = jnp.full_like(belief.status, BeliefStatus.OK)
        new = chosen(good, Gaussian(mean, covariance, to, okay), belief)
        status = jnp.where(good, okay, BeliefStatus.SOLVE_FAILED).astype(okay.dtype)
        cross = jnp.where(good, cross, belief.covariance)
        return Gaussian(new.mean, new.covariance, new.time, status), cross

    def advance(self, model, belief, to):
        return self.advanced(model, belief, to)[0]

    def learn(self, model, belief, instrument, reading: Reading):
        return conditioned(belief, reading, *self.seen(model, belief, instrument))

    def forecast(self, model, belief):
        both = [self.seen(model, belief, i)[:2] for i in range(len(model.instruments))]
        return NormalForecast(jnp.stack([m for m, _ in both]), jnp.sqrt(jnp.stack([v for _, v in both])))
