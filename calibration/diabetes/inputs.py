"""What was eaten and delivered on a day, as events whose meals may be larger, smaller, earlier or later than written down.

Times are minutes since the day's window began. A diary's amounts are guesses: people miscount carbohydrate by about a fifth
(A. S. Brazeau et al., Diabetes Res. Clin. Pract. 99:e19-e23 (2013)) and write meals down when they think of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.diabetes.family import AbstractFamily
from calibration.records.diary import Diary, Entries
from physio.bodies.meals import insulin
from physio.bodies.pen import DAY, accustomed, injection
from physio.protocol import Timed
from physio.schedule import Schedule, nothing, ragged, switch

UNKNOWN_GRAMS = 45.0


@dataclass(frozen=True)
class Meal:
    """``grams`` of carbohydrate at ``minute``; ``number`` says which of the day's recorded meals it is, -1 none of them.

    ``guessed``: the record has no amount.
    """

    minute: float
    grams: float
    number: int = -1
    guessed: bool = False


@dataclass(frozen=True)
class Bolus:
    minute: float
    units: float


@dataclass(frozen=True)
class LongActing:
    """An injection of long-acting insulin."""

    minute: float
    units: float


@dataclass(frozen=True)
class Bout:
    """Exercise: ``oxygen`` [%] of maximal uptake, ``muscle`` [1] the share that works."""

    minute: float
    minutes: float
    oxygen: float = 50.0
    muscle: float = 0.5


@dataclass(frozen=True)
class DayInputs:
    """One day. ``basal`` (rates,) of (minute, U/min), the first from before the window; ``weight`` [kg].

    The day itself begins ``opens`` minutes after its window.

    ``long_acting`` begins with what was injected in the 24 h before the window, at negative minutes, and had been so every day:
    the person rests under its mean and ``basal``, and from minute 0 on what the depot releases takes the place of that mean.
    Somebody without a pump has a basal rate of 0. The family's body needs a depot: ``physio.bodies.pen.with_pen``.
    """

    meals: tuple[Meal, ...]
    boluses: tuple[Bolus, ...]
    basal: tuple[tuple[float, float], ...]
    weight: float
    exercise: tuple[Bout, ...] = ()
    opens: float = 0.0
    long_acting: tuple[LongActing, ...] = ()

    def __post_init__(self):
        if self.long_acting and not (self._habit and min(i.minute for i in self.long_acting) >= -DAY):
            raise ValueError(
                "long_acting [U] must begin with what was injected in the 24 h before the window: give it at minutes -1440 to 0"
            )

    @property
    def rate(self) -> float:
        """Delivery that the person rests under before the window [U/min]."""
        return self.basal[0][1] + sum(i.units for i in self._habit) / DAY

    @property
    def _habit(self) -> tuple[LongActing, ...]:
        """What is injected every day before the window."""
        return tuple(i for i in self.long_acting if i.minute < 0.0)

    def rate_at(self, minute: float) -> float:
        """What the pump delivers from ``minute`` on [U/min]."""
        return [rate for begins, rate in self.basal if begins <= minute][-1]

    def schedule(self, family: AbstractFamily, by_mouthful: bool) -> tuple[Schedule, list[int]]:
        """The events and, for each, the number of its meal or -1."""
        events, numbers = nothing(), []

        def add(more: Schedule, number: int = -1) -> None:
            nonlocal events
            events = events + more
            numbers.extend([number] * more.time.shape[0])

        for meal in self.meals:
            if meal.grams > 0.0:
                add(family.eaten(meal.minute, meal.grams, by_mouthful), meal.number)
        for bolus in self.boluses:
            add(insulin(bolus.minute, bolus.units))
        for (_, before), (minute, rate) in zip(self.basal, self.basal[1:], strict=False):
            if rate != before:
                add(switch("insulin", minute, np.inf, rate - before))
        if self.long_acting and "pen" not in family.body.parts:
            raise ValueError(f"{family.label} has no depot of long-acting insulin: make its body with_pen(family.body, ...)")
        for given in self.long_acting:
            at, units = given.minute, given.units
            add(injection(at, units) if at >= 0.0 else accustomed(family.body, at, units))
        for bout in self.exercise:
            more = family.exercised(bout.minute, bout.minutes, bout.oxygen, bout.muscle)
            if more is None:
                raise ValueError(f"{family.label} has no exercise: ask a family that has, such as Hovorka")
            add(more)
        return events, numbers


def day_inputs(diary: Diary, start: float, end: float, weight: float, rate: float | None = None) -> DayInputs:
    """What the diary says between two of its minutes; ``rate`` [U/min] stands for a basal that it does not hold."""
    meals = tuple(
        Meal(float(minute - start), UNKNOWN_GRAMS if np.isnan(grams) else float(grams), number, bool(np.isnan(grams)))
        for number, (minute, grams) in enumerate(_within(diary.meals, start, end))
    )
    boluses = tuple(Bolus(float(minute - start), float(units)) for minute, units in _within(diary.boluses, start, end))
    return DayInputs(meals, boluses, ((0.0, rate),) if rate is not None else _rates(diary.basal, start, end), weight)


def _within(entries: Entries, start: float, end: float) -> list[tuple[float, float]]:
    chosen = (entries.minute >= start) & (entries.minute < end)
    return list(zip(entries.minute[chosen], entries.value[chosen], strict=True))


def _rates(entries: Entries, start: float, end: float) -> tuple[tuple[float, float], ...]:
    before = np.flatnonzero(entries.minute <= start)[-1:]
    rates = [(0.0, float(v)) for v in entries.value[before]]
    rates += [(float(m - start), float(v)) for m, v in _within(entries, start, end) if m > start]
    unknown = [start] if not before.size else [start + m for m, v in rates if np.isnan(v)]
    if unknown:
        raise ValueError(f"no basal rate is known at minute {unknown[0]:g}: give one")
    return tuple(rates)


class Events(eqx.Module):
    """Schedules of many days as arrays (slots, days), with the number of the meal that a slot belongs to. The first slot is a
    constant delivery of insulin, the next ``spells`` are the sensitivity of as many equal parts of the window.
    """

    schedule: Schedule
    meal: Array
    spells: int = eqx.field(static=True)

    @classmethod
    def of(
        cls, family: AbstractFamily, days: Sequence[DayInputs], by_mouthful: bool, spells: int = 0, minutes: float = 1440.0
    ) -> "Events":
        """Padded to a common number of slots; the window is ``minutes`` long."""
        made = [day.schedule(family, by_mouthful) for day in days]
        edges = np.linspace(0.0, minutes, spells + 1)
        first = switch("insulin", 0.0, np.inf, 0.0)
        for begin, end in zip(edges, edges[1:], strict=False):
            first = first + switch("sensitivity", begin, end, 0.0)
        schedule = Timed(jnp.zeros(1), ragged([first + s for s, _ in made])).widened(len(days)).schedule
        meal = np.full((schedule.time.shape[0], len(days)), -1, np.int32)
        for i, (_, numbers) in enumerate(made):
            meal[1 + spells : 1 + spells + len(numbers), i] = numbers
        return cls(schedule, jnp.asarray(meal), spells)

    def moved(self, factor: Array, later: Array, extra: Array, sensitivity: Array) -> Schedule:
        """The schedule with every recorded meal's amount times ``factor`` and ``later`` [min], both (meals, days), so much
        insulin ``extra`` (days,) [U/min] all the time, and the logarithm of ``sensitivity`` (spells, days).
        """
        old = self.schedule
        amount = old.amount.at[: 1 + self.spells].set(jnp.concatenate([extra[None], sensitivity]))
        old = eqx.tree_at(lambda s: s.amount, old, amount)
        if not factor.shape[0]:
            return old
        index = jnp.maximum(self.meal, 0)
        known = self.meal >= 0
        times = jnp.where(known, jnp.take_along_axis(later, index, axis=0), 0.0)
        amounts = jnp.where(known, jnp.take_along_axis(factor, index, axis=0), 1.0)
        # a meal moved to before the window is eaten as it begins
        return eqx.tree_at(lambda s: (s.time, s.amount), old, (jnp.maximum(old.time + times, 0.0), old.amount * amounts))
