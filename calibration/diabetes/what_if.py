"""Changes of a recorded day: what was eaten, injected and done, otherwise.

A change is asked of a day with ``change(day)``, which gives other inputs of the same person; meals keep their numbers, so that
what is not known of a recorded meal stays the same in both days. Times are minutes since the window began, carbohydrate is in
g, insulin in U. What was before the day stays as it was. The person rests under the recorded basal rate: another rate begins
with the day.

A bolus belongs to the meal it is nearest to, at most 90 min away.
"""

import abc
from dataclasses import dataclass, replace

import numpy as np

from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.inputs import Bolus, Bout, DayInputs, Meal

BELONGS = 90.0  # min


class AbstractChange(abc.ABC):
    """``label``: the change in words."""

    label: str

    @abc.abstractmethod
    def __call__(self, day: DayInputs) -> DayInputs:
        """The changed day; ValueError where the day has nothing to change."""

    def known_to(self, family: AbstractFamily) -> bool:
        """Whether the family's equations hold what is changed."""
        return True


@dataclass(frozen=True)
class Boluses(AbstractChange):
    """Every bolus times ``factor``."""

    factor: float

    @property
    def label(self) -> str:
        return f"boluses {_times(self.factor)}"

    def __call__(self, day):
        if not any(b.minute >= day.opens for b in day.boluses):
            raise ValueError("the day has no bolus")
        boluses = (replace(b, units=self.factor * b.units) if b.minute >= day.opens else b for b in day.boluses)
        return replace(day, boluses=tuple(boluses))


@dataclass(frozen=True)
class BolusMoved(AbstractChange):
    """The bolus of the recorded meal ``number`` moved ``minutes`` later, earlier where negative; not before the day."""

    number: int
    minutes: float

    @property
    def label(self) -> str:
        return f"bolus of meal {self.number + 1} {abs(self.minutes):g} min {'later' if self.minutes > 0.0 else 'earlier'}"

    def __call__(self, day):
        own = bolus_of(day, self.number)
        moved = replace(day.boluses[own], minute=max(day.boluses[own].minute + self.minutes, day.opens))
        return replace(day, boluses=_without(day.boluses, own, moved))


@dataclass(frozen=True)
class Carbohydrate(AbstractChange):
    """Every meal times ``factor``, boluses as they were."""

    factor: float

    @property
    def label(self) -> str:
        return f"carbohydrate {_times(self.factor)}"

    def __call__(self, day):
        if not any(m.grams > 0.0 and m.minute >= day.opens for m in day.meals):
            raise ValueError("the day has no meal with carbohydrate")
        meals = (replace(m, grams=self.factor * m.grams) if m.minute >= day.opens else m for m in day.meals)
        return replace(day, meals=tuple(meals))


@dataclass(frozen=True)
class MealLeftOut(AbstractChange):
    """The recorded meal ``number`` left out, and its bolus where it has one."""

    number: int

    @property
    def label(self) -> str:
        return f"meal {self.number + 1} and its bolus left out"

    def __call__(self, day):
        _meal(day, self.number)
        own = _own_bolus(day, self.number)
        kept = day.boluses if own is None else _without(day.boluses, own)
        return replace(day, meals=tuple(m for m in day.meals if m.number != self.number), boluses=kept)


@dataclass(frozen=True)
class Basal(AbstractChange):
    """Basal delivery and long-acting injections times ``factor`` from the beginning of the day."""

    factor: float

    @property
    def label(self) -> str:
        return f"basal insulin {_times(self.factor)}"

    def __call__(self, day):
        before = [(minute, rate) for minute, rate in day.basal if minute < day.opens] or [day.basal[0]]
        after = [(minute, rate) for minute, rate in day.basal if minute > day.opens]
        changed = ((minute, self.factor * rate) for minute, rate in ((day.opens, day.rate_at(day.opens)), *after))
        given = (replace(i, units=self.factor * i.units) if i.minute >= day.opens else i for i in day.long_acting)
        return replace(day, basal=(*before, *changed), long_acting=tuple(given))


@dataclass(frozen=True)
class Exercise(AbstractChange):
    """A bout of exercise added, for families that have exercise."""

    bout: Bout

    @property
    def label(self) -> str:
        return f"{self.bout.minutes:g} min of exercise at {self.bout.oxygen:g} % of maximal oxygen uptake"

    def __call__(self, day):
        return replace(day, exercise=(*day.exercise, self.bout))

    def known_to(self, family):
        return family.exercised(0.0, 30.0, 50.0, 0.5) is not None


@dataclass(frozen=True)
class BolusAdded(AbstractChange):
    bolus: Bolus

    @property
    def label(self) -> str:
        return f"a bolus of {self.bolus.units:g} U added"

    def __call__(self, day):
        return replace(day, boluses=(*day.boluses, self.bolus))


@dataclass(frozen=True)
class CarbohydrateAdded(AbstractChange):
    """Such as against low glucose: ``grams`` at ``minute``, without a bolus and as exact as it is said."""

    minute: float
    grams: float

    @property
    def label(self) -> str:
        return f"{self.grams:g} g of carbohydrate added"

    def __call__(self, day):
        return replace(day, meals=(*day.meals, Meal(self.minute, self.grams)))


def bolus_of(day: DayInputs, number: int) -> int:
    """Place of the bolus that belongs to the recorded meal ``number``; ValueError where it has none."""
    found = _own_bolus(day, number)
    if found is None:
        raise ValueError(f"no bolus belongs to meal {number + 1}: none within {BELONGS:g} min is nearer to it than to others")
    return found


def _own_bolus(day: DayInputs, number: int) -> int | None:
    minute = _meal(day, number).minute
    meals = [m for m in day.meals if m.number >= 0]
    near = {}
    for place, bolus in enumerate(day.boluses):
        off = [abs(bolus.minute - m.minute) for m in meals]
        if meals[int(np.argmin(off))].number == number and min(off) <= BELONGS:
            near[place] = abs(bolus.minute - minute)
    return min(near, key=near.get) if near else None


def _meal(day: DayInputs, number: int) -> Meal:
    found = [m for m in day.meals if m.number == number]
    if not found or number < 0:
        raise ValueError(f"the day has no recorded meal {number + 1}: it has {sum(m.number >= 0 for m in day.meals)}")
    return found[0]


def _without(boluses: tuple[Bolus, ...], place: int, *instead: Bolus) -> tuple[Bolus, ...]:
    return (*boluses[:place], *instead, *boluses[place + 1 :])


def _times(factor: float) -> str:
    percent = 100.0 * abs(factor - 1.0)
    return f"{percent:.3g} % {'less' if factor < 1.0 else 'more'}"
