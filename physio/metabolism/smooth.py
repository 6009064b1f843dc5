"""What is never negative, without the kink of max(x, 0)."""

import jax.numpy as jnp


def softly_positive(x, width):
    """(x + sqrt(x^2 + 4 width^2)) / 2: ``width`` at x = 0, and max(x, 0) + width^2 / |x| far from it."""
    return 0.5 * (x + jnp.sqrt(x**2 + 4.0 * width**2))
