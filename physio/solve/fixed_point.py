"""States that a map leaves where they are: a beat that closes, a dosing interval like the last.

Two ways to find them, lane by lane, from values of the map alone or with its Jacobian; and one derivative for both, that
of the fixed point by the implicit function theorem:

    F(y) = y,        dy = (I - dF/dy)^-1 dF/dp

Where the map conserves sums (the blood volume) dF/dy has an eigenvalue of one, and one row for each sum is replaced by
``sum of its rows = total``.
"""

import abc
from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.lanes import lane_jacobian

Map = Callable[[Array], Array]


class Pin(NamedTuple):
    """Rows of y whose sum the map conserves, the row whose equation is replaced, and the total (lanes,)."""

    rows: Sequence[int]
    row: int
    total: Array


class Closed(NamedTuple):
    """``y`` (states, lanes), whether the cycle closes there (lanes,), and how often each lane went through it (lanes,).

    A Jacobian counts as many cycles as y has states.
    """

    y: Array
    closed: Array
    cycles: Array


class AbstractClosing(eqx.Module):
    """A way to the fixed point; lanes do not interact, and one that has arrived stays."""

    @abc.abstractmethod
    def close(self, cycle: Map, guess: Array, pins: Sequence[Pin], tolerance: float) -> Closed:
        """From ``guess`` (states, lanes), values only."""


def fixed_point(
    closing: AbstractClosing,
    cycle: Map,
    guess: Array,
    *,
    pins: Sequence[Pin] = (),
    tolerance: float = 1e-8,
    last: Map | None = None,
) -> Closed:
    """``cycle(y) = y`` for every lane, within ``tolerance`` (or what the precision allows) of its largest state.

    Derivatives reach whatever ``cycle`` closes over and the totals; they are exact to first order, and cost one Jacobian.
    ``last`` is the same map with a reverse derivative; ``cycle`` itself must have a forward one.
    """
    # what the map closes over becomes an argument: its derivatives must not follow the iterations
    converted, closed_over = jax.closure_convert(cycle, guess)
    constants = jax.tree.map(jax.lax.stop_gradient, closed_over)

    def plain(y):
        return converted(y, *constants)

    still = [Pin(pin.rows, pin.row, jax.lax.stop_gradient(pin.total)) for pin in pins]
    found = closing.close(plain, jax.lax.stop_gradient(guess), still, tolerance)
    y = jax.lax.stop_gradient(found.y)
    # once more round: its value is y up to the tolerance, its derivative that of the cycle for a fixed beginning
    after = (last or cycle)(y)
    totals = [pin.total for pin in pins]
    return Closed(_implicit(converted, pins)(y, after, totals, constants), found.closed & closes(after, y, tolerance), found.cycles)


def closes(after: Array, before: Array, tolerance: float) -> Array:
    """Lanes whose states (states, lanes) changed by no more than ``tolerance`` relative to the largest of them."""
    scale = jnp.max(jnp.abs(before), axis=0) + 1e-12
    # a comparison is false for nan, so a lane that ran away does not close
    reachable = max(tolerance, 64 * float(jnp.finfo(before.dtype).eps))
    return jnp.max(jnp.abs(after - before), axis=0) <= reachable * scale


def newton_step(cycle: Map, y: Array, pins: Sequence[Pin]) -> tuple[Array, Array]:
    """``(F(y), y + (I - dF/dy)^-1 (F(y) - y))`` with pinned rows."""
    after, matrix = _linearised(cycle, y)
    right = after - y
    for pin in pins:
        right = right.at[pin.row].set(pin.total - y[jnp.asarray(pin.rows)].sum(0))
    return after, y + _solve(matrix, right, pins)


def _implicit(cycle: Callable, pins: Sequence[Pin]):
    """The fixed point as a function of ``(y, F(y), totals, constants of F)`` whose derivative is the implicit one."""

    @jax.custom_jvp
    def fixed(y, after, totals, constants):
        return after

    @fixed.defjvp
    def _(primals, tangents):
        y, after, _, constants = primals
        _, right, of_totals, _ = tangents
        _, matrix = _linearised(lambda y: cycle(y, *constants), y)
        for pin, total in zip(pins, of_totals, strict=True):
            right = right.at[pin.row].set(total)
        return after, _solve(matrix, right, pins)

    return fixed


def _linearised(cycle: Map, y: Array) -> tuple[Array, Array]:
    """F(y) and dF/dy as (states, states, lanes)."""
    value, columns = lane_jacobian(cycle, y)
    return value, jnp.swapaxes(columns, 0, 1)


def _solve(matrix: Array, right: Array, pins: Sequence[Pin]) -> Array:
    """(I - dF/dy) x = right; in a pinned row the sum of the pin's rows instead."""
    left = jnp.eye(right.shape[0], dtype=right.dtype)[..., None] - matrix
    for pin in pins:
        members = jnp.zeros((right.shape[0],), right.dtype).at[jnp.asarray(pin.rows)].set(1.0)
        left = left.at[pin.row].set(jnp.broadcast_to(members[:, None], right.shape))
    x = jnp.linalg.solve(jnp.moveaxis(left, -1, 0), jnp.moveaxis(right, -1, 0)[..., None])[..., 0]
    return jnp.moveaxis(x, 0, -1)
