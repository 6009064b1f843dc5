"""A day of a record as a window that a twin can be fitted to, and what is assumed where the record is silent.

    window        the day and the ``lead`` before it, whose insulin and food still act
    weight        70 kg where none is recorded
    basal         a pump's rates, by the hour where they change more often: what is under the skin smooths hours. The person
                  rests under their mean
    long-acting   injections are a constant rate: the median day's units over 24 h, also on days that miss them
    no basal      a constant rate: as much a day as the median day's boluses, so that half of all insulin is basal, the most
                  that guidelines expect
    meals         of unknown amount are 45 g, give or take a factor of 2; beyond ``ROOM`` of a window, the smallest are believed
                  as written

All of it may be wrong: the twin learns under what basal the person rests. Rates are in U/min, times in minutes since the
diary's first midnight.

Source: of the share: American Diabetes Association, Diabetes Care 46 (Suppl. 1):S140-S157 (2023): 30 to 50 % of all insulin is
basal.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.diabetes.inputs import UNKNOWN_GRAMS, DayInputs, day_inputs
from calibration.records.days import Day
from calibration.records.diary import DAY, Diary, Entries

LEAD = 360.0
ASSUMED_KG = 70.0
ROOM = 8
# nobody whose body makes no insulin lives without any [U/min]
LEAST = 0.1 / 60.0


@dataclass(frozen=True)
class Window:
    """One day of a person with its inputs, which count minutes from ``start``; ``assumed`` in words."""

    diary: Diary
    day: Day
    start: float
    inputs: DayInputs
    assumed: tuple[str, ...]

    @property
    def lead(self) -> float:
        """From where the window begins to where the day does [min]."""
        return self.day.start - self.start

    @property
    def minutes(self) -> float:
        """The whole window [min]."""
        return self.day.end - self.start

    @property
    def clock(self) -> float:
        """Time of day at which the window begins [min], below 0 where that was the day before."""
        return self.day.start % DAY - self.lead


def window(diary: Diary, day: Day, lead: float = LEAD) -> Window:
    """``lead`` 0 for records that begin with the person at rest."""
    start = day.start - lead
    rate, assumed = _rate(diary, day, start)
    weight = diary.weight_kg
    if weight is None:
        weight = ASSUMED_KG
        assumed.insert(0, f"weight {ASSUMED_KG:g} kg: none is recorded")
    inputs = _within_room(replace(day_inputs(diary, start, day.end, weight, rate), opens=lead))
    guessed = sum(meal.guessed for meal in inputs.meals)
    if guessed:
        said = f"about {UNKNOWN_GRAMS:g} g, give or take a factor of 2"
        assumed.append(f"{guessed} of {len(inputs.meals)} meals without an amount: {said}")
    if rate is None:
        inputs = _resting_under_the_mean(_hourly(inputs, day.end - start), day.end - start)
    return Window(diary, day, start, inputs, tuple(assumed))


def _rate(diary: Diary, day: Day, start: float) -> tuple[float | None, list[str]]:
    """The rate that stands for what is not recorded as rates, or None, and what was assumed."""
    rates = diary.basal
    if day.basal == "pump":
        inside = (rates.minute >= start) & (rates.minute < day.end)
        if (rates.minute <= start).any() and np.isfinite(rates.value[np.flatnonzero(rates.minute <= start)[-1:]]).all():
            if np.isfinite(rates.value[inside]).all():
                return None, []
        known = rates.value[inside & np.isfinite(rates.value)]
        mean = max(float(known.mean()), LEAST)
        return mean, [f"the pump's rates before the day are not recorded: a constant {60.0 * mean:.2f} U/h, their mean"]
    if len(diary.long_acting):
        units = _daily(diary.long_acting)
        missed = ", since none is recorded for this day" if day.basal == "latent" else ""
        said = f"long-acting insulin is a constant {units / 24.0:.2f} U/h: the median day's {units:.1f} U over 24 h{missed}"
    else:
        units = _daily(diary.boluses)
        said = (
            f"basal insulin is not recorded: a constant {units / 24.0:.2f} U/h, as much a day as the median day's boluses "
            f"({units:.1f} U), so that half of all insulin is basal"
        )
    return max(units / DAY, LEAST), [said]


def _daily(doses: Entries) -> float:
    """Median units of the days that have a dose."""
    _, place = np.unique(np.floor(doses.minute / DAY), return_inverse=True)
    return float(np.median(np.bincount(place, weights=doses.value)))


def _hourly(inputs: DayInputs, minutes: float) -> DayInputs:
    """Pumps that steer themselves change their rate every few minutes."""
    if len(inputs.basal) <= minutes / 60.0:
        return inputs
    by_hour = _by_minute(inputs, minutes).reshape(-1, 60).mean(1)
    return replace(inputs, basal=tuple((60.0 * i, float(rate)) for i, rate in enumerate(by_hour)))


def _resting_under_the_mean(inputs: DayInputs, minutes: float) -> DayInputs:
    """A rate of its own before the window where rates change."""
    if len({rate for _, rate in inputs.basal}) == 1 and inputs.rate >= LEAST:
        return inputs
    mean = max(float(_by_minute(inputs, minutes).mean()), LEAST)
    return replace(inputs, basal=((0.0, mean), *inputs.basal))


def _by_minute(inputs: DayInputs, minutes: float) -> np.ndarray:
    begins, rates = (np.array(x) for x in zip(*inputs.basal, strict=True))
    return rates[np.searchsorted(begins, np.arange(minutes), side="right") - 1]


def _within_room(inputs: DayInputs) -> DayInputs:
    """The largest meals are numbered, those of the day first."""
    largest = sorted(inputs.meals, key=lambda meal: -meal.grams)[:ROOM]
    numbered = sorted(largest, key=lambda meal: (meal.minute < inputs.opens, meal.minute))
    number = {meal.number: place for place, meal in enumerate(numbered)}
    return replace(inputs, meals=tuple(replace(meal, number=number.get(meal.number, -1)) for meal in inputs.meals))
