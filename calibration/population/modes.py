"""Where each person's random effects are most likely, given what all share: the minimum of Phi over eta.

Damped Newton steps, all people at once, each with its own damping and its own end:

    (H + lambda diag H) step = -grad Phi / 2, shortened where a parameter would change by more than a factor of e^2

First H is the expected half Hessian sum_j w_j f_a f_b + Omega^-1, which needs first derivatives of the predictions only and is
always positive definite; then, for those it does not bring there and to make sure of the others, the half Hessian itself where
that is positive definite. A person has arrived when a full step promises next to nothing. A person whose body cannot be solved
anywhere on the way keeps its status and is left out of the objective by name.

Phi may have several minima: this is the one that the guess leads to. Among many people the last few take ten times the steps of
the rest: they are finished in a batch of their own.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.lane_cholesky import cholesky, is_definite, solve
from calibration.population.density import of_effects, of_readings, omega_inverse, slopes, weights
from calibration.population.local import Local, local
from calibration.population.model import Population, Shared
from physio.solve import Status

# in units of Phi. What is left of the distance is 1e-3 of a person's own standard deviation, and the objectives take one more
# Newton step on the polynomials. First derivatives alone come near in a few cheap steps, but then slowly nearer
_PROMISE, _FIRST_PROMISE = 1e-6, 1e-4
_STEPS, _FIRST_STEPS, _FEW = 50, 20, 0.05
# where a body is solved to a tolerance, Phi is known to about this share
_SLACK = 1e-6
_SMALLEST, _FIRST_REFUSAL, _LARGEST = 1e-10, 1e-2, 1e5
# no parameter moves further in one step, by its logarithm: a body with rates a thousand times too fast keeps all others waiting
_FURTHEST = 2.0
# from so many people on, the last of each so many are finished apart
_MANY, _LAST = 256, 16


class Modes(NamedTuple):
    """``eta`` (effects, people), the predictions near it, Phi there, and who has arrived (people,)."""

    eta: Array
    near: Local
    phi: Array
    arrived: Array


class _Point(NamedTuple):
    """Where everybody is; ``open`` who may go on, and ``promise`` (people,) what a full step would lower Phi by."""

    eta: Array
    near: Local
    phi: Array
    damping: Array
    open: Array
    promise: Array


def modes(population: Population, shared: Shared, eta: Array, spread_at: Array | None) -> Modes:
    """From ``eta`` (effects, people). ``spread_at`` (numbers, people) holds the spread of errors still; None: it follows f."""
    search = _Search(population, shared, spread_at)
    first = search(search.begun(eta, 1, search.expected), search.expected, _FIRST_PROMISE, _FIRST_STEPS, _FEW)
    begun = search.begun(first.eta, 2, search.exact)
    if population.people < _MANY:
        found = search(begun, search.exact, _PROMISE, _STEPS, 0.0)
    else:
        found = _last_apart(population, shared, spread_at, search(begun, search.exact, _PROMISE, _STEPS, 1.0 / _LAST))
    # one more step of those who are there: derivatives of the objective are as good as the distance to the mode is small
    fresh = found._replace(damping=jnp.full_like(found.damping, _SMALLEST), open=found.phi < jnp.inf)
    last = search(fresh, search.exact, 0.0, 1, 0.0)
    arrived = (found.promise < 10.0 * _PROMISE) & (found.phi < jnp.inf)
    chosen = jax.tree.map(lambda new, old: jnp.where(arrived, new, old), last[:3], found[:3])
    return Modes(*chosen, arrived)


def rough_modes(population: Population, shared: Shared, eta: Array) -> Modes:
    """By first derivatives alone, which takes more steps, each much cheaper where a body is solved; ``near`` is linear."""
    search = _Search(population, shared, None)
    end = search(search.begun(eta, 1, search.expected), search.expected, _PROMISE, _STEPS, 0.0)
    return Modes(*end[:3], (end.promise < 10.0 * _PROMISE) & (end.phi < jnp.inf))


def _last_apart(population: Population, shared: Shared, spread_at: Array | None, most: _Point) -> _Point:
    """``most`` with those who have not arrived, up to a share of all, searched on in a narrow batch."""
    few = -(-population.people // _LAST)
    index = jnp.argsort(~(most.open & (most.promise > _PROMISE)))[:few]
    spread = None if spread_at is None else spread_at[:, index]
    search = _Search(population.picked(index), shared, spread)
    end = search(jax.tree.map(lambda a: a[..., index], most), search.exact, _PROMISE, _STEPS, 0.0)
    return jax.tree.map(lambda all_, part: all_.at[..., index].set(part), most, end)


class _Search:
    """Damped Newton steps on Phi of these people."""

    def __init__(self, population: Population, shared: Shared, spread_at: Array | None):
        self.population, self.shared, self.spread_at = population, shared, spread_at
        self.typical = population.log_typical(shared)
        self.effects = len(population.random)
        self.inverse = omega_inverse(shared)

    def _reading(self, f: Array) -> Array:
        return of_readings(self.population, self.shared, f, f if self.spread_at is None else self.spread_at)

    def expected(self, there: Local) -> Array:
        """Half the expected Hessian of Phi (effects, effects, people)."""
        f, a = there.value, there.higher[0][: self.effects]
        w = weights(self.population, self.shared, f, f if self.spread_at is None else self.spread_at, self.spread_at is None)
        return jnp.einsum("nl,anl,bnl->abl", w, a, a) + self.inverse[..., None]

    def exact(self, there: Local) -> Array:
        """Half the Hessian of Phi where that is positive definite, else what is expected."""
        f, a, b = there.value, there.higher[0][: self.effects], there.higher[1][: self.effects, : self.effects]
        pull, curved = 0.5 * slopes(self._reading, f), 0.5 * slopes(lambda f: slopes(self._reading, f), f)
        half = jnp.einsum("nl,anl,bnl->abl", curved, a, a) + jnp.einsum("nl,abnl->abl", pull, b)
        half += self.inverse[..., None]
        return jnp.where(is_definite(cholesky(half)), half, self.expected(there))

    def _near(self, eta: Array, order: int) -> tuple[Local, Array]:
        there = local(self.population.predict, self.typical.at[: self.effects].add(eta), order)
        phi = self._reading(there.value).sum(0) + of_effects(self.shared, eta)
        return there, jnp.where((there.status == Status.OK) & (phi < jnp.inf), phi, jnp.inf)

    def _scores(self, eta: Array, near: Local, curvature: Callable[[Local], Array]) -> tuple[Array, Array, Array]:
        """Half the gradient (effects, people), the curvature, the promise of a full step."""
        pull = 0.5 * slopes(self._reading, near.value)
        half = jnp.einsum("nl,anl->al", pull, near.higher[0][: self.effects]) + self.inverse @ eta
        h = curvature(near)
        return half, h, (half * solve(cholesky(h), half)).sum(0)

    def begun(self, eta: Array, order: int, curvature: Callable[[Local], Array]) -> _Point:
        """At eta, with predictions to this order."""
        near, phi = self._near(eta, order)
        return _Point(eta, near, phi, jnp.full(phi.shape, _SMALLEST), phi < jnp.inf, self._scores(eta, near, curvature)[2])

    def __call__(
        self, start: _Point, curvature: Callable[[Local], Array], enough: float, steps: int, left: float
    ) -> _Point:
        """The end: done where a full step promises less than ``enough`` for all but the share ``left``."""
        order = len(start.near.higher)

        def step(state: tuple[_Point, Array]) -> tuple[_Point, Array]:
            now, number = state
            half, h, _ = self._scores(now.eta, now.near, curvature)
            damped = h * (1.0 + now.damping * jnp.eye(self.effects)[..., None])
            trying = now.open & (now.promise > enough)
            move = -solve(cholesky(damped), half)
            move *= jnp.minimum(1.0, _FURTHEST / jnp.abs(move).max(axis=0))
            eta = jnp.where(trying, now.eta + move, now.eta)
            there, phi = self._near(eta, order)
            better = trying & (phi <= now.phi + _SLACK * (1.0 + jnp.abs(phi))) & (phi < jnp.inf)
            shorter = jnp.maximum(10.0 * now.damping, _FIRST_REFUSAL)
            damping = jnp.where(better, jnp.maximum(0.1 * now.damping, _SMALLEST), shorter)
            chosen = jax.tree.map(lambda new, old: jnp.where(better, new, old), (eta, there, phi), now[:3])
            # near the end rounding alone decides which of two points is better
            stuck = damping > _LARGEST
            promise = self._scores(*chosen[:2], curvature)[2]
            return _Point(*chosen, jnp.where(trying, damping, now.damping), trying & ~stuck, promise), number + 1

        def unfinished(state: tuple[_Point, Array]) -> Array:
            now, number = state
            return ((now.open & (now.promise > enough)).mean() > left) & (number < steps)

        return jax.lax.while_loop(unfinished, step, (start, jnp.zeros((), jnp.int32)))[0]
