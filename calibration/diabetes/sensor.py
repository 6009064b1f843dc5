"""What a continuous sensor adds to the glucose under the skin.

    reading = gain C + a + w,     a(t + 5 min) = phi a(t) + noise of stationary sd s,     w white with sd v

Gain is a fault of the whole wear, told by its prior alone; a is drift and whatever else is alike from one reading to the next,
the model's own faults included; both end in intervals. Residuals of the fit are the filter's innovations,

    e = (r - m) / sqrt(S),     r = reading - gain C,     m, S  what earlier readings predict of r and the variance of that,

independent standard normal numbers if all is as said, also across holes. A reading at the end of the sensor's range is a bound:
its innovation counts only where the prediction is on the wrong side.

Source: of the orders of magnitude and of autoregression: A. Facchinetti et al., IEEE Trans. Biomed. Eng. 61:1825-1835 (2014);
M. Vettoretti et al., Sensors 19:5320 (2019).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

STEP = 5.0  # min


class Sensor(NamedTuple):
    """``gain_sd`` [1] of a gain about 1; ``sd`` [mg/dL] and ``phi`` (over 5 min) of the drift; ``white`` [mg/dL]."""

    gain_sd: float = 0.04
    sd: float = 5.0
    phi: float = 0.85
    white: float = 2.0


class Trace(eqx.Module):
    """Readings of days on a grid of 5 min each, (times, days): ``value`` [mg/dL], ``present``, and whether it is a bound.

    ``at`` [min] since each day began. ``follow`` and ``root`` are the filter's gain and sqrt(S), which no value changes.
    """

    at: Array
    value: Array
    present: Array
    below: Array
    above: Array
    follow: Array
    root: Array

    @classmethod
    def of(cls, at: np.ndarray, value: np.ndarray, below: np.ndarray, above: np.ndarray, sensor: Sensor) -> "Trace":
        """nan in ``value`` is a reading that is not there."""
        present = np.isfinite(value)
        follow, root = _filter(present, sensor)
        clean = np.where(present, value, 0.0)
        return cls(*(jnp.asarray(a) for a in (at, clean, present, below & present, above & present, follow, root)))

    def innovations(self, predicted: Array, phi: float) -> Array:
        """(times, days), zero where nothing was read; ``predicted`` is gain C [mg/dL]."""

        def step(mean, given):
            value, present, below, above, follow, root, predicted = given
            off = value - predicted - mean
            inside = jnp.where(below, jnp.minimum(off, 0.0), jnp.where(above, jnp.maximum(off, 0.0), off))
            known = jnp.where(present, inside, 0.0)
            return phi * (mean + follow * known), known / root

        given = (self.value, self.present, self.below, self.above, self.follow, self.root, predicted)
        return jax.lax.scan(step, jnp.zeros_like(predicted[0]), given)[1]


def _filter(present: np.ndarray, sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
    """Gain and sqrt(S) (times, days) of the scalar Kalman filter of the drift."""
    variance = np.full(present.shape[1], sensor.sd**2)
    follow, root = np.zeros(present.shape), np.ones(present.shape)
    for i, seen in enumerate(present):
        total = variance + sensor.white**2
        follow[i] = np.where(seen, variance / total, 0.0)
        root[i] = np.sqrt(total)
        variance = sensor.phi**2 * variance * (1.0 - follow[i]) + sensor.sd**2 * (1.0 - sensor.phi**2)
    return follow, root
