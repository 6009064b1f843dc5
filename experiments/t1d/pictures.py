"""Pictures of one person's page, with the numbers behind each.

Bands hold 90 % of what plasma glucose may have been; what the sensor's noise adds to a reading is not in them.
"""

from collections.abc import Sequence

import numpy as np

from calibration.diabetes.answers import Answer
from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.fitting import DayFits
from calibration.diabetes.glucose_profile import AmbulatoryProfile, Control, GlucoseTrace
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.s2008 import S2008
from calibration.records.diary import DAY
from experiments.plots.ambulatory import ambulatory_figure
from experiments.plots.glucose_days import Band, Doses, WhatIf, day_figure, what_ifs_figure
from experiments.plots.posterior import Joint, posterior_figure
from experiments.report.canvas import of_figure
from experiments.report.parts import Panel, Picture, download
from experiments.t1d.asked import LEVEL, Told, Twin

# by family: insulin's effect on the use of glucose, how fast the gut delivers, and whether the latter is a time
LEARNED = {
    S2008: ("glucose.uptake_sensitivity", "stomach.absorption", False),
    Hovorka: ("action.disposal", "gut.transit", True),
}


def day_picture(twin: Twin) -> Picture:
    day, clock = twin.window, twin.window.clock
    band, readings = _band(twin.minute, twin.recorded), _readings(twin)
    eaten = [m for m in day.inputs.meals if m.minute >= day.lead]
    injected = [b for b in day.inputs.boluses if b.minute >= day.lead]
    rates = [(day.lead, day.inputs.rate_at(day.lead)), *((m, rate) for m, rate in day.inputs.basal if m > day.lead)]
    meals = Doses(_clocked([m.minute for m in eaten], clock), np.asarray([np.nan if m.guessed else m.grams for m in eaten]))
    boluses = Doses(_clocked([b.minute for b in injected], clock), np.asarray([b.units for b in injected]))
    basal = Doses(_clocked([m for m, _ in rates], clock), 60.0 * np.asarray([rate for _, rate in rates]))
    alt = f"Glucose on {day.day.date}: readings, the fitted band, meals, boluses and basal insulin over the day."
    return Picture(
        title=f"{day.day.date}: read, fitted, eaten and injected",
        panels=[Panel("", of_figure(day_figure(readings, band, meals, boluses, basal), alt))],
        sentence="Dots are the sensor's readings; the band holds 90 % of what plasma glucose may have been, given this day "
        "alone. The sensor reads glucose under the skin, minutes later and with its own error, so readings may lie outside. A "
        "question mark is a meal whose amount nobody wrote down. Dashed lines: 70 and 180 mg/dL.",
        download=download("day", ["minute", "fitted", "5 %", "95 %"], np.column_stack(band).tolist(), "", ""),
        width=560,
    )


def what_ifs_picture(twin: Twin, told: Sequence[Told]) -> Picture:
    """Of questions that the same families were asked."""
    recorded = _band(twin.minute, told[0].recorded)
    shown = [WhatIf(t.name, _band(twin.minute, t.changed), _band(twin.minute, t.difference)) for t in told]
    alt = "Glucose as it was and under " + ", ".join(t.name for t in told) + ", each with the difference below it."
    cells = [
        [t.name, *map(float, row)]
        for t, what_if in zip(told, shown, strict=True)
        for row in zip(*what_if.glucose, *what_if.difference[1:], strict=True)
    ]
    header = ["what-if", "minute", "glucose", "5 %", "95 %", "difference", "difference 5 %", "difference 95 %"]
    return Picture(
        title=f"{twin.window.day.date} as it did not happen, by {' and '.join(told[0].families)}",
        panels=[Panel("", of_figure(what_ifs_figure(recorded, shown), alt))],
        sentence="Above: plasma glucose as it was (grey) and with the change (colour); below: by how much they differ. Bands "
        "hold 90 %. The difference is surer than either, because both days share the person, the meals and the sensor. Nothing "
        "else of the day is changed: nobody in it eats or injects in answer to what happens.",
        download=download("what-ifs", header, cells, "", ""),
        width=300 * len(told),
    )


def posterior_picture(fits: Sequence[DayFits], twin: Twin) -> Picture | None:
    """None where no family says what of it is drawn."""
    joints = [_joint(fit, twin.lane) for fit in fits if type(fit.problem.family) in LEARNED]
    if not joints:
        return None
    prior = Joint("published people", np.zeros(2), np.eye(2))
    labels = ("insulin sensitivity [sd of published people]", "rate of the gut [sd of published people]")
    alt = "What the day says of insulin sensitivity and of the rate of the gut, by family, beside published people."
    cells = [[j.name, *map(float, (*j.mean, *np.sqrt(np.diag(j.covariance)), j.covariance[0, 1]))] for j in joints]
    families = [type(fit.problem.family) for fit in fits]
    named = "; ".join(f"{family.label}: {' and '.join(LEARNED[family][:2])}" for family in families if family in LEARNED)
    return Picture(
        title="What this day says of the person",
        panels=[Panel("", of_figure(posterior_figure(joints, prior, labels), alt))],
        sentence="Families mean different things by the two, so each is drawn in standard deviations of its own prior of "
        f"published people, whose median is 0. An ellipse as wide as the dashed one has learned nothing. {named}.",
        download=download("posterior", ["family", "sensitivity", "gut", "sd of it", "sd of gut", "covariance"], cells, "", ""),
        width=420,
    )


def ambulatory_picture(profile: AmbulatoryProfile, control: Control) -> Picture:
    alt = "Percentiles of glucose by time of day over the whole record."
    cells = [list(map(float, row)) for row in np.column_stack([profile.minute, profile.glucose.T, profile.days])]
    header = ["minute", *(f"{p:g} %" for p in profile.percent), "days"]
    return Picture(
        title="The usual day of the whole record",
        panels=[Panel("", of_figure(ambulatory_figure(profile, control.ranges), alt))],
        sentence="Percentiles of all readings by time of day, as the sensor told them; spans that contradict themselves are "
        "left out. These describe readings and estimate nothing: their uncertainty is not quantified.",
        download=download("usual-day", header, cells, "", ""),
        width=520,
    )


def _joint(fit: DayFits, lane: int) -> Joint:
    family: AbstractFamily = fit.problem.family
    sensitivity, gut, is_time = LEARNED[type(family)]
    place = [fit.problem.names.index(name) for name in (sensitivity, gut)]
    sign = np.asarray([1.0, -1.0 if is_time else 1.0])
    covariance = np.asarray(fit.covariance)[np.ix_(place, place)][..., lane]
    return Joint(family.label, sign * np.asarray(fit.z)[place, lane], sign[:, None] * covariance * sign)


def _band(minute: np.ndarray, answer: Answer) -> Band:
    low, high = answer.interval(LEVEL)
    return Band(minute, answer.mean[:, 0], low[:, 0], high[:, 0])


def _readings(twin: Twin) -> GlucoseTrace:
    read, day = twin.window.diary.glucose, twin.window.day
    read = read.where((read.minute >= day.start) & (read.minute < day.end))
    return GlucoseTrace(read.minute - day.start + day.start % DAY, read.value, read.below, read.above)


def _clocked(minutes: Sequence[float], clock: float) -> np.ndarray:
    return np.asarray(minutes, dtype=float) + clock
