"""One trust-region step inside bounds, every lane with its own radius: scaling by the distance to the bounds, and reflection.

With gradient g and curvature B at a point l <= z <= u, the distance towards the bound that -g points to,

    v_i = u_i - z_i  where g_i < 0,    z_i - l_i  where g_i >= 0,    1 where that bound is infinite
    D = diag(sqrt v),    M = D B D + diag(|g_i|)   (the last term where the bound is finite)

turns the conditions of a minimum in the box into D g = 0, and the step s = D p is where

    (D g)'p + p'M p / 2   is least with   |p| <= radius.

M is diagonalised, so the least is found for any M, indefinite ones included. A step that leaves the box is cut short just
inside it, or goes on reflected in the bound that it meets first, or is moved into the box coordinate by coordinate, after which
those that met no bound are chosen anew; or steepest descent in the scaled variables is taken: whichever g's + s'B s / 2 says is
lowest. (Cut or reflected alone, a point beside a bound creeps: the first bound met shortens all of the step.)

Source: T. F. Coleman, Y. Li, SIAM J. Optim. 6:418-445 (1996); for kinetic models F. Froehlich, P. K. Sorger, PLoS Comput. Biol.
18:e1010322 (2022).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

_BISECTIONS = 60
_KEPT = 0.995
_AT_BOUND = 1e-9
_RANK = 1e-10


class Proposal(NamedTuple):
    """A step, and for every lane what it promises.

    ``step``     (unknowns, lanes)
    ``promise``  (lanes,) by how much the quadratic of the cost falls
    ``length``   (lanes,) of the step in scaled variables
    """

    step: Array
    promise: Array
    length: Array


def scaling(z: Array, gradient: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """``(v, bounded)`` (unknowns, lanes): the distance to the bound behind -gradient, and whether that is finite."""
    towards = jnp.where(gradient < 0.0, upper - z, z - lower)
    bounded = towards < jnp.inf
    # at its bound an unknown is held, until the gradient turns
    there = towards <= _AT_BOUND * (upper - lower)
    return jnp.where(bounded, jnp.where(there, 0.0, towards), 1.0), bounded


def propose(
    z: Array, gradient: Array, curvature: Array, radius: Array, lower: Array, upper: Array
) -> Proposal:
    """The best of three steps from z (unknowns, lanes); ``curvature`` (unknowns, unknowns, lanes); bounds (unknowns, 1)."""
    v, bounded = scaling(z, gradient, lower, upper)
    d = jnp.sqrt(v)
    slope = d * gradient
    matrix = d[:, None] * curvature * d[None]
    matrix = matrix + jnp.eye(len(z))[..., None] * jnp.where(bounded, jnp.abs(gradient), 0.0)[:, None]
    p = least_in_ball(matrix, slope, radius)

    def quadratic(p):
        step = d * p
        return (gradient * step).sum(0) + 0.5 * jnp.einsum("il,ijl,jl->l", step, curvature, step)

    def moved_in(p):
        """p with every coordinate that leaves the box at its bound, and which those are."""
        step = jnp.clip(d * p, lower - z, upper - z)
        return jnp.where(d > 0.0, step / jnp.where(d > 0.0, d, 1.0), 0.0), step != d * p

    def room(origin, p):
        """How far along p from the origin the box and the ball reach (lanes,), and the bound met first (unknowns, lanes)."""
        step = d * p
        away = jnp.where(step > 0.0, (upper - z - d * origin), (lower - z - d * origin))
        ahead = jnp.where(step != 0.0, away / jnp.where(step != 0.0, step, 1.0), jnp.inf)
        reach = jnp.maximum(ahead.min(0), 0.0)
        return reach, ahead <= reach

    def along(origin, p, most):
        """The length in (0, most) along p that makes the quadratic least."""
        tilt = (slope * p).sum(0) + jnp.einsum("il,ijl,jl->l", origin, matrix, p)
        bend = jnp.einsum("il,ijl,jl->l", p, matrix, p)
        best = jnp.where(bend > 0.0, -tilt / jnp.where(bend > 0.0, bend, 1.0), jnp.where(tilt < 0.0, jnp.inf, 0.0))
        return jnp.clip(best, 0.0, most)

    # a solution near a bound is approached no faster than its own distance
    keep = jnp.maximum(_KEPT, 1.0 - jnp.abs(slope).max(0))
    reach, met = room(jnp.zeros_like(p), p)
    straight = jnp.where(reach <= 1.0, along(jnp.zeros_like(p), p, keep * jnp.minimum(reach, 1.0)), 1.0) * p
    corner = jnp.minimum(reach, 1.0) * p
    turned = jnp.where(met, -p, p)
    ahead, _ = room(corner, turned)
    within = _to_sphere(corner, turned, radius)
    length = along(corner, turned, keep * jnp.minimum(ahead, within))
    reflected = corner + jnp.maximum(length, (1.0 - keep) * jnp.minimum(ahead, within)) * turned
    reflects = (reach < 1.0) & (jnp.minimum(ahead, within) > 0.0)
    downhill = -slope
    size = jnp.sqrt((slope**2).sum(0))
    reach, _ = room(jnp.zeros_like(p), downhill)
    most = jnp.minimum(keep * reach, radius / jnp.where(size > 0.0, size, 1.0))
    cauchy = along(jnp.zeros_like(p), downhill, most) * downhill
    pushed, held = moved_in(p)
    rest = jnp.where(held, pushed, 0.0)
    tilted = jnp.where(held, 0.0, slope + jnp.einsum("ijl,jl->il", matrix, rest))
    apart = jnp.where(held[:, None] | held[None], jnp.eye(len(z))[..., None], matrix)
    left = jnp.sqrt(jnp.maximum(radius**2 - (rest**2).sum(0), 1e-4 * radius**2))
    anew, _ = moved_in(rest + jnp.where(held, 0.0, least_in_ball(apart, tilted, left)))
    best, value = straight, quadratic(straight)
    for candidate, allowed in ((reflected, reflects), (cauchy, True), (pushed, True), (anew, True)):
        here = quadratic(candidate)
        better = allowed & (here < value)
        best, value = jnp.where(better, candidate, best), jnp.where(better, here, value)
    step = d * best
    return Proposal(step, -value, jnp.sqrt((best**2).sum(0)))


def whole_promise(z: Array, gradient: Array, normal: Array, lower: Array, upper: Array) -> Array:
    """g'(J'J)^-1 g / 2 (lanes,) over unknowns that are not held at a bound: what a Gauss-Newton step of any length promises.

    Unknowns are scaled by their own columns first: on a plateau, where all derivatives are tiny, it still tells how much of the
    residuals lies along them.
    """
    v, _ = scaling(z, gradient, lower, upper)
    size = jnp.sqrt(jnp.maximum(jnp.einsum("iil->il", normal), 0.0))
    free = (v > 0.0) & (size > 0.0) & jnp.all(jnp.abs(normal) < jnp.inf, axis=1)
    per = jnp.where(free, 1.0 / jnp.where(free, size, 1.0), 0.0)
    matrix = jnp.where(free[:, None] & free[None], per[:, None] * normal * per[None], jnp.eye(len(z))[..., None])
    values, vectors = jnp.linalg.eigh(jnp.moveaxis(matrix, -1, 0))
    part = jnp.einsum("lji,jl->li", vectors, jnp.where(free, per * gradient, 0.0))
    return 0.5 * jnp.where(values > _RANK, part**2 / jnp.maximum(values, _RANK), 0.0).sum(1)


def least_in_ball(matrix: Array, slope: Array, radius: Array) -> Array:
    """p (unknowns, lanes) with the least slope'p + p'M p / 2 in |p| <= radius, for symmetric M (unknowns, unknowns, lanes)."""
    sound = jnp.all(jnp.abs(matrix) < jnp.inf, axis=(0, 1)) & jnp.all(jnp.abs(slope) < jnp.inf, axis=0)
    matrix = jnp.moveaxis(jnp.where(sound, matrix, 0.0), -1, 0)
    values, vectors = jnp.linalg.eigh(0.5 * (matrix + jnp.swapaxes(matrix, 1, 2)))
    values, part = values.T, jnp.einsum("lji,jl->il", vectors, jnp.where(sound, slope, 0.0))
    largest = jnp.maximum(jnp.abs(values).max(0), 1e-300)
    floor = 1e-14 * largest
    size = jnp.sqrt((part**2).sum(0))

    def at(shift):
        """The step for M + shift."""
        below = values + shift
        return -part / jnp.where(below > floor, below, floor)

    newton = at(jnp.zeros_like(radius))
    inside = (values[0] > floor) & ((newton**2).sum(0) <= radius**2)
    # |p(shift)| falls from above the radius to below it
    low = jnp.log(jnp.maximum(-values[0], 0.0) + floor)
    high = jnp.log(jnp.maximum(-values[0], 0.0) + size / radius + 10.0 * floor)

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        outside = (at(jnp.exp(middle)) ** 2).sum(0) > radius**2
        return jnp.where(outside, middle, low), jnp.where(outside, high, middle)

    _, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (low, high))
    p = jnp.where(inside, newton, at(jnp.exp(high)))
    # where the slope has no part along the lowest curvature, the rest of the radius goes there
    short = radius**2 - (p**2).sum(0)
    lowest = jnp.where((values[0] < -floor) & (short > 1e-6 * radius**2), jnp.sqrt(jnp.maximum(short, 0.0)), 0.0)
    p = p.at[0].add(jnp.where(part[0] > 0.0, -lowest, lowest))
    return jnp.einsum("lij,jl->il", vectors, p)


def _to_sphere(origin: Array, p: Array, radius: Array) -> Array:
    """Length along p from the origin to the sphere around zero."""
    a, b = (p**2).sum(0), (origin * p).sum(0)
    c = jnp.minimum((origin**2).sum(0) - radius**2, 0.0)
    a = jnp.where(a > 0.0, a, 1.0)
    return (-b + jnp.sqrt(b**2 - a * c)) / a
