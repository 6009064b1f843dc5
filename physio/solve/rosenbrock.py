"""One step of a Rosenbrock method from its coefficients, for all lanes.

    (M/(h g) - J) U_i = f(s + n_i h, y_i) + M sum_j (c_ij / h) U_j + h d_i df/ds,    y_i = y + sum_j a_ij U_j

Stages beyond the rows of a stand where the one before ended, y_i = y_(i-1) + U_(i-1), and so does the new state; the last U is
its error. One Jacobian and one elimination a step. Without the terms in df/ds the order falls to one wherever the rates
depend on time, as they do between doses and over a beat. M is 1 for states and 0 for implied variables, whose rows of f are
residuals.

Source: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, section IV.7, in the transformed form.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.fence import always_true, fence
from physio.solve.adaptive import AbstractAdaptive
from physio.solve.lane_solve import lane_solver
from physio.solve.lanes import field_jacobian
from physio.solve.plan import Field
from physio.solve.stepping import Attempt


class Coefficients(NamedTuple):
    """g, the nodes n_i, d_i, and the rows of a and c."""

    gamma: float
    nodes: tuple[float, ...]
    d: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]


class AbstractRosenbrock(AbstractAdaptive):
    """Adaptive steps from coefficients; nothing is carried from step to step."""

    coefficients: eqx.AbstractClassVar[Coefficients]

    def begin(self, field, s, y):
        return ()

    def attempt(self, field, s, h, y, memory):
        return rosenbrock_step(self.coefficients, field, s, h, y)


def rosenbrock_step(known: Coefficients, field: Field, s: Array, h: Array, y: Array) -> Attempt:
    """One step from s to s + h; a lane with h = 0 stays where it is."""
    always = always_true(s)
    still = h == 0.0
    # a lane that takes no step must not divide by it
    h = jnp.where(still, 1.0, h)
    per_step = 1.0 / h

    @jax.jit
    def rhs(s, y):
        return field(s, y)

    # along every state, and s itself last
    _, slopes = field_jacobian(field, *jax.lax.stop_gradient((s, y)))
    first, by_time = jax.jvp(rhs, (s, y), (jnp.ones_like(s), jnp.zeros_like(y)))
    # derivatives pass by the matrix: they take its product with a direction, which costs less than its own
    first, slopes, by_time = fence((first, jax.lax.stop_gradient(slopes), by_time), always)
    implied = bool(field.algebraic.any())
    mass = jnp.diag(jnp.asarray(~field.algebraic, y.dtype))
    # without implied variables the diagonal dominates
    matrix = mass[..., None] * (per_step / known.gamma) - jnp.swapaxes(slopes[:-1], 0, 1)

    def product(x):
        along = jax.jvp(rhs, (s, y), (jnp.zeros_like(s), x))[1]
        return (mass @ x if implied else x) * (per_step / known.gamma) - along

    solve = lane_solver(matrix, implied, field.pattern, product)
    k: list[Array] = []
    stage = y
    for i, node in enumerate(known.nodes):
        stage = stage + k[-1] if i >= len(known.a) else y + sum(a * u for a, u in zip(known.a[i], k, strict=True))
        rate = rhs(s + node * h, stage) if i else first
        before = sum(c * u for c, u in zip(known.c[i], k, strict=True)) * per_step
        right = rate + (mass @ before if implied and i else before) + h * known.d[i] * by_time
        k.append(fence(solve(right), always))
    new = jnp.where(still, y, stage + k[-1])
    return Attempt(new, jnp.where(still, 0.0, k[-1]), ())
