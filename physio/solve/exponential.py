"""The exponential Rosenbrock-Euler method: exact for linear rates with constant coefficients, in one step.

    y_new = y + h phi(h J) f(y),    phi(Z) = (exp Z - 1) / Z,    J = df/dy

Time counts as one more state of rate 1, so that rates that depend on time are linearised in it too, and the product is read
off one matrix exponential, exp [[h J, h f], [0, 0]]. What the linear part does not explain at the end of a step is its error,
counted for a step as long as the segment, so that the error at its end follows the tolerance:

    error = 1/3 (f(y_new) - f(y) - J (y_new - y))

Compartments between doses have none: each segment is one step. Else the order is two.

Sources: D. A. Pope, Commun. ACM 6:491-493 (1963); M. Hochbruck, A. Ostermann, Acta Numerica 19:209-286 (2010).
"""

from typing import ClassVar

import jax
import jax.numpy as jnp

from physio.fence import always_true, fence
from physio.solve.adaptive import AbstractAdaptive
from physio.solve.lanes import field_jacobian
from physio.solve.stepping import Attempt


class Exponential(AbstractAdaptive):
    """For linear compartments, exact; for what is almost linear, adaptive. ValueError for implied variables."""

    order: ClassVar[int] = 2
    growth: ClassVar[float] = 10.0
    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 100_000
    # longer than any segment: the first step tries the whole of it
    first_step: float = 1e30

    def begin(self, field, s, y):
        if field.algebraic.any():
            raise ValueError("Exponential() cannot solve for implied variables: use Rodas4() or Rodas5P()")
        return ()

    def attempt(self, field, s, h, y, memory):
        always = always_true(s)
        one = jnp.ones_like(s)[None]
        # along every state, and s itself last
        first, slopes = field_jacobian(field, s, y)
        first, slopes = fence((first, slopes), always)
        size = y.shape[0] + 1
        matrix = jnp.zeros((size + 1, size + 1, y.shape[1]), y.dtype)
        matrix = matrix.at[: size - 1, :size].set(jnp.swapaxes(slopes, 0, 1))
        matrix = matrix.at[:size, size].set(jnp.concatenate([first, one]))
        moved = jax.vmap(jax.scipy.linalg.expm)(jnp.moveaxis(h * matrix, -1, 0))[:, : size - 1, size].T
        new = y + moved
        unexplained = field(s + h, new) - first - (slopes[:-1] * moved[:, None]).sum(0) - h * slopes[-1]
        return Attempt(new, jnp.where(h > 0.0, unexplained / 3.0, 0.0), ())
