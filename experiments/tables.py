"""The measured tables that studies read: packaged CSV files, or a user's of the same layout.

The layouts are written at the top of ``data/theophylline.csv`` and ``data/fsigt.csv``. Readers return plain
NumPy arrays and raise ``InputError`` naming file, row, field and expected unit.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from experiments.csv_cells import Column, Row, read_rows

DATA = Path(__file__).resolve().parent / "data"

_PERSON = Column("person")
_WEIGHT = Column("weight", "kg", "kg", positive=True)
_DOSE = Column("dose", "mg", "mg", positive=True)
_HOURS = Column("time", "h", "h")
_CONCENTRATION = Column("concentration", "mg_per_l", "mg/L", measured=True)
_MINUTES = Column("time", "min", "min")
_GLUCOSE = Column("glucose", "mg_per_dl", "mg/dL", measured=True)
_INSULIN = Column("insulin", "uu_per_ml", "uU/mL", measured=True)


@dataclass(frozen=True)
class Measured:
    """One measured quantity at n times.

    value     (n,) the measurement; the detection limit where ``below``; NaN where nothing was measured
    observed  (n,) bool, a number was measured
    below     (n,) bool, measured and found below the detection limit ``value``
    """

    value: np.ndarray
    observed: np.ndarray
    below: np.ndarray


@dataclass(frozen=True)
class OralCourse:
    """One person's samples after one oral dose at time 0.

    times_h (n,) [h], rising; concentration [mg/L]; dose_mg [mg]; weight_kg [kg]
    """

    person: str
    weight_kg: float
    dose_mg: float
    times_h: np.ndarray
    concentration: Measured


@dataclass(frozen=True)
class GlucoseTest:
    """One intravenous glucose tolerance test: times_min (n,) [min], rising; glucose mg/dL; insulin uU/mL."""

    times_min: np.ndarray
    glucose: Measured
    insulin: Measured


def packaged(name: str, folder: Path | None = None) -> Path:
    """The CSV file of a named table, in ``folder`` or among the packaged ones."""
    return (DATA if folder is None else Path(folder)) / f"{name}.csv"


def locate(data: str, source: Path | str) -> Path:
    """The file that a scenario's ``data`` means: a packaged table, or a path relative to the scenario
    ``source``.
    """
    if packaged(data).is_file() and "/" not in data:
        return packaged(data)
    path = Path(source).resolve().parent / data
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in DATA.glob("*.csv")))
        raise InputError(
            source, field="data", problem=f"no file {path}", expected=f"a CSV path or one of {names}"
        )
    return path


def content_hash(path: Path | str) -> str:
    """sha256 (hex) of a file's bytes."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_oral_courses(path: Path | str) -> tuple[OralCourse, ...]:
    """The people of a table laid out as ``data/theophylline.csv``, in the order of their first rows."""
    people: dict[str, list[Row]] = {}
    for row in read_rows(path, (_PERSON, _WEIGHT, _DOSE, _HOURS, _CONCENTRATION)):
        people.setdefault(str(row.cells["person"].value), []).append(row)
    for person, rows in people.items():
        _check_times(path, rows, _HOURS, f" for person {person}")
        for column in (_WEIGHT, _DOSE):
            _check_constant(path, rows, column, person)
    return tuple(
        OralCourse(
            person=person,
            weight_kg=float(rows[0].cells[_WEIGHT.name].value),
            dose_mg=float(rows[0].cells[_DOSE.name].value),
            times_h=_numbers(rows, _HOURS),
            concentration=_measured(rows, _CONCENTRATION),
        )
        for person, rows in people.items()
    )


def read_glucose_test(path: Path | str) -> GlucoseTest:
    """The one test of a table laid out as ``data/fsigt.csv``."""
    rows = read_rows(path, (_MINUTES, _GLUCOSE, _INSULIN))
    _check_times(path, rows, _MINUTES, "")
    return GlucoseTest(_numbers(rows, _MINUTES), _measured(rows, _GLUCOSE), _measured(rows, _INSULIN))


def _numbers(rows: list[Row], column: Column) -> np.ndarray:
    return np.array([row.cells[column.name].value for row in rows], dtype=np.float64)


def _measured(rows: list[Row], column: Column) -> Measured:
    value = _numbers(rows, column)
    below = np.array([row.cells[column.name].below for row in rows])
    return Measured(value, ~np.isnan(value) & ~below, below)


def _check_times(path: Path | str, rows: list[Row], column: Column, whose: str) -> None:
    last = -math.inf
    for row in rows:
        time = float(row.cells[column.name].value)
        if time <= last:
            what = "stands twice" if time == last else f"comes after {last:g} {column.unit}"
            problem = f"{time:g} {column.unit} {what}{whose}"
            raise InputError(
                path, row.number, column.name, problem, f"rising times in {column.unit}, each once"
            )
        last = time


def _check_constant(path: Path | str, rows: list[Row], column: Column, person: str) -> None:
    first = rows[0].cells[column.name].value
    for row in rows:
        value = row.cells[column.name].value
        if value != first:
            problem = f"{value:g}, but {first:g} in row {rows[0].number} of person {person}"
            raise InputError(
                path, row.number, column.name, problem, f"one {column.quantity} in {column.unit} a person"
            )
