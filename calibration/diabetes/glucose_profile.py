"""What a sensor's trace says of a person's glucose: profile over the day, time in ranges, mean, variation and risk.

Weights. A reading stands for the time from halfway after the reading before it to halfway before the next. A hole, a step
longer than 20 min, stands for nothing: on that side a reading stands for half of the trace's usual (median) step, as at both
ends.

Ranges [mg/dL], named in whole numbers: <54, 54-69, 70-180, 181-250, >250 (Battelino et al., Diabetes Care 42:1593, 2019).
Between whole numbers they are cut at 54, 70, 181 and 251, which puts 10.0 mmol/L (180.2) and 13.9 mmol/L (250.4) where the
agreed limits in mmol/L do. ``below`` and ``above`` the range of the sensor count in the outermost; mean and percentiles hold
the end of its range.

Glucose management indicator 3.31 + 0.02392 mean [%] (Bergenstal et al., Diabetes Care 41:2275, 2018).

Risk r = 10 f^2 with f = 1.509 (ln(glucose)^1.084 - 5.381), zero at 112.5 mg/dL and 100 at both ends, 20 and 600 mg/dL, of the
scale on which it is defined; glucose beyond counts as at the end. The low and high blood glucose indices LBGI and HBGI are the
means of r where f < 0 and where f > 0, zero elsewhere (Kovatchev et al., Diabetes Care 20:1655, 1997; 29:2433, 2006).
"""

from typing import NamedTuple

import numpy as np

from calibration.records.diary import DAY, Diary

HOLE = 20.0  # min
EDGES = (54.0, 70.0, 181.0, 251.0)  # mg/dL, the first of the range above
PERCENTS = (5.0, 25.0, 50.0, 75.0, 95.0)
EVERY, REACH = 15.0, 15.0  # min


class GlucoseTrace(NamedTuple):
    """Readings of a sensor in the order of time.

    minute        (n,) [min] since the midnight that begins the first day
    glucose       (n,) [mg/dL]
    below, above  (n,) out of the range of the sensor; ``glucose`` is then the end of the range
    """

    minute: np.ndarray
    glucose: np.ndarray
    below: np.ndarray
    above: np.ndarray


class Ranges(NamedTuple):
    """Shares [1] of the time covered, which add up to one; glucose in mg/dL."""

    below_54: float
    from_54_to_69: float
    from_70_to_180: float
    from_181_to_250: float
    above_250: float


class Control(NamedTuple):
    """How a trace was controlled over a period.

    ranges      shares of the time covered
    hours       [h] covered by readings
    coverage    [1] share of the period that they cover
    unmeasured  [1] share of the time covered that was below or above the range of the sensor
    mean        [mg/dL]
    gmi         [%] glucose management indicator, an estimate of HbA1c
    variation   [%] standard deviation of the time covered over the mean
    lbgi, hbgi  [1] low and high blood glucose index, 0 to 100
    """

    ranges: Ranges
    hours: float
    coverage: float
    unmeasured: float
    mean: float
    gmi: float
    variation: float
    lbgi: float
    hbgi: float

    @property
    def risk(self) -> float:
        """[1] Mean risk, low and high."""
        return self.lbgi + self.hbgi


class AmbulatoryProfile(NamedTuple):
    """Percentiles of all days by time of day.

    minute   (times,) [min] since midnight
    percent  (5,) 5, 25, 50, 75, 95
    glucose  (5, times) [mg/dL], nan where no day has a reading
    days     (times,) number of days with a reading
    """

    minute: np.ndarray
    percent: np.ndarray
    glucose: np.ndarray
    days: np.ndarray


def glucose_trace(minute: np.ndarray, glucose: np.ndarray, below: np.ndarray | None = None, above: np.ndarray | None = None) -> GlucoseTrace:
    """The trace of plain arrays [min, mg/dL]; readings that are nan are left out."""
    minute, glucose = np.asarray(minute, dtype=float), np.asarray(glucose, dtype=float)
    below, above = (np.zeros(glucose.shape, bool) if side is None else np.asarray(side, dtype=bool) for side in (below, above))
    if not minute.shape == glucose.shape == below.shape == above.shape or glucose.ndim != 1:
        raise ValueError("minutes, readings and the sides of the range are not (n,) alike")
    if (np.diff(minute) < 0.0).any():
        raise ValueError("minutes go back: count them on from the first midnight, over all days")
    known = np.isfinite(glucose)
    return GlucoseTrace(minute[known], glucose[known], below[known], above[known])


def glucose_trace_of(diary: Diary) -> GlucoseTrace:
    """The trace of a diary, without its doubtful spans."""
    read = diary.glucose
    trusted = np.ones(len(read), dtype=bool)
    for span in diary.doubtful:
        trusted &= (read.minute < span.start) | (read.minute >= span.end)
    read = read.where(trusted)
    return glucose_trace(read.minute, read.value, read.below, read.above)


def spans(minute: np.ndarray, hole: float = HOLE) -> tuple[np.ndarray, np.ndarray]:
    """``(start, end)`` (n,) [min] of the time that each reading stands for; ``hole`` [min] is the longest step that is none."""
    step = np.diff(minute)
    near = (step > 0.0) & (step <= hole)
    if not near.any():
        raise ValueError(f"no two readings within {hole:g} min of each other: what time they stand for cannot be told")
    usual = np.median(step[near])
    half = 0.5 * np.concatenate([[usual], np.where(step <= hole, step, usual), [usual]])
    return minute - half[:-1], minute + half[1:]


def control(trace: GlucoseTrace, period: tuple[float, float] | None = None) -> Control:
    """Of a ``period`` (start, end) [min since the first midnight], by default from the first to the last reading."""
    start, end = spans(trace.minute)
    first, last = (start[0], end[-1]) if period is None else period
    weight = np.maximum(np.minimum(end, last) - np.maximum(start, first), 0.0)
    covered = weight.sum()
    if covered == 0.0:
        raise ValueError(f"no reading from minute {first:g} to minute {last:g}")
    weight = weight / covered
    place = np.searchsorted(EDGES, trace.glucose, side="right")
    place = np.where(trace.below, 0, np.where(trace.above, len(EDGES), place))
    shares = np.bincount(place, weights=weight, minlength=len(EDGES) + 1)
    mean = weight @ trace.glucose
    spread = np.sqrt(weight @ (trace.glucose - mean) ** 2)
    f = _symmetric(trace.glucose)
    low, high = weight @ (10.0 * np.minimum(f, 0.0) ** 2), weight @ (10.0 * np.maximum(f, 0.0) ** 2)
    return Control(
        ranges=Ranges(*shares.tolist()),
        hours=float(covered / 60.0),
        coverage=float(covered / (last - first)),
        unmeasured=float(weight @ (trace.below | trace.above)),
        mean=float(mean),
        gmi=float(3.31 + 0.02392 * mean),
        variation=float(100.0 * spread / mean),
        lbgi=float(low),
        hbgi=float(high),
    )


def _symmetric(glucose: np.ndarray) -> np.ndarray:
    """f: the scale on which 70 lies as far below zero as 180 mg/dL above it."""
    return 1.509 * (np.log(np.clip(glucose, 20.0, 600.0)) ** 1.084 - 5.381)


def ambulatory_profile(trace: GlucoseTrace) -> AmbulatoryProfile:
    """Every 15 min, weighted percentiles of the readings of all days at most 15 min earlier or later, across midnight: a moving
    window, not smoothed further.
    """
    start, end = spans(trace.minute)
    centres = np.arange(0.0, DAY, EVERY)
    found, days = np.full((len(PERCENTS), centres.size), np.nan), np.zeros(centres.size, dtype=np.int64)
    for place, centre in enumerate(centres):
        off = (trace.minute - centre + 0.5 * DAY) % DAY - 0.5 * DAY
        near = np.abs(off) <= REACH
        if near.any():
            found[:, place] = weighted_percentiles(trace.glucose[near], (end - start)[near], PERCENTS)
            days[place] = np.unique(np.round((trace.minute - off)[near])).size
    return AmbulatoryProfile(centres, np.asarray(PERCENTS), found, days)


def weighted_percentiles(values: np.ndarray, weight: np.ndarray, percents: tuple[float, ...]) -> np.ndarray:
    """Straight lines between the middles of the steps of the weighted distribution (Hazen's rule where weights are equal)."""
    order = np.argsort(values)
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return np.interp(0.01 * np.asarray(percents) * weight.sum(), middle, values[order])
