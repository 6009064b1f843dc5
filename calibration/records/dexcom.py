"""Dexcom Clarity's CSV export (times local, one row an event, Low below 40 and High above 400 mg/dL).

    Timestamp (YYYY-MM-DDThh:mm:ss)
    Event Type, Event Subtype               EGV; Insulin: Fast-Acting, Long-Acting; Carbs
    Glucose Value (mg/dL) or (mmol/L)       of EGV rows
    Insulin Value (u), Carb Value (grams)

Calibrations (finger sticks), alerts, exercise and health notes are counted and not read; nor are the first rows, which have no
time, with the person's name and date of birth.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.cells import Table, number, read_table
from calibration.records.dates import read_times
from calibration.records.diary import BELOW, Remark
from calibration.records.glucose_unit import side, to_mg_dl, unit_in
from calibration.records.raw import RawEntry, Record

MARK = "Timestamp (YYYY-MM-DDThh:mm:ss)"
RANGE = (40.0, 400.0)  # mg/dL, of the G5, G6 and G7


def records(folder: Path, files: list[Path]) -> list[Record]:
    """One record: all exports in a folder are one person's, who is called as the folder is."""
    record = Record(folder.name)
    tables = [read_table(file, MARK) for file in files]
    tables = [Table(t.file, t.header, tuple(_events(t))) for t in tables]
    times, remarks = read_times({t.file: list(t.cells(t.column(MARK))) for t in tables}, "Timestamp")
    record.remarks += remarks
    for table in tables:
        _read(record, table, times[table.file])
    if not record.kinds["glucose"]:
        raise InputError(files[0], field="Event Type", problem="no EGV row", expected="glucose readings")
    return [record]


def _events(table: Table) -> list[tuple[int, list[str]]]:
    """Rows that have a time, or glucose, insulin or food without one."""
    kinds = dict(table.cells(table.column("Event Type")))
    stamps = dict(table.cells(table.column(MARK)))
    told = ("egv", "insulin", "carbs")
    return [(row, cells) for row, cells in table.rows if stamps[row] or kinds[row].lower() in told]


def _read(record: Record, table: Table, times: list) -> None:
    file, names = table.file, ("Event Type", "Event Subtype")
    at = table.column("Glucose Value (mg/dL)", "Glucose Value (mmol/L)")
    kind, subtype, glucose = (dict(table.cells(place)) for place in (*map(table.column, names), at))
    insulin = dict(table.cells(table.column("Insulin Value (u)", needed=False)))
    carbs = dict(table.cells(table.column("Carb Value (grams)", needed=False)))
    readings, others = [], Counter()
    for (row, _), time in zip(table.rows, times, strict=True):
        event = kind[row].lower()
        if event == "egv":
            readings.append((row, time, glucose[row]))
        elif event == "insulin":
            to = "long_acting" if "long" in subtype[row].lower() else "boluses"
            dose = number(file, row, "Insulin Value (u)", insulin[row], "U") if insulin[row] else np.nan
            if to == "long_acting" and np.isnan(dose):
                record.remarks.append(Remark(file.name, row, "a long-acting dose without an amount", "left out"))
            else:
                record.kinds[to].append(RawEntry(file.name, row, time, dose, subtype[row]))
        elif event == "carbs":
            eaten = number(file, row, "Carb Value (grams)", carbs[row], "g") if carbs[row] else np.nan
            record.kinds["meals"].append(RawEntry(file.name, row, time, eaten))
        else:
            others[kind[row]] += 1
    record.remarks += [Remark(file.name, None, f"{n} rows of type {name or 'none'}", "not read") for name, n in others.items()]
    add_readings(record, file, table.header[at], readings, RANGE)


def add_readings(record: Record, file: Path, name: str, cells: list[tuple], limits: tuple[float, float]) -> None:
    """Glucose of (row, time, text): numbers in the unit of the column's name, Low and High at the sensor's limits [mg/dL]."""
    numbers = [(r, number(file, r, name, text, unit_in(name) or "mg/dL")) for r, _, text in cells if text and not side(text)]
    values = dict(zip((r for r, _ in numbers), to_mg_dl(file, name, numbers, unit_in(name), record.remarks), strict=True))
    for row, time, text in cells:
        label = side(text)
        if label:
            value = limits[0] if label == BELOW else limits[1]
            record.kinds["glucose"].append(RawEntry(file.name, row, time, value, label))
        elif text:
            record.kinds["glucose"].append(RawEntry(file.name, row, time, values[row]))
        else:
            record.remarks.append(Remark(file.name, row, "a stamp without glucose", "left out"))
    out = sum(bool(side(text)) for _, _, text in cells)
    if out:
        first = next(row for row, _, text in cells if side(text))
        said = f"Low or High instead of a number ({out} rows)"
        held = f"below {limits[0]:g} or above {limits[1]:g} mg/dL, the limits of the sensor"
        record.remarks.append(Remark(file.name, first, said, held))
