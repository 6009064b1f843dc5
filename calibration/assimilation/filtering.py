"""The contract of a filter: advance a belief in time, update it by readings, say what the next readings will be.

``advance``, ``update``, ``forecast`` and ``follow`` are one compiled call each, shared by all models of the same shape.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation.belief import Belief
from calibration.assimilation.conditioning import Reading
from calibration.assimilation.forecast import AbstractForecast
from calibration.assimilation.state_space import AbstractStateSpace
from calibration.compiled import compiled_once
from physio.observe import Readings


class AbstractFilter(eqx.Module):
    """Moves beliefs; a lane never touches another, and what cannot be done leaves a lane's belief and flags it."""

    @abc.abstractmethod
    def advance(self, model: AbstractStateSpace, belief: Belief, to: Array) -> Belief:
        """The belief at the times ``to`` (lanes,), not before the belief's own."""

    @abc.abstractmethod
    def learn(self, model: AbstractStateSpace, belief: Belief, instrument: int, reading: Reading) -> Belief:
        """The belief after one instrument's reading at the belief's time."""

    @abc.abstractmethod
    def forecast(self, model: AbstractStateSpace, belief: Belief) -> AbstractForecast:
        """What every instrument would read at the belief's time."""

    def update(self, model: AbstractStateSpace, belief: Belief, readings: Readings) -> Belief:
        """The belief after readings (instruments, lanes) at its time, one instrument after the other."""
        for i in range(len(model.instruments)):
            present = readings.present[i]
            # where nothing was read the value is a filler, which need not have a logarithm
            value = model.scaled(i, jnp.where(present, readings.value[i], 1.0))
            belief = self.learn(model, belief, i, Reading(value, present, readings.below[i]))
        return belief


class Followed(NamedTuple):
    """A belief after many readings; ``forecasts`` of each reading before it came and ``status`` (times, lanes)."""

    belief: Belief
    forecasts: AbstractForecast
    status: Array


@compiled_once
def advance(filter: AbstractFilter, model: AbstractStateSpace, belief: Belief, to: Array) -> Belief:
    """The belief at the times ``to``, a scalar or (lanes,)."""
    return filter.advance(model, belief, jnp.broadcast_to(to, belief.time.shape))


@compiled_once
def update(filter: AbstractFilter, model: AbstractStateSpace, belief: Belief, readings: Readings) -> Belief:
    """The belief after readings (instruments, lanes) at its time; absent ones leave it as it is, bit for bit."""
    return filter.update(model, belief, readings)


@compiled_once
def forecast(filter: AbstractFilter, model: AbstractStateSpace, belief: Belief) -> AbstractForecast:
    """What every instrument would read at the belief's time, its error included."""
    return filter.forecast(model, belief)


@compiled_once
def follow(
    filter: AbstractFilter, model: AbstractStateSpace, belief: Belief, times: Array, readings: Readings
) -> Followed:
    """Advance to each of the times (times,) or (times, lanes), forecast, and update by readings (times, instruments, lanes)."""
    times = times[:, None] if times.ndim == 1 else times
    times = jnp.broadcast_to(times, (times.shape[0], model.lanes))

    def one(belief, now):
        to, readings = now
        belief = filter.advance(model, belief, to)
        expected = filter.forecast(model, belief)
        belief = filter.update(model, belief, readings)
        return belief, (expected, belief.status)

    belief, (expected, status) = jax.lax.scan(one, belief, (times, readings))
    return Followed(belief, expected, status)
