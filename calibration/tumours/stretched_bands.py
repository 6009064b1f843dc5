"""Bands that hold because other people's did: draws of hidden readings, stretched about their median.

    d_jk = |y_jk - m_jk| / |e_jk - m_jk|      how far off reading k of person j was     m   median of the draws
    q_i  = the least q with                                                            e   end of the band on the side of y
           mean over j != i of share of k {d_jk <= q} >= level
    draw -> max(m + q_i (draw - m), 0)

The posterior of a model says what readings leave open if the model is right; how wrong it is, only readings that it has not
seen tell. Each of K other people counts once, however many readings; a person's own hidden readings are not in his q. If people
are exchangeable, the share of a new person's readings that his band holds is level K / (K + 1) or more on average; no single
person's band holds for that.

Source: Y. Lee, R. F. Barber, R. Willett, arXiv:2306.06342 (2023), whose level is level K / (K + 1).
"""

from collections.abc import Sequence

import numpy as np

# fewer, and a single one of them is more than a tenth of all
FEWEST = 10
# what the last cycles of 16 men under adaptive abiraterone ask for at 90 % (J. Zhang et al., eLife 11:e76284, 2022)
ASSUMED = 2.3


def off(draws: np.ndarray, read: np.ndarray, level: float) -> np.ndarray:
    """d (readings,) of draws (draws, readings); at most 1 inside the band, nan where there is no forecast."""
    low, middle, high = np.quantile(draws, (0.5 - 0.5 * level, 0.5, 0.5 + 0.5 * level), axis=0)
    return np.where(read > middle, (read - middle) / (high - middle), (middle - read) / (middle - low))


def others(each: Sequence[np.ndarray], person: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of everybody else, ascending, and weights that add up to 1, the same for each of them who counts."""
    counted = [x for j, x in enumerate(each) if j != person and _counts(x)]
    values = np.concatenate([np.empty(0), *counted])
    weights = np.concatenate([np.empty(0), *(np.full(len(x), 1.0 / (len(x) * len(counted))) for x in counted)])
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]


def stretches(each: Sequence[np.ndarray], level: float) -> np.ndarray:
    """q (people,) from d (readings,) of everybody; ``ASSUMED`` where fewer than ``FEWEST`` others count."""
    found = np.full(len(each), ASSUMED)
    counted = np.asarray([_counts(x) for x in each])
    for i in np.flatnonzero(counted.sum() - counted >= FEWEST):
        values, weights = others(each, int(i))
        found[i] = values[np.searchsorted(np.cumsum(weights), level - 1e-9)]
    return found


def _counts(x: np.ndarray) -> bool:
    """Whether there is a number, and all are."""
    return len(x) > 0 and bool(np.isfinite(x).all())


def stretched(draws: np.ndarray, stretch: float) -> np.ndarray:
    """Draws (draws, readings) of readings that cannot be negative, ``stretch`` times as far from their median."""
    middle = np.median(draws, axis=0)
    return np.maximum(middle + stretch * (draws - middle), 0.0)
