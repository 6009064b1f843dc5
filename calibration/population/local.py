"""Predictions near a point as polynomials of the individual parameters.

    f(p + d) ~ f + f_a d_a + f_ab d_a d_b / 2 + f_abc d_a d_b d_c / 6

Solvers run once for a polynomial; every derivative of an objective with respect to what people share is then the derivative
of polynomials, exact to the order kept, however many numbers are shared. p are logarithms, lanes last.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.lanes import lane_jacobian


class Local(NamedTuple):
    """``at`` (parameters, lanes), ``status`` (lanes,), and derivatives by order: (..., numbers, lanes)."""

    at: Array
    status: Array
    value: Array
    higher: tuple[Array, ...]

    def __call__(self, point: Array) -> Array:
        """Predictions (numbers, lanes) at a point (parameters, lanes) near ``at``."""
        d = point - self.at
        total, factorial = self.value, 1.0
        for order, tensor in enumerate(self.higher, 1):
            factorial *= order
            for _ in range(order):
                tensor = jnp.einsum("a...nl,al->...nl", tensor, d)
            total = total + tensor / factorial
        return total


def local(predict: Callable[[Array], tuple[Array, Array]], at: Array, order: int) -> Local:
    """The polynomial of this order about ``at``; ``predict`` gives (numbers, lanes) and a status."""

    def derivatives(left: int):
        if left == 0:
            return lambda p: (((predicted := predict(p))[0], ()), predicted[1])

        def raised(p):
            (value, lower), (first, directions), status = lane_jacobian(derivatives(left - 1), p, has_aux=True)
            return (value, (first, *directions)), status

        return raised

    (value, higher), status = derivatives(order)(at)
    return Local(at, status, value, higher)
