"""Visual predictive check: percentiles of the readings over time among those of replicated studies.

In each bin of time the percentiles of all readings are compared with the interval of the same percentile over replicates. With
``corrected`` each value is multiplied by (median typical prediction of its bin) / (its own typical prediction), which takes out
different doses and covariates (prediction-corrected). Readings below a limit count as below every percentile above their share.

Sources: M. O. Karlsson, N. Holford, PAGE 17:1434 (2008); M. Bergstrand et al., AAPS J. 13:143-151 (2011).
"""

from typing import NamedTuple

import numpy as np

from calibration.population.replicates import Replicates


class VisualCheck(NamedTuple):
    """``percents`` (p,); ``centre`` (bins,) median time and ``count`` (bins,) of readings; ``observed``, ``low``, ``middle``,
    ``high`` (p, bins): the readings' percentiles, and the interval and median of the replicates'. nan where a percentile lies
    below a limit.
    """

    percents: np.ndarray
    level: float
    centre: np.ndarray
    count: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray

    def outside(self) -> float:
        """Share of percentiles of readings that lie outside their interval; about 1 - level is expected."""
        known = np.isfinite(self.observed)
        return float(((self.observed < self.low) | (self.observed > self.high))[known].mean())


def visual_check(
    made: Replicates,
    times: np.ndarray,
    edges: np.ndarray,
    *,
    percents: tuple[float, ...] = (10.0, 50.0, 90.0),
    level: float = 0.95,
    corrected: bool = True,
) -> VisualCheck:
    """``times`` (numbers,) or (numbers, people); a bin holds its lower edge, and the last bin its upper one too."""
    times = np.broadcast_to(times if np.ndim(times) == 2 else np.asarray(times)[:, None], made.observed.shape)
    edges = np.asarray(edges, float)
    if not (np.diff(edges) > 0.0).all():
        raise ValueError(f"edges of bins must rise, got {edges}")
    read = made.seen | made.below
    inside = np.digitize(times, edges) - 1
    inside = np.where(times == edges[-1], len(edges) - 2, inside)
    columns = []
    for bin_ in range(len(edges) - 1):
        use = read & (inside == bin_)
        if not use.any():
            continue
        typical = made.typical[use]
        # a reading whose typical prediction is 0 cannot be corrected and stays as it is
        usable = corrected & (np.abs(typical) > 0.0)
        factor = np.where(usable, np.median(typical) / np.where(usable, typical, 1.0), 1.0)
        found = np.where(made.below[use], -np.inf, made.observed[use] * factor)
        limit = np.where(made.below[use], made.observed[use] * factor, -np.inf)
        others = made.values[:, use] * factor
        # a replicate of a reading with a limit is censored by the same limit
        others = np.where(others < limit, -np.inf, others)
        percentiles = [_percentiles(others[r][~np.isnan(others[r])], percents) for r in range(len(others))]
        tails = 50.0 * (1.0 - level), 50.0, 50.0 * (1.0 + level)
        low, middle, high = _over_replicates(np.stack(percentiles), tails)
        columns.append((np.median(times[use]), use.sum(), _percentiles(found, percents), low, middle, high))
    centre, count, observed, low, middle, high = (np.stack(c, axis=-1) for c in zip(*columns, strict=True))
    return VisualCheck(np.asarray(percents), level, centre, count, observed, low, middle, high)


def _percentiles(values: np.ndarray, percents: tuple[float, ...]) -> np.ndarray:
    """Without interpolation, so that what lies below a limit stays there; nan there."""
    if values.size == 0:
        return np.full(len(percents), np.nan)
    found = np.percentile(values, percents, method="inverted_cdf")
    return np.where(np.isfinite(found), found, np.nan)


def _over_replicates(found: np.ndarray, tails: tuple[float, float, float]) -> np.ndarray:
    """(3, p) from (replicates, p); a percentile that is mostly below its limit has none."""
    known = np.isfinite(found).mean(axis=0) > 0.5
    return np.where(known, np.nanpercentile(np.where(known, found, 0.0), tails, axis=0), np.nan)
