"""What a forecast must beat: the last reading, and a linear autoregression of a person's own earlier days.

    y(t + h) - y(t) ~ sum_k b_k (y(t - 5 k min) - y(t)),  k = 1 ... 24,       ridge on standardised lags

on a grid of 5 min, holes up to 20 min filled by straight lines, which flatters sensors that read every 15 min.
"""

import numpy as np

LAGS = 24
RIDGE = 1.0
BRIDGE = 4


def filled(value: np.ndarray) -> np.ndarray:
    """A trace on a grid with its short holes filled; longer ones stay nan."""
    known = np.flatnonzero(np.isfinite(value))
    if known.size < 2:
        return value
    whole = np.interp(np.arange(value.size), known, value[known])
    after = np.minimum(np.searchsorted(known, np.arange(value.size)), known.size - 1)
    before = np.maximum(np.searchsorted(known, np.arange(value.size), side="right") - 1, 0)
    bridged = (known[after] - known[before] <= BRIDGE) & (known[after] >= np.arange(value.size)) & (known[before] <= np.arange(value.size))
    return np.where(bridged, whole, np.nan)


def lagged(value: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(origins, LAGS) differences of a filled trace to what it was at the origins ``at``; nan where a lag is missing."""
    index = at[:, None] - np.arange(1, LAGS + 1)
    known = np.where(index >= 0, value[np.maximum(index, 0)], np.nan)
    return known - value[at][:, None]


class Autoregression:
    """Normal equations that grow with every day, for one horizon (in steps)."""

    def __init__(self, steps: int):
        self.steps = steps
        self._gram, self._right, self._count = np.zeros((LAGS, LAGS)), np.zeros(LAGS), 0

    def learn(self, value: np.ndarray) -> None:
        """From every origin of one day's filled trace."""
        at = np.arange(value.size - self.steps)
        x, y = lagged(value, at), value[at + self.steps] - value[at]
        good = np.isfinite(x).all(1) & np.isfinite(y)
        self._gram += x[good].T @ x[good]
        self._right += x[good].T @ y[good]
        self._count += int(good.sum())

    @property
    def known(self) -> bool:
        """A day's worth of origins."""
        return self._count >= 288

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Change after the horizon for lags (origins, LAGS)."""
        size = self._gram.diagonal()
        return x @ np.linalg.solve(self._gram + RIDGE * np.diag(size / max(self._count, 1) + 1e-9), self._right)
