"""The solver: accuracy, agreement with Diffrax, failure of single lanes, derivatives."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.pharmacokinetics import intravenous, oral
from physio.bodies.regazzoni import regazzoni
from physio.bodies.tumours import untreated
from physio.body import Body
from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.schedule import bolus, infusion, switch
from physio.solve import Diffrax, Status, Tsit5, instant, periodic, solve
from physio.tumours.growth import Exponential
from physio.wiring import WiringError, times

DEFAULT = Tsit5()
AT = jnp.asarray([0.0, 0.5, 1.5, 2.0, 4.0])
SCHEDULE = bolus("depot.drug", 0.25, 100.0) + infusion("central.drug", 1.0, 50.0, 1.5)


class Growth(AbstractPlainPart):
    """dx/dt = r x^2 from 1: x = 1 / (1 - r t), which ends in finite time for r > 0."""

    rate: Scalar = parameter("1/s", LogNormal(0.1, cv=0.2), source="test")

    class State(eqx.Module):
        size: Scalar = state("1")

    class Outputs(eqx.Module):
        size: Scalar = port("1")

    def rest(self):
        return self.State(size=jnp.ones_like(self.rate))

    def outputs(self, t, state, sensed):
        return self.Outputs(size=state.size)

    def rates(self, t, state, sensed, out):
        return self.State(size=self.rate * state.size**2)


class Follower(AbstractPlainPart):
    """dx/dt = k (u(t) - x) from 0, with an input u."""

    speed: Scalar = parameter("1/h", LogNormal(2.0, cv=0.2), source="test")
    time_unit = "h"

    class State(eqx.Module):
        level: Scalar = state("mg/L")

    class Sensed(eqx.Module):
        target: Scalar = port("mg/L")

    class Outputs(eqx.Module):
        level: Scalar = port("mg/L")

    def rest(self):
        return self.State(level=jnp.zeros_like(self.speed))

    def outputs(self, t, state, sensed):
        return self.Outputs(level=state.level)

    def rates(self, t, state, sensed, out):
        return self.State(level=self.speed * (sensed.target - state.level))


def growth(rates):
    return Body({"g": Growth()}, time="s").with_values({"g.rate": rates})


@jax.jit
def grown(rates, method=DEFAULT):
    """Cohort of the growth at 0, 1 and 2 s."""
    return solve(growth(rates), at=jnp.arange(3.0), lanes=rates.shape[0], method=method)


# ---- accuracy ----------------------------------------------------------------------------------------------


def test_error_follows_tolerance():
    rates = jnp.asarray([0.3, 0.1, -0.5, -3.0])
    exact = 1.0 / (1.0 - rates * 2.0)
    errors = [
        float(jnp.abs(grown(rates, Tsit5(rtol, rtol)).states[-1, 0] / exact - 1.0).max())
        for rtol in (1e-5, 1e-7, 1e-9)
    ]
    assert errors[0] < 1e-3 and errors[1] < 1e-5 and errors[2] < 1e-7
    assert errors[0] > 3.0 * errors[1] > 9.0 * errors[2]


def test_a_body_may_run_on_another_clock_than_its_parts():
    follower = Body({"f": Follower()}, time="min", inputs={"u": "mg/L"}, senses={"f.target": "input.u"})
    path = solve(
        follower,
        switch("u", 30.0, 90.0, level=5.0),
        at=[0.0, 30.0, 60.0, 90.0, 120.0],
        method=Tsit5(1e-10, 1e-12),
    )
    up = 5.0 * (1.0 - np.exp(-2.0 * np.asarray([0.5, 1.0])))
    wanted = [0.0, 0.0, up[0], up[1], up[1] * np.exp(-1.0)]
    np.testing.assert_allclose(path["f.level"], wanted, atol=1e-9)
    # an input is shown as it was just before the observation, like a dose
    np.testing.assert_array_equal(path["input.u"], [0.0, 0.0, 5.0, 5.0, 0.0])


@pytest.fixture(scope="module")
def own():
    """The oral two-compartment model at tight tolerance."""
    return solve(oral(2), SCHEDULE, at=AT, method=Tsit5(1e-11, 1e-12))


@pytest.mark.parametrize("solver", [diffrax.Dopri8(), diffrax.Kvaerno5()], ids=["Dopri8", "Kvaerno5"])
def test_agrees_with_diffrax(own, solver):
    other = jax.jit(lambda b: solve(b, SCHEDULE, at=AT, method=Diffrax(solver, 1e-9, 1e-10)))(oral(2))
    assert Status(int(other.status)) == Status.OK
    np.testing.assert_allclose(other.states, own.states, rtol=1e-7, atol=1e-7)


@pytest.mark.slow
def test_circulation_agrees_with_diffrax():
    at = jnp.linspace(0.0, 1.0, 6)
    mine = jax.jit(lambda b: solve(b, at=at, method=Tsit5(1e-9, 1e-9)))(regazzoni())
    other = jax.jit(lambda b: solve(b, at=at, method=Diffrax(diffrax.Dopri8(), 1e-9, 1e-9)))(regazzoni())
    np.testing.assert_allclose(mine.states, other.states, rtol=1e-5, atol=1e-4)


# ---- failures are data -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", [2.0, 0.51, np.inf, np.nan], ids=["blows up", "blows up late", "infinite", "nan"]
)
def test_a_lane_that_fails_is_named_and_leaves_the_others_alone(bad):
    good = grown(jnp.asarray([0.3, 0.2, -0.5, 0.1]))
    mixed = grown(jnp.asarray([0.3, bad, -0.5, 0.1]))
    assert [Status(int(s)) for s in good.status] == [Status.OK] * 4
    assert Status(int(mixed.status[1])) in (Status.STEP_TOO_SMALL, Status.STEP_BUDGET)
    assert np.isnan(mixed.states[:, :, 1]).all()
    kept = [0, 2, 3]
    np.testing.assert_array_equal(mixed.status[jnp.asarray(kept)], [0, 0, 0])
    np.testing.assert_array_equal(mixed.states[..., kept], good.states[..., kept])
    np.testing.assert_array_equal(mixed.final[..., kept], good.final[..., kept])
    np.testing.assert_array_equal(mixed.steps[jnp.asarray(kept)], good.steps[jnp.asarray(kept)])


def test_a_lane_without_a_start_fails_at_once():
    """The segment before an observation at 0 has no length, and no shorter step to try."""
    start = jnp.asarray([1.0, jnp.nan])
    run = jax.jit(lambda start: solve(untreated(Exponential(start=start, rate=0.1)), at=jnp.asarray([0.0, 5.0]), lanes=2))
    path = run(start)
    assert [Status(int(s)) for s in path.status] == [Status.OK, Status.STEP_TOO_SMALL]
    assert int(path.steps.max()) < 100
    np.testing.assert_allclose(path["tumour.volume"][:, 0], [1.0, np.exp(0.5)], rtol=1e-5)


def test_a_failing_lane_leaves_closed_beats_alone():
    run = jax.jit(
        lambda r: periodic(regazzoni().with_values({"systemic_bed.resistance": r}), lanes=3, samples=8)
    )
    good, mixed = run(jnp.asarray([0.7, 0.8, 0.9])), run(jnp.asarray([0.7, np.nan, 0.9]))
    assert [Status(int(s)) for s in good.status] == [Status.OK] * 3
    assert Status(int(mixed.status[1])) != Status.OK and Status(int(mixed.status[1])).reason
    np.testing.assert_array_equal(mixed.states[..., [0, 2]], good.states[..., [0, 2]])


def test_a_closed_beat_may_begin_from_another():
    body = regazzoni().with_values({"systemic_bed.resistance": jnp.asarray([0.7, 0.8, 0.9])})
    tight = Tsit5(1e-9, 1e-9)
    run = jax.jit(lambda guess: periodic(body, lanes=3, samples=8, method=tight, tolerance=1e-6, guess=guess))
    unknown = jnp.full((12, 3), jnp.nan)
    rest = run(unknown)
    again = run(rest.final.at[:, 1].set(jnp.nan))
    assert [Status(int(s)) for s in (*rest.status, *again.status)] == [Status.OK] * 6
    # a lane without a guess starts from rest, whatever the others start from
    np.testing.assert_array_equal(again.states[..., 1], rest.states[..., 1])
    scale = float(jnp.abs(rest.states).max())
    np.testing.assert_allclose(again.states, rest.states, atol=1e-5 * scale)


def test_step_budget():
    few = grown(jnp.asarray([0.3, -3.0]), Tsit5(1e-10, 1e-10, max_steps=30))
    assert Status.STEP_BUDGET in [Status(int(s)) for s in few.status]
    assert int(few.steps.max()) <= 30
    other = solve(oral(1), SCHEDULE, at=AT, method=Diffrax(diffrax.Dopri5(), 1e-10, 1e-10, max_steps=2))
    assert Status(int(other.status)) == Status.STEP_BUDGET and np.isnan(other.states).all()


def test_a_cohort_needs_the_own_method():
    with pytest.raises(ValueError, match="a cohort is solved with"):
        solve(oral(1), SCHEDULE, at=AT, lanes=2, method=Diffrax(diffrax.Dopri5()))


def test_only_a_paced_body_has_a_beat():
    with pytest.raises(ValueError, match="only a paced body has a beat"):
        periodic(oral(1))


def test_an_unknown_output_names_the_nearest(own):
    with pytest.raises(
        WiringError, match="no output or flow 'central.concentrations'; did you mean 'central.concentration'"
    ):
        own["central.concentrations"]


@pytest.mark.parametrize(
    "at", [[1.0, 0.5], [0.0, 2.0, 1.0], [0.0, float("nan")], [-1.0, 1.0], [[0.0, 0.0], [1.0, -1.0]]]
)
def test_times_that_do_not_ascend_are_refused(at):
    with pytest.raises(ValueError, match="times of observation must ascend"):
        solve(intravenous(1), at=at, lanes=2 if np.ndim(at) == 2 else None)


# ---- derivatives -------------------------------------------------------------------------------------------


def test_reverse_mode_equals_forward_mode():
    names = ("elimination.clearance", "absorption.rate", "depot.lag", "depot.bioavailability")
    body = oral(1)

    def curve(values, amount, method):
        there = body.with_values(dict(zip(names, values, strict=True)))
        doses = bolus("depot.drug", 0.25, amount) + infusion("central.drug", 1.0, amount, 1.5)
        return solve(there, doses, at=AT, method=method)["central.concentration"].sum()

    values, amount = jnp.asarray([float(body.value(n)) for n in names]), jnp.asarray(100.0)
    tight = {"rtol": 1e-11, "atol": 1e-12}
    reverse = jax.jit(jax.grad(lambda v, a: curve(v, a, Diffrax(diffrax.Tsit5(), **tight)), argnums=(0, 1)))
    forward = jax.jit(jax.jacfwd(lambda v, a: curve(v, a, Tsit5(**tight)), argnums=(0, 1)))
    for back, ahead in zip(reverse(values, amount), forward(values, amount), strict=True):
        np.testing.assert_allclose(back, ahead, rtol=1e-8)


def test_initial_state_carries_a_derivative():
    # the amount decays as exp(-CL t / V), and so does its derivative with respect to the start
    body, start = intravenous(1), jnp.asarray([100.0, 0.0])
    names = solve(body, at=[0.0]).system.state_names
    slope = jax.jacfwd(lambda y: solve(body, at=[2.0], start=y, method=Tsit5(1e-10, 1e-10)).final)(start)
    row = names.index("central.amount")
    assert float(slope[row, row]) == pytest.approx(np.exp(-4.0 / 35.0 * 2.0), rel=1e-9)


def test_a_driven_parameter_acts():
    body = intravenous(1).wired(
        {}, inputs={"inhibition": "1"}, drive={"elimination.clearance": times("input.inhibition")}
    )
    path = solve(
        body, bolus("central.drug", 0.0, 70.0) + switch("inhibition", 1.0, level=0.5), at=[0.5, 1.0, 3.0]
    )
    np.testing.assert_allclose(
        path["central.concentration"], [2.0, 2.0, 2.0 * np.exp(-0.5 * 4.0 / 35.0 * 2.0)], rtol=1e-6
    )


def test_an_instant_shows_a_state_without_a_step():
    body = intravenous(1).wired(
        {}, inputs={"inhibition": "1"}, drive={"elimination.clearance": times("input.inhibition")}
    )
    schedule = bolus("central.drug", 1.0, 70.0) + switch("inhibition", 1.0, level=0.5)
    state = jnp.asarray([[70.0, 35.0], [0.0, 0.0]])
    path = instant(body, schedule, state=state, at=jnp.asarray([1.0, 1.5]), lanes=2)
    # amount / volume; the dose and the switch at this very time are not seen yet, the switch before it is
    np.testing.assert_allclose(path["central.concentration"], [[2.0, 1.0]], rtol=1e-15)
    np.testing.assert_allclose(path["elimination.flow"], [[0.0, 0.5 * 4.0 * 1.0]], rtol=1e-15)
