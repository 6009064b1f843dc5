"""Rush and Larsen's method of second order: gates by their own exponential, all else by the midpoint rule.

    y_half = y + h/2 phi(h b0/2) f(y)                      b = df_i/dx_i on the rows of gates, 0 elsewhere
    y_new  = y + h phi(h b1) (f(y_half) + b1 (y - y_half))  b1 at the middle;    phi(z) = (exp z - 1) / z
    error  = y_new - (y + h phi(h b0) f(y))

A gate's rate is linear in itself and depends on no other gate, so that one forward derivative along all gates at once gives
every b, and each gate is exact however stiff while the rest stands still. A body that declares no gates gets the midpoint
rule. Fixed steps of it, ``FixedSteps(RushLarsen(), step)``, are the usual way to many cells.

Sources: S. Rush, H. Larsen, IEEE Trans. Biomed. Eng. 25:389-392 (1978); second order as in M. Perego, A. Veneziani, Electron.
Trans. Numer. Anal. 35:234-256 (2009).
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.fence import always_true, fence
from physio.solve.adaptive import AbstractAdaptive
from physio.solve.plan import Field
from physio.solve.stepping import Attempt


class RushLarsen(AbstractAdaptive):
    """Adaptive steps for cells whose stiffness sits in declared gates, at loose tolerances. ValueError for implied variables."""

    order: ClassVar[int] = 2
    growth: ClassVar[float] = 5.0
    rtol: float = 1e-4
    atol: float = 1e-6
    max_steps: int = 100_000
    first_step: float = 1e-3

    def begin(self, field, s, y):
        if field.algebraic.any():
            raise ValueError("RushLarsen() cannot solve for implied variables: use Rodas4() or Rodas5P()")
        return ()

    def attempt(self, field, s, h, y, memory):
        always = always_true(s)
        first, slope = _with_slopes(field, s, y)
        first, slope = fence((first, slope), always)
        half = fence(y + 0.5 * h * growth(0.5 * h * slope) * first, always)
        middle, steep = fence(_with_slopes(field, s + 0.5 * h, half), always)
        new = y + h * growth(h * steep) * (middle + steep * (y - half))
        return Attempt(new, new - (y + h * growth(h * slope) * first), ())


def _with_slopes(field: Field, s: Array, y: Array) -> tuple[Array, Array]:
    """Rates, and on the rows of gates their derivatives by themselves."""
    if not field.gates.any():
        return field(s, y), jnp.zeros_like(y)
    along = jnp.broadcast_to(jnp.asarray(field.gates, y.dtype)[:, None], y.shape)
    rates, slopes = jax.jvp(lambda y: field(s, y), (y,), (along,))
    return rates, along * slopes


def growth(z: Array) -> Array:
    """phi(z) = (exp z - 1) / z, 1 at 0, with its derivative there."""
    small = jnp.abs(z) < 1e-5
    safe = jnp.where(small, 1.0, z)
    return jnp.where(small, 1.0 + 0.5 * z + z * z / 6.0, jnp.expm1(safe) / safe)
