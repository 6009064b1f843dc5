"""Systems with a solution in closed form, on which the order of a method shows, and Robertson's with an implied variable."""

import equinox as eqx
import jax.numpy as jnp

from physio.body import Body
from physio.component import AbstractImplicitPart, AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal

TEST_CASE = "test problem, no physiology"


class Autonomous(AbstractPlainPart):
    """x' = r x (1 - x/20), v' = -v^3/2 from (1, 1): x = 20/(1 + 19 exp(-r t)), v = (1 + t)^(-1/2).

    Source: problems A2 and A4 of T. E. Hull et al., SIAM J. Numer. Anal. 9:603-637 (1972).
    """

    time_unit = "1"
    growth: Scalar = parameter("1", LogNormal(0.25, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        x: Scalar = state("1")
        v: Scalar = state("1")

    class Outputs(eqx.Module):
        x: Scalar = port("1")

    def rest(self):
        return self.State(jnp.ones_like(self.growth), jnp.ones_like(self.growth))

    def outputs(self, t, state, sensed):
        return self.Outputs(x=state.x)

    def rates(self, t, state, sensed, out):
        return self.State(self.growth * state.x * (1.0 - state.x / 20.0), -0.5 * state.v**3)

    @staticmethod
    def exact(t, growth):
        return jnp.stack([20.0 / (1.0 + 19.0 * jnp.exp(-growth * t)), 1.0 / jnp.sqrt(1.0 + t)])


class Driven(AbstractPlainPart):
    """x' = a x cos t, v' = -a v^2 cos t / 2 from (1, 1): x = exp(a sin t), v = 1/(1 + a sin(t)/2).

    Source: problem A3 of Hull et al. (1972), with a quadratic companion.
    """

    time_unit = "1"
    strength: Scalar = parameter("1", LogNormal(1.0, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        x: Scalar = state("1")
        v: Scalar = state("1")

    class Outputs(eqx.Module):
        x: Scalar = port("1")

    def rest(self):
        return self.State(jnp.ones_like(self.strength), jnp.ones_like(self.strength))

    def outputs(self, t, state, sensed):
        return self.Outputs(x=state.x)

    def rates(self, t, state, sensed, out):
        drive = self.strength * jnp.cos(t)
        return self.State(drive * state.x, -0.5 * drive * state.v**2)

    @staticmethod
    def exact(t, strength):
        return jnp.stack([jnp.exp(strength * jnp.sin(t)), 1.0 / (1.0 + 0.5 * strength * jnp.sin(t))])


class Follower(AbstractPlainPart):
    """x' = -k (x - cos t) - sin t from 1: x = cos t however large k is.

    Source: A. Prothero, A. Robinson, Math. Comput. 28:145-162 (1974): methods fall to their stage order here.
    """

    time_unit = "1"
    stiffness: Scalar = parameter("1", LogNormal(1e6, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        x: Scalar = state("1")

    class Outputs(eqx.Module):
        x: Scalar = port("1")

    def rest(self):
        return self.State(jnp.ones_like(self.stiffness))

    def outputs(self, t, state, sensed):
        return self.Outputs(x=state.x)

    def rates(self, t, state, sensed, out):
        return self.State(-self.stiffness * (state.x - jnp.cos(t)) - jnp.sin(t))

    @staticmethod
    def exact(t, stiffness):
        return jnp.cos(t)[None] + 0.0 * stiffness


class RobertsonBalanced(AbstractImplicitPart):
    """Robertson's kinetics with c implied by a + b + c = 1. Source: H. H. Robertson (1966)."""

    time_unit = "1"
    k: Scalar = parameter("1", LogNormal(0.04, cv=0.2), source=TEST_CASE)

    class State(eqx.Module):
        a: Scalar = state("1")
        b: Scalar = state("1")

    class Implied(eqx.Module):
        c: Scalar = state("1")

    class Balance(eqx.Module):
        total: Scalar = state("1")

    class Outputs(eqx.Module):
        a: Scalar = port("1")

    def rest(self):
        zero = jnp.zeros_like(self.k)
        return self.State(zero + 1.0, zero)

    def guess(self):
        return self.Implied(jnp.zeros_like(self.k))

    def outputs(self, t, state, implied, sensed):
        return self.Outputs(a=state.a)

    def rates(self, t, state, implied, sensed, out):
        first, second, third = self.k * state.a, 1e4 * state.b * implied.c, 3e7 * state.b**2
        return self.State(second - first, first - second - third)

    def residual(self, t, state, implied, sensed, out):
        return self.Balance(state.a + state.b + implied.c - 1.0)


def autonomous() -> Body:
    return Body({"case": Autonomous()}, time="1")


def driven() -> Body:
    return Body({"case": Driven()}, time="1")


def follower() -> Body:
    return Body({"case": Follower()}, time="1")


def robertson_balanced() -> Body:
    return Body({"case": RobertsonBalanced()}, time="1")
