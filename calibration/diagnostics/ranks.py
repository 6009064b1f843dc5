"""Simulation-based calibration: where true values rank among posterior draws of data that they made.

Truths are drawn from the prior, data from the truths, draws from the posteriors; then the rank of each truth among L
independent draws is uniform on 0 ... L. Judged twice for every unknown:

    chi-square    sum over bins (seen - expected)^2 / expected,          bins - 1 degrees of freedom
    ECDF band     the share of ranks <= r stays, for all r looked at, within binomial intervals that together hold
                  with the stated probability

Replicates that failed stay in ``expected`` and in the denominator of the share. p values and bands are Bonferroni's over the
unknowns.

Sources: S. Talts et al., arXiv:1804.06788 (2018); T. Saeilynoja, P.-C. Buerkner, A. Vehtari, Stat. Comput. 32:32 (2022).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array
from scipy import stats

FAILED = -1
_MOST_POINTS = 50


def ranks(draws: Array, truth: Array) -> np.ndarray:
    """(unknowns, lanes): draws (draws, unknowns, lanes) below the truth (unknowns, lanes); -1 for a lane with a failed draw."""
    draws, truth = np.asarray(draws), np.asarray(truth)
    usable = np.isfinite(draws).all(axis=(0, 1)) & np.isfinite(truth).all(axis=0)
    return np.where(usable, (draws < truth).sum(axis=0), FAILED)


@dataclass(frozen=True)
class Uniformity:
    """How uniform the ranks of each unknown are.

    ``counts``     (bins, unknowns) of replicates that did not fail; ``expected`` (bins,) of all replicates
    ``p_values``   (unknowns,) of chi-square, times the number of unknowns
    ``at``         (points,) ranks looked at, ``share`` (points, unknowns) of replicates at or below them
    ``low, high``  (points,) the simultaneous band
    """

    names: tuple[str, ...]
    draws: int
    total: int
    failed: int
    counts: np.ndarray
    expected: np.ndarray
    statistic: np.ndarray
    p_values: np.ndarray
    at: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float

    def within(self) -> np.ndarray:
        """(unknowns,): the whole curve lies in the band."""
        return ((self.low[:, None] <= self.share) & (self.share <= self.high[:, None])).all(axis=0)

    def passes(self, significance: float = 0.01) -> bool:
        """No chi-square p value below ``significance``, already corrected for their number."""
        return bool((self.p_values > significance).all())


def uniformity(found: np.ndarray, draws: int, names: tuple[str, ...], *, bins: int = 20, level: float = 0.99) -> Uniformity:
    """Judge ranks (unknowns, replicates) among ``draws`` draws each; ``level`` is that of the band over all unknowns."""
    unknowns, total = found.shape
    bins = min(bins, draws + 1)
    failed = (found == FAILED).any(axis=0)
    kept = found[:, ~failed]
    bin_of = (np.arange(draws + 1) * bins) // (draws + 1)
    expected = np.bincount(bin_of, minlength=bins) * total / (draws + 1)
    counts = np.stack([np.bincount(bin_of[row], minlength=bins) for row in kept], axis=1)
    statistic = ((counts - expected[:, None]) ** 2 / expected[:, None]).sum(axis=0)
    p_values = np.minimum(1.0, unknowns * stats.chi2.sf(statistic, bins - 1))
    at = np.unique(np.linspace(0, draws - 1, min(_MOST_POINTS, draws)).astype(int))
    share = (kept[:, None] <= at[:, None]).sum(axis=2).T / total
    low, high = uniform_band((at + 1) / (draws + 1), total, 1.0 - (1.0 - level) / unknowns)
    return Uniformity(
        tuple(names), draws, total, int(failed.sum()), counts, expected, statistic, p_values, at, share, low, high, level
    )


def uniform_band(points: np.ndarray, count: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Simultaneous band (low, high) of the empirical distribution of ``count`` uniform numbers at ascending ``points`` in (0,
    1).

    Binomial intervals of one common tail probability, the largest for which all hold together with probability ``level``; that
    probability is exact: counts at successive points are a Markov chain of binomial increments.
    """
    small, large = np.log(1e-12), np.log(1.0 - level)
    for _ in range(20):
        middle = 0.5 * (small + large)
        if _together(points, count, *_limits(points, count, np.exp(middle))) >= level:
            small = middle
        else:
            large = middle
    low, high = _limits(points, count, np.exp(small))
    return low / count, high / count


def _limits(points: np.ndarray, count: int, tail: float) -> tuple[np.ndarray, np.ndarray]:
    low, high = stats.binom.ppf(0.5 * tail, count, points), stats.binom.isf(0.5 * tail, count, points)
    return np.maximum(low, 0.0).astype(int), high.astype(int)


def _together(points: np.ndarray, count: int, low: np.ndarray, high: np.ndarray) -> float:
    """Probability that the counts lie within all limits."""
    states, chance, before = np.zeros(1, int), np.ones(1), 0.0
    for point, first, last in zip(points, low, high, strict=True):
        new = np.arange(first, last + 1)
        step = (point - before) / (1.0 - before)
        moved = stats.binom.pmf(new[:, None] - states, count - states, step)
        states, chance, before = new, moved @ chance, point
    return float(chance.sum())
