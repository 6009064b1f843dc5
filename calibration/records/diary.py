"""A diary: what one person's sensor, pump or pens, meals and watch recorded, with a remark for everything that was assumed.

Times are local wall-clock minutes since the midnight that begins the first day. No clock change is corrected: an hour that a
clock repeats is found as repeated or backward stamps, and remarked.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

import numpy as np

BELOW, ABOVE = "below", "above"
DAY = 1440  # min


@dataclass(frozen=True)
class Remark:
    """Something detected in a file, and what was assumed about it; ``row`` is None when it is about the whole file."""

    file: str
    row: int | None
    what: str
    assumption: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}:{self.row}"
        return f"{place}: {self.what}; {self.assumption}"


@dataclass(frozen=True)
class Entries:
    """n entries of one kind, in time order.

    minute  (n,) [min] since the diary's first midnight
    value   (n,) in the unit of the kind
    label   (n,) what the source says beside the value: kind of insulin, name of the meal, side of the sensor's range
    file    (n,) name of the file
    row     (n,) 1-based line of that file, or 1-based item of a JSON array
    """

    minute: np.ndarray
    value: np.ndarray
    label: np.ndarray
    file: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.minute)

    def where(self, chosen: np.ndarray) -> "Entries":
        """The entries of a mask or of an order."""
        return Entries(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def below(self) -> np.ndarray:
        """(n,) bool: a sensor's ``Low``; ``value`` is then the lower end of its range."""
        return self.label == BELOW

    @property
    def above(self) -> np.ndarray:
        """(n,) bool: a sensor's ``High``; ``value`` is then the upper end of its range."""
        return self.label == ABOVE


def no_entries() -> Entries:
    text, numbers = np.empty(0, dtype=object), np.empty(0)
    return Entries(numbers, numbers, text, text, np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class Span:
    """From ``start`` to ``end`` [min since the first midnight] the record cannot be trusted, and why."""

    start: float
    end: float
    why: str


@dataclass(frozen=True)
class Diary:
    """One person's record.

    glucose      [mg/dL], with ``below`` and ``above`` where the sensor was out of its range
    boluses      [U]
    basal        [U/min], a pump's rate, which holds until the next entry; nan where it is not known
    long_acting  [U], injections, with the kind of insulin as label
    meals        [g] carbohydrate; nan: eaten, amount unknown
    heart_rate   [1/min]
    steps        [1], in the interval that begins at the entry
    remarks      what was detected and assumed, file by file
    doubtful     spans in which the record contradicts itself
    shares_with  people whose files hold parts of the same trace: never on two sides of a split
    """

    person: str
    midnight: date
    glucose: Entries = field(default_factory=no_entries)
    boluses: Entries = field(default_factory=no_entries)
    basal: Entries = field(default_factory=no_entries)
    long_acting: Entries = field(default_factory=no_entries)
    meals: Entries = field(default_factory=no_entries)
    heart_rate: Entries = field(default_factory=no_entries)
    steps: Entries = field(default_factory=no_entries)
    remarks: tuple[Remark, ...] = ()
    doubtful: tuple[Span, ...] = ()
    shares_with: tuple[str, ...] = ()
    weight_kg: float | None = None

    def when(self, minute: float) -> datetime:
        """Local time of a minute."""
        return datetime.combine(self.midnight, time()) + timedelta(minutes=float(minute))

    def adding(self, *remarks: Remark, **changes) -> "Diary":
        """The diary with other entries and with what is to be said about them."""
        return replace(self, remarks=(*self.remarks, *remarks), **changes)


KINDS = ("glucose", "boluses", "basal", "long_acting", "meals", "heart_rate", "steps")
