"""Days of a record that a model can be fitted to, and why the others are not.

A day runs from local midnight to midnight, or in steps of 24 h from the first entry. There are two ways of counting how much of
it the sensor saw, because published counts differ by them:

    bridged   share of its 5-min slots that lie between readings at most ``bridge`` apart: what the trace really covers
    counted   readings x the sensor's own median step / 24 h, at most 1: extra scans make up for holes

A day without an entry of basal insulin is not refused: a constant basal is assumed then, unknown (latent), with the body in
steady state before the day's first meal or bolus; ``Day.basal`` says which days these are. Whoever wants recorded basal
only keeps the days on which it is not ``latent``.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date

import numpy as np

from calibration.records.diary import DAY, Diary
from calibration.records.insulin import BASAL_LATENT

SLOT = 5.0  # min
HELD = 36 * 60.0  # min that a long-acting dose counts for a day


@dataclass(frozen=True)
class Rules:
    """What a day must have.

    coverage   least share of the day that the sensor saw
    counted    coverage as readings x median step instead of bridged slots
    bridge     longest step between readings that counts as seen [min]
    hole       longest time without a reading [min]
    bolus      at least one bolus
    meal       at least one meal, its amount known or not
    food       not every meal is of 0 g
    doubtful   days with a span that contradicts itself are used all the same
    midnight   days begin at local midnight, else at the first entry's time of day
    """

    coverage: float = 0.7
    counted: bool = False
    bridge: float = 20.0
    hole: float = np.inf
    bolus: bool = True
    meal: bool = True
    food: bool = True
    doubtful: bool = False
    midnight: bool = True


@dataclass(frozen=True)
class Day:
    """One day: start and end [min since the diary's first midnight]; ``why`` is empty when it can be used.

    basal: ``pump``, ``injections`` or ``latent``
    """

    person: str
    date: date
    start: float
    end: float
    coverage: float
    hole: float
    basal: str
    why: tuple[str, ...]

    def __str__(self) -> str:
        said = "; ".join(self.why) if self.why else "used"
        return f"{self.person} {self.date}: {said}" + (f" ({BASAL_LATENT})" if not self.why and self.basal == "latent" else "")


def days(diary: Diary, rules: Rules = Rules()) -> list[Day]:
    """Every day that has a sensor reading, used or not."""
    minute = diary.glucose.minute
    if not len(minute):
        return []
    first = 0.0 if rules.midnight else min(float(e.minute[0]) for e in _logs(diary) if len(e)) % DAY
    step = float(np.median(np.diff(minute))) if len(minute) > 1 else SLOT
    numbers = np.unique(np.floor((minute - first) / DAY).astype(np.int64))
    return [_day(diary, rules, first + DAY * number, step) for number in numbers]


def summary(days: list[Day]) -> list[str]:
    """How many days are used, and how many each reason excludes (a day may have several)."""
    used = [day for day in days if not day.why]
    latent = sum(day.basal == "latent" for day in used)
    reasons = Counter(reason.partition(":")[0] for day in days for reason in day.why)
    lines = [f"{len(used)} of {len(days)} days used" + (f", {latent} of them with {BASAL_LATENT}" if latent else "")]
    return lines + [f"{n} days excluded: {reason}" for reason, n in reasons.most_common()]


def _logs(diary: Diary) -> tuple:
    return diary.glucose, diary.boluses, diary.basal, diary.long_acting, diary.meals


def _day(diary: Diary, rules: Rules, start: float, step: float) -> Day:
    end = start + DAY
    minute = diary.glucose.minute
    inside = minute[(minute >= start) & (minute < end)]
    bridged = _bridged(minute, start, rules.bridge)
    coverage = min(1.0, len(inside) * step / DAY) if rules.counted else bridged
    hole = float(np.diff(np.concatenate([[start], inside, [end]])).max())
    why = []
    if coverage < rules.coverage:
        why.append(f"too few readings: the sensor saw {coverage:.0%} of the day, {rules.coverage:.0%} are needed")
    if hole > rules.hole:
        why.append(f"a hole in the trace: {hole:.0f} min without a reading, at most {rules.hole:.0f} are allowed")
    for name, needed, entries in (("bolus", rules.bolus, diary.boluses), ("meal", rules.meal, diary.meals)):
        if needed and not _any(entries.minute, start, end):
            why.append(f"no {name}")
    eaten = diary.meals.value[(diary.meals.minute >= start) & (diary.meals.minute < end)]
    if rules.food and eaten.size and (eaten == 0.0).all():
        why.append("no carbohydrate in any meal")
    if not rules.doubtful:
        why += [f"doubtful: {span.why}" for span in diary.doubtful if span.start < end and span.end > start]
    return Day(diary.person, diary.when(start).date(), start, end, coverage, hole, _basal(diary, start, end), tuple(why))


def _any(minute: np.ndarray, start: float, end: float) -> bool:
    return bool(((minute >= start) & (minute < end)).any())


def _bridged(minute: np.ndarray, start: float, bridge: float) -> float:
    """Share of the slots whose middles lie between readings at most ``bridge`` apart, within the day or across its ends."""
    middles = start + np.arange(0.5 * SLOT, DAY, SLOT)
    after = np.searchsorted(minute, middles)
    before = np.where(after > 0, minute[np.maximum(after - 1, 0)], -np.inf)
    return float(np.mean(np.where(after < len(minute), minute[np.minimum(after, len(minute) - 1)], np.inf) - before <= bridge))


def _basal(diary: Diary, start: float, end: float) -> str:
    """Whether a pump ran all day by known rates, or a long-acting dose still acts."""
    rates, doses = diary.basal, diary.long_acting
    inside = (rates.minute >= start) & (rates.minute < end)
    before = np.flatnonzero(rates.minute <= start)
    if before.size and np.isfinite(rates.value[before[-1]]) and np.isfinite(rates.value[inside]).all():
        if start < rates.minute[-1] + DAY:
            return "pump"
    return "injections" if _any(doses.minute, start - HELD + DAY, end) else "latent"
