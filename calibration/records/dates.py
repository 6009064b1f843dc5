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
DAY = 86400  # s
LEAP = 20 * DAY  # rows of one day after the other, read month for day, are a month apart
SEAM = 3600  # s: rows this near, one before midnight and one after, belong together
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
    # Files whose own rows tell come first: the others are then laid beside them.
    for file in sorted(pending, key=lambda file: not _votes_of_rows(file, field, pending[file])[0]):
        order[file] = _by_order_and_overlap(file, field, pending[file], sure, remarks)
        sure += [_read(file, field, stamp, order[file]) for stamp in pending[file]]
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


def _by_order_and_overlap(file: Path, field: str, stamps: list[_Parts], others: list[datetime], remarks: list[Remark]) -> bool:
    first = stamps[0]
    if all(stamp.first == stamp.second for stamp in stamps):
        return True
    votes, reasons = _votes_of_rows(file, field, stamps)
    if others:
        low, high = np.quantile(np.array(others, dtype="datetime64[s]").astype(np.int64), [0.01, 0.99]) + (-DAY, DAY)
        times = {day: _seconds(file, field, stamps, day) for day in (True, False)}
        inside = {day: ((found >= low) & (found <= high)).mean() for day, found in times.items()}
        if max(inside.values()) > 0.5 and min(inside.values()) < 0.5 * max(inside.values()):
            votes.add(inside[True] > inside[False])
            reasons.append("the time of the person's other files")
    if len(votes) != 1:
        why = "say different things" if votes else "do not tell"
        problem = f"{first.text!r}: day or month first? No part is above 12, and the rows and the other files {why}"
        raise InputError(file, first.row, field, problem, "year-first dates such as 2024-01-31")
    day_first = votes.pop()
    assumption = f"{_name(day_first)} first, as told by {' and '.join(reasons)}"
    remarks.append(Remark(file.name, first.row, f"date {first.text!r}, no part above 12 in the file", assumption))
    return day_first


def _votes_of_rows(file: Path, field: str, stamps: list[_Parts]) -> tuple[set[bool], list[str]]:
    """Day first (True) or not, as the order of the rows and the time between them tell, and which of the two did."""
    steps = {day: np.diff(_seconds(file, field, stamps, day)) for day in (True, False)}
    turns = {day: int(min((step < 0).sum(), (step > 0).sum())) for day, step in steps.items()}
    leaps = {day: int((np.abs(step) > LEAP).sum()) for day, step in steps.items()}
    seams = {day: int(((np.abs(steps[day]) > LEAP) & (np.abs(steps[not day]) <= SEAM)).sum()) for day in steps}
    votes, reasons = set(), []
    told = (turns, 1, "the order of its rows"), (leaps, 3, "the time between its rows"), (seams, 1, "rows around midnight")
    for count, least, reason in told:
        if min(count.values()) * 5 < max(count.values()) and max(count.values()) >= least:
            votes.add(count[True] < count[False])
            reasons.append(reason)
    return votes, reasons


def _seconds(file: Path, field: str, stamps: list[_Parts], day_first: bool) -> np.ndarray:
    """(n,) [s] since 1970, with the day first or the month."""
    return np.array([_read(file, field, stamp, day_first) for stamp in stamps], dtype="datetime64[s]").astype(np.int64)


def _name(day_first: bool) -> str:
    return "day" if day_first else "month"
