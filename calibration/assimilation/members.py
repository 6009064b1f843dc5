"""What filters with members share: members move by the model with their own noise, and a forecast is drawn from them."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation.belief import BeliefStatus, Ensemble, chosen, normals
from calibration.assimilation.conditioning import Reading
from calibration.assimilation.filtering import AbstractFilter
from calibration.assimilation.forecast import DrawnForecast
from calibration.assimilation.state_space import AbstractStateSpace, each, in_turns

# members that a core's cache holds together with what is computed from them
_AT_ONCE = 8192


class AbstractMembersFilter(AbstractFilter):
    """A filter whose belief is an ensemble.

    A member that the body cannot be solved from loses its weight, and a surviving one is put in its place; a lane fails only
    when all of its members do.
    """

    @abc.abstractmethod
    def taught(self, model: AbstractStateSpace, belief: Ensemble, instrument: int, reading: Reading) -> Ensemble:
        """As ``learn``, for so many people as are held at once."""

    def learn(self, model, belief, instrument, reading):
        def one(model, belief, reading):
            return self.taught(model, belief, instrument, reading)

        return in_turns(_people(belief), one, model, belief, reading)

    def advance(self, model, belief, to):
        return in_turns(_people(belief), self._advanced, model, belief, to)

    def _advanced(self, model: AbstractStateSpace, belief: Ensemble, to: Array) -> Ensemble:
        count = belief.members.shape[0]
        noise, keys = normals(belief.keys, (count, model.noises))

        def flow(model, x, w, begin, end):
            return model.transition(x, w, begin[0], end[0])

        times = (jnp.broadcast_to(t, (count, 1, model.lanes)) for t in (belief.time, to))
        members, solved = each(model, count, flow, belief.members, noise, *times)
        weights = normalised(jnp.where(solved, belief.log_weights, -jnp.inf))
        good = solved.any(0) & jnp.any(weights > -jnp.inf, axis=0)
        okay = jnp.full_like(belief.status, BeliefStatus.OK)
        moved = Ensemble(jnp.where(solved[:, None], members, belief.members), weights, keys, to, okay)
        moved = jax.lax.cond(solved.all(), lambda: moved, lambda: chosen(solved.all(0), moved, resampled(moved)))
        new = chosen(good, moved, belief)
        status = jnp.where(good, okay, BeliefStatus.SOLVE_FAILED).astype(okay.dtype)
        return Ensemble(new.members, new.log_weights, new.keys, new.time, status)

    def forecast(self, model, belief):
        count = belief.members.shape[0]
        # the belief's keys are left as they are: to look at a belief does not change it
        noise, _ = normals(belief.keys, (count, len(model.instruments)))
        both = [seen(model, belief, i) for i in range(len(model.instruments))]
        values = jnp.stack([predicted for predicted, _ in both], axis=1)
        return DrawnForecast(values + jnp.stack([sd for _, sd in both], axis=1) * noise, belief.log_weights)


def _people(belief: Ensemble) -> int:
    return max(1, _AT_ONCE // belief.members.shape[0])


def seen(model: AbstractStateSpace, belief: Ensemble, instrument: int) -> tuple[Array, Array]:
    """``(predicted, sd)`` (members, lanes) of one instrument for every member."""
    count = belief.members.shape[0]

    def look(model, x, time):
        return model.observe(instrument, x, time[0])

    time = jnp.broadcast_to(belief.time, (count, 1, model.lanes))
    return each(model, count, look, belief.members, time)


def normalised(log_weights: Array) -> Array:
    """Logarithms of weights that sum to one over the members; all -inf where none has any."""
    total = jax.nn.logsumexp(log_weights, axis=0)
    return log_weights - jnp.where(total > -jnp.inf, total, 0.0)


def resampled(belief: Ensemble) -> Ensemble:
    """Members with equal weights: each is kept as often as its weight says, to within one (systematic resampling).

    J. Carpenter, P. Clifford, P. Fearnhead, IEE Proc. Radar Sonar Navig. 146:2-7 (1999).
    """
    count = belief.members.shape[0]
    both = jax.vmap(jax.random.split)(belief.keys)
    first = jax.vmap(jax.random.uniform)(both[:, 1])
    edges = jnp.cumsum(jnp.exp(belief.log_weights), axis=0)
    places = (jnp.arange(count)[:, None] + first) / count * edges[-1]
    which = jax.vmap(jnp.searchsorted, in_axes=1, out_axes=1)(edges, places)
    which = jnp.minimum(which, count - 1)
    members = jnp.take_along_axis(belief.members, which[:, None], axis=0)
    equal = jnp.full_like(belief.log_weights, -jnp.log(float(count)))
    return Ensemble(members, equal, both[:, 0], belief.time, belief.status)
