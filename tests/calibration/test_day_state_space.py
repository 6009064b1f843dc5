"""A diabetic day from reading to reading: against a scalar filter, a batch of all readings, and days drawn from the model."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from calibration.assimilation import BeliefStatus, Extended, follow, forecast, update
from calibration.assimilation.semidefinite import root
from calibration.diabetes.bergman import Bergman
from calibration.diabetes.between_readings import BetweenReadings
from calibration.diabetes.day_belief import after_a_night, morning
from calibration.diabetes.day_state_space import DayStateSpace, Unrest, readings_of
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.inputs import Bolus, DayInputs, Meal
from calibration.diabetes.s2008 import S2008
from calibration.diabetes.sensor import STEP, Sensor, Trace
from physio.solve import Tsit5, solve
from physio.system import System
from physio.wiring import WiringError

LANES, STEPS = 32, 24
AT = STEP * np.arange(STEPS + 1)[:, None] + np.zeros(LANES)
SENSOR, STILL = Sensor(sd=6.0, phi=0.8, white=3.0), Unrest(sensitivity=0.0, rise=0.0)
FILTER = Extended()


def _day(grams: float) -> DayInputs:
    boluses = Bolus(20.0, grams / 12.0), Bolus(71.0, 1.0)
    return DayInputs((Meal(20.0, grams, 0),), boluses, ((0.0, 0.015), (60.0, 0.018)), 70.0)


DAYS = [_day(grams) for grams in np.linspace(30.0, 80.0, LANES)]
# what happens after the readings lets the program of the other days serve
LATE = 5000.0
FASTING = [DayInputs((Meal(LATE, 9.0, 0),), (Bolus(LATE, 1.0),) * 2, ((0.0, 0.015), (LATE, 0.018)), 70.0)] * LANES


def _space(days, unrest=Unrest(), sensor=SENSOR, grams=0.0) -> DayStateSpace:
    return DayStateSpace.of(Bergman(), days, sensor=sensor, unrest=unrest, grams=grams)


def _trace(value: np.ndarray, below=False, above=False) -> Trace:
    no = np.zeros(value.shape, bool)
    return Trace.of(AT[: len(value)], value, no | below, no | above, SENSOR)


def _followed(model, belief, value):
    """Through the readings (steps, lanes) after the first."""
    readings = jax.tree.map(lambda x: x[1:], readings_of(_trace(value)))
    return follow(FILTER, model, belief, jnp.asarray(AT[1:]), readings)


@pytest.fixture(scope="module")
def drawn():
    """A model, what is believed as its days begin, and readings of days drawn from both."""
    model = _space(DAYS, grams=0.3)
    belief = morning(model, 140.0, 0.3**2 * jnp.eye(len(model.expected)))
    rng = np.random.default_rng(7)
    shape = (len(model.names), LANES)
    x = belief.mean + jnp.einsum("ijl,jl->il", root(belief.covariance), jnp.asarray(rng.standard_normal(shape)))
    step = jax.jit(lambda model, x, w, at: model.transition(x, w, at, at + STEP))
    value = [np.full(LANES, 140.0)]
    for at in AT[:-1]:
        x, good = step(model, x, jnp.asarray(rng.standard_normal((model.noises, LANES))), jnp.asarray(at))
        assert good.all()
        told, sd = model.observe(0, x, jnp.asarray(at + STEP))
        value.append(np.asarray(told + sd * rng.standard_normal(LANES)))
    return model, belief, np.stack(value)


@pytest.mark.parametrize("family", [Hovorka(), S2008()], ids=lambda f: f.label)
def test_steps_are_the_day_that_a_solver_sees(family):
    # nothing begins or ends within a step
    day = DayInputs((Meal(20.0, 50.0, 0),), (), ((0.0, 0.015), (20.0, 0.8), (25.0, 0.02)), 70.0)
    model = DayStateSpace.of(family, [day], unrest=STILL, grams=0.0, free=())
    body = model.person(jnp.zeros((0, 1)))[0]

    @jax.jit
    def stepped(x):
        def one(x, at):
            x = model.transition(x, jnp.zeros((4, 1)), at, at + STEP)[0]
            return x, model.observe(0, x, at)[0]

        return jax.lax.scan(one, x, jnp.asarray(AT[:-1, :1]))[1]

    found = stepped(jnp.concatenate([System.of(body, 1).rest(), jnp.zeros((4, 1))]))[:, 0]
    path = solve(body, day.schedule(family, False)[0], at=AT[:, 0], lanes=1, method=Tsit5(rtol=1e-6, atol=1e-6))
    glucose = np.asarray(path[family.tissue])[:, 0]
    assert np.ptp(glucose) > 20.0
    assert np.abs(found - glucose[1:]).max() < 0.05


def test_between_readings_nothing_is_lost():
    meals, boluses = (Meal(3.0, 47.0, 0), Meal(58.5, 21.0, 1)), (Bolus(4.5, 3.0), Bolus(70.0, 1.5))
    day = DayInputs(meals, boluses, ((0.0, 0.01), (33.0, 0.03)), 70.0)
    events, total = BetweenReadings.of(S2008(), [day], 0.3), {"food": 0.0, "insulin": 0.0, "stomach.meal": 0.0}
    none = {"insulin": jnp.zeros(1)}
    for at in np.arange(0.0, 120.0, STEP):
        plan = events.plan(jnp.array([at]), jnp.array([at + STEP]), jnp.zeros(1), none)
        column = plan.columns(plan.table[:, 0])
        for name, level in zip(plan.inputs, column.level, strict=True):
            total[name] += STEP * float(level[0])
        total["stomach.meal"] += float(column.bolus[plan.channels.index("stomach.meal")][0])
    assert total["food"] == pytest.approx(68e3) and total["stomach.meal"] == pytest.approx(68e3)
    assert total["insulin"] == pytest.approx(4.5 + 87.0 * 0.02)
    begins = [bool(events.meal_begins(jnp.array([at]), jnp.array([at + STEP]))[0]) for at in (0.0, 5.0, 55.0)]
    assert begins == [True, False, True]


def test_a_body_at_rest_leaves_the_scalar_filter_of_the_drift():
    model = _space(FASTING, STILL, SENSOR._replace(gain_sd=0.0))
    rest = float(model.family.prior(model.family.fasting).median)
    belief = morning(model, rest, jnp.zeros((len(model.expected),) * 2), spread=0.0)
    rng = np.random.default_rng(3)
    off = np.where(rng.random((STEPS + 1, LANES)) < 0.3, np.nan, 8.0 * rng.standard_normal((STEPS + 1, LANES)))
    off[0] = np.nan
    found = _followed(model, belief, rest + off)
    silent = readings_of(_trace(np.full_like(off, np.nan)[1:]))
    later = follow(FILTER, model, found.belief, found.belief.time + jnp.asarray(AT[1:]), silent)
    assert (found.status == BeliefStatus.OK).all() and (later.status == BeliefStatus.OK).all()
    for lane in range(LANES):
        mean, sd = _drift_ahead(off[:, lane])
        np.testing.assert_allclose(later.forecasts.mean[:, 0, lane] - rest, mean, atol=1e-8)
        np.testing.assert_allclose(later.forecasts.sd[:, 0, lane], sd, rtol=1e-8)


def _drift_ahead(off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of as many readings after ``off`` [mg/dL], the normal distribution given those that were read."""
    steps = np.arange(2 * STEPS + 1)
    c = SENSOR.sd**2 * SENSOR.phi ** np.abs(steps[:, None] - steps) + SENSOR.white**2 * np.eye(steps.size)
    seen, later = np.flatnonzero(np.isfinite(off)), steps[STEPS + 1 :]
    gain = np.linalg.solve(c[np.ix_(seen, seen)], c[np.ix_(seen, later)]).T
    return gain @ off[seen], np.sqrt(np.diag(c[np.ix_(later, later)] - gain @ c[np.ix_(seen, later)]))


def test_constant_unknowns_end_as_a_batch_of_all_readings_says():
    """Gauss and Newton by differences of whole days, each lane the day with one unknown moved."""
    sharp, scale, spread = Sensor(gain_sd=0.04, sd=1.0, phi=0.8, white=0.5), 0.1, 4.0
    model = _space([_day(55.0)] * LANES, STILL, sharp)
    rows, count = np.asarray(model.rows), len(model.free) + 1
    silent = np.full((STEPS + 1, LANES), np.nan)
    prior = np.append(np.full(count - 1, scale), spread)

    def told(u):
        """(steps, lanes) from z of the free unknowns and where glucose begins (unknowns, lanes)."""
        z = jnp.zeros_like(model.expected).at[rows].set(u[:-1])
        moved = dataclasses.replace(model, expected=z)
        belief = morning(moved, 140.0 + u[-1], jnp.zeros((len(z), len(z))), spread=0.0)
        return np.asarray(_followed(moved, belief, silent).forecasts.mean)[:, 0]

    rng = np.random.default_rng(11)
    lag = np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS)))
    # the drift begins before the first reading of all
    error = sharp.sd**2 * sharp.phi**lag + sharp.white**2 * np.eye(STEPS)
    truth = prior[:, None] * rng.standard_normal((count, 1)) + np.zeros(LANES)
    value = told(truth)[:, 0] + np.linalg.cholesky(error) @ rng.standard_normal(STEPS)
    u, step = np.zeros(count), 0.05 * prior
    for _ in range(4):
        points = np.zeros((count, LANES)) + u[:, None]
        points[:, 1 : count + 1] += np.diag(step)
        points[:, count + 1 : 2 * count + 1] -= np.diag(step)
        all_ = told(points)
        j = (all_[:, 1 : count + 1] - all_[:, count + 1 : 2 * count + 1]) / (2.0 * step)
        information = j.T @ np.linalg.solve(error, j) + np.diag(prior**-2.0)
        u = u + np.linalg.solve(information, j.T @ np.linalg.solve(error, value - all_[:, 0]) - u / prior**2)
    covariance = np.linalg.inv(information)[:-1, :-1]
    belief = morning(model, 140.0, scale**2 * jnp.eye(len(model.expected)), spread=spread)
    found = _followed(model, belief, np.concatenate([silent[:1], value[:, None] + np.zeros(LANES)])).belief
    here, sd = slice(len(model.states), len(model.states) + count - 1), np.sqrt(np.diag(covariance))
    assert sd.min() < 0.7 * scale
    away = (np.asarray(found.mean)[here, 0] - u[:-1]) / sd
    assert np.abs(away).max() < 0.1
    both = np.outer(sd, sd)
    np.testing.assert_allclose(np.asarray(found.covariance)[here, here, 0] / both, covariance / both, atol=0.05)


def test_readings_fall_where_the_filter_expects_them(drawn):
    model, belief, value = drawn
    found = _followed(model, belief, value)
    off = (value[1:] - np.asarray(found.forecasts.mean)[:, 0]) / np.asarray(found.forecasts.sd)[:, 0]
    assert (found.status == BeliefStatus.OK).all()
    assert np.mean(off**2) == pytest.approx(1.0, abs=0.12)
    for level in (0.5, 0.9):
        reach = scipy.stats.norm.ppf(0.5 + 0.5 * level)
        assert np.mean(np.abs(off) < reach) == pytest.approx(level, abs=0.05)
    # one after the other they say nothing new of each other
    assert abs(np.mean(off[1:] * off[:-1])) < 0.1


def test_lanes_do_not_meet_and_a_day_without_a_reading_learns_nothing(drawn):
    model, belief, value = drawn
    other = value.copy()
    other[:, 0], other[5:, 1] = np.nan, 390.0
    a, b = (_followed(model, belief, v).belief for v in (value, other))
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert np.array_equal(x[..., 2:], y[..., 2:])
    here = slice(len(model.states), len(model.states) + len(model.free))
    assert np.array_equal(b.mean[here, 0], belief.mean[here, 0]) and not np.array_equal(a.mean[here, 0], belief.mean[here, 0])


def test_holes_and_bounds(drawn):
    model, belief, _ = drawn
    # what is seen is then linear in the state
    model = dataclasses.replace(model, sensor=model.sensor._replace(gain_sd=jnp.zeros(LANES)))
    value = np.full((1, LANES), 120.0)
    value[0, 0], value[0, 1], value[0, 2] = np.nan, 150.0, 130.0
    above, below = np.arange(LANES) == 1, np.arange(LANES) == 2
    new = update(FILTER, model, belief, jax.tree.map(lambda x: x[0], readings_of(_trace(value, below, above))))
    for x, y in zip(jax.tree.leaves(new), jax.tree.leaves(belief), strict=True):
        assert np.array_equal(x[..., 0], y[..., 0])
    before, after = (forecast(FILTER, model, b) for b in (belief, new))
    assert np.allclose(before.mean[1], -before.mean[0]) and np.allclose(before.sd[1], before.sd[0])
    # told before its noise: the reading's moments, cut off at the limit, and what of them the state has
    mean, sd, white = np.asarray(before.mean[0]), np.asarray(before.sd[0]), SENSOR.white
    share = (sd**2 - white**2) / sd**2
    for lane, cut in ((1, ((150.0 - mean[1]) / sd[1], np.inf)), (2, (-np.inf, (130.0 - mean[2]) / sd[2]))):
        law = scipy.stats.truncnorm(*cut, loc=mean[lane], scale=sd[lane])
        assert after.mean[0, lane] == pytest.approx(mean[lane] + share[lane] * (law.mean() - mean[lane]), rel=1e-6)
        state = share[lane] * sd[lane] ** 2 * (1.0 - share[lane] * (1.0 - law.var() / sd[lane] ** 2))
        assert after.sd[0, lane] ** 2 == pytest.approx(state + white**2, rel=1e-6)


def test_a_night_draws_towards_the_priors(drawn):
    model, belief, _ = drawn
    here = slice(len(model.states), len(model.states) + len(model.free))
    rows = np.asarray(model.rows)
    learned = dataclasses.replace(belief, mean=belief.mean + 0.5)
    for kept in (0.0, 0.6, 1.0):
        expected, covariance = after_a_night(model, learned, kept)
        np.testing.assert_allclose(expected[rows], kept * 0.5)
        again = morning(dataclasses.replace(model, expected=jnp.asarray(expected)), 140.0, covariance)
        np.testing.assert_allclose(again.mean[here], kept * 0.5)
        np.testing.assert_allclose(again.sd()[here], np.sqrt(kept**2 * 0.3**2 + 1.0 - kept**2))


def test_an_unknown_that_the_family_lacks():
    with pytest.raises(WiringError, match="glucose.brain"):
        DayStateSpace.of(Bergman(), DAYS[:1], free=("glucose.brain",))
