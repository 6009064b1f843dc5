"""States that a map leaves where they are: a beat that closes, a dosing interval like the last.

Newton's method on F(y) = y for every lane, the Jacobian by forward derivatives along each state. Where the map
conserves sums (the blood volume) the Jacobian has an eigenvalue of one and one row for each sum is replaced by
``sum of its rows = total``.

The derivative is that of the fixed point by the implicit function theorem: one Newton step is repeated with its
matrix held constant, so dy = (I - dF/dy)^-1 dF/dp exactly, to first order only.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.lanes import lane_jacobian


def fixed_point(
    cycle: Callable[[Array], Array],
    guess: Array,
    *,
    pins: Sequence[tuple[Sequence[int], int, Array]] = (),
    iterations: int = 6,
    tolerance: float = 1e-8,
) -> tuple[Array, Array]:
    """``(y, closed)`` with ``cycle(y) = y``: (states, lanes) and (lanes,).

    ``pins``: (rows of a conserved sum, the row whose equation is replaced, total (lanes,)).
    A lane takes at most ``iterations`` of Newton's steps with a new Jacobian, and none more after a point where the
    cycle closes within ``tolerance`` (or what the precision allows) relative to the largest state of the lane; one step
    with the last Jacobian follows. ``closed`` says that the cycle closes within ``tolerance`` before that last step.
    """
    frozen = jax.lax.stop_gradient(guess)
    still = [(rows, row, jax.lax.stop_gradient(total)) for rows, row, total in pins]
    # closed-over parameters must not carry tangents through the iterations: only the last step is differentiated
    plain = without_tangents(cycle)

    def unfinished(carry):
        iteration, _, _, open_ = carry
        return (iteration < iterations) & open_.any()

    def newton(carry):
        iteration, y, matrix, open_ = carry
        value, new = _linearise(plain, y)
        left_open = open_ & ~closes(value, y, tolerance)
        y = jnp.where(open_, y + _solve(new, value, y, still), y)
        return iteration + 1, y, jnp.where(open_, new, matrix), left_open

    states, lanes = frozen.shape
    square = jnp.zeros((states, states, lanes), frozen.dtype)
    start = (jnp.zeros((), jnp.int32), frozen, square, jnp.ones((lanes,), bool))
    _, y, matrix, _ = jax.lax.while_loop(unfinished, newton, start)
    # one more step with the last matrix: it carries the derivative, and its residual says whether the cycle closes
    value = cycle(y)
    return y + _solve(matrix, value, y, pins), closes(value, y, tolerance)


def closes(after: Array, before: Array, tolerance: float) -> Array:
    """Lanes whose states (states, lanes) changed by no more than ``tolerance`` relative to the largest of them."""
    scale = jnp.max(jnp.abs(before), axis=0) + 1e-12
    # a comparison is false for nan, so a lane that ran away does not close
    reachable = max(tolerance, 64 * float(jnp.finfo(before.dtype).eps))
    return jnp.max(jnp.abs(after - before), axis=0) <= reachable * scale


def without_tangents(cycle: Callable) -> Callable:
    """The same map of y with everything it closes over held constant."""

    def mapped(y):
        converted, constants = jax.closure_convert(cycle, y)
        return converted(y, *jax.tree.map(jax.lax.stop_gradient, constants))

    return mapped


def _linearise(cycle: Callable, y: Array) -> tuple[Array, Array]:
    """F(y) and dF/dy as (states, states, lanes)."""
    value, columns = lane_jacobian(cycle, y)
    return value, jnp.swapaxes(columns, 0, 1)


def _solve(matrix: Array, value: Array, y: Array, pins) -> Array:
    """(I - dF/dy) step = F(y) - y with pinned rows."""
    left = jnp.eye(y.shape[0], dtype=y.dtype)[..., None] - matrix
    right = value - y
    for rows, row, total in pins:
        members = jnp.zeros((y.shape[0],), y.dtype).at[jnp.asarray(rows)].set(1.0)
        left = left.at[row].set(jnp.broadcast_to(members[:, None], y.shape))
        right = right.at[row].set(total - (members[:, None] * y).sum(0))
    step = jnp.linalg.solve(jnp.moveaxis(left, -1, 0), jnp.moveaxis(right, -1, 0)[..., None])[..., 0]
    return jnp.moveaxis(step, 0, -1)
