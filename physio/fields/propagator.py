"""Diffusion alone over one step, for splitting.

    ExactCosine     exp(dt L) in cosines                                   boxes with one D; exact
    CrankNicolson   (1 - dt L / 2)^-1 (1 + dt L / 2)                       order 2, any step
    Stabilised      Runge-Kutta-Legendre with s stages                     order 2, dt <= (s^2 + s - 2) / (2 lambda)

Stages stretch the stable step with their square: 3 are stable for 2.5 times Euler's step, 9 for 22 times. That pays
below 1 mm; with D dt / h^2 < 1/6 ``Heun`` is cheaper.
Source: C. D. Meyer, D. S. Balsara, T. D. Aslam, J. Comput. Phys. 257:594-626 (2014), the second-order scheme RKL2.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from physio.fence import always_true, fence
from physio.fields.cosine import decay_box
from physio.fields.diffusion import AbstractDiffusion, UniformDiffusion
from physio.fields.grid import FieldError
from physio.fields.implicit import solve_implicit


class AbstractPropagator(eqx.Module):
    """Carries a field through diffusion."""

    @abc.abstractmethod
    def spread(self, operator: AbstractDiffusion, dt: Array, u: Array) -> Array:
        """The field after dt."""

    @abc.abstractmethod
    def limit(self, operator: AbstractDiffusion) -> Array:
        """The longest stable dt."""


class ExactCosine(AbstractPropagator):
    """No error in time."""

    def spread(self, operator, dt, u):
        if not isinstance(operator, UniformDiffusion) or operator.domain.inside is not None:
            raise FieldError("ExactCosine needs one diffusivity in a box without a mask: take CrankNicolson() or Stabilised()")
        return decay_box(operator, u, jnp.asarray(dt, u.dtype))

    def limit(self, operator):
        return jnp.asarray(jnp.inf, jnp.float64)


class CrankNicolson(AbstractPropagator):
    """Implicit; steps much longer than h^2 / D leave fine ripples undamped."""

    tolerance: float = 1e-10
    iterations: int = 200

    def spread(self, operator, dt, u):
        half = 0.5 * jnp.asarray(dt, u.dtype)
        return solve_implicit(operator, u + half * operator(u), half, self.tolerance, self.iterations)

    def limit(self, operator):
        return jnp.asarray(jnp.inf, jnp.float64)


class Stabilised(AbstractPropagator):
    """Explicit with ``stages`` >= 3 applications of the operator."""

    stages: int = eqx.field(static=True, default=3)

    def __check_init__(self):
        if self.stages < 3 or self.stages % 2 == 0:
            raise FieldError(f"Stabilised: stages is odd and 3 or more, got {self.stages}")

    def spread(self, operator, dt, u):
        dt = jnp.asarray(dt, u.dtype)
        s = self.stages
        w = 4.0 / (s * s + s - 2.0)
        b = [1.0 / 3.0] * 2 + [(j * j + j - 2.0) / (2.0 * j * (j + 1.0)) for j in range(2, s + 1)]
        always = always_true(dt)
        slope = fence(dt * operator(u), always)
        before, now = u, u + b[1] * w * slope
        for j in range(2, s + 1):
            mu, nu = (2.0 * j - 1.0) / j * b[j] / b[j - 1], -(j - 1.0) / j * b[j] / b[j - 2]
            first = -(1.0 - b[j - 1]) * mu * w
            after = mu * now + nu * before + (1.0 - mu - nu) * u + mu * w * dt * operator(now) + first * slope
            before, now = now, fence(after, always)
        return now

    def limit(self, operator):
        s = self.stages
        return jnp.asarray((s * s + s - 2.0) / 2.0 / operator.largest(), jnp.float64)
