"""LibreView's CSV export (FreeStyle Libre): a line about the file, a header, one row a record, times local.

    Device Timestamp                    dd-mm-yyyy or mm-dd-yyyy by the account's country: decided by ``dates.py``
    Record Type                         0 sensor every 15 or 5 min, 1 scan, 2 strip, 3 ketone, 4 insulin, 5 food, 6 note
    Historic Glucose mg/dL or mmol/L    of type 0
    Rapid-Acting Insulin (units), Long-Acting Insulin (units) or Long-Acting Insulin Value (units)
    Non-numeric Rapid-Acting Insulin, Non-numeric Food: 1 when no amount was given
    Carbohydrates (grams), Carbohydrates (servings)
    Meal, Correction and User Change Insulin (units): parts of a bolus, added when no total is given

Scans (the same sensor between its readings), strips, ketones and notes are counted and not read.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.cells import Table, number, read_table
from calibration.records.dates import read_times
from calibration.records.dexcom import add_readings
from calibration.records.diary import Remark
from calibration.records.raw import RawEntry, Record

MARK = "Device Timestamp"
RANGE = (40.0, 500.0)  # mg/dL
OTHERS = {"1": "scan", "2": "strip", "3": "ketone", "6": "note"}
RAPID = "Rapid-Acting Insulin (units)"
PARTS = ("Meal Insulin (units)", "Correction Insulin (units)", "User Change Insulin (units)")


def records(folder: Path, files: list[Path]) -> list[Record]:
    """One record: all exports in a folder are one person's, who is called as the folder is."""
    record = Record(folder.name)
    tables = [read_table(file, MARK) for file in files]
    times, remarks = read_times({t.file: list(t.cells(t.column(MARK))) for t in tables}, MARK)
    record.remarks += remarks
    for table in tables:
        _read(record, table, times[table.file])
    if not record.kinds["glucose"]:
        raise InputError(files[0], field="Record Type", problem="no row of type 0", expected="historic glucose")
    return [record]


def _read(record: Record, table: Table, times: list) -> None:
    file = table.file
    units = ("mg/dL", "mmol/L")
    at = table.column(*(f"Historic Glucose {unit}" for unit in units), *(f"Historic Glucose({unit})" for unit in units))
    types, glucose = dict(table.cells(table.column("Record Type"))), dict(table.cells(at))
    readings, others = [], Counter()
    for (row, _), time in zip(table.rows, times, strict=True):
        what = types[row]
        if what == "0":
            readings.append((row, time, glucose[row]))
        elif what not in ("4", "5"):
            others[OTHERS.get(what, f"type {what or 'none'}")] += 1
    record.remarks += [Remark(file.name, None, f"{n} rows: {name}", "not read") for name, n in others.items()]
    stamps = {row: time for (row, _), time in zip(table.rows, times, strict=True)}
    _insulin(record, table, [row for row in stamps if types[row] == "4"], stamps)
    _food(record, table, [row for row in stamps if types[row] == "5"], stamps)
    add_readings(record, file, table.header[at], readings, RANGE)


def _cells(table: Table, *names: str) -> dict[int, str]:
    return dict(table.cells(table.column(*names, needed=False)))


def _insulin(record: Record, table: Table, rows: list[int], times: dict) -> None:
    rapid, unsaid = _cells(table, RAPID), _cells(table, "Non-numeric Rapid-Acting Insulin")
    parts = {name: _cells(table, name) for name in PARTS}
    slow = _cells(table, "Long-Acting Insulin (units)", "Long-Acting Insulin Value (units)")
    slow_unsaid = _cells(table, "Non-numeric Long-Acting Insulin")
    file = table.file
    for row in rows:
        given = [(name, cells[row]) for name, cells in parts.items() if cells[row]]
        entry = RawEntry(file.name, row, times[row], np.nan, "rapid")
        if rapid[row]:
            record.kinds["boluses"].append(entry._replace(value=number(file, row, RAPID, rapid[row], "U")))
        elif given:
            size = lambda name, text, row=row: number(file, row, name, text.removeprefix("-"), "U")
            total = sum(-size(*part) if part[1].startswith("-") else size(*part) for part in given)
            if total < 0.0:
                said = f"more insulin taken off than meal and correction ask for ({total:g} U)"
                record.remarks.append(Remark(file.name, row, said, "no insulin given"))
            record.kinds["boluses"].append(entry._replace(value=max(total, 0.0)))
        elif unsaid[row]:
            record.kinds["boluses"].append(entry)
        if slow[row]:
            dose = number(file, row, "Long-Acting Insulin (units)", slow[row], "U")
            record.kinds["long_acting"].append(entry._replace(value=dose, label="long-acting"))
        elif slow_unsaid[row]:
            record.remarks.append(Remark(file.name, row, "a long-acting dose without an amount", "left out"))


def _food(record: Record, table: Table, rows: list[int], times: dict) -> None:
    grams, servings = _cells(table, "Carbohydrates (grams)"), _cells(table, "Carbohydrates (servings)")
    for row in rows:
        eaten = number(table.file, row, "Carbohydrates (grams)", grams[row], "g") if grams[row] else np.nan
        if servings[row] and not grams[row]:
            said = f"{servings[row]} servings of carbohydrate, of a size the file does not tell"
            record.remarks.append(Remark(table.file.name, row, said, "eaten, amount unknown (nan)"))
        record.kinds["meals"].append(RawEntry(table.file.name, row, times[row], eaten))
