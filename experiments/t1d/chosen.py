"""Which days of which people are fitted, and what is assumed where the record is silent.

    weight        70 kg where none is recorded
    basal         where none is ever recorded, a constant rate: as much a day as the median day's boluses, so that half of all
                  insulin is basal, the most that guidelines expect
    long-acting   injections are a constant rate: the median day's units over 24 h, also on days that miss them
    window        24 h from midnight, or from the first entry of virtual people; food and insulin from before it are not counted

Rates are in U/min, times in minutes since the diary's first midnight.

Source: of the share: American Diabetes Association, Diabetes Care 46 (Suppl. 1):S140-S157 (2023): 30 to 50 % of all insulin is basal.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calibration.diabetes.inputs import UNKNOWN_GRAMS, DayInputs, day_inputs
from calibration.errors import InputError
from calibration.records.days import Day, Rules, days
from calibration.records.diary import DAY, Diary, Entries
from calibration.records.insilico import TRAIN

ASSUMED_KG = 70.0


class Chosen(NamedTuple):
    """A day to be fitted; ``assumed`` in words."""

    diary: Diary
    day: Day
    inputs: DayInputs
    assumed: tuple[str, ...]

    @property
    def clock(self) -> float:
        """Time of day at which the window begins [min]."""
        return self.day.start % DAY


class Person(NamedTuple):
    """``days`` are all of the record, ``fitted`` those that are fitted, in the order of time."""

    diary: Diary
    days: list[Day]
    fitted: list[Chosen]


def is_virtual(folder: Path) -> bool:
    """Whether the people are simulated: their records are exact."""
    return (folder / TRAIN).is_file()


def one_of(diaries: Sequence[Diary], person: str | None, folder: Path) -> list[Diary]:
    """Everybody, or the one named."""
    if person is None:
        return list(diaries)
    names = [d.person for d in diaries]
    if person not in names:
        raise InputError("--person", problem=f"{person!r} is not in {folder}", expected=f"one of {', '.join(names)}")
    return [diaries[names.index(person)]]


def chosen(diary: Diary, rules: Rules, most: int, on: date | None) -> Person:
    """The latest ``most`` days that can be used, or the one ``on`` a date."""
    found = [_with_food(diary, day) for day in days(diary, rules)]
    usable = [day for day in found if not day.why and (on is None or day.date == on)][-most:]
    return Person(diary, found, [_chosen(diary, day) for day in usable])


def _with_food(diary: Diary, day: Day) -> Day:
    """A day whose meals are all of 0 g says nothing of meals."""
    meals = diary.meals
    inside = (meals.minute >= day.start) & (meals.minute < day.end)
    return replace(day, why=("no carbohydrate in any meal",)) if not day.why and (meals.value[inside] == 0.0).all() else day


def _chosen(diary: Diary, day: Day) -> Chosen:
    rate, assumed = _rate(diary, day)
    weight = diary.weight_kg
    if weight is None:
        weight = ASSUMED_KG
        assumed.insert(0, f"weight {ASSUMED_KG:g} kg: none is recorded")
    inputs = day_inputs(diary, day.start, day.end, weight, rate)
    guessed = sum(meal.guessed for meal in inputs.meals)
    if guessed:
        said = f"about {UNKNOWN_GRAMS:g} g, give or take a factor of 2"
        assumed.append(f"{guessed} of {len(inputs.meals)} meals without an amount: {said}")
    return Chosen(diary, day, inputs, tuple(assumed))


def _rate(diary: Diary, day: Day) -> tuple[float | None, list[str]]:
    """The rate that stands for what is not recorded as rates, and what was assumed."""
    if day.basal == "pump":
        return None, []
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
    return units / DAY, [said]


def _daily(doses: Entries) -> float:
    """Median units of the days that have a dose."""
    _, place = np.unique(np.floor(doses.minute / DAY), return_inverse=True)
    return float(np.median(np.bincount(place, weights=doses.value)))
