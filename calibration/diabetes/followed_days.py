"""Days followed reading by reading, one after the other, and forecasts of the sensor's readings on the way.

A person's first day begins with the priors, every later one with the belief that the day before left, 24 h into its window,
since the next window may begin there. At each origin the extended Kalman filter goes on alone, with meals and insulin to
come known, for as long as the longest horizon. People are lanes; their days come one after the other.

``UNREST`` and ``KEPT`` had about the best forecasts, by their logarithmic score, of the first four days of each person of
T1D-UOM, among two dozen. The rise matters, the others little. ``SENSOR`` is that of fits of real days, and so is the doubt of
meals.
"""

import dataclasses
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from calibration.assimilation import BeliefStatus, Extended, follow
from calibration.diabetes.day_belief import after_a_night, morning
from calibration.diabetes.day_state_space import DayStateSpace, Unrest, readings_of
from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.sensor import STEP, Sensor, Trace
from calibration.diabetes.window import LEAD, Window
from calibration.processors import processors
from physio.solve.lanes import picked

# min ahead, and min of the day at which forecasts are made
HORIZONS = (30, 60, 120, 240)
ORIGINS = tuple(range(120, 1440, 240))
SENSOR = Sensor(gain_sd=0.04, sd=8.0, phi=0.85, white=3.0)
UNREST = Unrest(sensitivity=0.15, sensitivity_memory=90.0, rise=1.4, rise_memory=30.0)
KEPT = 0.95
FILTER = Extended()
# steps from an origin to the next, which are as many as to the longest horizon
PACE = 48
NIGHT = int(1440.0 / STEP)


class Followed(NamedTuple):
    """``mean`` and ``sd`` [mg/dL] (horizons, origins, days), nan where the filter could not go on.

    ``seconds`` for each reading of a person, forecasts included and compilation not.
    """

    mean: np.ndarray
    sd: np.ndarray
    seconds: float


def follow_days(family: AbstractFamily, windows: Sequence[Window], trace: Trace) -> Followed:
    """Days in order of time within each person; ``trace`` judged by ``SENSOR``."""
    people = np.array([w.day.person for w in windows])
    model = DayStateSpace.of(family, [w.inputs for w in windows], sensor=SENSOR, unrest=UNREST)
    days = [np.flatnonzero(people == person) for person in np.unique(people)]
    # whoever has many days beside others who have
    days.sort(key=len)
    shape = (len(HORIZONS), len(ORIGINS), len(windows))
    mean, sd = np.full(shape, np.nan), np.full(shape, np.nan)
    groups = min(processors(), len(days))
    width = -(-len(days) // groups)
    with ThreadPoolExecutor(groups) as pool:
        shares = [days[i : i + width] for i in range(0, len(days), width)]
        took = list(pool.map(lambda own: _followed(model, trace, own, width, mean, sd), shares))
    spent, read = (sum(part) for part in zip(*took, strict=True))
    return Followed(mean, sd, spent / max(read, 1))


def _followed(model: DayStateSpace, trace: Trace, days: list[np.ndarray], width: int, mean: np.ndarray, sd: np.ndarray):
    """Fill ``mean`` and ``sd`` for some people, and ``(seconds, readings)`` of all days but the first."""
    spent, read = 0.0, 0
    expected, covariance = np.zeros((len(model.expected), width)), None
    for number in range(max(map(len, days))):
        begin = time.perf_counter()
        # somebody without so many days goes through the last one again, for nothing
        index = np.array([own[min(number, len(own) - 1)] for own in days] + [days[0][0]] * (width - len(days)))
        one = dataclasses.replace(model.picked(index), expected=jnp.asarray(expected))
        found, belief = _day(one, picked(trace, jnp.asarray(index)), covariance)
        for lane, own in enumerate(days):
            if number < len(own):
                mean[..., own[number]], sd[..., own[number]] = (x[..., lane] for x in found)
                read += int(np.asarray(trace.present)[:, own[number]].sum()) if number else 0
        expected, covariance = after_a_night(one, belief, KEPT)
        spent += time.perf_counter() - begin if number else 0.0
    return spent, read


def _day(model: DayStateSpace, trace: Trace, covariance: np.ndarray | None):
    """``(mean, sd)`` (horizons, origins, lanes) and the belief when the next window may begin."""
    readings = readings_of(trace)
    silent = jax.tree.map(lambda x: jnp.zeros((PACE, *x.shape[1:]), x.dtype), readings)
    steps = np.array(HORIZONS) // int(STEP) - 1
    origins = (np.array(ORIGINS) + LEAD).astype(int) // int(STEP)
    belief, night, mean, sd = morning(model, begins_at(trace), covariance), None, [], []
    for now in range(PACE, origins[-1] + 1, PACE):
        # the first reading has told where glucose begins
        rows = slice(now - PACE + 1, now + 1)
        belief = follow(FILTER, model, belief, trace.at[rows], jax.tree.map(lambda x, r=rows: x[r], readings)).belief
        night = belief if now == NIGHT else night
        if now in origins:
            ahead = follow(FILTER, model, belief, trace.at[now] + STEP * jnp.arange(1, PACE + 1)[:, None], silent)
            good = np.asarray(ahead.status)[steps] == BeliefStatus.OK
            mean.append(np.where(good, np.asarray(ahead.forecasts.mean)[steps, 0], np.nan))
            sd.append(np.where(good, np.asarray(ahead.forecasts.sd)[steps, 0], np.nan))
    return (np.stack(mean, axis=1), np.stack(sd, axis=1)), night


def begins_at(trace: Trace) -> np.ndarray:
    """The first reading of each day [mg/dL]."""
    value, present = np.asarray(trace.value), np.asarray(trace.present)
    return value[present.argmax(0), np.arange(value.shape[1])]
