"""The layout of T1D-UOM: one gzipped CSV a person and kind, ``<id>_<kind>.csv.gz`` (or ``.csv``).

    glucose    time, value                         mmol/L or mg/dL, told by the range
    bolus      time, bolus_dose                    U
    basal      time, basal_dose, insulin_kind      R: a pump's rate [U/h] until the next row; L: a long-acting dose [U]
    nutrition  time, carbs_g [, meal_type, meal_tag]
    heart      time, heart_rate [, step_count]     1/min, 0 = missing

Only glucose is needed. Activity bouts, protein, fat, fibre, stress and sleep are not read. Dates are year-first, or the order
of day and month is decided (``dates.py``).

Source: Alsuhaymi et al., Sci Data 12:1379 (2025).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.cells import Table, number, read_table
from calibration.records.dates import read_times
from calibration.records.diary import Remark
from calibration.records.glucose_unit import side, to_mg_dl, unit_in
from calibration.records.raw import RawEntry, Record

MARK = "_glucose.csv"
KINDS = ("glucose", "bolus", "basal", "nutrition", "heart")


def people_of(folder: Path) -> list[str]:
    """Ids of the people whose glucose file the folder holds."""
    return sorted({path.name.partition(MARK)[0] for path in folder.glob(f"*{MARK}*")})


def records(folder: Path) -> list[Record]:
    return [_record(folder, person) for person in people_of(folder)]


def _record(folder: Path, person: str) -> Record:
    files = {kind: _file(folder, f"{person}_{kind}.csv") for kind in KINDS}
    tables = {kind: read_table(file, "time") for kind, file in files.items() if file is not None}
    if not tables["glucose"].rows:
        raise InputError(tables["glucose"].file, problem="no rows after the header", expected="glucose readings")
    record = Record(person)
    times, remarks = read_times({table.file: list(table.cells(table.column("time"))) for table in tables.values()})
    record.remarks += remarks
    for kind, table in tables.items():
        _READERS[kind](record, table, times[table.file])
    return record


def _file(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _glucose(record: Record, table: Table, times: list) -> None:
    at = table.column("value", "value_mmol_L", "value_mg_dL", "glucose_mg_dL", "glucose_mmol_L")
    name, file, source = table.header[at], table.file, table.file.name
    numbers = []
    for (row, text), time in zip(table.cells(at), times, strict=True):
        if not text:
            record.remarks.append(Remark(file.name, row, "a stamp without glucose", "left out"))
        elif side(text):
            raise InputError(file, row, name, f"{text!r} and no range of the sensor", "a number")
        else:
            numbers.append((row, time, number(file, row, name, text, "mmol/L or mg/dL")))
    values = to_mg_dl(file, name, [(row, value) for row, _, value in numbers], unit_in(name), record.remarks)
    record.kinds["glucose"] += [
        RawEntry(source, row, time, value) for (row, time, _), value in zip(numbers, values, strict=True)
    ]


def _bolus(record: Record, table: Table, times: list) -> None:
    record.kinds["boluses"] += _amounts(table, times, "bolus_dose", "U")


def _basal(record: Record, table: Table, times: list) -> None:
    kinds = dict(table.cells(table.column("insulin_kind")))
    for entry in _amounts(table, times, "basal_dose", "U/h or U"):
        kind = kinds[entry.row]
        if kind not in ("R", "L"):
            raise InputError(table.file, entry.row, "insulin_kind", f"{kind!r}", "R (rate in U/h) or L (long-acting dose in U)")
        if np.isnan(entry.value):
            said = "the rate before it holds" if kind == "R" else "left out"
            record.remarks.append(Remark(entry.file, entry.row, "a basal row without an amount", said))
        elif kind == "R":
            record.kinds["basal"].append(entry._replace(value=entry.value / 60.0))
        else:
            record.kinds["long_acting"].append(entry)


def _nutrition(record: Record, table: Table, times: list) -> None:
    names = [dict(table.cells(table.column(name, needed=False))) for name in ("meal_type", "meal_tag")]
    for entry in _amounts(table, times, "carbs_g", "g"):
        label = ": ".join(text for text in (name[entry.row] for name in names) if text)
        record.kinds["meals"].append(entry._replace(label=label))


def _heart(record: Record, table: Table, times: list) -> None:
    rates = _amounts(table, times, "heart_rate", "1/min")
    read = [entry for entry in rates if entry.value > 0.0]
    if len(read) < len(rates):
        first = next(entry.row for entry in rates if not entry.value > 0.0)
        said = f"a heart rate of 0 or none ({len(rates) - len(read)} rows)"
        record.remarks.append(Remark(table.file.name, first, said, "not measured: left out"))
    record.kinds["heart_rate"] += read
    if table.column("step_count", needed=False) is not None:
        record.kinds["steps"] += [e for e in _amounts(table, times, "step_count", "steps") if not np.isnan(e.value)]


def _amounts(table: Table, times: list, name: str, unit: str) -> list[RawEntry]:
    """One entry a row; nan where the cell is empty."""
    source = table.file.name
    return [
        RawEntry(source, row, time, number(table.file, row, name, text, unit) if text else np.nan)
        for (row, text), time in zip(table.cells(table.column(name)), times, strict=True)
    ]


_READERS: dict[str, Callable[[Record, Table, list], None]] = {
    "glucose": _glucose, "bolus": _bolus, "basal": _basal, "nutrition": _nutrition, "heart": _heart,
}  # fmt: skip
