"""How far forecasts of the hidden readings were off, beside the last known one carried forward.

Intervals are those of people drawn again: two readings of one tumour are not two tests.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.tumour.told import ENDS, Told

DRAWS, SEED = 2000, 6
FEWEST = 5    # people without whom an interval says nothing


class Score(NamedTuple):
    """Each (3,): the number and the ends of its interval. Errors are absolute, in the unit of the readings or in % of
    everybody's highest; ``less`` is by how much the forecast's is smaller; ``within`` the share of hidden readings inside their
    intervals, ends included [1].
    """

    forecast: np.ndarray
    carried: np.ndarray
    less: np.ndarray
    within: np.ndarray
    people: int


def scored(told: Sequence[Told], *, zeros: bool, share: bool = False) -> Score | None:
    """Of good forecasts; ``zeros``: whether a reading of 0 counts; ``share``: whether errors are in % of everybody's highest
    reading. None where nobody has a hidden reading that counts.
    """
    rows = []
    for one in (t for t in told if t.good):
        hidden, last = one.ahead.read, one.record.size[one.known - 1]
        middle, low, high = one.ahead.three
        unit = 0.01 * one.record.size.max() if share else 1.0
        counts = np.full(one.hidden, zeros) | ((hidden > 0.0) & (last > 0.0))
        if counts.any():
            off, carried = (np.abs(said - hidden)[counts].mean() / unit for said in (middle, last))
            rows.append([off, carried, carried - off, ((low <= hidden) & (hidden <= high))[counts].mean()])
    if not rows:
        return None
    return Score(*mean_of_people(np.asarray(rows)), len(rows))


def mean_of_people(each: np.ndarray) -> np.ndarray:
    """From ``each`` (people, numbers): means (numbers, 3) with the ends of their intervals, nan for fewer than five people."""
    again = each[np.random.default_rng(SEED).integers(0, len(each), (DRAWS, len(each)))].mean(axis=1)
    low, high = np.quantile(again, ENDS[1:], axis=0) if len(each) >= FEWEST else np.full((2, each.shape[1]), np.nan)
    return np.stack([each.mean(axis=0), low, high], axis=1)
