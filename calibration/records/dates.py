"""Local times as exports write them, and the question of a date such as 03/04/2024: third of April, or fourth of March?

Year-first dates (2024-04-03T10:05:00, 2024/04/03 10:05) need no decision. For the others the whole file decides:

1. a part above 12 is a day; two that contradict each other are an error;
2. failing that, the order in which stamps rise (or fall) without jumping back and forth, and not from month to month;
3. and the time that the person's other files span.

When 2 and 3 are silent or disagree the file is refused: months read as days put every meal on the wrong day.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calibration.errors import InputError
from calibration.records.diary import Remark

_PARTS = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?"
)
LEAP = 20 * 86400  # s: rows of one day after the other, read month for day, are a month apart
EXPECTED = "a local time such as 2024-01-31T18:05:00 or 31/01/2024 18:05"


class _Parts(NamedTuple):
    """A stamp whose first two numbers are day and month in an order not yet known."""

    row: int
    text: str
    first: int
    second: int
    rest: tuple[int, int, int, int]  # year, hour, minute, second

    def read(self, day_first: bool) -> datetime:
        day, month = (self.first, self.second) if day_first else (self.second, self.first)
        year, *clock = self.rest
        return datetime(year, month, day, *clock)


def read_times(
    columns: dict[Path, list[tuple[int, str]]], field: str = "time"
) -> tuple[dict[Path, list[datetime]], list[Remark]]:
    """The times of one person's files, from (row, text) of each, and what was decided about their dates."""
    parsed = {file: [_parse(file, row, field, text) for row, text in cells] for file, cells in columns.items()}
    sure: list[datetime] = []
    pending, remarks, order = {}, [], {}
    for file, stamps in parsed.items():
        open_stamps = [stamp for stamp in stamps if isinstance(stamp, _Parts)]
        sure += [stamp for stamp in stamps if isinstance(stamp, datetime)]
        if not open_stamps:
            continue
        order[file] = _by_parts(file, field, open_stamps, remarks)
        if order[file] is None:
            pending[file] = open_stamps
        else:
            sure += [_read(file, field, stamp, order[file]) for stamp in open_stamps]
    for file, stamps in pending.items():
        order[file] = _by_order_and_overlap(file, field, stamps, sure, remarks)
    read = lambda file, stamp: stamp if isinstance(stamp, datetime) else _read(file, field, stamp, order[file])
    return {file: [read(file, stamp) for stamp in stamps] for file, stamps in parsed.items()}, remarks


def _parse(file: Path, row: int, field: str, text: str) -> datetime | _Parts:
    found = None if text[4:5] == "-" else _PARTS.fullmatch(text)
    if found:
        first, _, second, year, hour, minute, seconds, half = found.groups()
        hour = int(hour) % 12 + 12 * (half in "Pp") if half else int(hour)
        year = int(year) + (2000 if len(year) == 2 else 0)
        return _Parts(row, text, int(first), int(second), (year, hour, int(minute), int(seconds or 0)))
    try:
        stamp = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise InputError(file, row, field, f"{text!r} is not a time" if text else "empty cell", EXPECTED) from None
    if stamp.tzinfo is not None:
        raise InputError(file, row, field, f"{text!r} names a time zone", EXPECTED)
    return stamp


def _read(file: Path, field: str, stamp: _Parts, day_first: bool) -> datetime:
    try:
        return stamp.read(day_first)
    except ValueError as problem:
        raise InputError(file, stamp.row, field, f"{stamp.text!r}: {problem}", EXPECTED) from None


def _by_parts(file: Path, field: str, stamps: list[_Parts], remarks: list[Remark]) -> bool | None:
    """True: day first; False: month first; None: no part is above 12."""
    day = next((stamp for stamp in stamps if stamp.first > 12), None)
    month = next((stamp for stamp in stamps if stamp.second > 12), None)
    if day and month:
        problem = f"{month.text!r} has the month first, {day.text!r} in row {day.row} the day"
        raise InputError(file, month.row, field, problem, "one order of day and month in a file")
    if not day and not month:
        return None
    told = day or month
    remarks.append(Remark(file.name, told.row, f"date {told.text!r}", f"{_name(bool(day))} first in the whole file"))
    return bool(day)


def _by_order_and_overlap(
    file: Path, field: str, stamps: list[_Parts], others: list[datetime], remarks: list[Remark]
) -> bool:
    first = stamps[0]
    if all(stamp.first == stamp.second for stamp in stamps):
        return True
    both = {day: np.array([_read(file, field, s, day) for s in stamps], dtype="datetime64[s]") for day in (True, False)}
    back = {day: _turns(times) for day, times in both.items()}
    votes, reasons = set(), []
    leaps = {day: int((np.abs(np.diff(times).astype(np.int64)) > LEAP).sum()) for day, times in both.items()}
    for count, least, reason in ((back, 1, "the order of its rows"), (leaps, 3, "the time between its rows")):
        if min(count.values()) * 5 < max(count.values()) and max(count.values()) >= least:
            votes.add(count[True] < count[False])
            reasons.append(reason)
    if others:
        low, high = np.datetime64(min(others), "s"), np.datetime64(max(others), "s")
        inside = {day: ((times >= low) & (times <= high)).mean() for day, times in both.items()}
        if max(inside.values()) > 0.9 and min(inside.values()) < 0.5:
            votes.add(inside[True] > inside[False])
            reasons.append("the time of the person's other files")
    if len(votes) != 1:
        why = "say different things" if votes else "do not tell"
        problem = f"{first.text!r}: day or month first? No part is above 12, and the rows and the other files {why}"
        raise InputError(file, first.row, field, problem, "year-first dates such as 2024-01-31")
    day_first = votes.pop()
    remarks.append(
        Remark(file.name, first.row, f"date {first.text!r}, no part above 12 in the file",
               f"{_name(day_first)} first, as told by {' and '.join(reasons)}")  # fmt: skip
    )
    return day_first


def _turns(times: np.ndarray) -> int:
    """Steps against the direction of the file."""
    steps = np.diff(times).astype(np.int64)
    return int(min((steps < 0).sum(), (steps > 0).sum()))


def _name(day_first: bool) -> str:
    return "day" if day_first else "month"
