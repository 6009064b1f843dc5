"""The ensemble Kalman filter in square-root form: moments from members, and no random numbers in the update.

    k = cov(h, h) / s,    s = cov(h, h) + sd^2,    gain = cov(x, h) / s        h_i = what member i predicts
    mean <- mean + gain (m - E h)
    x_i - mean <- x_i - mean - a gain (h_i - E h),    (1 - a k)^2 = 1 - k (1 - v / s)

which gives h its posterior variance exactly; m and v are those of ``conditioning``, so a censored reading is one with v > 0.
Members number more than rows of x, so covariances are neither tapered nor inflated. Source: J. S. Whitaker,
T. M. Hamill, Mon. Weather Rev. 130:1913-1924 (2002).
"""

import jax.numpy as jnp

from calibration.assimilation.belief import BeliefStatus, Ensemble, chosen
from calibration.assimilation.conditioning import given
from calibration.assimilation.members import AbstractMembersFilter, seen


class EnsembleKalman(AbstractMembersFilter):
    """Exact on linear models as members grow in number, with an error like 1 / sqrt(members)."""

    def taught(self, model, belief, instrument, reading):
        predicted, sd = seen(model, belief, instrument)
        weights = jnp.exp(belief.log_weights)
        # 1 / (members - 1) where weights are equal
        each = weights / (1.0 - (weights**2).sum(0))
        mean, seen_mean = (weights[:, None] * belief.members).sum(0), (weights * predicted).sum(0)
        away, apart = belief.members - mean, predicted - seen_mean
        own = (each * apart**2).sum(0)
        cross = (each[:, None] * away * apart[:, None]).sum(0)
        variance = own + (weights * sd**2).sum(0)
        m, v = given(reading, seen_mean, variance)
        gain, share = cross / variance, own / variance
        kept = jnp.sqrt(1.0 - share * (1.0 - v / variance))
        # (1 - kept) / share without a division by a share of zero
        scale = (1.0 - v / variance) / (1.0 + kept)
        members = mean + gain * (m - seen_mean) + away - scale * gain * apart[:, None]
        finite = jnp.all(jnp.abs(members) < jnp.inf, axis=(0, 1))
        wanted = reading.present & (belief.status != BeliefStatus.SOLVE_FAILED)
        okay = jnp.full_like(belief.status, BeliefStatus.OK)
        new = Ensemble(members, belief.log_weights, belief.keys, belief.time, okay)
        belief = chosen(wanted & finite, new, belief)
        status = jnp.where(wanted & ~finite, BeliefStatus.NOT_FINITE, belief.status).astype(okay.dtype)
        return Ensemble(belief.members, belief.log_weights, belief.keys, belief.time, status)
