"""The share of people without an event over time, where some were followed for a while only.

    S(t) = product over times t_i <= t of (1 - d_i / n_i)        d_i events, n_i at risk just before t_i
    var of log(-log S) = sum d_i / (n_i (n_i - d_i)) / (log S)^2        Greenwood

Source: J. D. Kalbfleisch and R. L. Prentice, The Statistical Analysis of Failure Time Data, 2nd ed., Wiley (2002), section 1.4.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike
from scipy.special import ndtri


class Survival(NamedTuple):
    """From each ``time`` (steps,) on: ``share`` and its ends ``low`` and ``high`` [1], nan where nothing bounds it; ``at_risk``
    just before. The first step is time 0, where everybody is without an event; the others are times of events.
    """

    time: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray

    def median(self) -> float:
        """The first time at which half have had the event; infinite where half never do."""
        reached = self.share <= 0.5 + 1e-9    # a product of fractions
        return float(self.time[reached][0]) if reached.any() else float("inf")


def kaplan_meier(time: ArrayLike, event: ArrayLike, level: float = 0.95) -> Survival:
    """``time`` (people,) of 0 or more until the event, or until somebody was last seen without; ``event`` (people,) says which.

    Someone last seen at the time of another's event was at risk of it. ValueError: nobody, shapes that differ, bad times.
    """
    time, event = np.asarray(time, float), np.asarray(event, bool)
    if time.ndim != 1 or time.shape != event.shape or len(time) == 0:
        raise ValueError(f"times {time.shape} and events {event.shape}; one of each for one person or more is needed")
    if not (np.isfinite(time) & (time >= 0.0)).all():
        raise ValueError("a time is negative or no number; times of 0 or more are needed, censored at the end of what was seen")
    at = np.unique(time[event])
    risk = (time[:, None] >= at).sum(axis=0)
    events = (time[event][:, None] == at).sum(axis=0)
    share = np.cumprod(1.0 - events / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(events / (risk * (risk - events))) / np.log(share) ** 2
        reach = float(ndtri(0.5 + 0.5 * level)) * np.sqrt(variance)
        low, high = share ** np.exp(reach), share ** np.exp(-reach)
    low, high = (np.where(share > 0.0, end, np.nan) for end in (low, high))
    first = lambda start, rest: np.concatenate([[start], rest])
    return Survival(first(0.0, at), first(1.0, share), first(1.0, low), first(1.0, high), first(len(time), risk))
