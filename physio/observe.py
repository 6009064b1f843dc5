"""What an instrument sees: a path through the body, a summary over time, and noise.

    y = summary(path) + error        ``physio.noise`` has the errors

A summary turns a path (times, lanes) into the numbers (numbers, lanes) that are read off. Extremes are located between
samples by the parabola through the highest three, whose vertex moves with the parameters (envelope theorem), so their
derivatives are those of the trajectory and not of a softened maximum.
"""

import abc
import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.component import as_float
from physio.noise import AbstractNoise
from physio.priors import AbstractPrior
from physio.solve.trajectory import Trajectory


class AbstractSummary(eqx.Module):
    """From a path to the numbers that are read."""

    @abc.abstractmethod
    def read(self, times: Array, values: Array) -> Array:
        """(numbers, lanes) from times and values (times, lanes)."""


class AtTimes(AbstractSummary):
    """The path at every time of the protocol."""

    def read(self, times, values):
        return values


class Mean(AbstractSummary):
    """Time average by the trapezoidal rule, exact to all orders over a closed beat."""

    def read(self, times, values):
        widths = jnp.diff(times, axis=0)
        return (0.5 * (values[1:] + values[:-1]) * widths).sum(0)[None] / widths.sum(0)[None]


def _vertex(values: Array) -> Array:
    """Largest value of an evenly sampled path, the parabola through the three highest samples."""
    last = values.shape[0] - 1
    middle = jnp.clip(jnp.argmax(jax.lax.stop_gradient(values), axis=0), 1, last - 1)
    left, top, right = (jnp.take_along_axis(values, (middle + k)[None], axis=0)[0] for k in (-1, 0, 1))
    slope, bend = 0.5 * (right - left), left - 2.0 * top + right
    flat = bend >= -1e-12
    shift = jnp.clip(jnp.where(flat, 0.0, -slope / jnp.where(flat, 1.0, bend)), -1.0, 1.0)
    shift = jax.lax.stop_gradient(shift)
    return (top + slope * shift + 0.5 * bend * shift**2)[None]


class Maximum(AbstractSummary):
    """Largest value, located between samples."""

    def read(self, times, values):
        return _vertex(values)


class Minimum(AbstractSummary):
    """Smallest value, located between samples."""

    def read(self, times, values):
        return -_vertex(-values)


class Observation(eqx.Module):
    """One instrument: ``name``, ``path`` in the body, ``unit`` it reads in, summary and noise.

    ``priors`` names noise parameters that may be estimated: ``(("spread", LogNormal(...)),)`` makes the address
    ``"<name>.spread"``.
    """

    noise: AbstractNoise
    summary: AbstractSummary
    name: str = eqx.field(static=True)
    path: str = eqx.field(static=True)
    unit: str = eqx.field(static=True)
    priors: tuple[tuple[str, AbstractPrior], ...] = eqx.field(static=True, default=())

    def predict(self, trajectory: Trajectory, factor: float) -> Array:
        """(numbers, lanes) in ``unit``; ``factor`` converts from the path's unit."""
        return factor * self.summary.read(trajectory.times, trajectory[self.path])

    def noise_unit(self, parameter: str) -> str:
        """Unit of a noise parameter: the instrument's, or 1 for one that is relative to the value."""
        field = next(f for f in dataclasses.fields(self.noise) if f.name == parameter)
        return "1" if field.metadata.get("pure") else self.unit


class Readings(eqx.Module):
    """What was read: ``value`` (numbers, lanes); ``present``, and ``below`` where the value is a detection limit."""

    value: Array
    present: Array
    below: Array


def readings(value, present=None, below=None) -> Readings:
    """Readings with masks: missing values are marked absent, below-detection ones carry the limit as value."""
    value = as_float(value)
    value = value[:, None] if value.ndim == 1 else value
    present = jnp.isfinite(value) if present is None else jnp.broadcast_to(jnp.asarray(present), value.shape)
    below = jnp.zeros(value.shape, bool) if below is None else jnp.broadcast_to(jnp.asarray(below), value.shape)
    return Readings(jnp.where(present, value, 0.0), present, below & present)
