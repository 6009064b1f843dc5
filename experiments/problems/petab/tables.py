"""The tables of a PEtab problem (version 1), as far as the problems here use them.

Parameters with bounds and nominal values, conditions, measurements with their overrides. Which formulas belong to an observable
is not read: the model's file writes them in Python.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError

COLLECTION = "petab"


@dataclass(frozen=True)
class Parameter:
    """One row of the parameter table; bounds and nominal value in the parameter's own unit."""

    lower: float
    upper: float
    nominal: float
    estimated: bool


@dataclass(frozen=True)
class Measurement:
    """One row of the measurement table; overrides are names or numbers as text."""

    observable: str
    condition: str
    equilibration: str
    time: float
    value: float
    observed: tuple[str, ...]
    noise: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """What the files of one problem say."""

    parameters: dict[str, Parameter]
    conditions: dict[str, dict[str, float]]
    measurements: tuple[Measurement, ...]
    logarithmic: dict[str, bool]


def read_tables(data: Path, problem: str, measurements: str = "measurementData") -> Tables:
    """The tables of ``data/problem``; ``measurements`` is the stem of the measurement file's name."""
    where = Path(data) / problem

    def table(stem: str, columns: Sequence[str]) -> list[_Row]:
        return _rows(where / f"{stem}_{problem}.tsv", columns)

    parameters = {}
    for row in table("parameters", ("parameterId", "parameterScale", "lowerBound", "upperBound", "nominalValue", "estimate")):
        estimated = row["estimate"] == "1"
        if estimated and row["parameterScale"] != "log10":
            raise row.error("parameterScale", "log10 for an estimated parameter")
        numbers = [row.number(c) for c in ("lowerBound", "upperBound", "nominalValue")]
        parameters[row["parameterId"]] = Parameter(*numbers, estimated)
    conditions = {}
    for row in table("experimentalCondition", ("conditionId",)):
        names = [c for c in row.cells if c not in ("conditionId", "conditionName")]
        conditions[row["conditionId"]] = {c: row.number(c) for c in names}
    logarithmic = {}
    for row in table("observables", ("observableId", "noiseDistribution")):
        scale = row.cells.get("observableTransformation") or "lin"
        if scale not in ("lin", "log10") or row["noiseDistribution"] not in ("", "normal"):
            raise row.error("observableTransformation", "lin or log10 with normal noise")
        logarithmic[row["observableId"]] = scale == "log10"
    seen = []
    for row in table(measurements, ("observableId", "simulationConditionId", "measurement", "time", "noiseParameters")):
        if row["observableId"] not in logarithmic:
            raise row.error("observableId", "an observable of the observable table")
        equilibration = row.cells.get("preequilibrationConditionId") or ""
        for column, condition in (("simulationConditionId", row["simulationConditionId"]), ("preequilibrationConditionId", equilibration)):
            if condition and condition not in conditions:
                raise row.error(column, "a condition of the condition table")
        seen.append(
            Measurement(
                row["observableId"],
                row["simulationConditionId"],
                equilibration,
                row.number("time"),
                row.number("measurement"),
                _names(row.cells.get("observableParameters") or ""),
                _names(row["noiseParameters"]),
            )
        )
    return Tables(parameters, conditions, tuple(seen), logarithmic)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(";") if name.strip())


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def number(self, column: str) -> float:
        try:
            value = float(self.cells[column])
        except (TypeError, ValueError):
            value = math.nan
        if not np.isfinite(value):
            raise self.error(column, "a number")
        return value

    def error(self, column: str, expected: str) -> InputError:
        return InputError(self.path, self.line, column, f"found {self.cells[column]!r}", expected)


def _rows(path: Path, columns: Sequence[str]) -> list[_Row]:
    if not path.is_file():
        raise InputError(path, problem="no such file", expected=f"the folder that holds {path.parent.name}/{path.name}: give it with --data")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter="\t")
        missing = [c for c in columns if c not in (reader.fieldnames or ())]
        if missing:
            raise InputError(path, 1, problem=f"no column {', '.join(missing)}", expected=f"columns {', '.join(columns)}")
        return [_Row(path, reader.line_num, row) for row in reader]
