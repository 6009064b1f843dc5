"""What is forecast of one tumour, and how the words for it depend on what was read."""

from typing import NamedTuple

import numpy as np

from calibration.tumours.records import TumourRecord
from experiments.report.parts import Section
from experiments.report.wording import NOT_QUANTIFIED, number, percent

LEVEL = 0.9
HIDDEN = 2    # readings at the end of a record that its forecast does not see
ENDS = (0.5, 0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL)


class Ahead(NamedTuple):
    """Hidden readings: ``time`` (hidden,), the forecast ``three`` (3, hidden) and what was ``read`` (hidden,)."""

    time: np.ndarray
    three: np.ndarray
    read: np.ndarray


class Told(NamedTuple):
    """``size`` (3, times): median, low and high of a new reading at each ``time`` (times,), the last of which are the
    ``hidden`` ones; ``change`` (3,) [%] of the diameter likewise, and ``read`` [%]; nan: no forecast. ``given``: from when to
    when a drug was.
    """

    record: TumourRecord
    time: np.ndarray
    size: np.ndarray
    change: np.ndarray
    read: float
    hidden: int = HIDDEN
    given: tuple[tuple[float, float], ...] = ()

    @property
    def known(self) -> int:
        return len(self.record.time) - self.hidden

    @property
    def ahead(self) -> Ahead:
        three = self.size[:, len(self.time) - self.hidden :]
        return Ahead(self.record.time[self.known :], three, self.record.size[self.known :])

    @property
    def good(self) -> bool:
        return bool(np.isfinite(self.size).all())


def plain(unit: str) -> str:
    """A unit as the page writes it."""
    return unit.replace("^", "")


def stated(three: np.ndarray, unit: str) -> str:
    """A number (3,) with its interval, or "not quantified" where an end is nan."""
    value, low, high = (number(float(x)) for x in three)
    interval = f"{low} to {high} ({percent(LEVEL)})" if np.isfinite(three).all() else NOT_QUANTIFIED
    return f"{value} {unit}".rstrip() + f"; {interval}"


class Words(NamedTuple):
    """Of one kind of records: ``one`` and ``many`` of them, ``what`` is read, the ``change`` of a waterfall, what is ``hidden``
    and from what it is forecast, who is too ``short``, and how many pictures at most.

    ``zeros``: whether a reading of 0 counts in errors; ``share``: whether they are in % of the highest reading.
    """

    one: str
    many: str
    what: str
    change: str
    hidden: str = f"last {HIDDEN} readings"
    source: str = "from the earlier ones and from a population that has not seen them"
    short: str = "too few readings that were seen"
    pictures: int = 8
    zeros: bool = True
    share: bool = False


class Forecasts(NamedTuple):
    """Of all that are long enough; ``short`` names those without a forecast. ``assumed`` is said on the page; ``shared`` are
    numbers of all together with their intervals, in words; ``more`` are further parts of the page.
    """

    words: Words
    told: list[Told]
    short: list[str]
    assumed: list[tuple[str, str]]
    shared: list[tuple[str, str]]
    more: tuple[Section, ...] = ()
