"""Forecasts of a followed day know what came before their origin, and nothing that came after."""

from types import SimpleNamespace

import numpy as np
import pytest
from calibration.diabetes.bergman import Bergman
from calibration.diabetes.followed_days import HORIZONS, NIGHT, ORIGINS, SENSOR, follow_days
from calibration.diabetes.inputs import Bolus, DayInputs, Meal
from calibration.diabetes.sensor import STEP, Trace
from calibration.diabetes.window import LEAD

TIMES = 361
AT = STEP * np.arange(TIMES)[:, None] + np.zeros(3)
# two days of the first person, one of the second
DAYS = [DayInputs((Meal(500.0, 60.0, 0),), (Bolus(500.0, 5.0),), ((0.0, 0.012),), 70.0)] * 3
WINDOWS = [SimpleNamespace(day=SimpleNamespace(person=person), inputs=day) for person, day in zip("aab", DAYS, strict=True)]
ORIGIN = 2
# mg/dL: two runs of one program may round differently
NOTHING = 1e-9


def _followed(value: np.ndarray):
    return follow_days(Bergman(), WINDOWS, Trace.of(AT, value, value < 40.0, value > 400.0, SENSOR))


def _apart(a, b) -> np.ndarray:
    return np.abs(a.mean - b.mean)


@pytest.fixture(scope="module")
def value():
    hours = np.maximum(AT - 520.0, 0.0) / 60.0
    return 130.0 + 70.0 * hours * np.exp(1.0 - hours) + np.random.default_rng(6).normal(0.0, 3.0, AT.shape)


def test_no_forecast_knows_what_came_later(value):
    now, other = int((ORIGINS[ORIGIN] + LEAD) // STEP), value.copy()
    other[now + 1 :, 0] += 40.0
    a, b = _followed(value), _followed(other)
    assert a.mean.shape == (len(HORIZONS), len(ORIGINS), 3) and np.isfinite(a.mean).all() and (a.sd > 0.0).all()
    assert _apart(a, b)[:, : ORIGIN + 1, 0].max() < NOTHING
    assert (b.mean[:2, ORIGIN + 1, 0] > a.mean[:2, ORIGIN + 1, 0] + 20.0).all()
    # the next day of the same person begins with what this day taught, nobody else's does
    assert _apart(a, b)[..., 1].max() > 0.1 and _apart(a, b)[..., 2].max() < NOTHING


def test_the_night_comes_before_the_next_window_may_begin(value):
    other = value.copy()
    other[NIGHT + 1 :, 0] += 40.0
    a, b = _followed(value), _followed(other)
    assert _apart(a, b)[..., 1].max() < NOTHING and _apart(a, b)[:, -1, 0].max() > 10.0
