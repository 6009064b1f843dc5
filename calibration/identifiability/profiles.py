"""What profiles say: the ends of intervals with a code each, and the points on the way."""

import enum
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from calibration.fit import Fit


class End(enum.IntEnum):
    """What one end of an interval is."""

    CLOSED = 0
    OPEN = 1
    UNSURE = 2
    UNSOLVED = 3
    BETTER_FOUND = 4
    NO_FIT = 5

    @property
    def reason(self) -> str:
        """One plain sentence."""
        return _REASONS[self]


_REASONS = {
    End.CLOSED: "the profile crosses its threshold",
    End.OPEN: "the profile stays below its threshold as far as was looked: the data set no bound here",
    End.UNSURE: "the other unknowns were not fully fitted at this end: the bound may lie further out",
    End.UNSOLVED: "the body cannot be solved beyond a point where the profile is still below its threshold",
    End.BETTER_FOUND: "a better fit lies on the way: fit again from `lowest`",
    End.NO_FIT: "there is no fit to start from",
}


@dataclass(frozen=True)
class Profiles:
    """Profiles of every unknown of every person; axes (..., unknowns, sides, lanes), side 0 downward.

    ``at``, ``rise``  (rounds, unknowns, sides, lanes) points visited, nan where a lane had finished or the body was not solved
    ``end``           z where the profile crosses; nan unless the code is CLOSED or UNSURE
    ``code``          an ``End`` each
    ``lowest``        (unknowns, lanes) the best point known, better than the fit's where a code says so
    """

    fit: Fit
    level: float
    limit: float
    at: np.ndarray
    rise: np.ndarray
    end: np.ndarray
    code: np.ndarray
    lowest: np.ndarray

    @property
    def threshold(self) -> float:
        """chi2_1(level) / 2."""
        return float(chi2.ppf(self.level, 1) / 2.0)

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """(lo, hi) in the unknowns' own units (unknowns, lanes); nan where an end is not known."""
        return tuple(np.asarray(self.fit.problem.values(jnp.asarray(self.end[:, side]))) for side in (0, 1))

    def open(self) -> np.ndarray:
        """(unknowns, lanes): one end or both are open."""
        return (self.code == End.OPEN).any(axis=1)

    def curve(self, unknown: int, lane: int) -> tuple[np.ndarray, np.ndarray]:
        """``(z, rise)`` of all points of one profile in ascending order, the best point among them."""
        best = float(self.fit.z[unknown, lane])
        at = np.append(self.at[:, unknown, :, lane].ravel(), best)
        rise = np.append(self.rise[:, unknown, :, lane].ravel(), 0.0)
        order = np.argsort(at[np.isfinite(at)], kind="stable")
        return at[np.isfinite(at)][order], rise[np.isfinite(at)][order]
