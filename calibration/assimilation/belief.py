"""What is believed of every person at one time: a normal distribution, or weighted members.

A belief carries its own time, so that a reading cannot meet the belief of another time. Where a step cannot be made the
lane keeps the belief it had, with the time it had, and says so in its status; the next advance tries again from there.
"""

import enum

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation.semidefinite import root


class BeliefStatus(enum.IntEnum):
    """What became of a lane's last step."""

    OK = 0
    SOLVE_FAILED = 1
    NOT_FINITE = 2
    IMPOSSIBLE = 3

    @property
    def reason(self) -> str:
        """One plain sentence."""
        return _REASONS[self]


_REASONS = {
    BeliefStatus.OK: "up to date",
    BeliefStatus.SOLVE_FAILED: "the body could not be solved from this belief: it is that of an earlier time",
    BeliefStatus.NOT_FINITE: "a reading would have made the belief infinite: it was left out",
    BeliefStatus.IMPOSSIBLE: "no member of the belief explains a reading: it was left out",
}


class Gaussian(eqx.Module):
    """Normal in x: ``mean`` (n, lanes), ``covariance`` (n, n, lanes), ``time`` (lanes,), ``status`` (lanes,)."""

    mean: Array
    covariance: Array
    time: Array
    status: Array

    def sd(self) -> Array:
        """(n, lanes)."""
        return jnp.sqrt(jnp.maximum(jnp.einsum("iil->il", self.covariance), 0.0))

    def moments(self) -> tuple[Array, Array]:
        """Mean and covariance."""
        return self.mean, self.covariance


class Ensemble(eqx.Module):
    """``members`` (members, n, lanes) with ``log_weights`` (members, lanes) whose exponentials sum to one.

    ``keys`` (lanes,): a person's random numbers come from the person's own key and depend on nobody else.
    """

    members: Array
    log_weights: Array
    keys: Array
    time: Array
    status: Array

    def moments(self) -> tuple[Array, Array]:
        """Weighted mean (n, lanes) and covariance (n, n, lanes)."""
        weights = jnp.exp(self.log_weights)
        mean = (weights[:, None] * self.members).sum(0)
        away = self.members - mean
        return mean, jnp.einsum("ml,mil,mjl->ijl", weights, away, away)

    def effective(self) -> Array:
        """Effective number of members (lanes,): 1 / sum of squared weights."""
        return jnp.exp(-jax.nn.logsumexp(2.0 * self.log_weights, axis=0))


Belief = Gaussian | Ensemble


def drawn(belief: Gaussian, keys: Array, count: int) -> Ensemble:
    """Members with equal weights from a normal belief; ``keys`` (lanes,), one a person."""
    n = belief.mean.shape[0]
    noise, keys = normals(keys, (count, n))
    members = belief.mean + jnp.einsum("ijl,mjl->mil", root(belief.covariance), noise)
    weights = jnp.full((count, belief.mean.shape[1]), -jnp.log(float(count)), belief.mean.dtype)
    return Ensemble(members, weights, keys, belief.time, belief.status)


def normals(keys: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Standard normal numbers (*shape, lanes) and the next keys (lanes,)."""
    both = jax.vmap(jax.random.split)(keys)
    noise = jax.vmap(lambda key: jax.random.normal(key, shape))(both[:, 1])
    return jnp.moveaxis(noise, 0, -1), both[:, 0]


def chosen(take: Array, new: Belief, old: Belief) -> Belief:
    """Lane by lane the new belief where ``take`` (lanes,), bit for bit the old one elsewhere."""
    return jax.tree.map(lambda a, b: jnp.where(take, a, b), new, old)
