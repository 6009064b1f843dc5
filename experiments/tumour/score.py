"""How far forecasts of the hidden readings were off, beside the last known one carried forward.

Intervals are those of people drawn again: two readings of one tumour are not two tests.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.tumour.told import ENDS, HIDDEN, Told

DRAWS, SEED = 2000, 6
FEWEST = 5    # people without whom an interval says nothing


class Score(NamedTuple):
    """Each (3,): the number and the ends of its interval. Errors are absolute, in the unit of the readings; ``less`` is by how
    much the forecast's is smaller; ``within`` the share of hidden readings inside their intervals, ends included [1]. Fewer
    than five people have ends of nan.
    """

    forecast: np.ndarray
    carried: np.ndarray
    less: np.ndarray
    within: np.ndarray
    people: int


def scored(told: Sequence[Told], *, zeros: bool) -> Score | None:
    """Of good forecasts; ``zeros``: whether a reading of 0 counts. None where nobody has a hidden reading that counts."""
    rows = []
    for one in (t for t in told if t.good):
        hidden, last = one.record.size[-HIDDEN:], one.record.size[one.known - 1]
        middle, low, high = one.size[:, -HIDDEN:]
        counts = np.full(HIDDEN, zeros) | ((hidden > 0.0) & (last > 0.0))
        if counts.any():
            off, carried = np.abs(middle - hidden)[counts].mean(), np.abs(last - hidden)[counts].mean()
            rows.append([off, carried, carried - off, ((low <= hidden) & (hidden <= high))[counts].mean()])
    if not rows:
        return None
    each = np.asarray(rows)
    again = each[np.random.default_rng(SEED).integers(0, len(each), (DRAWS, len(each)))].mean(axis=1)
    low, high = np.quantile(again, ENDS[1:], axis=0) if len(each) >= FEWEST else np.full((2, 4), np.nan)
    return Score(*np.stack([each.mean(axis=0), low, high], axis=1), len(each))
