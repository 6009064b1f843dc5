"""A diary's sensor readings on the grid that a day is fitted on."""

from collections.abc import Sequence

import numpy as np

from calibration.diabetes.sensor import STEP, Sensor, Trace
from calibration.records.diary import Diary


def grid_of(diary: Diary, start: float, end: float) -> tuple[np.ndarray, ...]:
    """``(at, value, below, above)`` every 5 min from ``start`` to ``end`` [min of the diary], ``at`` [min] since the start;
    nan: no reading. The grid lies where most readings do, so that none is moved by more than 2.5 min.
    """
    entries = diary.glucose
    inside = (entries.minute >= start) & (entries.minute < end + 0.5 * STEP)
    minute = entries.minute[inside] - start
    phase = _phase(minute)
    count = int(round((end - start) / STEP)) + 1
    at = phase + STEP * np.arange(count)
    place = np.round((minute - phase) / STEP).astype(int)
    kept = (place >= 0) & (place < count)
    value, below, above = np.full(count, np.nan), np.zeros(count, bool), np.zeros(count, bool)
    value[place[kept]] = entries.value[inside][kept]
    below[place[kept]] = entries.below[inside][kept]
    above[place[kept]] = entries.above[inside][kept]
    return at, value, below, above


def trace_of(diaries: Sequence[Diary], starts: Sequence[float], minutes: float, sensor: Sensor) -> Trace:
    """The windows of ``minutes`` from each start, one a lane."""
    grids = [grid_of(d, s, s + minutes) for d, s in zip(diaries, starts, strict=True)]
    return Trace.of(*(np.stack(parts, axis=1) for parts in zip(*grids, strict=True)), sensor)


def _phase(minute: np.ndarray) -> float:
    """Where in 5 min readings stand: the middle of their remainders on the circle; not below 0, since nothing begins earlier."""
    if not minute.size:
        return 0.0
    turn = np.angle(np.exp(2j * np.pi * minute / STEP).mean()) / (2.0 * np.pi)
    # rounded, or rounding error could put readings at whole steps just before them, and so the grid a step late
    return float(np.round(turn, 9) % 1.0) * STEP
