"""Forecasts of a sensor's readings on days of real people, from what was known at six times of the day.

The twin of a day expects of its person what earlier days said: with n of them, z about their mean times n / (n + 1), with
variance 1 / (n + 1) + DAILY^2, since people differ from day to day. It is updated with the readings up to each time; meals and
insulin to come are known to it, as they are to the person who plans them. A forecast is what the sensor would tell plus what
remains of its drift.

Beside it: the last reading, a ridge autoregression of the person's earlier days, and both together, weighed by how well each
did on the person's earlier days.
"""

from typing import NamedTuple

import numpy as np

from calibration.diabetes.answers import answer
from calibration.diabetes.day_problem import DayProblem
from calibration.diabetes.fitting import DayFits, fit_days
from calibration.diabetes.sensor import STEP, Sensor, Trace, drift_ahead
from calibration.diabetes.window import LEAD, Window
from calibration.least_squares import LevenbergMarquardt
from experiments.problems.autoregression import Autoregression, filled, lagged

HORIZONS = (30, 60, 120, 240)
ORIGINS = tuple(range(120, 1440, 240))
DAILY = 0.5
# the person's own forecasts begin to tell twin and autoregression apart after so many
PATIENCE = 30.0
# near the last update already
UPDATE = LevenbergMarquardt(iterations=5, ftol=1e-4)


class Forecasts(NamedTuple):
    """(horizons, origins, days), nan where there is no reading to score or no lag: what came, and what each said [mg/dL]."""

    came: np.ndarray
    last: np.ndarray
    ridge: np.ndarray
    twin: np.ndarray
    sd: np.ndarray
    both: np.ndarray


def expected(fits: DayFits, people: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale (unknowns, days) of each day's z from the same person's earlier days; meals are nobody's habit."""
    z = np.asarray(fits.z)
    centre, scale = np.zeros_like(z), np.ones_like(z)
    own = len(fits.problem.family.unknowns) + 2
    for day, person in enumerate(people):
        earlier = [d for d in range(day) if people[d] == person and np.isfinite(fits.cost[d])]
        n = len(earlier)
        if n:
            centre[:own, day] = z[:own][:, earlier].mean(1) * n / (n + 1)
            scale[:own, day] = np.sqrt(1.0 / (n + 1) + DAILY**2)
    return centre, scale


def forecasts(problem: DayProblem, windows: list[Window], fits: DayFits, sensor: Sensor, values: np.ndarray) -> Forecasts:
    """Days in order of time within each person; ``values`` (times, days) readings on the grid, nan where there is none."""
    people = [w.day.person for w in windows]
    twin, sd = _of_twin(problem.expecting(*expected(fits, people)), windows, sensor, values)
    traces = [filled(values[:, i]) for i in range(len(windows))]
    shape = (len(HORIZONS), len(ORIGINS), len(windows))
    came, last, ridge = (np.full(shape, np.nan) for _ in range(3))
    index = (np.array(ORIGINS) + LEAD).astype(int) // int(STEP)
    known: dict[str, list[Autoregression]] = {}
    for day, person in enumerate(people):
        models = known.setdefault(person, [Autoregression(h // int(STEP)) for h in HORIZONS])
        lags = lagged(traces[day], index)
        for k, (horizon, model) in enumerate(zip(HORIZONS, models, strict=True)):
            came[k, :, day] = values[np.minimum(index + horizon // int(STEP), len(values) - 1), day]
            late = index + horizon // int(STEP) >= len(values)
            came[k, late, day] = np.nan
            last[k, :, day] = traces[day][index]
            if model.known:
                ridge[k, :, day] = traces[day][index] + model(lags)
            model.learn(traces[day])
    both = _together(people, came, ridge, twin)
    return Forecasts(came, last, ridge, twin, sd, both)


def _of_twin(problem: DayProblem, windows: list[Window], sensor: Sensor, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(HORIZONS), len(ORIGINS), len(windows))
    mean, sd = np.full(shape, np.nan), np.full(shape, np.nan)
    at, inputs = np.asarray(problem.trace.at), [w.inputs for w in windows]
    below, above = np.asarray(problem.trace.below), np.asarray(problem.trace.above)
    z = np.asarray(problem.centre)
    steps = np.array(HORIZONS) // int(STEP)
    for number, origin in enumerate(ORIGINS):
        now = int((origin + LEAD) // STEP)
        seen = np.where(np.arange(len(values))[:, None] <= now, values, np.nan)
        part = problem.seen(Trace.of(at, seen, below, above, sensor))
        found = fit_days(part, z, again=0, calibrator=UPDATE)
        z = np.asarray(found.z)
        told = answer([found], inputs, "told")
        ahead = drift_ahead(seen[: now + 1] - told.mean[: now + 1], sensor, steps)
        place = np.minimum(now + steps, len(values) - 1)
        mean[:, number] = told.mean[place] + ahead.mean
        sd[:, number] = np.sqrt(told.sd[place] ** 2 + found.misfit * ahead.sd**2)
    return mean, sd


def _together(people: list[str], came: np.ndarray, ridge: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Weight w of the twin, the least squares of the person's earlier forecasts, drawn towards a half while they are few."""
    both = np.full(came.shape, np.nan)
    for k in range(came.shape[0]):
        sums: dict[str, tuple[float, float]] = {}
        for day, person in enumerate(people):
            top, bottom = sums.get(person, (0.0, 0.0))
            apart, off = twin[k, :, day] - ridge[k, :, day], came[k, :, day] - ridge[k, :, day]
            typical = PATIENCE * 100.0
            weight = np.clip((top + 0.5 * typical) / (bottom + typical), 0.0, 1.0)
            both[k, :, day] = ridge[k, :, day] + weight * apart
            good = np.isfinite(apart) & np.isfinite(off)
            sums[person] = (top + float((apart * off)[good].sum()), bottom + float((apart**2)[good].sum()))
    return both
