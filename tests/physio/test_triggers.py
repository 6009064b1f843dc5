"""Jumps that the state triggers, against closed forms: a bouncing ball, a threshold with reset, and lanes that never jump."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.body import Body
from physio.component import AbstractTriggeredPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.solve import DiscreteAdjoint, FixedSteps, ForwardMode, Rodas4, Status, Tsit5, solve
from physio.solve.triggers import judged, nothing_sought

METHODS = {"Tsit5": Tsit5(1e-10, 1e-12), "Rodas4": Rodas4(1e-9, 1e-11), "fixed": FixedSteps(Tsit5(), 0.02)}
ADJOINTS = {"forward": ForwardMode(), "reverse": DiscreteAdjoint(rows=4096), "short blocks": DiscreteAdjoint(rows=64)}


class Ball(AbstractTriggeredPart):
    """dx/dt = v, dv/dt = -g; at x = 0 on the way down v becomes -e v."""

    height: Scalar = parameter("m", LogNormal(1.0, cv=0.2), source="test")
    gravity: Scalar = parameter("m/s^2", LogNormal(9.81, cv=0.01), source="test")
    restitution: Scalar = parameter("1", LogNormal(0.8, cv=0.05), source="test")
    crosses = "m"

    class State(eqx.Module):
        x: Scalar = state("m")
        v: Scalar = state("m/s")

    class Outputs(eqx.Module):
        x: Scalar = port("m")

    def rest(self):
        return self.State(self.height, 0.0 * jnp.sqrt(self.gravity * self.height))

    def outputs(self, t, state, sensed):
        return self.Outputs(x=state.x)

    def rates(self, t, state, sensed, out):
        return self.State(state.v, -self.gravity)

    def crossing(self, t, state, sensed):
        return -state.x

    def jump(self, t, state, sensed):
        return self.State(state.x, -self.restitution * state.v)


class Thrown(Ball):
    """From the floor, upwards, so that it would rise to ``height``."""

    def rest(self):
        return self.State(0.0 * self.height, jnp.sqrt(2.0 * self.gravity * self.height))


class Neuron(AbstractTriggeredPart):
    """Leaky integrate and fire: dv/dt = (drive - v) / tau; at v = threshold v is set to 0 and the count rises by 1."""

    drive: Scalar = parameter("mV", LogNormal(20.0, cv=0.1), source="test")
    threshold: Scalar = parameter("mV", LogNormal(15.0, cv=0.1), source="test")
    tau: Scalar = parameter("s", LogNormal(0.1, cv=0.1), source="test")
    crosses = "mV"

    class State(eqx.Module):
        v: Scalar = state("mV")
        count: Scalar = state("1")

    class Outputs(eqx.Module):
        v: Scalar = port("mV")

    def rest(self):
        return self.State(0.0 * self.drive, jnp.zeros_like(self.tau))

    def outputs(self, t, state, sensed):
        return self.Outputs(v=state.v)

    def rates(self, t, state, sensed, out):
        return self.State((self.drive - state.v) / self.tau, 0.0 * state.count / self.tau)

    def crossing(self, t, state, sensed):
        return state.v - self.threshold

    def jump(self, t, state, sensed):
        return self.State(0.0 * state.v, state.count + 1.0)


def solved(cls, values, at, method, adjoint=ForwardMode()):
    names = [f"p.{f}" for f in ("height", "gravity", "restitution")] if issubclass(cls, Ball) else ["p.drive", "p.threshold", "p.tau"]
    body = Body({"p": cls()}, time="s").with_values(dict(zip(names, values, strict=True)))
    return solve(body, at=at, lanes=values.shape[1], method=method, adjoint=adjoint)


def ball(values, t):
    """Height and speed after two bounces and before the third."""
    h, g, e = values
    fall = jnp.sqrt(2.0 * h / g)
    speed = g * fall
    since = t - fall - 2.0 * e * speed / g
    return jnp.stack([e**2 * speed * since - 0.5 * g * since**2, e**2 * speed - g * since])


BALLS = jnp.asarray([[1.0, 1.2], [9.81, 9.7], [0.8, 0.85]])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("mode", ADJOINTS)
def test_a_ball_that_bounces_and_its_derivatives(name, mode):
    """Derivatives hold the whole effect of when it bounced."""
    t = jnp.asarray([1.5])

    def final(values):
        return solved(Ball, values, t, METHODS[name], ADJOINTS[mode]).final

    take = jax.jacfwd if mode == "forward" else jax.jacrev
    value, slopes = jax.jit(lambda v: (final(v), take(lambda v: final(v).sum(1))(v)))(BALLS)
    np.testing.assert_allclose(value, ball(BALLS, t), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(slopes, jax.jacfwd(lambda v: ball(v, t).sum(1))(BALLS), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", METHODS)
def test_what_leaves_its_crossing_comes_back_to_it(name):
    """Thrown from the floor, where the crossing function is 0: the first bounce may lie within the first long step."""
    h, g, e = BALLS
    speed = jnp.sqrt(2.0 * g * h)
    since = 1.2 - 2.0 * speed / g
    path = jax.jit(lambda v: solved(Thrown, v, jnp.asarray([1.2]), METHODS[name]))(BALLS)
    assert (np.asarray(path.status) == Status.OK).all()
    expected = jnp.stack([e * speed * since - 0.5 * g * since**2, e * speed - g * since])
    np.testing.assert_allclose(path.final, expected, rtol=1e-8, atol=1e-9)


def test_what_rounding_left_above_zero_counts_as_below_once_it_falls():
    """Lanes: just above zero and falling, just above and rising, well above and falling, below; all end above zero."""
    before, slope = jnp.asarray([[1e-17, 1e-17, 0.1, -0.1]]), jnp.asarray([[-3.0, 3.0, -3.0, 3.0]])
    like = jnp.ones((4,))
    found = judged(nothing_sought(like), like > 0.0, like, before, slope, 0.5 * like[None])
    np.testing.assert_array_equal(found.take, [False, True, True, False])
    np.testing.assert_array_equal(found.search.hi < jnp.inf, [True, False, False, True])


def test_spikes_are_counted_and_the_last_one_is_where_it_belongs():
    """Period tau ln(drive / (drive - threshold)); lane 2 never reaches its threshold."""
    values = jnp.asarray([[20.0, 30.0, 10.0], [15.0, 15.0, 15.0], [0.1, 0.08, 0.1]])
    path = jax.jit(lambda v: solved(Neuron, v, jnp.asarray([1.0]), METHODS["Tsit5"]))(values)
    assert (np.asarray(path.status) == Status.OK).all()
    drive, threshold, tau = np.asarray(values)
    period = tau * np.log(drive / np.maximum(drive - threshold, 1e-300))
    count = np.where(drive > threshold, np.floor(1.0 / period), 0.0)
    np.testing.assert_array_equal(path.final[1], count)
    since = np.where(count > 0, 1.0 - count * np.where(count > 0, period, 0.0), 1.0)
    np.testing.assert_allclose(path.final[0], drive * (1.0 - np.exp(-since / tau)), rtol=1e-8)


def test_a_lane_that_fails_is_named_and_leaves_the_others_alone():
    run = jax.jit(lambda v: solved(Ball, v, jnp.asarray([1.5]), Tsit5(max_steps=2000)))
    good, mixed = run(BALLS), run(BALLS.at[2, 1].set(jnp.nan))
    assert Status(int(mixed.status[0])) == Status.OK and Status(int(mixed.status[1])) != Status.OK
    np.testing.assert_array_equal(mixed.states[..., 0], good.states[..., 0])
