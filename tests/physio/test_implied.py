"""Implied variables: a differential-algebraic body against the one in which they were eliminated by hand."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.body import Body
from physio.component import AbstractImplicitPart, AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.schedule import switch
from physio.solve import DiscreteAdjoint, FixedSteps, ForwardMode, Rodas4, Status, Tsit5, solve
from physio.units import as_quantity

COMPLIANCE = LogNormal(1.0, cv=0.2)


class Joined(AbstractImplicitPart):
    """dV1/dt = -q, dV2/dt = q with the flow q implied by V1/C - V2/C + help = R q + K q^2."""

    resistance: Scalar = parameter("mmHg*s/mL", LogNormal(1.0, cv=0.2), source="test")
    turbulence: Scalar = parameter("mmHg*s^2/mL^2", LogNormal(0.5, cv=0.2), source="test")
    compliance: Scalar = parameter("mL/mmHg", COMPLIANCE, source="test")

    class State(eqx.Module):
        first: Scalar = state("mL")
        second: Scalar = state("mL")

    class Implied(eqx.Module):
        flow: Scalar = state("mL/s")

    class Balance(eqx.Module):
        pressure: Scalar = state("mmHg")

    class Sensed(eqx.Module):
        help: Scalar = port("mmHg")

    class Outputs(eqx.Module):
        flow: Scalar = port("mL/s")

    def rest(self):
        return self.State(100.0 * self.compliance * unit_pressure(), 20.0 * self.compliance * unit_pressure())

    def guess(self):
        return self.Implied(unit_pressure() / self.resistance)

    def outputs(self, t, state, implied, sensed):
        return self.Outputs(flow=implied.flow)

    def rates(self, t, state, implied, sensed, out):
        return self.State(-implied.flow, implied.flow)

    def residual(self, t, state, implied, sensed, out):
        difference = (state.first - state.second) / self.compliance + sensed.help
        return self.Balance(difference - self.resistance * implied.flow - self.turbulence * implied.flow**2)


class Eliminated(AbstractPlainPart):
    """The same with q = (sqrt(R^2 + 4 K dp) - R) / (2 K)."""

    resistance: Scalar = parameter("mmHg*s/mL", LogNormal(1.0, cv=0.2), source="test")
    turbulence: Scalar = parameter("mmHg*s^2/mL^2", LogNormal(0.5, cv=0.2), source="test")
    compliance: Scalar = parameter("mL/mmHg", COMPLIANCE, source="test")

    class State(eqx.Module):
        first: Scalar = state("mL")
        second: Scalar = state("mL")

    class Sensed(eqx.Module):
        help: Scalar = port("mmHg")

    class Outputs(eqx.Module):
        flow: Scalar = port("mL/s")

    def rest(self):
        return self.State(100.0 * self.compliance * unit_pressure(), 20.0 * self.compliance * unit_pressure())

    def outputs(self, t, state, sensed):
        difference = (state.first - state.second) / self.compliance + sensed.help
        root = jnp.sqrt(self.resistance**2 + 4.0 * self.turbulence * difference)
        return self.Outputs(flow=(root - self.resistance) / (2.0 * self.turbulence))

    def rates(self, t, state, sensed, out):
        return self.State(-out.flow, out.flow)


def unit_pressure():
    return as_quantity(1.0, "mmHg")


NAMES = ("v.resistance", "v.turbulence", "v.compliance")
AT = (0.5, 1.0, 2.0, 4.0)


def body(cls):
    return Body({"v": cls()}, time="s", inputs={"help": "mmHg"}, senses={"v.help": "input.help"})


def run(cls, values, adjoint=ForwardMode(), level=30.0):
    """Flow at ``AT`` (times, lanes), with more pressure between 1 s and 2 s, where q jumps."""
    there = body(cls).with_values(dict(zip(NAMES, values[:3], strict=True)))
    help_ = switch("help", 1.0 + values[3], 2.0, level)
    method = Rodas4(rtol=1e-9, atol=1e-10)
    return solve(there, help_, at=AT, lanes=values.shape[1], method=method, adjoint=adjoint)


VALUES = jnp.asarray([[1.0, 0.7], [0.5, 0.2], [1.0, 1.4], [0.0, 0.1]])


@pytest.fixture(scope="module")
def exact():
    """Path and its derivatives with respect to the four values, of the eliminated body."""

    def both(values):
        path = run(Eliminated, values)
        return path["v.flow"], path.status

    value, status = jax.jit(both)(VALUES)
    assert (np.asarray(status) == Status.OK).all()
    return value, jax.jit(jax.jacfwd(lambda v: both(v)[0].sum(1)))(VALUES)


def test_equals_the_eliminated_body(exact):
    path = jax.jit(lambda v: run(Joined, v))(VALUES)
    assert (np.asarray(path.status) == Status.OK).all()
    np.testing.assert_allclose(path["v.flow"], exact[0], rtol=1e-8)
    total = np.asarray(path["v.first"] + path["v.second"])
    np.testing.assert_allclose(total, np.broadcast_to(total[0], total.shape), rtol=1e-13)


@pytest.mark.parametrize("mode", ["forward", "reverse", "reverse in short blocks"])
def test_derivatives_equal_those_of_the_eliminated_body(exact, mode):
    adjoint = {
        "forward": ForwardMode(),
        "reverse": DiscreteAdjoint(rows=2048),
        "reverse in short blocks": DiscreteAdjoint(rows=64),
    }[mode]
    take = jax.jacfwd if mode == "forward" else jax.jacrev
    found = jax.jit(take(lambda v: run(Joined, v, adjoint)["v.flow"].sum(1)))(VALUES)
    np.testing.assert_allclose(found, exact[1], rtol=1e-6, atol=1e-7)


def test_a_lane_without_a_solution_is_named_and_leaves_the_others_alone():
    """R^2 + 4 K dp < 0 in lane 1 from the moment that the pressure is taken away."""
    levels = (jnp.asarray([-20.0, -20.0]), jnp.asarray([-20.0, -500.0]))
    both = jax.jit(lambda level: run(Joined, VALUES, level=level[None]))
    good, mixed = both(levels[0]), both(levels[1])
    assert [Status(int(s)) for s in good.status] == [Status.OK, Status.OK]
    assert [Status(int(s)) for s in mixed.status] == [Status.OK, Status.INCONSISTENT]
    np.testing.assert_array_equal(mixed.states[..., 0], good.states[..., 0])


@pytest.mark.parametrize("method", [Tsit5(), FixedSteps(Tsit5(), 0.1)], ids=["Tsit5", "fixed"])
def test_explicit_methods_are_refused(method):
    with pytest.raises(ValueError, match="implied variables: use Rodas4"):
        solve(body(Joined), at=[1.0], method=method)


def test_as_many_equations_as_variables():
    class Short(Joined):
        """One equation for two variables."""

        class Implied(eqx.Module):
            flow: Scalar = state("mL/s")
            other: Scalar = state("mL/s")

    with pytest.raises(TypeError, match="Short has 2 implied variables and 1 equations"):
        body(Short)


class Cell(AbstractImplicitPart):
    """dx/dt = y - 2 x where y + y^3 = x."""

    rate: Scalar = parameter("1/s", LogNormal(1.0, cv=0.2), source="test")

    class State(eqx.Module):
        x: Scalar = state("1")

    class Implied(eqx.Module):
        y: Scalar = state("1")

    class Balance(eqx.Module):
        cubic: Scalar = state("1")

    class Outputs(eqx.Module):
        y: Scalar = port("1")

    def rest(self):
        return self.State(jnp.ones_like(self.rate))

    def guess(self):
        return self.Implied(jnp.zeros_like(self.rate))

    def outputs(self, t, state, implied, sensed):
        return self.Outputs(y=implied.y)

    def rates(self, t, state, implied, sensed, out):
        return self.State(self.rate * (implied.y - 2.0 * state.x))

    def residual(self, t, state, implied, sensed, out):
        return self.Balance(implied.y + implied.y**3 - state.x)


def test_84_variables_compile():
    many = Body({f"c{i}": Cell() for i in range(42)}, time="s")
    begun = time.perf_counter()
    path = jax.jit(lambda b: solve(b, at=[1.0], lanes=2, method=Rodas4()))(many)
    assert (np.asarray(path.status) == Status.OK).all() and path.final.shape == (84, 2)
    y, x = np.asarray(path.final[42:]), np.asarray(path.final[:42])
    np.testing.assert_allclose(y + y**3, x, atol=1e-7)
    assert time.perf_counter() - begun < 60.0
