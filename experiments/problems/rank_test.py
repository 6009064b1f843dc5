"""Simulation-based calibration: the rank of each truth among posterior draws of data that it made is uniform on 0 ... L.

Judged by chi-square over bins of equal width, for every unknown, with Bonferroni's correction for their number. A replicate
without draws counts as failed and is in the expected counts, so that failures make the test fail.

Source: S. Talts, M. Betancourt, D. Simpson, A. Vehtari, A. Gelman, arXiv:1804.06788 (2018).
"""

import numpy as np
from scipy import stats

DRAWS = 99


def ranks(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(unknowns, people) from draws (draws, unknowns, people), thinned to 99; -1 where there are none."""
    draws = np.asarray(draws)
    kept = draws[np.linspace(0, len(draws) - 1, DRAWS).astype(int)]
    usable = np.isfinite(kept).all(axis=(0, 1))
    return np.where(usable, (kept < truth).sum(axis=0), -1)


def p_values(found: np.ndarray) -> np.ndarray:
    """(unknowns,), times the number of unknowns."""
    unknowns, people = found.shape
    # at least ten expected in a bin
    bins = next(b for b in (20, 10, 5, 2) if people >= 10 * b or b == 2)
    counts = np.stack([np.bincount(row[row >= 0] * bins // (DRAWS + 1), minlength=bins) for row in found])
    expected = people / bins
    statistic = ((counts - expected) ** 2 / expected).sum(axis=1)
    return np.minimum(1.0, unknowns * stats.chi2.sf(statistic, bins - 1))
