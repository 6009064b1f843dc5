"""The continuous ranked probability score: how far a predicted distribution F is from what was observed, y.

    CRPS(F, y) = integral (F(x) - [x >= y])^2 dx = E|X - y| - 1/2 E|X - X'|

In the unit of y, smaller is better, and proper: its expectation is smallest for the distribution y comes from. Source:
T. Gneiting, A. E. Raftery, J. Am. Stat. Assoc. 102:359-378 (2007), equations 20 and 21.
"""

import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array


def crps_normal(mean: Array, sd: Array, observed: Array) -> Array:
    """Of a normal distribution, by its closed form; sd > 0, all of one shape."""
    z = (observed - mean) / sd
    return sd * (z * (2.0 * norm.cdf(z) - 1.0) + 2.0 * norm.pdf(z) - 1.0 / jnp.sqrt(jnp.pi))


def crps_sample(values: Array, observed: Array, weights: Array | None = None) -> Array:
    """Of the distribution with these weights (equal ones if None) at these values: (draws, ...) against (...).

    Exact for that distribution, in M log M by sorting: sum w_i |x_i - y| - sum_i w_i x_i (W_i + W_(i-1) - 1) with W the
    cumulated weights of sorted values. A finite sample of a distribution scores higher than the distribution itself by
    E|X - X'| / 2M on average.
    """
    if weights is None:
        weights = jnp.full(values.shape, 1.0 / values.shape[0], values.dtype)
    weights = jnp.broadcast_to(weights / weights.sum(0), values.shape)
    order = jnp.argsort(values, axis=0)
    x, w = jnp.take_along_axis(values, order, axis=0), jnp.take_along_axis(weights, order, axis=0)
    below = jnp.cumsum(w, axis=0)
    distance = (w * jnp.abs(x - observed)).sum(0)
    # the double sum over pairs, half of it: with sorted values each counts by the weight below less the weight above
    return distance - (w * x * (2.0 * below - w - 1.0)).sum(0)


def inside_sample(values: Array, observed: Array, level: float) -> Array:
    """Share of each observation's own probability that lies inside the central interval: (draws, ...) against (...).

    Where many draws are equal an interval's end holds either all of them or none. Here such an atom counts by its part, so that
    a right distribution covers ``level`` on average; without atoms it is 1 inside and 0 outside.
    """
    below, up_to = (values < observed).mean(0), (values <= observed).mean(0)
    low, high = 0.5 - level / 2, 0.5 + level / 2
    part = jnp.clip(jnp.minimum(up_to, high) - jnp.maximum(below, low), 0.0, None)
    atom = up_to > below
    between = (below >= low) & (below <= high)
    return jnp.where(atom, part / jnp.where(atom, up_to - below, 1.0), between)
