"""What one reading does to a normal belief, exact or censored.

With y the reading on the scale where its error is normal, and x, y jointly normal with cov(x, y) = c and var(y) = s,

    mean  <-  mean + c / s (m - E y)          m, v = mean and variance of y given the reading:
    cov   <-  cov - c c' / s (1 - v / s)      y itself and 0, or those of the normal cut off above the limit

A reading below a limit L keeps x's first two moments given y < L exactly: E and cov of x | y are linear in y.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array

from calibration.assimilation.belief import BeliefStatus, Gaussian, chosen
from calibration.assimilation.semidefinite import symmetric


class Reading(NamedTuple):
    """One instrument's reading of every lane: ``value`` on the error's scale, ``present``, ``below``; all (lanes,)."""

    value: Array
    present: Array
    below: Array


def given(reading: Reading, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Mean and variance of y once the reading is known, from those before."""
    sd = jnp.sqrt(variance)
    margin = jnp.where(reading.below, (reading.value - mean) / sd, 0.0)
    pull = jnp.exp(norm.logpdf(margin) - norm.logcdf(margin))
    left = jnp.clip(1.0 - margin * pull - pull**2, 0.0, 1.0)
    return jnp.where(reading.below, mean - sd * pull, reading.value), jnp.where(reading.below, variance * left, 0.0)


def conditioned(belief: Gaussian, reading: Reading, mean: Array, variance: Array, cross: Array) -> Gaussian:
    """The belief after a reading whose prediction has this mean, variance (lanes,) and covariance with x (n, lanes)."""
    m, v = given(reading, mean, variance)
    gain = cross / variance
    new_mean = belief.mean + gain * (m - mean)
    new_covariance = belief.covariance - symmetric(gain[:, None] * gain[None, :] * (variance - v))
    return taken(belief, reading, new_mean, new_covariance)


def taken(belief: Gaussian, reading: Reading, mean: Array, covariance: Array) -> Gaussian:
    """The new moments where there is a reading and they are finite; elsewhere the belief, bit for bit."""
    finite = jnp.all(jnp.abs(mean) < jnp.inf, axis=0) & jnp.all(jnp.abs(covariance) < jnp.inf, axis=(0, 1))
    wanted = reading.present & (belief.status != BeliefStatus.SOLVE_FAILED)
    new = Gaussian(mean, covariance, belief.time, jnp.full_like(belief.status, BeliefStatus.OK))
    belief = chosen(wanted & finite, new, belief)
    flagged = jnp.where(wanted & ~finite, BeliefStatus.NOT_FINITE, belief.status).astype(belief.status.dtype)
    return Gaussian(belief.mean, belief.covariance, belief.time, flagged)
