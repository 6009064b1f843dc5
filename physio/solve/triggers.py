"""Jumps that the state itself triggers: the step ends where a crossing function passes from below to zero or above.

A step at whose end some crossing function c has risen through zero is not taken; shorter ones from the same beginning
are tried, each where the line through the last two values on either side of zero has its root (Illinois' rule). The first
that ends just behind the crossing is taken, and what is left to it is made up to first order:

    ds = -c / (dc/ds),    y* = y + f ds,    y+ = jump(y*) - f(jump(y*)) ds

All but nothing in value, this holds the whole derivative of a jump at a time that depends on the state (the saltation
matrix): dc/ds is a constant of the derivative, c is not.

A crossing that is undone within the same step is not seen, such as bounces that come ever faster. One that begins a step at
zero and falls is below it, whatever the sign that rounding gave it: after a bounce it would be missed otherwise.

Source of the matrix: R. I. Leine, H. Nijmeijer, Dynamics and Bifurcations of Non-Smooth Mechanical Systems (2004), ch. 7.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from physio.solve.plan import Field

# how far behind its crossing a step may end, as a share of itself: the error of derivatives is proportional to it
_BEHIND = 1e-10
# what falls below zero within this share of a step begins there
_LEAVING = 1e-9


class Search(NamedTuple):
    """Where a crossing is sought: shares of the segment ``lo`` and ``hi`` from the beginning of the step, the largest
    crossing function there, and on which side the last trial fell. ``hi`` is inf where nothing is sought; all (lanes,).
    """

    lo: Array
    low: Array
    hi: Array
    high: Array
    side: Array


class Outcome(NamedTuple):
    """Whether to take the step (lanes,), which triggers fire at its end (triggers, lanes), what is sought next."""

    take: Array
    fired: Array
    search: Search


def nothing_sought(like: Array) -> Search:
    """For lanes of this shape."""
    zero = jnp.zeros_like(like)
    return Search(zero, zero, jnp.full_like(like, jnp.inf), zero, jnp.zeros(like.shape, jnp.int32))


def aimed(search: Search, share: Array, last: Array) -> tuple[Array, Array]:
    """``(share of the segment to try, whether it reaches the end)``, where ``share`` is what step control wants."""
    seeking = search.hi < jnp.inf
    hi = jnp.where(seeking, search.hi, 1.0)
    root = (search.lo * search.high - hi * search.low) / jnp.where(seeking, search.high - search.low, 1.0)
    inside = (root > search.lo) & (root < hi)
    return jnp.where(seeking, jnp.where(inside, root, 0.5 * (search.lo + hi)), share), last & ~seeking


def judged(search: Search, accept: Array, share: Array, before: Array, slope: Array, after: Array) -> Outcome:
    """What to do with a step whose error was accepted or not; crossing functions (triggers, lanes) before and after it, and
    their slope before it.
    """
    fallen = _LEAVING * share * slope
    before = jnp.where((before >= 0.0) & (before + fallen <= 0.0) & (fallen < 0.0), fallen, before)
    waiting = before < 0.0
    seeking = search.hi < jnp.inf
    start = jnp.max(jnp.where(waiting, before, -jnp.inf), axis=0)
    end = jnp.max(jnp.where(waiting, after, -jnp.inf), axis=0)
    lo, low = jnp.where(seeking, search.lo, 0.0), jnp.where(seeking, search.low, start)
    over = accept & (end >= 0.0)
    rise = jnp.where(over, end - low, 1.0)
    behind = jnp.where(over, end, 0.0) * (share - lo) / rise
    landed = over & ((behind <= _BEHIND * share) | (share - lo <= 16 * float(np.finfo(share.dtype).eps)))
    short = accept & ~over & seeking
    again = over & ~landed
    # a side that stays twice counts half, or the other would creep
    closer = Search(
        jnp.where(short, share, lo),
        jnp.where(short, end, jnp.where(again & (search.side > 0), 0.5 * low, low)),
        jnp.where(again, share, search.hi),
        jnp.where(again, end, jnp.where(short & (search.side < 0), 0.5 * search.high, search.high)),
        jnp.where(again, 1, -1).astype(jnp.int32),
    )
    on = again | short
    search = jax.tree.map(lambda new, none: jnp.where(on, new, none), closer, nothing_sought(share))
    return Outcome(accept & ~on, landed & waiting & (after >= 0.0), search)


def jumped(field: Field, s: Array, y: Array, fired: Array) -> Array:
    """The state after the jumps of the triggers that fired (triggers, lanes) at s."""
    rates = field(s, y)
    crossings, slopes = jax.jvp(field.crossings, (s, y), (jnp.ones_like(s), jax.lax.stop_gradient(rates)))
    first = jnp.argmax(fired, axis=0)[None]
    c, slope = (jnp.take_along_axis(x, first, axis=0)[0] for x in (crossings, jax.lax.stop_gradient(slopes)))
    any_ = fired.any(axis=0)
    rising = any_ & (slope > 0.0)
    ds = jnp.where(rising, -c / jnp.where(rising, slope, 1.0), 0.0)
    new = field.jump(s + ds, y + rates * ds, fired)
    return jnp.where(any_, new - field(s + ds, new) * ds, y)
