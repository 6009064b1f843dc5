"""What many starts say about a search: waterfall, convergence counts, distinct optima, expected running time.

    excess_s = cost_s - best                              infinite where a start could not be solved
    c(delta) = number of starts with excess <= delta
    ERT      = iterations of all starts / c(delta)        infinite where none arrived

Every start is in every denominator. ``best`` is the best cost known, by default that of the same starts, which flatters a
search whose best start is wrong. An iteration is one evaluation with its derivatives.

Sources: F. Froehlich, P. K. Sorger, PLoS Comput. Biol. 18:e1010322 (2022), thresholds and hits per gradient; N. Hansen et al.,
COCO (2016), expected running time.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from calibration.diagnostics.coverage import Share, wilson
from calibration.fit import FitStatus
from calibration.multistart import Starts

DELTAS = (0.05, 2.0, 5.0)


def excess(starts: Starts, best: Array | None = None) -> np.ndarray:
    """(starts, people) cost above the best, in the order of the starts."""
    cost = np.where(np.asarray(starts.status) == FitStatus.SOLVE_FAILED, np.inf, np.asarray(starts.cost))
    lowest = cost.min(axis=0) if best is None else np.broadcast_to(np.asarray(best, float), cost.shape[1:])
    return np.where(np.isfinite(cost), cost - np.where(np.isfinite(lowest), lowest, 0.0), np.inf)


def waterfall(starts: Starts, best: Array | None = None) -> np.ndarray:
    """(starts, people) excess in ascending order; starts that could not be solved come last, infinite."""
    return np.sort(excess(starts, best), axis=0)


class Convergence(NamedTuple):
    """Of one threshold: starts that arrived ``hits`` (people,), all ``starts``, ``iterations`` (people,) of all of them."""

    delta: float
    hits: np.ndarray
    starts: int
    iterations: np.ndarray

    def share(self, person: int, level: float = 0.95) -> Share:
        """Of one person's starts, with its Wilson interval."""
        return wilson(int(self.hits[person]), self.starts, level)

    @property
    def per_iteration(self) -> np.ndarray:
        """(people,) hits per iteration: 1 / ERT."""
        return self.hits / np.maximum(self.iterations, 1)

    @property
    def expected_running_time(self) -> np.ndarray:
        """(people,) iterations to a hit, starting again until one arrives."""
        return np.where(self.hits > 0, self.iterations / np.maximum(self.hits, 1), np.inf)


def convergence(starts: Starts, deltas: tuple[float, ...] = DELTAS, best: Array | None = None) -> list[Convergence]:
    """c(delta) and its cost for every threshold."""
    above = excess(starts, best)
    spent = np.asarray(starts.iterations).sum(axis=0)
    return [Convergence(delta, (above <= delta).sum(axis=0), above.shape[0], spent) for delta in deltas]


def distinct_optima(starts: Starts, delta: float = 0.05, radius: float = 0.1) -> np.ndarray:
    """(people,) points among the converged starts that differ by more than ``delta`` in cost or ``radius`` in some z.

    Starts are taken from the lowest cost up; each joins the first point it is like. Many points of one cost are a valley that
    the data leave flat.
    """
    above, z, status = excess(starts), np.asarray(starts.z), np.asarray(starts.status)
    counts = np.zeros(above.shape[1], int)
    for person in range(above.shape[1]):
        founders: list[int] = []
        for s in np.argsort(above[:, person], kind="stable"):
            if status[s, person] != FitStatus.CONVERGED:
                continue
            near = np.abs(z[:, founders, person] - z[:, [s], person]).max(axis=0, initial=0.0) <= radius
            alike = np.abs(above[founders, person] - above[s, person]) <= delta
            if not (near & alike).any():
                founders.append(int(s))
        counts[person] = len(founders)
    return counts
