"""The superquantile of a loss: its mean over the worst outcomes, a risk that gradients can lower.

    R_a = min over c of   c + E max(loss - c, 0) / (1 - a)          a   level, 0 <= a < 1
        = mean of the worst share 1 - a of the loss

At a = 0 it is the mean, near 1 the worst case; for a normal loss it is mu + sigma phi(z_a) / (1 - a). Unlike a quantile it
counts how bad the worst outcomes are, and it is convex in the loss. For draws of equal weight the minimum is at one of them, so
sorting gives it exactly; the derivative is that of the worst draws.

Source: R. T. Rockafellar, S. Uryasev, J. Risk 2(3):21-41 (2000), theorem 1.
"""

import jax.numpy as jnp
from jaxtyping import Array


def superquantile(loss: Array, level: float) -> Array:
    """R_a (...) of draws (draws, ...), in the unit of the loss; ValueError where the level is not in [0, 1)."""
    if not 0.0 <= level < 1.0:
        raise ValueError(f"level: {level:g}; expected at least 0 and less than 1")
    worst = (1.0 - level) * loss.shape[0]
    # the draw at the edge counts by the part of it that belongs to the worst share
    weight = jnp.clip(worst - jnp.arange(loss.shape[0]), 0.0, 1.0) / worst
    descending = jnp.sort(loss, axis=0)[::-1]
    return jnp.tensordot(weight, descending, axes=1)
