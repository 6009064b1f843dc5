"""A day of a record becomes a window; what the record does not say is assumed, and said."""

from datetime import date

import numpy as np
import pytest
from calibration.diabetes.window import LEAST, ROOM, window
from calibration.records.days import days
from calibration.records.diary import Diary, Entries

HOUR, DAY = 60.0, 1440.0


def _entries(rows) -> Entries:
    minute, value = (np.asarray(column, float) for column in zip(*rows, strict=True))
    blank = np.full(minute.size, "", dtype=object)
    return Entries(minute, value, blank, blank, np.arange(minute.size) + 1)


def _diary(meals=((DAY + 480.0, 40.0), (DAY + 780.0, np.nan)), **more) -> Diary:
    readings = [(minute, 120.0) for minute in np.arange(0.0, 3.0 * DAY, 5.0)]
    boluses = [(480.0, 4.0), (DAY + 480.0, 6.0), (DAY + 780.0, 6.0), (2.0 * DAY + 480.0, 30.0)]
    return Diary("ada", date(2024, 4, 1), glucose=_entries(readings), boluses=_entries(boluses), meals=_entries(meals), **more)


def _second(diary: Diary, **more):
    return window(diary, days(diary)[1], **more)


def test_the_hours_before_the_day_belong_to_its_window():
    meals = ((DAY - 400.0, 9.0), (DAY - 300.0, 70.0), (DAY + 480.0, 40.0), (DAY + 780.0, 50.0))
    found = _second(_diary(meals, weight_kg=60.0))
    assert (found.start, found.lead, found.minutes, found.clock) == (DAY - 360.0, 360.0, 1800.0, -360.0)
    assert found.inputs.opens == 360.0 and found.inputs.weight == 60.0
    # meals of the day are counted first
    assert [(m.minute, m.grams, m.number) for m in found.inputs.meals] == [(60.0, 70.0, 2), (840.0, 40.0, 0), (1140.0, 50.0, 1)]
    alone = _second(_diary(meals), lead=0.0)
    assert alone.clock == 0.0 and [m.number for m in alone.inputs.meals] == [0, 1]


def test_no_basal_is_as_much_as_the_median_day_of_boluses():
    found = _second(_diary())
    # days of 4, 12 and 30 U
    assert found.inputs.basal == ((0.0, pytest.approx(12.0 / DAY)),)
    assert [said.split(":")[0] for said in found.assumed] == [
        "weight 70 kg", "basal insulin is not recorded", "1 of 2 meals without an amount",
    ]  # fmt: skip


def test_injections_are_the_median_day_over_24_hours_even_on_days_without():
    found = _second(_diary(long_acting=_entries([(-2.0 * DAY + 1300.0, 24.0), (-DAY + 600.0, 6.0), (-DAY + 1300.0, 20.0)])))
    assert found.inputs.rate == pytest.approx(25.0 / DAY) and "since none is recorded for this day" in found.assumed[1]


def test_a_pump_is_believed_by_the_hour_and_the_person_rests_under_its_mean():
    half = DAY + 540.0
    rates = [(minute, 0.04 if minute >= half else 0.02 if i % 2 else 0.0) for i, minute in enumerate(np.arange(0.0, 3.0 * DAY, 5.0))]
    found = _second(_diary(basal=_entries(rates))).inputs.basal
    assert len(found) == 31 and found[0] == (0.0, pytest.approx(0.025))
    assert [minute for minute, _ in found[1:]] == [HOUR * i for i in range(30)]
    assert [rate for _, rate in found[1:]] == pytest.approx(15 * [0.01] + 15 * [0.04])
    few = _second(_diary(basal=_entries([(-10.0, 0.01), (DAY + 360.0, 0.03)]))).inputs.basal
    # 720 of 1800 min at the first rate
    assert few == ((0.0, pytest.approx((720.0 * 0.01 + 1080.0 * 0.03) / 1800.0)), (0.0, 0.01), (720.0, 0.03))


def test_nobody_rests_without_insulin():
    found = _second(_diary(basal=_entries([(-10.0, 0.0), (DAY + 60.0, 0.0)])))
    assert found.inputs.basal == ((0.0, LEAST), (0.0, 0.0), (420.0, 0.0)) and len(found.assumed) == 2


def test_a_pump_that_begins_after_the_window_is_taken_by_its_mean():
    found = _second(_diary(basal=_entries([(DAY - 10.0, 0.01), (DAY + 600.0, 0.03)])))
    assert found.inputs.basal == ((0.0, pytest.approx(0.02)),) and "before the day are not recorded" in found.assumed[1]


def test_meals_beyond_the_room_are_believed_as_written():
    meals = [(DAY + 60.0 * i, 10.0 + i) for i in range(ROOM + 2)]
    numbers = [m.number for m in _second(_diary(meals)).inputs.meals]
    assert numbers == [-1, -1, *range(ROOM)]
