"""Where each person's random effects are most likely, given what all share: the minimum of Phi over eta.

Damped Newton steps, all people at once, each with its own damping and its own end:

    (H + lambda diag H) step = -grad Phi / 2

First H is the expected half Hessian sum_j w_j f_a f_b + Omega^-1, which needs first derivatives of the predictions only and is
always positive definite; then, for those it does not bring there and to make sure of the others, the half Hessian itself where
that is positive definite. A person has arrived when a full step promises next to nothing. A person whose body cannot be solved
anywhere on the way keeps its status and is left out of the objective by name.

Phi may have several minima: this is the one that the guess leads to.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

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


class Modes(NamedTuple):
    """``eta`` (effects, people), the predictions near it, Phi there, and who has arrived (people,)."""

    eta: Array
    near: Local
    phi: Array
    arrived: Array


class _Search(NamedTuple):
    eta: Array
    near: Local
    phi: Array
    damping: Array
    open: Array
    number: Array


def modes(population: Population, shared: Shared, eta: Array, spread_at: Array | None) -> Modes:
    """From ``eta`` (effects, people). ``spread_at`` (numbers, people) holds the spread of errors still; None: it follows f."""
    search, expected, exact = _searches(population, shared, spread_at)
    first, _ = search(eta, 1, expected, _FIRST_PROMISE, _FIRST_STEPS, _FEW)
    found = _modes(*search(first.eta, 2, exact, _PROMISE, _STEPS, 0.0))
    # one more step of those who are there: derivatives of the objective are as good as the distance to the mode is small
    last, _ = search(found.eta, 2, exact, 0.0, 1, 0.0)
    return jax.tree.map(lambda new, old: jnp.where(found.arrived, new, old), _modes(last, jnp.zeros_like(last.phi)), found)


def rough_modes(population: Population, shared: Shared, eta: Array) -> Modes:
    """By first derivatives alone, which takes more steps, each much cheaper where a body is solved; ``near`` is linear."""
    search, expected, _ = _searches(population, shared, None)
    return _modes(*search(eta, 1, expected, _PROMISE, _STEPS, 0.0))


def _modes(end: _Search, left: Array) -> Modes:
    return Modes(end.eta, end.near, end.phi, (left < 10.0 * _PROMISE) & (end.phi < jnp.inf))


def _searches(population: Population, shared: Shared, spread_at: Array | None) -> tuple[Callable, Callable, Callable]:
    """A search, and the two curvatures it may use."""
    typical = population.log_typical(shared)
    effects = len(population.random)
    inverse = omega_inverse(shared)

    def reading(f):
        return of_readings(population, shared, f, f if spread_at is None else spread_at)

    def expected(there: Local) -> Array:
        f, a = there.value, there.higher[0][:effects]
        w = weights(population, shared, f, f if spread_at is None else spread_at, spread_at is None)
        return jnp.einsum("nl,anl,bnl->lab", w, a, a) + inverse

    def exact(there: Local) -> Array:
        f, a, b = there.value, there.higher[0][:effects], there.higher[1][:effects, :effects]
        pull, curved = 0.5 * slopes(reading, f), 0.5 * slopes(lambda f: slopes(reading, f), f)
        half = jnp.einsum("nl,anl,bnl->lab", curved, a, a) + jnp.einsum("nl,abnl->lab", pull, b) + inverse
        definite = (jnp.abs(jnp.linalg.cholesky(half)) < jnp.inf).all(axis=(1, 2))
        return jnp.where(definite[:, None, None], half, expected(there))

    def search(eta: Array, order: int, curvature: Callable[[Local], Array], enough: float, steps: int, left: float):
        """The end, and what a full step there would still promise (people,). Done where it promises less than ``enough`` for
        all but the share ``left``.
        """

        def near(eta):
            there = local(population.predict, typical.at[:effects].add(eta), order)
            phi = reading(there.value).sum(0) + of_effects(shared, eta)
            return there, jnp.where((there.status == Status.OK) & (phi < jnp.inf), phi, jnp.inf)

        def scores(now: _Search):
            """Half the gradient (people, effects), the curvature, the promise of a full step."""
            pull = 0.5 * slopes(reading, now.near.value)
            half = jnp.einsum("nl,anl->la", pull, now.near.higher[0][:effects]) + (inverse @ now.eta).T
            h = curvature(now.near)
            return half, h, (half * jnp.linalg.solve(h, half[..., None])[..., 0]).sum(-1)

        def step(now: _Search) -> _Search:
            half, h, promise = scores(now)
            damped = h + now.damping[:, None, None] * jnp.diagonal(h, axis1=1, axis2=2)[:, :, None] * jnp.eye(effects)
            move = -jnp.linalg.solve(damped, half[..., None])[..., 0]
            trying = now.open & (promise > enough)
            eta = jnp.where(trying, now.eta + move.T, now.eta)
            there, phi = near(eta)
            better = trying & (phi <= now.phi + _SLACK * (1.0 + jnp.abs(phi))) & (phi < jnp.inf)
            shorter = jnp.maximum(10.0 * now.damping, _FIRST_REFUSAL)
            damping = jnp.where(better, jnp.maximum(0.1 * now.damping, _SMALLEST), shorter)
            chosen = jax.tree.map(lambda new, old: jnp.where(better, new, old), (eta, there, phi), now[:3])
            # near the end rounding alone decides which of two points is better
            stuck = damping > _LARGEST
            return _Search(*chosen, jnp.where(trying, damping, now.damping), trying & ~stuck, now.number + 1)

        def unfinished(now: _Search):
            return ((now.open & (scores(now)[2] > enough)).mean() > left) & (now.number < steps)

        there, phi = near(eta)
        start = _Search(eta, there, phi, jnp.full(phi.shape, _SMALLEST), phi < jnp.inf, jnp.zeros((), jnp.int32))
        end = jax.lax.while_loop(unfinished, step, start)
        return end, scores(end)[2]

    return search, expected, exact
