"""Sensor, meals and families of twins of days, against numpy, closed forms and what bodies conserve."""

from dataclasses import replace
from datetime import date

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.diabetes.bergman import Bergman
from calibration.diabetes.day_problem import EXACT, HELD, HELD_SD, STRIDE, DayProblem, between
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.inputs import Bolus, Bout, DayInputs, Events, Meal, day_inputs
from calibration.diabetes.s2008 import S2008
from calibration.diabetes.sensor import STEP, Sensor, Trace
from calibration.diabetes.traces import grid_of
from calibration.records.diary import Diary, Entries, no_entries
from physio.metabolism.glucose_by_mass import MG_DL_PER_MMOL_L
from physio.protocol import Timed
from physio.schedule import ragged, switch
from physio.solve import Tsit5, solve

U_MIN = 1.0 / 60.0

SENSOR = Sensor(sd=6.0, phi=0.8, white=3.0)
METHOD = Tsit5(rtol=1e-8, atol=1e-8)
AT = np.arange(0.0, 1441.0, STEP)
RATE, WEIGHT = 0.9 * U_MIN, 70.0


def _covariance(times: int) -> np.ndarray:
    lag = np.abs(np.subtract.outer(np.arange(times), np.arange(times)))
    return SENSOR.sd**2 * SENSOR.phi**lag + SENSOR.white**2 * np.eye(times)


def _read(times: int, lanes: int, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    value = 150.0 + np.linalg.cholesky(_covariance(times)) @ rng.standard_normal((times, lanes))
    return np.where(rng.random((times, lanes)) < 0.3, np.nan, value)


def _trace(value: np.ndarray, below=False, above=False) -> Trace:
    no = np.zeros(value.shape, bool)
    at = np.broadcast_to(STEP * np.arange(value.shape[0])[:, None], value.shape)
    return Trace.of(at, value, no | below, no | above, SENSOR)


def test_innovations_are_the_multivariate_normal_density():
    value = _read(40, 3)
    trace = _trace(value)
    e = np.asarray(trace.innovations(jnp.full((40, 3), 148.0), SENSOR.phi))
    assert (e[np.isnan(value)] == 0.0).all()
    for lane in range(3):
        seen = np.isfinite(value[:, lane])
        r, c = value[seen, lane] - 148.0, _covariance(40)[np.ix_(seen, seen)]
        expected = r @ np.linalg.solve(c, r) + np.linalg.slogdet(c)[1]
        assert (e[:, lane] ** 2 + 2.0 * np.log(trace.root[:, lane]) * seen).sum() == pytest.approx(expected, rel=1e-10)


def test_a_reading_at_the_end_of_the_range_is_a_bound():
    value = np.array([[40.0, 40.0, 400.0, 400.0]])
    below = np.array([[True, True, False, False]])
    e = np.asarray(_trace(value, below, ~below).innovations(jnp.array([[35.0, 50.0, 420.0, 390.0]]), SENSOR.phi))[0]
    assert e[0] == 0.0 and e[2] == 0.0
    assert e[[1, 3]] == pytest.approx(np.array([-10.0, 10.0]) / np.hypot(SENSOR.sd, SENSOR.white))


def test_between_reproduces_cubics():
    cubic = np.polynomial.Polynomial([3.0, -2.0, 0.7, 0.11])
    t = np.arange(9.0)
    knots = t[::STRIDE, None]
    found = between(jnp.asarray(cubic(knots)), jnp.asarray(STRIDE * cubic.deriv()(knots)))
    assert np.asarray(found)[:, 0] == pytest.approx(cubic(t), rel=1e-12)


def _entries(minute, value) -> Entries:
    text = np.full(len(minute), "", dtype=object)
    return Entries(np.asarray(minute, float), np.asarray(value, float), text, text, np.arange(len(minute)))


@pytest.mark.parametrize("every, first", [(5.0, 0.0), (5.0, 3.0), (5.0, 4.9), (15.0, 0.0), (15.0, 7.0)])
@pytest.mark.parametrize("count", [2, 7, 24])
def test_a_regular_sensor_lies_on_its_grid(every, first, count):
    minute = 100.0 + first + every * np.arange(count)
    at, value, _, _ = grid_of(Diary("a", date(2024, 1, 1), glucose=_entries(minute, minute)), 100.0, 100.0 + every * count)
    assert at[0] == pytest.approx(first % STEP) and np.isfinite(value).sum() == count
    assert 100.0 + at[np.isfinite(value)] == pytest.approx(minute)


def test_no_reading_is_moved_by_more_than_half_a_step():
    rng = np.random.default_rng(2)
    minute = 61.7 + STEP * np.arange(200) + rng.uniform(-1.0, 1.0, 200)
    kept = minute[rng.random(200) < 0.6]
    at, value, below, _ = grid_of(Diary("a", date(2024, 1, 1), glucose=_entries(kept, kept)), 60.0, 60.0 + 199 * STEP)
    there = np.isfinite(value)
    assert there.sum() == len(kept) and (np.abs(60.0 + at[there] - value[there]) <= 2.5).all() and not below.any()


# the runs of one person, a day a lane
PLAIN = DayInputs((Meal(200.0, 60.0, 0),), (Bolus(200.0, 5.0),), ((0.0, RATE),), WEIGHT)
DAYS = [
    replace(PLAIN, meals=(), boluses=()),
    PLAIN,
    replace(PLAIN, boluses=(Bolus(200.0, 6.0),)),
    replace(PLAIN, meals=(Meal(200.0, 70.0, 0),)),
    # more for one minute is a bolus
    replace(PLAIN, boluses=(), basal=((0.0, RATE), (200.0, RATE + 5.0), (201.0, RATE))),
    # two that a schedule written by hand follows: a step, and rest under half as much again
    replace(PLAIN, meals=(), boluses=(), basal=((0.0, RATE), (300.0, 1.3 * RATE))),
    replace(PLAIN, meals=(), boluses=()),
]


@pytest.mark.parametrize("family", [S2008(), Hovorka(), Bergman()], ids=lambda f: type(f).__name__)
def test_a_family(family):
    lanes = len(DAYS)
    trace = _trace(np.full((AT.size, lanes), np.nan))
    problem = DayProblem.of(family, DAYS, trace, doubt=EXACT, method=METHOD)
    z = np.zeros((len(problem.names), lanes))
    z[problem.names.index(HELD), 6] = np.log(1.5) / HELD_SD
    path = jax.jit(lambda p, z: p.predict(z))(problem, jnp.asarray(z))
    plasma = np.asarray(path.plasma)
    assert not np.asarray(path.status).any()

    fasting = family.prior(family.fasting).median * (MG_DL_PER_MMOL_L if isinstance(family, Hovorka) else 1.0)
    # the smooth corner of S2008's production leaves a little more than is used
    assert plasma[:, 0] == pytest.approx(fasting, abs=0.05 if isinstance(family, S2008) else 1e-4)
    assert np.asarray(path.tissue)[:, 0] == pytest.approx(plasma[:, 0], abs=1e-2)
    late = AT > 215.0
    assert (plasma[late, 2] < plasma[late, 1]).all() and (plasma[late & (AT < 500.0), 3] > plasma[late & (AT < 500.0), 1]).all()
    assert plasma[:, 1].max() > fasting + 20.0
    assert plasma[:, 4] == pytest.approx(plasma[:, 1], abs=1e-3)

    values = {name: family.prior(name).median for name in family.unknowns}
    body = family.resting(values, jnp.full(2, WEIGHT), RATE * jnp.array([1.0, 1.5]))
    steps = [switch("insulin", 300.0, np.inf, 0.3 * RATE), switch("insulin", 0.0, np.inf, -0.5 * RATE)]
    schedule = Timed(jnp.zeros(1), ragged(steps)).widened(2).schedule
    by_hand = solve(body, schedule, at=jnp.tile(AT[:, None], 2), lanes=2, method=METHOD)
    assert np.asarray(by_hand[family.plasma]) == pytest.approx(plasma[:, 5:], abs=1e-3)
    assert plasma[-1, 5] < fasting - 10.0 and plasma[-1, 6] > fasting + 10.0


@pytest.mark.parametrize("family", [S2008(), Hovorka()], ids=lambda f: type(f).__name__)
def test_a_moved_meal_takes_its_food_along_and_leaves_the_rest(family):
    day = DayInputs((Meal(30.0, 40.0, 0), Meal(300.0, 61.0, 1)), (Bolus(299.0, 4.0),), ((0.0, RATE),), WEIGHT)
    events = Events.of(family, [day, replace(day, meals=day.meals[:1])], by_mouthful=True)
    moved = events.moved(jnp.array([[1.0, 1.0], [1.5, 1.5]]), jnp.array([[-45.0, 0.0], [20.0, 20.0]]), jnp.array([0.1, 0.2]), jnp.zeros((0, 2)))
    old, mine = events.schedule, np.asarray(events.meal)
    food = old.channels.index("input.food")
    grams = [(1e-3 * moved.amount * moved.duration * ((mine == i) & (moved.channel == food))).sum(0) for i in (0, 1)]
    assert np.asarray(grams) == pytest.approx(np.array([[40.0, 40.0], [91.5, 0.0]]))
    assert moved.time[mine == 1] == pytest.approx(old.time[mine == 1] + 20.0)
    # nothing is eaten before the day begins
    first = mine[:, 0] == 0
    assert moved.time[first, 0] == pytest.approx(np.maximum(old.time[first, 0] - 45.0, 0.0))
    assert np.array_equal(moved.duration, old.duration) and moved.amount[0] == pytest.approx([0.1, 0.2])
    rest = mine[1:] == -1
    assert np.array_equal(moved.time[1:][rest], old.time[1:][rest])
    assert np.array_equal(moved.amount[1:][rest], old.amount[1:][rest])


def test_what_cannot_be_asked():
    run = replace(PLAIN, exercise=(Bout(100.0, 30.0),))
    with pytest.raises(ValueError, match="UVA/Padova S2008 has no exercise: ask a family that has"):
        Events.of(S2008(), [run], False)
    Events.of(Hovorka(), [run], False)
    diary = Diary("a", date(2024, 1, 1), basal=_entries([60.0, 300.0], [0.01, np.nan]))
    assert day_inputs(diary, 60.0, 200.0, WEIGHT).basal == ((0.0, 0.01),)
    assert day_inputs(diary, 60.0, 400.0, WEIGHT, rate=0.02).rate == 0.02
    for start, end in ((0.0, 200.0), (310.0, 400.0), (60.0, 400.0)):
        with pytest.raises(ValueError, match="no basal rate is known at minute"):
            day_inputs(diary, start, end, WEIGHT)
    with pytest.raises(ValueError, match="no basal rate"):
        day_inputs(Diary("a", date(2024, 1, 1), basal=no_entries()), 0.0, 100.0, WEIGHT)
    trace = _trace(np.full((3, 1), 120.0))
    with pytest.raises(ValueError, match="a day has 1 meals, more than the room for 0"):
        DayProblem.of(Bergman(), [PLAIN], trace, meals=0)
