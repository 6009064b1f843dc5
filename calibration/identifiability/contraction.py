"""How much of the prior the data have removed.

    contraction = 1 - var(z | data) / var(z),      var(z) = 1 under the prior

1: the data decide; 0: the posterior is the prior; below 0: wider than the prior, which single data sets may do. An unknown
counts as identified when its posterior SD is at most half its prior SD: contraction 0.75. The rule is fixed before any truth is
looked at.
"""

import jax.numpy as jnp
from jaxtyping import Array

from calibration.fit import Fit

IDENTIFIED_BELOW = 0.5


def contraction(fit: Fit) -> Array:
    """(unknowns, lanes) from the fit's covariance; nan where the fit failed or has no finite covariance."""
    if not fit.problem.informed:
        raise ValueError("contraction compares a posterior with its prior, and this problem leaves its priors out (informed=False)")
    return jnp.where(fit.quantified(), 1.0 - fit.posterior_sd() ** 2, jnp.nan)


def contraction_of_draws(z: Array) -> Array:
    """(unknowns, lanes) from posterior draws of z (draws, unknowns, lanes); nan for a lane with a draw that is not finite."""
    return 1.0 - z.var(0, ddof=1)
