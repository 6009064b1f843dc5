"""Text of a record's files: CSV rows with their line numbers, numbers with their place in every complaint."""

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError

_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Table:
    """A file's header and the rows below it, each with the line it begins on."""

    file: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]

    def column(self, *names: str, needed: bool = True) -> int | None:
        """Position of the first of the names that the header has, upper and lower case alike."""
        lower = [name.lower() for name in self.header]
        for name in names:
            if name.lower() in lower:
                return lower.index(name.lower())
        if needed:
            raise InputError(self.file, 1, names[0], "this column is missing", f"it in the header {','.join(self.header)}")
        return None

    def cells(self, position: int | None) -> Iterator[tuple[int, str]]:
        """(row, stripped text) of one column; empty where a row is short."""
        for row, cells in self.rows:
            yield row, cells[position].strip() if position is not None and position < len(cells) else ""


def read_text(path: Path, what: str = "a record") -> str:
    """A file's text, unpacked when its name ends in .gz; ``what`` is expected, in words."""
    try:
        packed = path.read_bytes()
        return (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(path, problem="no such file", expected=what) from None
    except UnicodeDecodeError as problem:
        raise InputError(path, problem=f"byte {problem.start} is not UTF-8", expected=f"{what} in UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(path, problem="cannot be unpacked", expected="a whole gzip file") from None
    except OSError as problem:
        raise InputError(path, problem=problem.strerror or "unreadable", expected=what) from None


def read_table(path: Path, mark: str) -> Table:
    """A CSV file whose header is the first line, among its first five, that has the column ``mark``.

    The separator is a semicolon when the header holds one and no comma.
    """
    text = read_text(path)
    header: tuple[str, ...] = ()
    rows, begin = [], 1
    first = next((line for line in text.splitlines()[:5] if mark.lower() in line.lower()), "")
    separator = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            row, begin = begin, reader.line_num + 1
            if not header:
                if mark.lower() in (cell.strip().lower() for cell in cells):
                    header = tuple(cell.strip() for cell in cells)
                elif row > 5:
                    break
            elif any(map(str.strip, cells)):
                rows.append((row, cells))
    except csv.Error as problem:
        raise InputError(path, reader.line_num, problem=f"not CSV: {problem}") from None
    if not header:
        problem = "no such column in the first five lines" if text.strip() else "the file is empty"
        raise InputError(path, 1, mark, problem, f"a header with `{mark}`")
    return Table(path, header, tuple(rows))


def number(file: Path, row: int, field: str, text: str, unit: str) -> float:
    """A finite number that is not negative; a comma may stand for the decimal point."""
    if not _NUMBER.fullmatch(text):
        raise InputError(file, row, field, f"{text!r} is not a number", f"a number in {unit}")
    value = float(text.replace(",", "."))
    if value < 0.0 or not math.isfinite(value):
        what = "negative" if value < 0.0 else "too large"
        raise InputError(file, row, field, f"{text!r} is {what}", f"a number in {unit}, not below zero")
    return value
