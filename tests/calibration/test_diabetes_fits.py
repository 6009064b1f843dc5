"""Fits of days and their answers: derivatives, lanes that do not meet, weights and intervals."""

from dataclasses import replace
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration.diabetes import fitting
from calibration.diabetes.answers import answer, change, weights
from calibration.diabetes.bergman import Bergman
from calibration.diabetes.day_problem import BEGIN, EXACT, GAIN, HELD, DayProblem, Doubt
from calibration.diabetes.fitting import DayFits, fit_days
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.inputs import Bolus, Bout, DayInputs, Meal
from calibration.diabetes.sensor import STEP, Sensor, Trace
from calibration.problem import linearize
from physio.solve import Status, Tsit5

U_MIN = 1.0 / 60.0

SENSOR = Sensor()
TIMES = 97
FULL, HALF, OTHER, BLIND = range(4)


def _trace(value: np.ndarray) -> Trace:
    no = np.zeros(value.shape, bool)
    at = np.broadcast_to(STEP * np.arange(value.shape[0])[:, None], value.shape)
    return Trace.of(at, value, no, no, SENSOR)


def _day(first: float, second: float) -> DayInputs:
    meals = Meal(42.0, first, 0), Meal(251.0, second, 1, guessed=True)
    return DayInputs(meals, (Bolus(37.0, first / 10.0), Bolus(263.0, second / 14.0)), ((0.0, 0.9 * U_MIN),), 70.0)


DAYS = [_day(55.0, 70.0), _day(55.0, 70.0), _day(80.0, 30.0), _day(40.0, 40.0)]


def _problem(value: np.ndarray, **more) -> DayProblem:
    return DayProblem.of(Bergman(), DAYS[: value.shape[1]], _trace(value), sensor=SENSOR, **more)


@pytest.fixture(scope="module")
def readings():
    """Of two people drawn from the prior; of the first with every second hour lost too; and of nobody."""
    rng = np.random.default_rng(4)
    blank = _problem(np.full((TIMES, 4), np.nan))
    z = 0.5 * rng.standard_normal((len(blank.names), 4))
    z[:, HALF] = z[:, FULL]
    told = np.asarray(jax.jit(lambda p, z: p.predict(z).told)(blank, jnp.asarray(z)))
    value = told + 3.0 * rng.standard_normal(told.shape)
    value[:, HALF] = np.where(np.arange(TIMES) // 12 % 2 == 0, value[:, FULL], np.nan)
    value[:, BLIND] = np.nan
    return value


@pytest.fixture(scope="module")
def fit(readings):
    return fit_days(_problem(readings))


def _same(a, b, lanes) -> bool:
    parts = ("z", "cost", "status", "covariance", "misfit", "log_evidence")
    return all(np.array_equal(np.asarray(getattr(a, p))[..., lanes], np.asarray(getattr(b, p))[..., lanes]) for p in parts)


def test_derivatives_are_central_differences(readings):
    problem = _problem(readings[:, [FULL, OTHER]], method=Tsit5(rtol=1e-9, atol=1e-9))
    z = jnp.asarray(0.3 * np.random.default_rng(1).standard_normal((len(problem.names), 2)))
    _, jacobian = jax.jit(linearize)(problem, z)
    evaluate = jax.jit(lambda p, z: p.evaluate(z).residuals)
    meals = [f"meal{i}.{what}" for i in (0, 1) for what in ("grams", "minute")]
    for name in ("glucose.sensitivity", "stomach.absorption", GAIN, HELD, BEGIN, *meals):
        i, h = problem.names.index(name), 1e-3
        difference = (evaluate(problem, z.at[i].add(h)) - evaluate(problem, z.at[i].add(-h))) / (2.0 * h)
        found = np.asarray(jacobian[:, i])
        assert np.abs(found - difference).max() <= 1e-4 * np.abs(found).max(), name


def test_a_day_at_the_truth_is_found_and_a_blind_one_stays_at_its_prior(fit, readings):
    assert not fit.status.any() and np.isfinite(fit.cost).all()
    told = np.asarray(jax.jit(lambda p, z: p.predict(z).told)(fit.problem, fit.z))
    off = told - readings
    assert np.sqrt(np.nanmean(off[:, [FULL, OTHER]] ** 2)) < 1.3 * 3.0
    assert np.abs(np.asarray(fit.z)[:, BLIND]).max() == 0.0 and fit.misfit[BLIND] == 1.0
    assert np.asarray(fit.covariance)[..., BLIND] == pytest.approx(np.eye(len(fit.problem.names)))


def test_no_day_knows_of_another(fit, readings):
    """Neither its readings, nor that it cannot be solved."""
    changed_readings = readings.copy()
    changed_readings[:, FULL] = readings[::-1, FULL]
    assert _same(fit, fit_days(_problem(changed_readings)), [HALF, OTHER, BLIND])
    broken = eqx.tree_at(lambda p: p.basal, fit.problem, fit.problem.basal.at[OTHER].set(jnp.nan))
    failed = fit_days(broken)
    assert _same(fit, failed, [FULL, HALF, BLIND])
    assert not np.isfinite(failed.cost[OTHER]) and failed.status[OTHER] != Status.OK
    said = answer([failed], DAYS)
    assert said.good.tolist() == [True, True, False, True] and np.isfinite(said.mean).all()
    assert weights([failed])[:, [FULL, HALF, BLIND]] == pytest.approx(1.0)


@pytest.mark.slow
def test_threads_and_company_change_nothing(fit, readings, monkeypatch):
    monkeypatch.setattr(fitting, "processors", lambda: 1)
    assert _same(fit, fit_days(_problem(readings)), range(4))
    monkeypatch.setattr(fitting, "_side_by_side", lambda: True)
    wide = fit_days(_problem(readings))
    assert wide.cost == pytest.approx(fit.cost, rel=1e-5)
    assert np.asarray(answer([wide], DAYS).mean) == pytest.approx(np.asarray(answer([fit], DAYS).mean), abs=0.1)


def test_an_answer_of_the_same_inputs_is_the_fitted_day(fit):
    said = answer([fit], DAYS)
    plasma = np.asarray(jax.jit(lambda p, z: p.predict(z).plasma)(fit.problem, fit.z))
    assert said.good.all() and said.mean == pytest.approx(plasma, rel=1e-9)
    low, high = said.interval(0.9)
    inside = low > 10.0
    assert (high - low)[inside] == pytest.approx(2.0 * 1.6448536 * said.sd[inside])
    assert said.chance_below(said.mean - said.sd) == pytest.approx(0.15865525)


def test_less_data_say_less(fit):
    said = answer([fit], DAYS)
    # by how much residuals exceed chance is another matter
    sd = said.sd / np.sqrt(fit.misfit)
    assert sd[:, HALF].mean() > 1.05 * sd[:, FULL].mean()
    assert said.learned[FULL] > said.learned[HALF] > 0.3 and said.learned[BLIND] == pytest.approx(0.0, abs=1e-9)
    assert said.sd[:, BLIND].mean() > 2.0 * said.sd[:, FULL].mean() and np.isfinite(said.sd).all()


def test_more_insulin_lowers_the_answer_of_every_person(fit):
    more = [replace(day, boluses=(*day.boluses, Bolus(100.0, 1.0))) for day in DAYS]
    assert (answer([fit], more).mean[25:] < answer([fit], DAYS).mean[25:]).all()


def test_weights_are_shares_of_evidence_tempered_by_the_misfit_of_the_best():
    evidence = np.array([[-10.0, -50.0, -np.inf], [-12.0, -40.0, -3.0]])
    misfit = np.array([[1.0, 7.0, 1.0], [5.0, 4.0, 1.0]])
    w = weights([SimpleNamespace(log_evidence=e, misfit=m) for e, m in zip(evidence, misfit, strict=True)])
    assert w.sum(0) == pytest.approx(1.0)
    assert w[0] == pytest.approx([1.0 / (1.0 + np.exp(-2.0)), 1.0 / (1.0 + np.exp(10.0 / 4.0)), 0.0])


def test_families_that_disagree_widen_the_interval_and_one_without_an_answer_has_no_say(fit):
    other = eqx.tree_at(lambda f: f.z, fit, fit.z.at[fit.problem.names.index(HELD)].add(2.0))
    one, two, both = answer([fit], DAYS), answer([other], DAYS), answer([fit, other], DAYS)
    assert both.mean == pytest.approx(0.5 * (one.mean + two.mean), rel=1e-9)
    assert both.sd**2 == pytest.approx(0.5 * (one.sd**2 + two.sd**2) + 0.25 * (one.mean - two.mean) ** 2, rel=1e-9)
    silent = eqx.tree_at(lambda f: f.problem.weight, other, other.problem.weight.at[FULL].set(jnp.nan))
    said = answer([fit, silent], DAYS)
    assert said.good.all() and said.mean[:, FULL] == pytest.approx(one.mean[:, FULL], rel=1e-9)
    assert said.sd[:, FULL] == pytest.approx(one.sd[:, FULL], rel=1e-9)
    assert said.mean[:, OTHER] == pytest.approx(both.mean[:, OTHER], rel=1e-9)


def test_an_exact_record_has_no_unknown_meals(readings):
    sure = _problem(readings, doubt=Doubt(0.0, 0.0, 0.0, spells=0))
    assert sure.names == (*Bergman().unknowns, GAIN, HELD)
    roomy = _problem(readings, meals=3)
    assert sum(name.startswith("meal") for name in roomy.names) == 6
    # the amount of a meal that nobody wrote down is less sure
    assert roomy.spread[:, 0] == pytest.approx([0.25, 0.7, 0.0])


def test_exercise_is_as_uncertain_as_published_people_differ():
    """With nothing unknown but what exercise does, against differences along each of its parameters."""
    rest = DayInputs((), (), ((0.0, 0.9 * U_MIN),), 70.0)
    nothing, fine = _trace(np.full((25, 1), np.nan)), Tsit5(rtol=1e-7, atol=1e-7)
    problem = DayProblem.of(Hovorka(), [rest], nothing, sensor=SENSOR, doubt=EXACT, method=fine)
    z, one = jnp.zeros((len(problem.names), 1)), np.ones(1)
    known = jnp.zeros((len(problem.names), len(problem.names), 1))
    fit = DayFits(problem, z, one, np.zeros(1, int), known, one, one, one)
    run = [replace(rest, exercise=(Bout(30.0, 40.0),))]
    differs = change([fit], [rest], run)
    events = problem.with_inputs(run)
    predict = jax.jit(lambda exercise: problem.predict(z, events, exercise).plasma)
    count, h = len(Hovorka.exercise), 1e-3
    slopes = [(predict(h * jnp.eye(count)[:, [i]]) - predict(-h * jnp.eye(count)[:, [i]])) / (2.0 * h) for i in range(count)]
    sd = np.sqrt(sum(np.asarray(s) ** 2 for s in slopes))
    assert differs.sd == pytest.approx(sd, rel=1e-3, abs=1e-3) and 0.5 < sd.max() < 30.0
    assert differs.mean.min() < -5.0
