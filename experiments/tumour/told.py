"""What is forecast of one tumour, and how the words for it depend on what was read."""

from typing import NamedTuple

import numpy as np

from calibration.tumours.records import TumourRecord

LEVEL = 0.9
HIDDEN = 2    # readings at the end of a record that its forecast does not see
ENDS = (0.5, 0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL)


class Told(NamedTuple):
    """``size`` (3, times): median, low and high of a new reading at each ``time`` (times,), the last of which are the hidden
    ones; ``change`` (3,) [%] of the diameter likewise, and ``read`` [%]; nan: no forecast.
    """

    record: TumourRecord
    time: np.ndarray
    size: np.ndarray
    change: np.ndarray
    read: float

    @property
    def known(self) -> int:
        return len(self.record.time) - HIDDEN

    @property
    def good(self) -> bool:
        return bool(np.isfinite(self.size).all())


def plain(unit: str) -> str:
    """A unit as the page writes it."""
    return unit.replace("^", "")


class Words(NamedTuple):
    """Of one kind of records: ``one`` and ``many`` of them, ``what`` is read, the ``change`` of a waterfall."""

    one: str
    many: str
    what: str
    change: str


class Forecasts(NamedTuple):
    """Of all that are long enough; ``short`` names the others. ``assumed`` is said on the page; ``shared`` are numbers of the
    population with their intervals, in words.
    """

    words: Words
    told: list[Told]
    short: list[str]
    assumed: list[tuple[str, str]]
    shared: list[tuple[str, str]]
