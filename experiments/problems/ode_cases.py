"""Small systems on which solvers are compared, as bodies: Lorenz, van der Pol, Robertson.

Numbers are those of performance tests in the literature, not of people; spreads only make the parts complete.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.body import Body
from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal

TEST_CASE = "test problem, no physiology"


class Lorenz(AbstractPlainPart):
    """x' = 10 (y - x), y' = rho x - y - x z, z' = x y - 8/3 z, from (1, 0, 0). Source: E. N. Lorenz (1963)."""

    time_unit = "1"
    rho: Scalar = parameter("1", LogNormal(10.0, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        x: Scalar = state("1")
        y: Scalar = state("1")
        z: Scalar = state("1")

    class Outputs(eqx.Module):
        x: Scalar = port("1")

    def rest(self):
        zero = jnp.zeros_like(self.rho)
        return self.State(zero + 1.0, zero, zero)

    def outputs(self, t, state, sensed):
        return self.Outputs(x=state.x)

    def rates(self, t, state, sensed, out):
        x, y, z = state.x, state.y, state.z
        return self.State(10.0 * (y - x), self.rho * x - y - x * z, x * y - 8.0 / 3.0 * z)


class VanDerPol(AbstractPlainPart):
    """x' = v, v' = mu (1 - x^2) v - x, from (2, 0). Source: B. van der Pol (1926)."""

    time_unit = "1"
    mu: Scalar = parameter("1", LogNormal(10.0, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        x: Scalar = state("1")
        v: Scalar = state("1")

    class Outputs(eqx.Module):
        x: Scalar = port("1")

    def rest(self):
        zero = jnp.zeros_like(self.mu)
        return self.State(zero + 2.0, zero)

    def outputs(self, t, state, sensed):
        return self.Outputs(x=state.x)

    def rates(self, t, state, sensed, out):
        return self.State(state.v, self.mu * (1.0 - state.x**2) * state.v - state.x)


class Robertson(AbstractPlainPart):
    """a' = -k a + 1e4 b c, b' = k a - 1e4 b c - 3e7 b^2, c' = 3e7 b^2, from (1, 0, 0), k = 0.04.

    Source: H. H. Robertson (1966).
    """

    time_unit = "1"
    k: Scalar = parameter("1", LogNormal(0.04, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        a: Scalar = state("1")
        b: Scalar = state("1")
        c: Scalar = state("1")

    class Outputs(eqx.Module):
        a: Scalar = port("1")

    def rest(self):
        zero = jnp.zeros_like(self.k)
        return self.State(zero + 1.0, zero, zero)

    def outputs(self, t, state, sensed):
        return self.Outputs(a=state.a)

    def rates(self, t, state, sensed, out):
        a, b, c = state.a, state.b, state.c
        first, second, third = self.k * a, 1e4 * b * c, 3e7 * b**2
        return self.State(second - first, first - second - third, third)


def lorenz() -> Body:
    return Body({"case": Lorenz()}, time="1")


def van_der_pol() -> Body:
    return Body({"case": VanDerPol()}, time="1")


def robertson() -> Body:
    return Body({"case": Robertson()}, time="1")
