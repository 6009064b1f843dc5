"""Tables of tumour sizes: one row a reading, one tumour a person or animal.

A size of 0 is a tumour that was not seen: below the limit of detection, not a volume of 0. Rows need not be in order; rows of
one person at one time are one reading, their mean. Units stand in the names of the columns, and where a table has diameter and
volume both, they must agree (V = 0.52 d^3): so centimetres under a header of millimetres are found.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.cells import Table, number, read_table
from calibration.records.diary import Remark

SPHERE = 0.52    # of the tables: pi / 6 = 0.5236
LARGEST = 500.0    # mm: no tumour is half a metre across
# how far rounding to 0.1 mm and 0.01 mm3 may take volume from 0.52 d^3
_AGREE = 0.02
_THOUSAND = (("diam_mm", "mm", "the diameter is in cm", 1e3), ("vol_mm3", "mm^3", "the volume is in cm^3", 1e-3))


@dataclass(frozen=True)
class TumourRecord:
    """Readings of one tumour in order of time: ``time`` (readings,) in ``time_unit``, ``size`` in ``unit``; 0 was not seen."""

    person: str
    arm: str
    time: np.ndarray
    size: np.ndarray
    time_unit: str
    unit: str

    @property
    def seen(self) -> np.ndarray:
        """Which readings are above the limit of detection."""
        return self.size > 0.0

    def first(self, count: int) -> "TumourRecord":
        """The first so many readings, or all but the last -count."""
        return TumourRecord(self.person, self.arm, self.time[:count], self.size[:count], self.time_unit, self.unit)


def read_mice(data: Path) -> tuple[list[TumourRecord], list[Remark]]:
    """A table, or ``llc_growth.csv`` in a folder: mouse, day, volume_mm3."""
    path = table_of(data, "llc_growth.csv")
    table = read_table(path, "mouse")
    size = unit_column(table, "volume_mm3", "volume")
    rows = _rows(table, table.column("mouse"), None, table.column("day"), "d", size, "volume_mm3", "mm^3")
    return _records(path, rows, "d", "mm^3", "volume_mm3")


def read_lesions(data: Path) -> tuple[list[TumourRecord], list[Remark]]:
    """A table, or ``lesions_dev.csv`` in a folder: pid, arm, t_weeks, diam_mm, vol_mm3; longest diameters, 0 where a lesion was
    not visible.
    """
    path = table_of(data, "lesions_dev.csv")
    table = read_table(path, "pid")
    size = unit_column(table, "diam_mm", "diam")
    rows = _rows(table, table.column("pid"), table.column("arm"), table.column("t_weeks"), "weeks", size, "diam_mm", "mm")
    _agree(table, rows, unit_column(table, "vol_mm3", "vol"))
    return _records(path, rows, "week", "mm", "diam_mm")


def table_of(data: Path, name: str) -> Path:
    """``data`` itself, or the file of that name in it."""
    return Path(data) / name if Path(data).is_dir() else Path(data)


def unit_column(table: Table, name: str, stem: str) -> int:
    """Position of a column whose name ends in its unit; another unit is named."""
    if table.column(name, needed=False) is None:
        other = [h for h in table.header if h.lower().startswith(f"{stem}_")]
        problem = f"the unit is that of {other[0]!r}" if other else "this column is missing"
        raise InputError(table.file, 1, name, problem, f"{name}, converted to the unit of that name")
    return table.column(name)


@dataclass(frozen=True)
class _Row:
    number: int
    person: str
    arm: str
    time: float
    size: float


def _rows(
    table: Table, person: int, arm: int | None, time: int, time_unit: str, size: int, field: str, unit: str
) -> list[_Row]:
    found = []
    for row, cells in table.rows:
        if len(cells) != len(table.header):
            expected = f"{len(table.header)}: {','.join(table.header)}"
            raise InputError(table.file, row, problem=f"{len(cells)} cells", expected=expected)
        who = cells[person].strip()
        if not who:
            raise InputError(table.file, row, table.header[person], "empty", "who this reading is of")
        at = number(table.file, row, table.header[time], cells[time].strip(), time_unit)
        value = number(table.file, row, field, cells[size].strip(), f"{unit}, 0 where nothing was seen")
        if unit == "mm" and value > LARGEST:
            raise InputError(table.file, row, field, f"{value:g} mm is more than any tumour", f"at most {LARGEST:g} mm")
        found.append(_Row(row, who, "" if arm is None else cells[arm].strip(), at, value))
    return found


def _agree(table: Table, rows: list[_Row], column: int) -> None:
    for row, (_, cells) in zip(rows, table.rows, strict=True):
        volume = number(table.file, row.number, "vol_mm3", cells[column].strip(), "mm^3")
        implied = SPHERE * row.size**3
        if abs(volume - implied) <= _AGREE * implied + 1.0:
            continue
        for field, unit, problem, factor in _THOUSAND:
            if abs(volume / (implied * factor) - 1.0) <= 0.1 if implied else False:
                said = f"{row.size:g} with a volume of {volume:g}: {problem}"
                raise InputError(table.file, row.number, field, said, f"{unit} in both columns")
        said = f"{volume:g} mm3 is not 0.52 d^3 = {implied:g} of {row.size:g} mm"
        raise InputError(table.file, row.number, "vol_mm3", said, "diameter and volume of one reading")


def _records(path: Path, rows: list[_Row], time_unit: str, unit: str, field: str) -> tuple[list[TumourRecord], list[Remark]]:
    """One record a person in order of the file, and what was assumed."""
    people: dict[str, list[_Row]] = {}
    for row in rows:
        people.setdefault(row.person, []).append(row)
    records, remarks = [], []
    for person, own in people.items():
        times = np.asarray([row.time for row in own])
        for before, row in zip(own, own[1:]):
            if row.time < before.time:
                said = f"{person}: {row.time:g} {time_unit} after {before.time:g}"
                remarks.append(Remark(str(path), row.number, said, "sorted"))
        time, place = np.unique(times, return_inverse=True)
        sizes = [np.asarray([row.size for row, at in zip(own, place) if at == i]) for i in range(len(time))]
        for i in np.flatnonzero([len(s) > 1 for s in sizes]):
            again = [row.number for row, at in zip(own, place) if at == i]
            between = f"{sizes[i].min():g} to {sizes[i].max():g} {unit}"
            said = f"{person}: {len(again)} readings at {time[i]:g} {time_unit}, {between}"
            remarks.append(Remark(str(path), again[1], said, "their mean is one reading"))
        records.append(TumourRecord(person, own[0].arm, time, np.asarray([s.mean() for s in sizes]), time_unit, unit))
    none = sum(row.size == 0.0 for row in rows)
    if none:
        first = next(row.number for row in rows if row.size == 0.0)
        said = f"{field} is 0 in {none} rows"
        remarks.append(Remark(str(path), first, said, "below detection, not a size of 0"))
    return records, remarks
