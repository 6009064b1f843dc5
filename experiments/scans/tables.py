"""Two tables that say what was scanned and what was given.

    scans.csv   day, file, labels     a row a scan, in order; labels that count as tumour, such as 1 4, or empty
    doses.csv   day, channel, amount_gy, amount_<unit>     ``radiation`` in Gy; a drug by name, in any one unit of its own

Days are dates such as 2024-03-01, or whole numbers from any first day; both tables count alike. Files lie beside the table.
"""

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from calibration.errors import InputError
from calibration.records.cells import Table, number, read_table
from calibration.tumours.scanned_field import Dose
from calibration.tumours.scans import Scan, read_scan
from physio.tumours.treated_field import RADIATION

GRAY = "amount_gy"
_ZERO = datetime.date(2000, 1, 1)
_LARGEST = 30.0    # Gy: no fraction to a brain is larger
_NUMBER, _DATE = re.compile(r"[+-]?\d{1,6}"), re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = "a date such as 2024-03-01, or a whole number of days, one of both in all rows"


class Calendar(NamedTuple):
    """Whether days are ``dated``, and the first of them in the table's words."""

    dated: bool
    first: datetime.date
    said: str


def read_scans(path: Path) -> tuple[list[Scan], Calendar]:
    """All scans; InputError names row and field, or the file that is wrong."""
    table = read_table(path, "day")
    place = {name: table.column(name) for name in ("day", "file")}
    labels = table.column("labels", needed=False)
    if not table.rows:
        raise InputError(path, problem="no row below the header", expected="a scan a row: day,file,labels")
    scans, calendar, before = [], None, None
    for row, cells in table.rows:
        cell = _cells(table, row, cells)
        said = cell(place["day"])
        day = _day(table, row, said, None if calendar is None else calendar.dated)
        calendar = calendar or Calendar(bool(_DATE.fullmatch(said)), day, said)
        if before is not None and day <= before[0]:
            raise InputError(path, row, "day", f"{said} is not after {before[1]}", "scans in order, each day once")
        before = (day, said)
        file = path.parent / cell(place["file"])
        if not cell(place["file"]) or not file.is_file():
            raise InputError(path, row, "file", f"{cell(place['file']) or 'empty'}: no such file", "a NIfTI segmentation")
        scans.append(read_scan(file, day, _labels(table, row, cell(labels)) if labels is not None else None))
    return scans, calendar


def read_doses(path: Path, calendar: Calendar) -> list[Dose]:
    """All doses in order of their days, none before the first scan."""
    table = read_table(path, "channel")
    place = {name: table.column(name) for name in ("day", "channel")}
    amounts = [i for i, name in enumerate(table.header) if name.lower().startswith("amount")]
    names = [table.header[i].lower() for i in amounts]
    if not amounts or "amount" in names or "amount_" in names:
        said = "no unit in its name" if amounts else "this column is missing"
        raise InputError(path, 1, "amount", said, f"{GRAY} for radiation, or a drug's unit such as amount_mg")
    doses, units = [], {}
    for row, cells in table.rows:
        cell = _cells(table, row, cells)
        channel, day = cell(place["channel"]), _day(table, row, cell(place["day"]), calendar.dated)
        if day < calendar.first:
            said = f"{cell(place['day'])} is before the first scan, {calendar.said}"
            raise InputError(path, row, "day", said, "doses from the first scan on; it shows what earlier ones did")
        if not channel:
            raise InputError(path, row, "channel", "empty", f"{RADIATION}, or the name of a drug")
        filled = [(name, cell(i)) for name, i in zip(names, amounts, strict=True) if cell(i)]
        if len(filled) != 1:
            raise InputError(path, row, "amount", f"{len(filled)} amounts", "one amount a row, in the column of its unit")
        ((name, text),) = filled
        wanted = GRAY if channel == RADIATION else units.setdefault(channel, name)
        if name != wanted:
            raise InputError(path, row, wanted, f"the unit is that of {name!r}", f"amounts of {channel} in {wanted}")
        doses.append(Dose(day, channel, _amount(path, row, name, text)))
    return sorted(doses, key=lambda dose: dose.day)


def _amount(path: Path, row: int, name: str, text: str) -> float:
    unit = name.removeprefix("amount_")
    value = number(path, row, name, text, unit)
    if value == 0.0 or (name == GRAY and value > _LARGEST):
        most = f" and at most {_LARGEST:g} Gy a fraction" if name == GRAY else ""
        raise InputError(path, row, name, f"{text} is no dose", f"an amount above 0{most}")
    return value


def _cells(table: Table, row: int, cells: list[str]) -> Callable[[int], str]:
    """Stripped text by position."""
    if len(cells) != len(table.header):
        expected = f"{len(table.header)}: {','.join(table.header)}"
        raise InputError(table.file, row, problem=f"{len(cells)} cells", expected=expected)
    return lambda position: cells[position].strip()


def _day(table: Table, row: int, text: str, dated: bool | None) -> datetime.date:
    """``dated`` None: the first row decides."""
    if dated is not False and _DATE.fullmatch(text):
        try:
            return datetime.date.fromisoformat(text)
        except ValueError as problem:
            raise InputError(table.file, row, "day", f"{text}: {problem}", _DAY) from None
    if dated is not True and _NUMBER.fullmatch(text):
        return _ZERO + datetime.timedelta(int(text))
    raise InputError(table.file, row, "day", f"{text!r} is no such day", _DAY)


def _labels(table: Table, row: int, text: str) -> tuple[int, ...] | None:
    """Whole numbers, or None where the cell is empty."""
    parts = text.replace(";", " ").split()
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(table.file, row, "labels", f"{text!r} is no list of labels", "whole numbers above 0, such as 1 4")
    return tuple(map(int, parts)) or None
