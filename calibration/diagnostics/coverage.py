"""How often intervals hold the truth: pooled over unknowns with people as clusters, by level, and by subgroup.

For person c with n_c counted intervals of which h_c hold the truth, coverage p = sum h_c / sum n_c and its standard
error is that of a ratio over clusters, sqrt(sum (h_c - p n_c)^2) / sum n_c. The band is the nominal level
+- 3 of these standard errors.

A subgroup is judged by the Wilson interval of its coverage. Intervals of one person are not independent: they count for
n / D, D the ratio of the clustered to the binomial variance, at least 1; where all or none hold, every person counts once.

An interval that does not exist, because the fit failed, does not hold the truth and is counted.

Source: E. B. Wilson, J. Am. Stat. Assoc. 22:209-212 (1927).
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from calibration.abstract_fit import AbstractFit
from calibration.identifiability.contraction import IDENTIFIED_BELOW

LEVELS = (0.5, 0.8, 0.95)


class Coverage(NamedTuple):
    """Share of intervals that hold the truth, its clustered standard error, and how many were counted."""

    share: float
    standard_error: float
    counted: int
    people: int

    def band(self, level: float) -> tuple[float, float]:
        """Where the share should lie if the intervals are right."""
        return max(0.0, level - 3.0 * self.standard_error), min(1.0, level + 3.0 * self.standard_error)


class Share(NamedTuple):
    """A share with its interval at ``level``; nan where nothing was counted."""

    share: float
    low: float
    high: float
    counted: int
    level: float


def coverage(marks: Iterable[tuple[Hashable, bool]]) -> Coverage:
    """Pooled coverage from one (person, truth inside the interval) for each counted interval."""
    tried, held = Counter(), Counter()
    for person, inside in marks:
        tried[person] += 1
        held[person] += bool(inside)
    total, clusters = sum(tried.values()), len(tried)
    if total == 0:
        return Coverage(float("nan"), float("nan"), 0, 0)
    share = sum(held.values()) / total
    # small-sample factor: one degree of freedom goes into the share itself
    factor = clusters / max(clusters - 1, 1)
    scatter = sum((held[person] - share * count) ** 2 for person, count in tried.items())
    return Coverage(share, math.sqrt(factor * scatter) / total, total, clusters)


def wilson(held: float, counted: float, level: float = 0.95) -> Share:
    """Wilson's score interval of a share; ``counted`` need not be whole."""
    if not 0.0 <= held <= counted:
        raise ValueError(f"{held} of {counted} cannot be a share")
    if counted == 0:
        return Share(math.nan, math.nan, math.nan, 0, level)
    share, q = held / counted, NormalDist().inv_cdf(0.5 + 0.5 * level) ** 2
    middle = (share + q / (2.0 * counted)) / (1.0 + q / counted)
    reach = math.sqrt(q * (share * (1.0 - share) + q / (4.0 * counted)) / counted) / (1.0 + q / counted)
    # rounding must not exclude 0 or 1 where all or none hold
    low, high = (0.0 if held == 0 else middle - reach), (1.0 if held == counted else middle + reach)
    return Share(share, low, high, counted, level)


def clustered_wilson(marks: Sequence[tuple[Hashable, bool]], level: float = 0.95) -> Share:
    """Wilson's interval of pooled coverage, for the number of independent intervals that the marks are worth."""
    found = coverage(marks)
    if found.counted == 0:
        return wilson(0, 0, level)
    p, n = found.share, found.counted
    if 0.0 < p < 1.0:
        worth = n / max(1.0, found.standard_error**2 / (p * (1.0 - p) / n))
    else:
        worth = found.people
    interval = wilson(p * worth, worth, level)
    return interval._replace(share=p, counted=n)


def inside(low, high, truth) -> np.ndarray:
    """Intervals that hold the truth; one that does not exist (nan) does not."""
    low, high, truth = (np.asarray(x) for x in (low, high, truth))
    return (low <= truth) & (truth <= high)


def marks_of(holds: np.ndarray, counted: np.ndarray | None = None) -> list[tuple[int, bool]]:
    """(lane, truth inside) for each counted interval of (quantities, lanes) masks."""
    counted = np.ones(holds.shape, bool) if counted is None else counted
    return [(int(lane), bool(holds[row, lane])) for row, lane in np.argwhere(counted)]


def fit_coverage(fit: AbstractFit, truth, levels: Sequence[float] = LEVELS, *, identified: bool = False) -> dict[float, Coverage]:
    """Coverage of a fit's intervals at each level; ``truth`` (unknowns, lanes) in their own units.

    With ``identified``, intervals of unknowns whose posterior SD exceeds half their prior SD are left out; those of people
    whose fit failed or is not quantified never are.
    """
    failed = ~np.asarray(fit.quantified())
    counted = np.broadcast_to(failed, np.shape(truth)) | (np.asarray(fit.posterior_sd()) <= IDENTIFIED_BELOW if identified else True)
    return {level: coverage(marks_of(inside(*fit.interval(level), truth) & ~failed, counted)) for level in levels}


def subgroup_coverage(
    holds: np.ndarray, groups: Sequence[Hashable], *, counted: np.ndarray | None = None, level: float = 0.95
) -> dict[Hashable, Share]:
    """Coverage of every subgroup with its Wilson interval; ``holds`` (quantities, people), ``groups`` one a person."""
    if len(groups) != holds.shape[1]:
        raise ValueError(f"{holds.shape[1]} people need as many subgroups, got {len(groups)}")
    marks: dict[Hashable, list] = {group: [] for group in dict.fromkeys(groups)}
    for lane, held in marks_of(holds, counted):
        marks[groups[lane]].append((lane, held))
    return {group: clustered_wilson(mine, level) for group, mine in marks.items()}
