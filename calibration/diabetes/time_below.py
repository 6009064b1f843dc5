"""Time below 70 mg/dL of predicted trajectories: the expected share of the time, and how sure the prediction is of it.

Every predicted time stands for half of the step before it and half of the step after it. Whether predictions are of glucose or
of a sensor's reading, its error included, is the caller's; shares of the two are not the same.

Draws give the interval as quantiles of the shares of the draws. A normal prediction, a mean and a standard deviation at each
time, does not say how its errors go together over time. The expected share needs no such knowledge. The interval is that of one
error, in standard deviations, held through all the time: of all ways errors can go together it gives shares the largest
variance. Where glucose is rarely so low, the expected share lies above all but a few shares; the interval then reaches up to
it.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from calibration.diabetes.glucose_profile import spans

LOW = 70.0  # mg/dL


class TimeBelow(NamedTuple):
    """Shares [1] of the time predicted.

    expected   mean of the distribution of the share
    low, high  ends of its central interval
    solved     [1] share of the draws that hold a prediction at all times; the others are left out
    """

    expected: float
    low: float
    high: float
    solved: float


def time_below(minute: np.ndarray, draws: np.ndarray, limit: float = LOW, level: float = 0.9) -> TimeBelow:
    """Of ``draws`` (draws, times) [mg/dL] at ``minute`` (times,) [min]; ``level`` [1] of the interval; nan: no draw solved."""
    draws = np.asarray(draws, dtype=float)
    solved = np.isfinite(draws).all(axis=1)
    if not solved.any():
        return TimeBelow(np.nan, np.nan, np.nan, 0.0)
    shares = (draws[solved] < limit) @ _weight(minute)
    low, high = np.quantile(shares, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return TimeBelow(float(shares.mean()), float(low), float(high), float(solved.mean()))


def time_below_normal(
    minute: np.ndarray, mean: np.ndarray, sd: np.ndarray, limit: float = LOW, level: float = 0.9
) -> TimeBelow:
    """Of a prediction with ``mean`` and ``sd`` (times,) [mg/dL]; nan unless all are finite and sd above zero."""
    mean, sd, weight = np.asarray(mean, dtype=float), np.asarray(sd, dtype=float), _weight(minute)
    if not (np.isfinite(mean + sd).all() and (sd > 0.0).all()):
        return TimeBelow(np.nan, np.nan, np.nan, 0.0)
    out = ndtri(0.5 + 0.5 * level)
    low, high = (weight @ (mean + error * sd < limit) for error in (out, -out))
    expected = float(weight @ ndtr((limit - mean) / sd))
    return TimeBelow(expected, min(float(low), expected), max(float(high), expected), 1.0)


def _weight(minute: np.ndarray) -> np.ndarray:
    """Shares [1] of the time that predictions stand for; a prediction has no holes."""
    start, end = spans(np.asarray(minute, dtype=float), np.inf)
    return (end - start) / (end - start).sum()
