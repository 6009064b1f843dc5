"""Rodas4: a Rosenbrock method of order 4(3) for stiff equations, stiffly accurate and L-stable.

    (M/(h g) - J) U_i = f(s + n_i h, y + sum_j a_ij U_j) + M sum_j (c_ij / h) U_j + h d_i df/ds,    g = 1/4
    y_new = y_6 + U_6 with y_6 = y_5 + U_5,    error = U_6

One Jacobian and one elimination a step, six right sides. Without the terms in df/ds the order falls to one wherever the
rates depend on time, as they do between doses and over a beat. M is 1 for states and 0 for implied variables, whose rows
of f are residuals.

Coefficients: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, section IV.7, in the transformed form.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.adaptive import AbstractAdaptive
from physio.fence import always_true, fence
from physio.solve.lane_solve import lane_solver
from physio.solve.lanes import field_jacobian
from physio.solve.plan import Field
from physio.solve.stepping import Attempt

_GAMMA = 0.25
_NODES = (0.0, 0.386, 0.21, 0.63, 1.0, 1.0)
_D = (0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0)
_A = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
)
_C = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)


class Rodas4(AbstractAdaptive):
    """Adaptive steps for stiff bodies: the Jacobian by forward derivatives, one small elimination per lane."""

    order: ClassVar[int] = 4
    growth: ClassVar[float] = 6.0
    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 100_000
    first_step: float = 1e-4

    def begin(self, field, s, y):
        return ()

    def attempt(self, field, s, h, y, memory):
        return rodas4_step(field, s, h, y)


def rodas4_step(field: Field, s: Array, h: Array, y: Array) -> Attempt:
    """One step from s to s + h; a lane with h = 0 stays where it is."""
    always = always_true(y)
    still = h == 0.0
    # a lane that takes no step must not divide by it
    h = jnp.where(still, 1.0, h)

    @jax.jit
    def rhs(s, y):
        return field(s, y)

    # along every state, and s itself last
    first, slopes = field_jacobian(field, s, y)
    first, slopes = fence((first, slopes), always)
    implied = bool(field.algebraic.any())
    mass = jnp.diag(jnp.asarray(~field.algebraic, y.dtype))
    # without implied variables the diagonal dominates
    solve = lane_solver(mass[..., None] / (h * _GAMMA) - jnp.swapaxes(slopes[:-1], 0, 1), implied, field.pattern)
    k: list[Array] = []
    stage = y
    for i, node in enumerate(_NODES):
        stage = stage + k[-1] if i == 5 else y + sum(a * u for a, u in zip(_A[i], k, strict=True))
        rate = rhs(s + node * h, stage) if i else first
        before = sum(c * u for c, u in zip(_C[i], k, strict=True)) / h
        right = rate + (mass @ before if implied and i else before) + h * _D[i] * slopes[-1]
        k.append(fence(solve(right), always))
    new = jnp.where(still, y, stage + k[-1])
    return Attempt(new, jnp.where(still, 0.0, k[-1]), ())
