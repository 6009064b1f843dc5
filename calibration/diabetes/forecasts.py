"""Forecasts of a sensor's readings from what was known at six times of the day, and how far they were off.

    last    the last reading
    ridge   a ridge autoregression of the person's earlier days
    twin    the twin that is updated reading by reading, of ``followed_days``: meals and insulin to come are known to it, as they are
            to the person who plans them
    both    twin and autoregression together, weighed by how well each did on the person's earlier days
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from calibration.diabetes.autoregression import Autoregression, filled, lagged
from calibration.diabetes.followed_days import HORIZONS, ORIGINS, Followed
from calibration.diabetes.sensor import STEP
from calibration.diabetes.window import LEAD, Window

# the person's own forecasts begin to tell twin and autoregression apart after so many
PATIENCE = 30.0


FORECASTERS = {"last": "the last reading", "ridge": "ridge autoregression", "twin": "the twin", "both": "twin and autoregression"}


class Forecasts(NamedTuple):
    """(horizons, origins, days), nan where there is no reading to score, no lag, or a day that is not scored: what came, and
    what each said [mg/dL]; ``sd`` is the twin's.
    """

    came: np.ndarray
    last: np.ndarray
    ridge: np.ndarray
    twin: np.ndarray
    sd: np.ndarray
    both: np.ndarray

    @property
    def shared(self) -> np.ndarray:
        """(horizons, origins, days): which all forecasters made and a reading scores."""
        return np.isfinite([self.came, *(getattr(self, name) for name in FORECASTERS)]).all(0)

    def off(self, name: str) -> np.ndarray:
        """What the forecaster said less what came (horizons, origins, days), nan where not all made one."""
        return np.where(self.shared, getattr(self, name) - self.came, np.nan)

    def within(self, reach: float) -> np.ndarray:
        """Whether what came lies within ``reach`` of the twin's standard deviations; 1, 0, nan as ``off``."""
        return np.where(self.shared, np.abs(self.twin - self.came) <= reach * self.sd, np.nan)


def forecasts(windows: Sequence[Window], values: np.ndarray, twin: Followed) -> Forecasts:
    """Days in order of time within each person; ``values`` (times, days) readings on the grid, nan where there is none."""
    people = [w.day.person for w in windows]
    traces = [filled(values[:, i]) for i in range(len(windows))]
    shape = (len(HORIZONS), len(ORIGINS), len(windows))
    came, last, ridge = (np.full(shape, np.nan) for _ in range(3))
    index = (np.array(ORIGINS) + LEAD).astype(int) // int(STEP)
    known: dict[str, list[Autoregression]] = {}
    for day, person in enumerate(people):
        models = known.setdefault(person, [Autoregression(h // int(STEP)) for h in HORIZONS])
        lags = lagged(traces[day], index)
        for k, (horizon, model) in enumerate(zip(HORIZONS, models, strict=True)):
            came[k, :, day] = values[np.minimum(index + horizon // int(STEP), len(values) - 1), day]
            late = index + horizon // int(STEP) >= len(values)
            came[k, late, day] = np.nan
            last[k, :, day] = traces[day][index]
            if model.known:
                ridge[k, :, day] = traces[day][index] + model(lags)
            model.learn(traces[day])
    return Forecasts(came, last, ridge, twin.mean, twin.sd, _together(people, came, ridge, twin.mean))


def _together(people: list[str], came: np.ndarray, ridge: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Weight w of the twin, the least squares of the person's earlier forecasts, drawn towards a half while they are few."""
    both = np.full(came.shape, np.nan)
    for k in range(came.shape[0]):
        sums: dict[str, tuple[float, float]] = {}
        for day, person in enumerate(people):
            top, bottom = sums.get(person, (0.0, 0.0))
            apart, off = twin[k, :, day] - ridge[k, :, day], came[k, :, day] - ridge[k, :, day]
            typical = PATIENCE * 100.0
            weight = np.clip((top + 0.5 * typical) / (bottom + typical), 0.0, 1.0)
            both[k, :, day] = ridge[k, :, day] + weight * apart
            good = np.isfinite(apart) & np.isfinite(off)
            sums[person] = (top + float((apart * off)[good].sum()), bottom + float((apart**2)[good].sum()))
    return both
