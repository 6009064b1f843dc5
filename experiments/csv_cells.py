"""Strict CSV: every cell checked, every complaint names file, row, field and expected unit.

A table is comment lines that begin with ``#``, one header line whose column names carry their units
(``time_h``, ``concentration_mg_per_l``), and rows. Standard library only.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError
from calibration.records.cells import read_text

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Column:
    """One expected column.

    quantity   what it holds, the first part of its name
    suffix     how the unit is spelt in the name; empty for a label
    unit       the unit, for messages
    measured   an empty cell (not measured) and ``<limit`` (below detection) are allowed
    positive   zero is refused
    """

    quantity: str
    suffix: str = ""
    unit: str = ""
    measured: bool = False
    positive: bool = False

    @property
    def name(self) -> str:
        return f"{self.quantity}_{self.suffix}" if self.suffix else self.quantity

    @property
    def expected(self) -> str:
        if not self.suffix:
            return "a label"
        least = "above zero" if self.positive else "not below zero"
        extra = ", empty when not measured, <limit when below detection" if self.measured else ""
        return f"a number in {self.unit}, {least}{extra}"


@dataclass(frozen=True)
class Cell:
    """``value`` is a number or a label; with ``below`` it is a detection limit; NaN when not measured."""

    value: float | str
    below: bool = False


@dataclass(frozen=True)
class Row:
    number: int
    cells: dict[str, Cell]


def read_rows(path: Path | str, columns: tuple[Column, ...]) -> list[Row]:
    """All rows of a table; raise InputError at the first thing that is not as ``columns`` say."""
    path = Path(path)
    header: list[str] | None = None
    rows: list[Row] = []
    for number, line in enumerate(read_text(path, "a CSV table").splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
        except csv.Error as problem:
            raise InputError(path, number, problem=f"not CSV: {problem}") from None
        if header is None:
            header = cells
            _check_header(path, number, header, columns)
        elif len(cells) != len(header):
            raise InputError(
                path, number, problem=f"{len(cells)} cells", expected=f"{len(header)}: {','.join(header)}"
            )
        else:
            found = dict(zip(header, cells, strict=True))
            rows.append(Row(number, {c.name: _cell(path, number, c, found[c.name]) for c in columns}))
    wanted = ",".join(column.name for column in columns)
    if header is None:
        raise InputError(path, problem="the file is empty", expected=f"a header {wanted} and rows")
    if not rows:
        raise InputError(path, problem="no rows after the header", expected=f"rows of {wanted}")
    return rows


def _check_header(path: Path, number: int, header: list[str], columns: tuple[Column, ...]) -> None:
    names = [column.name for column in columns]
    for position, name in enumerate(header):
        if name in header[:position]:
            raise InputError(path, number, name, "this column stands twice", "each column once")
    extra = [name for name in header if name not in names]
    for column in columns:
        if column.name in header:
            continue
        for name in extra:
            if column.suffix and (name == column.quantity or name.startswith(column.quantity + "_")):
                given = name[len(column.quantity) + 1 :]
                problem = (
                    f"this column's unit is `{given}`" if given else "this column has no unit in its name"
                )
                raise InputError(path, number, name, problem, f"`{column.name}` ({column.unit})")
        unit = f" ({column.unit})" if column.unit else ""
        raise InputError(
            path, number, column.name, "this column is missing", f"`{column.name}`{unit} in the header"
        )
    if extra:
        raise InputError(path, number, extra[0], "unknown column", f"only {','.join(names)}")


def _cell(path: Path, number: int, column: Column, text: str) -> Cell:
    if not column.suffix:
        if not text:
            raise InputError(path, number, column.name, "empty cell", column.expected)
        return Cell(text)
    if not text and column.measured:
        return Cell(math.nan)
    below = column.measured and text.startswith("<")
    digits = text.removeprefix("<").strip() if below else text
    if not _NUMBER.fullmatch(digits):
        problem = f"{text!r} is not a number" if text else "empty cell"
        raise InputError(path, number, column.name, problem, column.expected)
    value = float(digits)
    if not math.isfinite(value) or value < 0 or (value == 0 and (column.positive or below)):
        what = "negative" if value < 0 else "zero" if value == 0 else "too large"
        raise InputError(path, number, column.name, f"{text!r} is {what}", column.expected)
    return Cell(value, below)
