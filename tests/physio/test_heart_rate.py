"""Heart rate as effort, against published tables, and the bouts that are made of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.heart_rate import bouts
from physio.bodies.hovorka import exercising, exercising_hovorka
from physio.metabolism.heart_rate import HeartRate
from physio.solve import solve

PERSON = HeartRate(resting=60.0, maximal=180.0)


def _told(person, rate):
    told = person.outputs(0.0, person.Sensed(rate=jnp.asarray(rate)))
    return float(told.reserve), float(told.oxygen)


def test_share_of_reserve():
    """150 of 50 to 200 1/min is two thirds of the reserve."""
    assert _told(HeartRate(resting=50.0, maximal=200.0), 150.0)[0] == pytest.approx(2.0 / 3.0, rel=1e-12)


@pytest.mark.parametrize(("capacity", "percent"), [(5.0, 20.0), (10.0, 10.0), (20.0, 5.0)])
def test_rest_is_a_part_of_the_maximum(capacity, percent):
    """Of 5, 10 and 20 MET rest takes up 20, 10 and 5 %: Swain and Leutholtz 1997."""
    person = HeartRate(resting=60.0, maximal=180.0, capacity=capacity)
    assert _told(person, 60.0) == pytest.approx((0.0, percent), rel=1e-12)
    assert _told(person, 180.0) == pytest.approx((1.0, 100.0), rel=1e-12)


@pytest.mark.parametrize(("reserve", "percent"), [(30, 37), (40, 46), (60, 64), (90, 91)])
def test_intensities(reserve, percent):
    """Where light, moderate, vigorous and maximal effort begin, in % of reserve and of maximal uptake: Garber 2011."""
    assert _told(PERSON, 60.0 + 1.2 * reserve)[1] == pytest.approx(percent, abs=0.5)


def test_slope_of_reserve_over_uptake():
    """Of 63 people the share of reserve is -11.6 + 1.12 (0.01) times the % of maximal uptake: Swain and Leutholtz 1997."""
    person = HeartRate(resting=60.0, maximal=180.0, capacity=100.0 / (11.6 / 1.12))
    (low, begin), (high, end) = _told(person, 84.0), _told(person, 156.0)
    assert 100.0 * (high - low) / (end - begin) == pytest.approx(1.12, abs=0.01)


def test_bouts():
    """A walk at 50 % with one quick sample, a run at 75 % that a gap parts from it, and two minutes that are too short."""
    minute = np.r_[np.arange(0.0, 40.0, 2.0), 60.0, 63.0, 66.0, 100.0, 102.0]
    rate = np.r_[[65.0] * 5, 120.0, 120.0, 132.0, 120.0, [90.0] * 11, 150.0, np.nan, 150.0, 120.0, 61.0]
    begin, length, oxygen = bouts(PERSON, minute, rate)
    np.testing.assert_allclose(begin, [10.0, 66.0])
    np.testing.assert_allclose(length, [8.0, 5.0])
    # 10 % of rest, and nine tenths of the share of reserve
    np.testing.assert_allclose(oxygen, [10.0 + 0.9 * (3 * 50.0 + 60.0) / 4, 10.0 + 0.9 * 75.0])
    assert [x.size for x in bouts(PERSON, minute, np.full(minute.size, 80.0))] == [0, 0, 0]


def test_bouts_lower_glucose_as_the_same_bout_told():
    minute = np.arange(0.0, 200.0, 5.0)
    rate = np.where((minute >= 60.0) & (minute < 105.0), 140.0, 65.0)
    at = jnp.asarray([60.0, 105.0])
    run = jax.jit(lambda s: solve(exercising_hovorka(), s, at=at)["glucose.glucose"])
    found = run(exercising(*bouts(PERSON, minute, rate), 0.25))
    np.testing.assert_allclose(found, run(exercising(60.0, 45.0, 70.0, 0.25)), rtol=1e-12)
    assert found[1] < found[0] - 0.3


@pytest.mark.parametrize(
    ("minute", "rate", "says"),
    [([0.0, 1.0], [60.0], "as long as each other"), ([0.0, 0.0], [60.0, 61.0], "minute .min. must ascend")],
)
def test_what_is_no_trace_is_refused(minute, rate, says):
    with pytest.raises(ValueError, match=says):
        bouts(PERSON, minute, rate)
