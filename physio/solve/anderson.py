"""Anderson's acceleration of a cycle: no Jacobian, only the last few cycles.

With f_k = F(y_k) - y_k and the last m differences of y and f,

    y_(k+1) = F(y_k) - sum_j c_j (dF)_j,        c = argmin |f_k - sum_j c_j (df)_j|

Combinations are affine, so a sum that the cycle conserves stays what it was. D. G. Anderson, J. ACM 12:547-560 (1965);
H. F. Walker and P. Ni, SIAM J. Numer. Anal. 49:1715-1735 (2011).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.fixed_point import AbstractClosing, Closed, closes
from physio.solve.lane_solve import lane_solver

# relative to the largest difference: below it, differences of the past say the same twice
_DEPENDENT = 1e-10


class _State(NamedTuple):
    number: Array
    y: Array
    f: Array
    steps: Array
    changes: Array
    open: Array
    cycles: Array


class Anderson(AbstractClosing):
    """At most ``cycles`` cycles, the next point from the last ``memory`` of them.

    The first ``plain`` cycles are not accelerated: far from the orbit their differences mislead.
    """

    cycles: int = 60
    memory: int = 6
    plain: int = 2

    def close(self, cycle, guess, pins, tolerance):
        states, lanes = guess.shape
        past = jnp.zeros((self.memory, states, lanes), guess.dtype)
        zero = jnp.zeros((), jnp.int32)
        start = _State(zero, guess, jnp.zeros_like(guess), past, past, jnp.ones((lanes,), bool), jnp.zeros((lanes,), jnp.int32))

        def unfinished(now):
            return (now.number < self.cycles) & now.open.any()

        last = jax.lax.while_loop(unfinished, lambda now: self._step(cycle, tolerance, now), start)
        return Closed(last.y, ~last.open, last.cycles)

    def _step(self, cycle, tolerance: float, now: _State) -> _State:
        """``steps`` and ``changes`` hold the last differences of F(y) and of f, the newest first."""
        after = cycle(now.y)
        f = after - now.y
        still = now.open & ~closes(after, now.y, tolerance)
        # newest first: row 0 waits for the point that comes now
        change = jnp.where(now.number > 0, f - now.f, 0.0)
        changes = now.changes.at[0].set(change)
        steps = now.steps.at[0].add(jnp.where(now.number > 0, change, 0.0))
        share = self._shares(f, changes)
        share = jnp.where(now.number >= self.plain, share, 0.0)
        new = after - (share[:, None] * steps).sum(0)
        # a point outside the numbers is no point: the plain cycle goes on from where it was
        new = jnp.where(jnp.all(jnp.abs(new) < jnp.inf, axis=0), new, after)
        # where the cycle closes the lane stays: that very point was found good
        y = jnp.where(still, new, now.y)
        # for the next time: F(y_(k+1)) - F(y_k) = (y_(k+1) - y_k) + change of f
        rolled_steps = jnp.roll(steps, 1, axis=0).at[0].set(new - now.y)
        rolled_changes = jnp.roll(changes, 1, axis=0).at[0].set(0.0)
        return _State(now.number + 1, y, f, rolled_steps, rolled_changes, still, now.cycles + now.open)

    def _shares(self, f: Array, changes: Array) -> Array:
        """Least squares (memory, lanes) in units of each state's own largest change."""
        unit = jnp.max(jnp.abs(changes), axis=0) + 1e-12 * jnp.max(jnp.abs(f), axis=0) + 1e-300
        scaled = changes / unit
        normal = jnp.einsum("isl,jsl->ijl", scaled, scaled)
        right = jnp.einsum("isl,sl->il", scaled, f / unit)
        size = jnp.maximum(jnp.einsum("iil->l", normal), 1e-300)
        ridge = _DEPENDENT * size * jnp.eye(self.memory)[..., None]
        return lane_solver(normal + ridge)(right)
