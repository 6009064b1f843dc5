"""What a reader hands over: entries as the file has them, before anything is checked or dropped."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np

from calibration.records.diary import KINDS, Remark


EPOCH = datetime(1970, 1, 1)


class RawEntry(NamedTuple):
    """``value`` in the unit of its kind; nan when the file says that it happened and not how much."""

    file: str
    row: int
    time: datetime
    value: float
    label: str = ""


@dataclass
class Record:
    """One person's entries by kind (the fields of ``Diary``), in the order of the files."""

    person: str
    kinds: dict[str, list[RawEntry]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    remarks: list[Remark] = field(default_factory=list)
    weight_kg: float | None = None


def minutes_since(midnight: datetime, entries: Iterable[RawEntry]) -> np.ndarray:
    """(n,) [min] from a midnight to each entry."""
    return np.array([(entry.time - midnight).total_seconds() / 60.0 for entry in entries])
