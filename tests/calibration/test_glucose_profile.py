"""The measures of a glucose trace against closed forms, published values, and what a hole and an uneven step must do."""

from datetime import date

import numpy as np
import pytest
from calibration.diabetes.glucose_profile import PERCENTS, ambulatory_profile, control, glucose_trace, glucose_trace_of, weighted_percentiles
from calibration.diabetes.time_below import time_below, time_below_normal
from calibration.records.diary import Diary, Entries, Span
from calibration.records.glucose_unit import MG_DL_PER_MMOL_L

DAY = np.arange(0.0, 1440.0, 5.0)


def shares(glucose, **sides):
    """Of readings 5 min apart."""
    return list(control(glucose_trace(5.0 * np.arange(len(glucose)), glucose, **sides)).ranges)


def diary_of(minute, glucose, label, doubtful=()):
    blank = np.asarray(["a.csv"] * len(minute), dtype=object)
    entries = Entries(minute, glucose, np.asarray(label, dtype=object), blank, np.arange(len(minute)))
    return Diary("Ada", date(2024, 4, 2), glucose=entries, doubtful=doubtful)


def test_a_constant_trace():
    found = control(glucose_trace(DAY, np.full(DAY.size, 150.0)))
    assert found.ranges == pytest.approx((0.0, 0.0, 1.0, 0.0, 0.0))
    assert (found.hours, found.coverage, found.mean, found.variation) == pytest.approx((24.0, 1.0, 150.0, 0.0), abs=1e-9)


def test_two_levels():
    a, b = 60.0, 200.0
    found = control(glucose_trace(DAY, np.where(np.arange(DAY.size) % 4 == 0, a, b)))
    assert found.ranges == pytest.approx((0.0, 0.25, 0.0, 0.75, 0.0))
    mean = 0.25 * a + 0.75 * b
    assert found.mean == pytest.approx(mean)
    assert found.variation == pytest.approx(100.0 * np.sqrt(0.25 * 0.75) * (b - a) / mean)
    assert found.risk == pytest.approx(found.lbgi + found.hbgi)


@pytest.mark.parametrize("mean, gmi", [(100, 5.7), (150, 6.9), (200, 8.1), (250, 9.3), (300, 10.5), (350, 11.7)])
def test_the_published_table_of_the_management_indicator(mean, gmi):
    assert control(glucose_trace(DAY[:9], np.full(9, float(mean)))).gmi == pytest.approx(gmi, abs=0.05)


@pytest.mark.parametrize(
    "glucose, low, high",
    [(112.5, 0.0, 0.0), (20.0, 100.0, 0.0), (600.0, 0.0, 100.0), (10.0, 100.0, 0.0), (70.0, 7.75, 0.0), (180.0, 0.0, 7.75)],
)
def test_risk_at_the_points_that_its_scale_is_made_of(glucose, low, high):
    # zero at 112.5 mg/dL, 100 at both ends, and as much at 70 as at 180 mg/dL; the published constants have four digits
    found = control(glucose_trace(DAY[:9], np.full(9, glucose)))
    assert (found.lbgi, found.hbgi) == pytest.approx((low, high), abs=0.1)


def test_indices_are_means_over_all_the_time():
    found = control(glucose_trace(DAY[:8], np.asarray([20.0, 600.0] + 6 * [112.5])))
    assert (found.lbgi, found.hbgi) == pytest.approx((12.5, 12.5), abs=0.02)


def test_limits_belong_to_the_range_that_is_agreed():
    assert shares([53, 54, 69, 70, 180, 181, 250, 251]) == pytest.approx([0.125, 0.25, 0.25, 0.25, 0.125])


def test_limits_of_a_sensor_in_mmol():
    read = MG_DL_PER_MMOL_L * np.asarray([2.9, 3.0, 3.8, 3.9, 10.0, 10.1, 13.9, 14.0])
    assert shares(read) == pytest.approx([0.125, 0.25, 0.25, 0.25, 0.125])


def test_low_and_high_of_a_sensor_are_outermost_whatever_its_range():
    out = {"below": [True, False, False, False], "above": [False, False, False, True]}
    assert shares([60.0, 60.0, 200.0, 240.0], **out) == pytest.approx([0.25, 0.25, 0.0, 0.25, 0.25])
    assert control(glucose_trace(DAY[:4], [60.0, 60.0, 200.0, 240.0], **out)).unmeasured == pytest.approx(0.5)


def test_uneven_steps_weigh_by_time():
    # every 5 min for an hour at 100, then every 15 min at 200: the first of these begins 2.5 min early, and the last, at 225,
    # holds for half of the usual step, 5 min
    minute = np.concatenate([np.arange(0.0, 60.0, 5.0), np.arange(60.0, 240.0, 15.0)])
    found = control(glucose_trace(minute, np.where(minute < 60.0, 100.0, 200.0)), period=(0.0, 240.0))
    at_200 = (227.5 - 57.5) / 227.5
    assert (found.ranges.from_181_to_250, found.mean) == pytest.approx((at_200, 100.0 + 100.0 * at_200))
    assert found.coverage == pytest.approx(227.5 / 240.0)


@pytest.mark.parametrize("gap, covered", [(20.0, 1.0), (21.0, 120.0 / 136.0)])
def test_a_hole_stands_for_nothing(gap, covered):
    # an hour at 60 and an hour at 100, with a gap between their last and first readings
    minute = np.concatenate([DAY[:12], 55.0 + gap + DAY[:12]])
    found = control(glucose_trace(minute, np.repeat([60.0, 100.0], 12)))
    assert (found.coverage, found.ranges.from_54_to_69) == pytest.approx((covered, 0.5))


def test_a_period_counts_what_it_lacks():
    found = control(glucose_trace(DAY[:144], np.full(144, 100.0)), period=(360.0, 1440.0))
    assert (found.hours, found.coverage) == pytest.approx(((717.5 - 360.0) / 60.0, (717.5 - 360.0) / 1080.0))
    with pytest.raises(ValueError, match="no reading from minute 900"):
        control(glucose_trace(DAY[:144], np.full(144, 100.0)), period=(900.0, 1440.0))


def test_a_diary_without_what_cannot_be_trusted():
    label = ["below"] + 10 * [""] + ["above"]
    diary = diary_of(DAY[:12], np.asarray([40.0] + 10 * [100.0] + [400.0]), label, (Span(15.0, 45.0, "two sensors"),))
    found = control(glucose_trace_of(diary))
    assert found.ranges == pytest.approx((1 / 6, 0.0, 4 / 6, 0.0, 1 / 6)) and found.coverage == pytest.approx(0.5)


@pytest.mark.parametrize(
    "minute, glucose, said",
    [([0, 5, 0], 3 * [90], "go back"), ([0, 5], [90], "alike"), ([0, 30], 2 * [90], "within 20"), ([], [], "within 20")],
)
def test_what_cannot_be_weighed_is_refused(minute, glucose, said):
    with pytest.raises(ValueError, match=said):
        control(glucose_trace(minute, glucose))


def test_equal_weights_give_the_usual_percentiles():
    values = np.random.default_rng(0).normal(150.0, 40.0, 37)
    usual = np.percentile(values, PERCENTS, method="hazen")
    assert weighted_percentiles(values, np.full(37, 5.0), PERCENTS) == pytest.approx(usual)


def test_a_reading_of_twice_the_time_counts_as_two():
    twice = weighted_percentiles(np.asarray([80.0, 100.0, 120.0]), np.asarray([1.0, 2.0, 1.0]), (50.0,))
    assert twice == pytest.approx([100.0])


def test_the_profile_of_days_that_differ_by_a_constant():
    minute = np.arange(0.0, 20 * 1440.0, 5.0)
    hour, number = (minute % 1440.0) // 60.0, minute // 1440.0
    found = ambulatory_profile(glucose_trace(minute, 100.0 + 2.0 * hour + number))
    # at half past an hour its level is that of the whole window
    at = (found.minute % 60.0) == 30.0
    for row, percent in enumerate(PERCENTS):
        level = np.percentile(np.repeat(np.arange(20.0), 7), percent, method="hazen")
        assert found.glucose[row, at] == pytest.approx(100.0 + 2.0 * np.arange(24.0) + level)
    assert (found.days[at] == 20).all()


def test_the_profile_runs_across_midnight_and_leaves_hours_without_readings_open():
    minute = np.concatenate([np.arange(1380.0, 1440.0, 5.0), 1440.0 + np.arange(0.0, 60.0, 5.0)])
    found = ambulatory_profile(glucose_trace(minute, np.where(minute < 1440.0, 90.0, 110.0)))
    midnight, noon = 0, 48
    assert found.glucose[1, midnight] == pytest.approx(90.0) and found.glucose[3, midnight] == pytest.approx(110.0)
    assert np.isnan(found.glucose[:, noon]).all() and (found.days[midnight], found.days[noon]) == (1, 0)


def test_time_below_of_draws():
    # draw k of ten is below for k tenths of the time; the eleventh was not solved
    draws = np.where(np.arange(10) < np.arange(10)[:, None], 60.0, 90.0)
    found = time_below(5.0 * np.arange(10), np.vstack([draws, np.full(10, np.nan)]), level=0.8)
    assert found == pytest.approx((0.45, np.quantile(np.arange(10) / 10, 0.1), np.quantile(np.arange(10) / 10, 0.9), 10 / 11))
    assert np.isnan(time_below(DAY, np.full((3, DAY.size), np.nan)).expected)


def test_time_below_weighs_uneven_steps_of_a_prediction():
    # 0, 30 and 120 min stand for 30, 60 and 75 min: half of the steps beside them, at the ends half of the median step
    assert time_below([0.0, 30.0, 120.0], [[60.0, 90.0, 90.0]]).expected == pytest.approx(45.0 / (45.0 + 60.0 + 75.0))


def test_time_below_of_a_normal_prediction():
    mean, sd = np.where(DAY < 720.0, 70.0, 90.0), np.full(DAY.size, 10.0)
    found = time_below_normal(DAY, mean, sd)
    # chances of one half, and of two standard deviations
    assert found.expected == pytest.approx(0.5 * (0.5 + 0.02275), abs=1e-5)
    # at 1.64 standard deviations up nothing is below; down, the half at 70 is and the half at 90 is not
    assert (found.low, found.high) == pytest.approx((0.0, 0.5))


def test_a_normal_prediction_agrees_with_draws_whose_errors_are_held():
    rng = np.random.default_rng(1)
    mean, sd = 90.0 + 40.0 * np.sin(DAY / 200.0), 5.0 + DAY / 100.0
    held = time_below(DAY, mean + sd * rng.standard_normal((4000, 1)))
    found = time_below_normal(DAY, mean, sd)
    assert found == pytest.approx(held, abs=0.01)
    apart = time_below(DAY, mean + sd * rng.standard_normal((1000, DAY.size)))
    assert found.expected == pytest.approx(apart.expected, abs=0.01)
    assert found.low < apart.low < apart.high < found.high
