"""Jumps that a schedule orders, against a closed form, with the derivatives that belong to them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.body import Body
from physio.component import AbstractEventPart, AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.schedule import bolus, ragged
from physio.solve import DiscreteAdjoint, ForwardMode, Rodas4, Status, Tsit5, solve
from physio.units import as_quantity
from physio.wiring import WiringError

METHODS = {"Tsit5": Tsit5(1e-11, 1e-13), "Rodas4": Rodas4(1e-10, 1e-12)}
ADJOINTS = {"forward": ForwardMode(), "reverse": DiscreteAdjoint(rows=4096), "short blocks": DiscreteAdjoint(rows=16)}
AT = jnp.asarray([1.0, 2.0, 3.0, 4.0])


class Leak(AbstractPlainPart):
    """dx/dt = -k x."""

    k: Scalar = parameter("1/s", LogNormal(0.5, cv=0.2), source="test")

    class State(eqx.Module):
        x: Scalar = state("mg")

    class Outputs(eqx.Module):
        x: Scalar = port("mg")

    def rest(self):
        return self.State(as_quantity(jnp.full_like(self.k, 3.0), "mg"))

    def outputs(self, t, state, sensed):
        return self.Outputs(state.x)

    def rates(self, t, state, sensed, out):
        return self.State(-self.k * state.x)


class Memory(AbstractEventPart):
    """Keeps what it saw: m becomes ``share`` times x and the amount at ``look``; ``add`` adds to it."""

    share: Scalar = parameter("1", LogNormal(0.8, cv=0.1), source="test")

    class State(eqx.Module):
        m: Scalar = state("mg")

    class Sensed(eqx.Module):
        x: Scalar = port("mg")

    class Events(eqx.Module):
        look: Scalar = port("mg")
        add: Scalar = port("mg")

    class Outputs(eqx.Module):
        m: Scalar = port("mg")

    def rest(self):
        return self.State(as_quantity(0.0 * self.share, "mg"))

    def outputs(self, t, state, sensed):
        return self.Outputs(state.m)

    def rates(self, t, state, sensed, out):
        return self.State(0.0 * state.m / as_quantity(jnp.ones_like(state.m), "s"))

    def jump(self, t, event, state, sensed):
        seen = jnp.where(event.look > 0.0, self.share * sensed.x + event.look, state.m)
        return self.State(seen + event.add)


def body():
    parts = {"leak": Leak(), "memory": Memory()}
    return Body(parts, time="s", senses={"memory.x": "leak.x"})


def closed(v, extra):
    """m at ``AT``: looks at t1 and t2, and ``extra`` that is added at 3.5."""
    x = lambda t: 3.0 * jnp.exp(-v["k"] * t)
    first, second = v["share"] * x(v["t1"]) + v["amount"], v["share"] * x(v["t2"]) + 2.0
    return jnp.stack([0.0 * first, first, second, second + extra])


VALUES = {"k": 0.5, "share": 0.8, "amount": 1.5, "t1": 1.3, "t2": 2.2}


def solved(v, method, adjoint):
    people = [bolus("memory.look", v["t1"], v["amount"]) + bolus("memory.look", v["t2"], 2.0) for _ in range(2)]
    people[0] = people[0] + bolus("memory.add", 3.5, 0.7)
    there = body().with_values({"leak.k": v["k"], "memory.share": v["share"]})
    path = solve(there, ragged(people), at=AT, lanes=2, method=method, adjoint=adjoint)
    return path["memory.m"], path.status


@pytest.mark.parametrize(
    ("name", "mode"), [("Tsit5", "forward"), ("Tsit5", "reverse"), ("Tsit5", "short blocks"), ("Rodas4", "forward")]
)
def test_a_memory_and_its_derivatives(name, mode):
    v = {key: jnp.asarray(value) for key, value in VALUES.items()}
    take = jax.jacfwd if mode == "forward" else jax.jacrev

    def found(v):
        m, status = solved(v, METHODS[name], ADJOINTS[mode])
        return m, (m, status)

    slopes, (m, status) = jax.jit(take(found, has_aux=True))(v)
    exact = lambda v: jnp.stack([closed(v, 0.7), closed(v, 0.0)], axis=-1)
    assert (np.asarray(status) == Status.OK).all()
    np.testing.assert_allclose(m, exact(v), rtol=1e-9)
    wanted = jax.jacfwd(exact)(v)
    for key in v:
        np.testing.assert_allclose(slopes[key], wanted[key], rtol=1e-7, atol=1e-8, err_msg=key)


def test_an_event_at_the_start_is_seen_and_one_at_the_end_is_not():
    schedule = bolus("memory.look", [0.0, 4.0], [1.0, 5.0])
    for adjoint in (ForwardMode(), DiscreteAdjoint(rows=256)):
        path = solve(body(), schedule, at=AT, method=METHODS["Tsit5"], adjoint=adjoint)
        np.testing.assert_allclose(path["memory.m"], 0.8 * 3.0 + 1.0, rtol=1e-12)

    def last(share):
        there = body().with_values({"memory.share": share})
        return solve(there, schedule, at=AT, method=METHODS["Tsit5"], adjoint=DiscreteAdjoint(rows=256))["memory.m"][-1]

    assert float(jax.grad(last)(jnp.asarray(0.8))) == pytest.approx(3.0, rel=1e-12)


def test_a_channel_that_is_none_is_refused_and_units_are_known():
    assert body().unit_of("memory.look") == "mg"
    with pytest.raises(WiringError, match="did you mean 'memory.look'"):
        solve(body(), bolus("memory.loook", 1.0, 1.0), at=AT)
