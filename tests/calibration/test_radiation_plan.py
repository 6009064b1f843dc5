"""Courses in closed form against the solver, superquantiles against a normal's, and plans that keep what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from calibration.errors import InputError
from calibration.superquantile import superquantile
from calibration.tumours.radiation_course import GROWN, HORIZON, before_each, checked_course, fraction_days, time_to_progression
from calibration.tumours.radiation_plan import Course, equal_control, equal_dose, risk_of, standard_plan
from calibration.tumours.scanned_tumour import PRIORS, ScannedTumour, draws_of, from_prior, seen_volumes
from physio.bodies.tumours import fractions, irradiated
from physio.solve import Tsit5, solve
from physio.tumours.irradiated import IrradiatedTumour

DAYS = jnp.asarray(fraction_days())
DOSES = jnp.linspace(1.0, 3.0, 30)
SCANS = np.array([-21.0, -1.0])


@pytest.fixture(scope="module")
def tumours():
    return from_prior(jax.random.normal(jax.random.key(4), (len(PRIORS), 64)))


def test_a_course_is_what_the_body_gives():
    at = DAYS[1:] - 1e-9
    path = solve(irradiated(), fractions(DAYS, DOSES), at=at, method=Tsit5(1e-11, 1e-12))["tumour.volume"]
    np.testing.assert_allclose(before_each(DAYS, DOSES, IrradiatedTumour())[1:], path, rtol=1e-8)


def test_progression_is_where_the_body_passes_the_mark():
    """After a weak course the volume at T is 1.4 times the first, and below it on all days before."""
    body = irradiated().with_values({"tumour.alpha": 0.01})
    until = float(time_to_progression(DAYS, DOSES, IrradiatedTumour(alpha=0.01)))
    assert DAYS[0] < until < HORIZON
    at = np.append(np.arange(0.5, until, 0.5), until)
    volume = np.asarray(solve(body, fractions(DAYS, DOSES), at=at, method=Tsit5(1e-11, 1e-12))["tumour.volume"])
    assert volume[-1] == pytest.approx(GROWN * 2e4, rel=1e-8)
    assert (volume[:-1] < volume[-1]).all()


def test_progression_within_a_course_and_never():
    """Without doses a tumour passes the mark after log[c (K - V) / (V (K - c))] / r; too little room, and it does not."""
    nothing = jnp.zeros(30)
    share, mark = 0.1, 0.14
    alone = np.log(mark * (1 - share) / (share * (1 - mark))) / 0.03
    assert float(time_to_progression(DAYS, nothing, IrradiatedTumour())) == pytest.approx(alone, rel=1e-12)
    for capacity in (1.3 * 2e4, 0.9 * 2e4):
        assert float(time_to_progression(DAYS, nothing, IrradiatedTumour(capacity=capacity))) == HORIZON


def test_derivative_of_progression():
    plain = lambda dose: time_to_progression(DAYS, dose, IrradiatedTumour())
    slope, step = jax.grad(plain)(DOSES), 1e-4
    for k in (0, 14, 29):
        moved = jnp.zeros(30).at[k].set(step)
        assert float(slope[k]) == pytest.approx(float(plain(DOSES + moved) - plain(DOSES - moved)) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("level", [0.0, 0.5, 0.8, 0.95])
def test_superquantile_of_a_normal_loss(level):
    """mu + sigma phi(z) / (1 - a)."""
    loss = 3.0 + 2.0 * norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    expected = 3.0 + 2.0 * norm.pdf(norm.ppf(level)) / (1.0 - level)
    assert float(superquantile(jnp.asarray(loss), level)) == pytest.approx(expected, rel=1e-4)


def test_superquantile_is_the_least_of_its_other_form():
    """min over c of c + E max(loss - c, 0) / (1 - a), where the worst share is not a whole number of draws."""
    loss = np.random.default_rng(1).standard_normal((37, 2))
    other = [min(c + np.maximum(own - c, 0.0).mean() / 0.3 for c in own) for own in loss.T]
    np.testing.assert_allclose(superquantile(jnp.asarray(loss), 0.7), other, rtol=1e-12)
    with pytest.raises(ValueError, match="level: 1; expected at least 0 and less than 1"):
        superquantile(jnp.asarray(loss), 1.0)


def test_gradient_of_the_risk(tumours):
    course, weekly = Course(), jnp.asarray([1.0, 3.0, 2.0, 0.5, 2.5, 3.0])
    slope = jax.grad(lambda u: risk_of(u, course, tumours))(weekly)
    for k in range(6):
        moved = jnp.zeros(6).at[k].set(1e-5)
        difference = (risk_of(weekly + moved, course, tumours) - risk_of(weekly - moved, course, tumours)) / 2e-5
        assert float(slope[k]) == pytest.approx(float(difference), rel=1e-4)


@pytest.mark.parametrize("spared", [np.inf, 3.0])
def test_no_plan_is_worse_than_standard(tumours, spared):
    course = Course(spared=spared)
    standard, dose, control = (plan(course, tumours) for plan in (standard_plan, equal_dose, equal_control))
    assert dose.risk <= standard.risk and dose.spent == pytest.approx(standard.spent, rel=1e-9)
    assert control.risk <= standard.risk and control.spent <= standard.spent
    for plan in (dose, control):
        assert (plan.weekly >= 0.0).all() and (plan.weekly <= 4.0 + 1e-12).all()
        assert float(risk_of(jnp.asarray(plan.weekly), course, tumours)) == pytest.approx(plan.risk, rel=1e-9)
        assert course.spent(plan.weekly) == pytest.approx(plan.spent, rel=1e-9)


def test_weeks_that_were_given_stay(tumours):
    plan = equal_dose(Course(low=(2.0, 2.0, 0.0, 0.0, 0.0, 0.0), high=(2.0, 2.0, 4.0, 4.0, 4.0, 4.0)), tumours)
    np.testing.assert_allclose(plan.weekly[:2], 2.0, rtol=1e-12)


def test_draws_follow_the_scans():
    """Scans before a course narrow growth and leave alpha to its prior; scans in it narrow alpha too. No error is added."""
    truth = IrradiatedTumour(alpha=0.06, rate=0.045)
    dose = jnp.full(30, 2.0)
    volume, first = seen_volumes(jnp.asarray([*SCANS, 6.0, 13.0]), DAYS, dose, truth)
    spread = lambda values: float(jnp.log(values).std())
    told = {}
    for scans in (2, 4):
        day = np.array([*SCANS, 6.0, 13.0])[:scans]
        person = ScannedTumour(day, np.asarray(volume)[:scans], np.asarray(DAYS), np.asarray(dose))
        told[scans] = draws_of(person, jax.random.key(2), tried=65536)
        assert told[scans].k_hat < 0.7 and told[scans].effective > 50.0
    assert spread(told[2].tumour.rate) < 0.7 * PRIORS["rate"].sigma
    assert spread(told[2].tumour.alpha) == pytest.approx(PRIORS["alpha"].sigma, rel=0.15)
    assert spread(told[4].tumour.alpha) < 0.8 * PRIORS["alpha"].sigma
    assert float(jnp.median(told[4].tumour.start)) == pytest.approx(float(first), rel=0.1)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="course:2: dose: -1 Gy; expected 0 Gy or more; leave a fraction out with 0"):
        checked_course([0.0, 1.0], [2.0, -1.0])
    with pytest.raises(InputError, match="course: days: do not ascend"):
        checked_course([1.0, 0.0], [2.0, 2.0])
    said = "course:1: days: first fraction on day -30, first scan on day -21; expected a scan on or before"
    with pytest.raises(InputError, match=said):
        ScannedTumour(SCANS, np.array([1e4, 2e4]), np.array([-30.0]), np.array([2.0]))
    with pytest.raises(InputError, match="scans:2: volume: 0 mm3; expected above 0"):
        ScannedTumour(SCANS, np.array([1e4, 0.0]), np.array([0.0]), np.array([2.0]))
    with pytest.raises(InputError, match="course:1: standard: 2 Gy between -1 and 4 Gy"):
        Course(low=(-1.0,) * 6)
    with pytest.raises(InputError, match="plan: spent: 200 Gy is outside the bounds; expected 0 to 120 Gy"):
        equal_dose(Course(), IrradiatedTumour(), 200.0)
