"""Proper scores of probabilistic predictions: the continuous ranked probability score, lower is better.

    CRPS(F, y) = integral (F(x) - 1{x >= y})^2 dx = E|X - y| - E|X - X'| / 2

in the unit of y.

Source: T. Gneiting, A. E. Raftery, J. Am. Stat. Assoc. 102:359-378 (2007).
"""

import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array


def crps_normal(mean: Array, sd: Array, y: Array) -> Array:
    """Of normal predictions, in closed form."""
    error = (y - mean) / sd
    return sd * (error * (2.0 * norm.cdf(error) - 1.0) + 2.0 * norm.pdf(error) - 1.0 / jnp.sqrt(jnp.pi))


def crps_sample(draws: Array, y: Array, weights: Array | None = None) -> Array:
    """Of weighted draws (draws, ...) for y (...): the score of their empirical distribution, not the "fair" ensemble estimate.

    ``weights`` (draws, ...) need not sum to 1; draws of weight 0 have no say.
    """
    weights = jnp.ones_like(draws) if weights is None else jnp.broadcast_to(weights, draws.shape)
    weights = weights / weights.sum(0)
    order = jnp.argsort(draws, axis=0)
    x, w = jnp.take_along_axis(draws, order, axis=0), jnp.take_along_axis(weights, order, axis=0)
    # sum_ij w_i w_j |x_i - x_j| / 2 = sum_i w_i x_i (2 W_i - w_i - 1), W_i the weights up to i
    below = jnp.cumsum(w, axis=0)
    return (w * jnp.abs(x - y)).sum(0) - (w * x * (2.0 * below - w - 1.0)).sum(0)
