"""What is said of past forecasts has intervals of days drawn again, and nothing is said of few days."""

import numpy as np
import pytest
from calibration.diabetes.followed_days import HORIZONS, ORIGINS
from calibration.diabetes.forecasts import FORECASTERS, Forecasts
from experiments.t1d import skill
from experiments.t1d.chosen import Person
from experiments.t1d.skill import scored, skill_section

DAYS = 10
SHAPE = (len(HORIZONS), len(ORIGINS), DAYS)


def _found(off: np.ndarray) -> Forecasts:
    """The twin is ``off``, the others by 2, 4 and 6 mg/dL."""
    came = np.full(SHAPE, 120.0)
    came[:, 0, 0] = np.nan
    return Forecasts(came, came + 2.0, came - 4.0, came + off, np.full(SHAPE, 10.0), came + 6.0)


def test_errors_that_are_alike_have_no_interval_and_days_that_differ_have_one():
    alike = skill._of_one(_found(np.full(SHAPE, 3.0)), np.arange(DAYS))
    assert alike.rmse["twin"] == pytest.approx(3.0) and alike.rmse["ridge"] == pytest.approx(4.0)
    assert alike.within == pytest.approx(1.0) and alike.made.tolist() == len(HORIZONS) * [len(ORIGINS) * DAYS - 1]
    # half of the days are off by 20, whose mean square over drawn days has the binomial's spread
    off = np.where(np.arange(DAYS) % 2, 20.0, 0.0) * np.ones(SHAPE)
    found = skill._of_one(_found(off), np.arange(DAYS))
    square, (low, high) = found.rmse["twin"][:, 0] ** 2, found.rmse["twin"][:, 1:].T ** 2
    sd = 400.0 * np.sqrt(0.25 / DAYS)
    assert square == pytest.approx(200.0, rel=0.02)
    assert (high - low) == pytest.approx(2.0 * 1.645 * sd, rel=0.3)
    assert found.within[:, 0] == pytest.approx(0.5, abs=0.02)


def test_a_section_says_every_number_with_its_interval():
    off = np.where(np.arange(DAYS) % 2, 20.0, 5.0) * np.ones(SHAPE)
    section = skill_section(skill._of_one(_found(off), np.arange(DAYS)))
    assert [name for name, _ in section.findings] == [f"{horizon} min ahead" for horizon in HORIZONS]
    assert all(said.count("(90") == 3 for _, said in section.findings)
    assert len(section.sheets[0].rows) == len(HORIZONS) * len(FORECASTERS)
    assert "<svg" in section.pictures[0].panels[0].svg


def test_nothing_is_said_of_few_days():
    assert scored([Person(None, [], [])]) == {}
    assert skill_section(None).findings == [("Forecasts", "nothing is said of fewer than 8 days")]
