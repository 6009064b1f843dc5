"""Days of real people's records as windows that a twin can be fitted to: what was done with what the record does not say.

    window    the day and the 6 h before it, whose insulin and food still act
    weight    70 kg where none is recorded
    basal     a pump's rates, hour by hour; else the day's long-acting dose spread over 24 h; else half of the person's insulin, which is the usual
              share: as much as the median day's boluses. All three may be wrong: the twin learns what basal the person rests under.
    meals     of unknown amount are 45 g, or anything from 11 to 180 g; more than the room for them: the smallest are believed as written
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.diabetes.inputs import DayInputs, day_inputs
from calibration.records.days import HELD, Day
from calibration.records.diary import DAY, Diary

LEAD = 360.0
WEIGHT = 70.0
ROOM = 8


@dataclass(frozen=True)
class Window:
    """One day of a person, with its inputs from ``start`` to ``end`` [min of the diary]."""

    diary: Diary
    day: Day
    start: float
    end: float
    inputs: DayInputs


def windows(diary: Diary, days: Sequence[Day]) -> list[Window]:
    """Of the days that can be used, in order of time."""
    usual = _usual_boluses(diary)
    found = []
    for day in days:
        if day.why:
            continue
        start, end = day.start - LEAD, day.end
        inputs = day_inputs(diary, start, end, diary.weight_kg or WEIGHT, _rate(diary, day, usual))
        found.append(Window(diary, day, start, end, _hourly(_within_room(inputs), end - start)))
    return found


def _hourly(inputs: DayInputs, minutes: float) -> DayInputs:
    """Pumps that steer themselves change their rate every few minutes; what is under the skin smooths hours."""
    if len(inputs.basal) <= minutes / 60.0:
        return inputs
    begins, rates = (np.array(x) for x in zip(*inputs.basal, strict=True))
    grid = np.arange(0.0, minutes, 1.0)
    by_minute = rates[np.searchsorted(begins, grid, side="right") - 1]
    hours = by_minute.reshape(-1, 60).mean(1)
    return replace(inputs, basal=((0.0, float(hours[0])), *((60.0 * i, float(r)) for i, r in enumerate(hours) if i)))


def _rate(diary: Diary, day: Day, usual: float) -> float | None:
    """A constant basal [U/min], or None where a pump's rates are known from the window's start on."""
    rates, doses = diary.basal, diary.long_acting
    if day.basal == "pump" and (rates.minute <= day.start - LEAD).any() and np.isfinite(rates.value).all():
        return None
    if day.basal == "injections":
        acting = (doses.minute >= day.start - HELD + DAY) & (doses.minute < day.end)
        return max(float(doses.value[acting].mean()), 0.1 * usual * DAY) / DAY
    if day.basal == "pump":
        inside = (rates.minute >= day.start - DAY) & (rates.minute < day.end) & np.isfinite(rates.value)
        return float(rates.value[inside].mean()) if inside.any() else usual
    return usual


def _usual_boluses(diary: Diary) -> float:
    """Boluses of the median day that has any, as a constant rate [U/min]."""
    number = np.floor(diary.boluses.minute / DAY).astype(int)
    sums = [diary.boluses.value[number == n].sum() for n in np.unique(number)]
    return float(np.median(sums)) / DAY if sums else 0.5 / 60.0


def _within_room(inputs: DayInputs) -> DayInputs:
    """Meals beyond the room for doubtful ones, the smallest, are believed as written."""
    order = sorted(range(len(inputs.meals)), key=lambda i: -inputs.meals[i].grams)
    kept = {i: number for number, i in enumerate(sorted(order[:ROOM]))}
    return replace(inputs, meals=tuple(replace(m, number=kept.get(i, -1)) for i, m in enumerate(inputs.meals)))
