"""The particle filter: members weighted by the likelihood itself, so no normal belief is assumed anywhere.

A reading multiplies weights by its likelihood. Where that would leave fewer than ``enough`` of the members effective it is
taken in portions, each raised to the largest power that leaves enough (tempering); after each portion members are resampled
and moved by a kernel that keeps their mean and covariance,

    x_i <- mean + sqrt(1 - width^2) (x_i - mean) + width L e_i,    L L' = covariance of the members

without which parameters that do not drift would be the same few values for ever. The kernel makes a belief more normal
than it is: a little, and only where resampling was needed. Sources: N. J. Gordon et al., IEE Proc. F 140:107-113 (1993);
J. Liu, M. West, in Sequential Monte Carlo Methods in Practice (2001), ch. 10; P. Del Moral et al., J. R. Stat. Soc. B
68:411-436 (2006).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array

from calibration.assimilation.belief import BeliefStatus, Ensemble, chosen, normals
from calibration.assimilation.conditioning import Reading
from calibration.assimilation.members import AbstractMembersFilter, normalised, resampled, seen
from calibration.assimilation.semidefinite import root

# halvings of the interval in which the power of a portion is sought
_HALVINGS = 16


class _Tempered(NamedTuple):
    belief: Ensemble
    likelihood: Array
    left: Array
    portions: Array


class Particle(AbstractMembersFilter):
    """``enough``: share of members that must stay effective; ``width``: of the kernel, as a share of the belief's spread. 0
    leaves the kernel out, which is exact as members grow in number, for models whose every row has noise.

    ``portions`` is the most in which a reading is taken: what is left then comes at once.
    """

    enough: float = 0.5
    width: float = 0.5
    portions: int = 32

    def taught(self, model, belief, instrument, reading):
        wanted = reading.present & (belief.status != BeliefStatus.SOLVE_FAILED)
        likelihood = self._likelihood(model, belief, instrument, reading)
        possible = jnp.any((likelihood > -jnp.inf) & (belief.log_weights > -jnp.inf), axis=0)
        going = wanted & possible
        left = jnp.where(going, 1.0, 0.0)
        start = _Tempered(belief, likelihood, left, jnp.zeros((), jnp.int32))

        def portion(now):
            share = jnp.where(now.portions + 1 < self.portions, self._share(now), now.left)
            weights = normalised(now.belief.log_weights + share * now.likelihood)
            okay = jnp.full_like(belief.status, BeliefStatus.OK)
            weighted = Ensemble(now.belief.members, weights, now.belief.keys, belief.time, okay)
            few = weighted.effective() < 1.001 * self.enough * weights.shape[0]
            moved = chosen(few | (share < now.left), self._moved(weighted), weighted)
            new = chosen(now.left > 0.0, moved, now.belief)
            left = jnp.maximum(now.left - share, 0.0)
            # members that moved predict something else
            again = jax.lax.cond(
                jnp.any(left > 0.0), lambda: self._likelihood(model, new, instrument, reading), lambda: now.likelihood
            )
            return _Tempered(new, again, left, now.portions + 1)

        last = jax.lax.while_loop(lambda now: jnp.any(now.left > 0.0), portion, start)
        new = chosen(going, last.belief, belief)
        status = jnp.where(wanted & ~possible, BeliefStatus.IMPOSSIBLE, new.status).astype(belief.status.dtype)
        return Ensemble(new.members, new.log_weights, new.keys, new.time, status)

    def _likelihood(self, model, belief: Ensemble, instrument: int, reading: Reading) -> Array:
        """Log likelihood (members, lanes); -inf where a member predicts no number."""
        predicted, sd = seen(model, belief, instrument)
        margin = (reading.value - predicted) / sd
        log = jnp.where(reading.below, norm.logcdf(margin), norm.logpdf(margin) - jnp.log(sd))
        return jnp.where(jnp.abs(log) < jnp.inf, log, -jnp.inf)

    def _share(self, now: _Tempered) -> Array:
        """The largest power (lanes,), at most what is left, that leaves enough members."""
        enough = self.enough * now.likelihood.shape[0]
        finite = jnp.where(now.likelihood > -jnp.inf, now.likelihood, -1e300)

        def enough_left(power):
            log = now.belief.log_weights + power * finite
            weights = jnp.exp(log - jnp.max(log, axis=0))
            return weights.sum(0) ** 2 >= enough * (weights**2).sum(0)

        def halved(_, bounds):
            low, high = bounds
            middle = 0.5 * (low + high)
            good = enough_left(middle)
            return jnp.where(good, middle, low), jnp.where(good, high, middle)

        low, _ = jax.lax.fori_loop(0, _HALVINGS, halved, (jnp.zeros_like(now.left), now.left))
        # a portion of no size would never end
        return jnp.where(enough_left(now.left), now.left, jnp.maximum(low, now.left / 2.0**_HALVINGS))

    def _moved(self, belief: Ensemble) -> Ensemble:
        """Resampled, then moved by the kernel."""
        mean, covariance = belief.moments()
        belief = resampled(belief)
        noise, keys = normals(belief.keys, belief.members.shape[:2])
        spread = jnp.einsum("ijl,mjl->mil", root(covariance), noise)
        members = mean + jnp.sqrt(1.0 - self.width**2) * (belief.members - mean) + self.width * spread
        return Ensemble(members, belief.log_weights, keys, belief.time, belief.status)
