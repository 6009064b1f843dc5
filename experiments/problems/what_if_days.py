"""One sensor day of each of several people and eight other days with known truth, in the layout of t1d_counterfactual_insilico.

    base                            four meals: breakfast, lunch, a snack without a bolus, dinner
    bolus_x0.75, bolus_x1.25        all boluses
    carbs_x0.75, carbs_x1.25        all meals, boluses unchanged
    basal_x0.75, basal_x1.25        basal delivery of the whole day
    lunch_bolus_plus30min           the lunch bolus 30 min later
    no_dinner                       neither dinner nor its bolus

A day begins at 06:00 and lasts 1440 min. Food is eaten at 5 g/min, a bolus enters within one minute. ``drawn_day`` draws the
base day: whole minutes and grams, a bolus within 12 min of its meal, of 0.8 to 1.2 times what the carbohydrate ratio asks for.
Sensor = gain C + e + w, clipped to 40-400 mg/dL: C interstitial glucose, gain N(1, 0.04) a person, e autoregressive over
5 min with phi 0.85 and a stationary sd of 5 mg/dL, w white with an sd of 2 mg/dL.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from calibration.records.insilico import BASE, INPUTS, SUBJECTS, TRAIN, TRUTH

DAY, EVERY = 1440, 5  # min
# about when [min], from and to how much [g], whether with a bolus
MEALS = {"B": (50, 40, 90, True), "L": (380, 40, 80, True), "S": (595, 10, 25, False), "D": (780, 40, 90, True)}
EARLIEST_OR_LATEST, BOLUS_APART = 15, 12  # min
GAIN_SD, PHI, SLOW_SD, WHITE_SD, LOWEST, HIGHEST = 0.04, 0.85, 5.0, 2.0, 40.0, 400.0
HEADERS = {
    TRAIN: ("subject", "t_min", "cgm_mg_dL", "carbs_g", "bolus_U", "basal_U_per_min", "meal_label"),
    SUBJECTS: ("subject", "group", "body_weight_kg", "carb_ratio_g_per_U", "basal_U_per_min", "source_patient", "day_start"),
    INPUTS: ("subject", "scenario", "label", "carbs_t_min", "carbs_g", "bolus_t_min", "bolus_U", "basal_U_per_min"),
    TRUTH: ("subject", "scenario", "t_min", "ig_mg_dL", "plasma_mg_dL"),
}


class Day(NamedTuple):
    """What people eat and are given, people last: ``at`` [min], ``grams``, ``bolus_at`` [min], ``units`` (meals, people);
    ``basal`` (people,) [U/min]."""

    at: np.ndarray
    grams: np.ndarray
    bolus_at: np.ndarray
    units: np.ndarray
    basal: np.ndarray


class Lives(NamedTuple):
    """``weight`` [kg], ``ratio`` [g/U] (people,), their base day, and plasma and interstitial glucose [mg/dL] every 5 min:
    (scenarios, times, people)."""

    weight: np.ndarray
    ratio: np.ndarray
    day: Day
    plasma: np.ndarray
    tissue: np.ndarray


def drawn_day(rng: np.random.Generator, ratio: np.ndarray, basal: np.ndarray) -> Day:
    """The base day of people with this carbohydrate ratio [g/U] and this basal delivery [U/min]."""
    about, least, most, covered = (np.array(column)[:, None] for column in zip(*MEALS.values(), strict=True))
    shape = (len(MEALS), len(ratio))
    at = about + rng.integers(-EARLIEST_OR_LATEST, EARLIEST_OR_LATEST + 1, shape)
    grams = rng.integers(least, most + 1, shape)
    bolus_at = at + rng.integers(-BOLUS_APART, BOLUS_APART + 1, shape)
    units = np.round(covered * grams / ratio * rng.uniform(0.8, 1.2, shape), 2)
    return Day(*(x.astype(float) for x in (at, grams, bolus_at, units)), basal)


def scenarios(day: Day) -> dict[str, Day]:
    """The base day and what else could have been done on it."""
    lunch, dinner = (np.array([label == meal for meal in MEALS])[:, None] for label in "LD")
    return {
        BASE: day,
        **{f"bolus_x{factor}": day._replace(units=factor * day.units) for factor in (0.75, 1.25)},
        **{f"carbs_x{factor}": day._replace(grams=factor * day.grams) for factor in (0.75, 1.25)},
        **{f"basal_x{factor}": day._replace(basal=factor * day.basal) for factor in (0.75, 1.25)},
        "lunch_bolus_plus30min": day._replace(bolus_at=day.bolus_at + 30.0 * lunch),
        "no_dinner": day._replace(grams=np.where(dinner, 0.0, day.grams), units=np.where(dinner, 0.0, day.units)),
    }


def sensed(rng: np.random.Generator, tissue: np.ndarray) -> np.ndarray:
    """What a sensor shows of interstitial glucose (times, people) [mg/dL]."""
    gain = 1.0 + GAIN_SD * rng.standard_normal(tissue.shape[1])
    news = SLOW_SD * rng.standard_normal(tissue.shape)
    # the first error is drawn from the stationary law, all others carry on from it
    news[1:] *= np.sqrt(1.0 - PHI**2)
    slow = lfilter([1.0], [1.0, -PHI], news, axis=0)
    return np.clip(gain * tissue + slow + WHITE_SD * rng.standard_normal(tissue.shape), LOWEST, HIGHEST)


def write_lives(folder: Path, lives: Lives, sensor: np.ndarray, source: str) -> None:
    """The four tables; ``sensor`` (times, people) [mg/dL] of the base day."""
    people = [f"S{number:02d}" for number in range(1, len(lives.weight) + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    tables = {TRAIN: _train(people, lives.day, sensor), SUBJECTS: _subjects(people, lives, source)}
    tables[INPUTS] = _inputs(people, scenarios(lives.day))
    for name, rows in tables.items():
        (folder / name).write_text(_table(name, rows), encoding="utf-8")
    packed = gzip.compress(_table(TRUTH, _truth(people, lives)).encode(), mtime=0)
    (folder / f"{TRUTH}.gz").write_bytes(packed)


def _train(people: Sequence[str], day: Day, sensor: np.ndarray) -> Iterable[tuple]:
    for lane, person in enumerate(people):
        for row, glucose in enumerate(sensor[:, lane]):
            eaten, given = (time[:, lane] // EVERY == row for time in (day.at, day.bolus_at))
            grams, units = day.grams[eaten, lane].sum(), day.units[given, lane].sum()
            label = "".join(np.array(list(MEALS))[eaten])
            yield person, row * EVERY, f"{glucose:.1f}", _exact(grams), _exact(units), _exact(day.basal[lane]), label


def _subjects(people: Sequence[str], lives: Lives, source: str) -> Iterable[tuple]:
    for person, *numbers in zip(people, lives.weight, lives.ratio, lives.day.basal, strict=True):
        yield person, "adult", *map(_exact, numbers), source, "06:00"


def _inputs(people: Sequence[str], days: dict[str, Day]) -> Iterable[tuple]:
    for lane, person in enumerate(people):
        for name, day in days.items():
            for label, at, grams, bolus_at, units in zip(MEALS, *(x[:, lane] for x in day[:4]), strict=True):
                if grams > 0.0:
                    yield person, name, label, *map(_exact, (at, grams, bolus_at, units, day.basal[lane]))


def _truth(people: Sequence[str], lives: Lives) -> Iterable[tuple]:
    for lane, person in enumerate(people):
        for which, name in enumerate(scenarios(lives.day)):
            for row, values in enumerate(zip(lives.tissue[which, :, lane], lives.plasma[which, :, lane], strict=True)):
                yield person, name, row * EVERY, *(f"{value:.2f}" for value in values)


def _exact(x: float) -> str:
    """Enough digits for three quarters of a number with eight decimals."""
    return f"{x:.10g}"


def _table(name: str, rows: Iterable[tuple]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS[name])
    writer.writerows(rows)
    return text.getvalue()
