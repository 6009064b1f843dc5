"""Where each person's random effects are most likely, given what all share: the minimum of Phi over eta.

Damped Newton steps, all people at once, each with its own damping and its own end:

    (H + lambda diag H) step = -grad Phi / 2

H is half the Hessian of Phi, or where that is not positive definite its expectation, sum_j w_j f_a f_b + Omega^-1, which always
is and needs first derivatives only. A person has arrived when a full step promises less than 1e-12. A person whose body cannot
be solved anywhere on the way keeps its status and is left out of the objective by name.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.population.density import of_effects, of_readings, omega_inverse, slopes, weights
from calibration.population.local import Local, local
from calibration.population.model import Population, Shared
from physio.solve import Status

_STEPS = 100
_PROMISE = 1e-12
_SMALLEST, _LARGEST = 1e-10, 1e10


class Modes(NamedTuple):
    """``eta`` (effects, people), the predictions near it to second order, Phi there, and who has arrived (people,)."""

    eta: Array
    near: Local
    phi: Array
    arrived: Array


def best_modes(population: Population, shared: Shared, eta: Array, spread_at: Array | None) -> Modes:
    """The lower of the minima reached from ``eta`` and from 0: Phi may have several, and the lowest may change with x."""
    old, new = (modes(population, shared, start, spread_at) for start in (eta, jnp.zeros_like(eta)))
    # a rounding's difference must not make a person jump between two names of one minimum
    better = new.arrived & (~old.arrived | (new.phi < old.phi - 1e-8))
    return jax.tree.map(lambda a, b: jnp.where(better, a, b), new, old)


class _Search(NamedTuple):
    eta: Array
    near: Local
    phi: Array
    damping: Array
    open: Array
    number: Array


def modes(population: Population, shared: Shared, eta: Array, spread_at: Array | None, order: int = 2) -> Modes:
    """From ``eta`` (effects, people). ``spread_at`` (numbers, people) holds the spread of errors still; None: it follows f.

    With ``order`` 1 the steps are Gauss-Newton's: more of them, each much cheaper where a body is solved.
    """
    typical = population.log_typical(shared)
    effects = len(population.random)
    inverse = omega_inverse(shared)
    eye = jnp.eye(effects)

    def near(eta):
        return local(population.predict, typical.at[:effects].add(eta), order)

    def reading(f):
        return of_readings(population, shared, f, f if spread_at is None else spread_at)

    def joint(eta, f):
        return reading(f).sum(0) + of_effects(shared, eta)

    def scores(eta, there: Local):
        """Half the gradient (people, effects) and H (people, effects, effects)."""
        f, a = there.value, there.higher[0][:effects]
        pull, curved = 0.5 * slopes(reading, f), 0.5 * slopes(lambda f: slopes(reading, f), f)
        half = jnp.einsum("nl,anl->la", pull, a) + (inverse @ eta).T
        w = weights(population, shared, f, f if spread_at is None else spread_at, spread_at is None)
        expected = jnp.einsum("nl,anl,bnl->lab", w, a, a) + inverse
        if order == 1:
            return half, expected
        b = there.higher[1][:effects, :effects]
        exact = jnp.einsum("nl,anl,bnl->lab", curved, a, a) + jnp.einsum("nl,abnl->lab", pull, b) + inverse
        definite = (jnp.abs(jnp.linalg.cholesky(exact)) < jnp.inf).all(axis=(1, 2))
        return half, jnp.where(definite[:, None, None], exact, expected)

    def step(now: _Search) -> _Search:
        half, h = scores(now.eta, now.near)
        diagonal = jnp.diagonal(h, axis1=1, axis2=2)[:, :, None] * eye
        move = -jnp.linalg.solve(h + now.damping[:, None, None] * diagonal, half[..., None])[..., 0]
        promise = jnp.einsum("la,lab,lb->l", half, jnp.linalg.inv(h), half)
        trying = now.open & (promise > _PROMISE)
        eta = jnp.where(trying, now.eta + move.T, now.eta)
        there = near(eta)
        phi = joint(eta, there.value)
        better = trying & (there.status == Status.OK) & (phi <= now.phi)
        damping = jnp.where(better, jnp.maximum(0.1 * now.damping, _SMALLEST), 10.0 * now.damping)
        chosen = jax.tree.map(lambda new, old: jnp.where(better, new, old), (eta, there, phi), now[:3])
        # near the end rounding alone decides which of two points is better
        stuck = damping > _LARGEST
        return _Search(*chosen, jnp.where(trying, damping, now.damping), trying & ~stuck, now.number + 1)

    first = near(eta)
    phi = jnp.where(first.status == Status.OK, joint(eta, first.value), jnp.inf)
    start = _Search(
        eta, first, phi, jnp.full(phi.shape, 1e-3), jnp.ones(phi.shape, bool), jnp.zeros((), jnp.int32)
    )
    end = jax.lax.while_loop(lambda now: now.open.any() & (now.number < _STEPS), step, start)
    half, h = scores(end.eta, end.near)
    left = jnp.einsum("la,lab,lb->l", half, jnp.linalg.inv(h), half)
    return Modes(end.eta, end.near, end.phi, left < 1e-6)
