"""Which layout a table of tumour sizes or of a marker has, told by its header."""

from collections.abc import Callable
from pathlib import Path

from calibration.errors import InputError
from calibration.records.cells import read_text
from calibration.records.diary import Remark
from calibration.tumours.psa import MarkerRecord, read_psa
from calibration.tumours.records import TumourRecord, read_lesions, read_mice

MARKS: dict[str, Callable] = {
    "mouse": read_mice,
    "pid": read_lesions,
    "abiraterone_on": lambda path: (read_psa(path), []),
}
EXPECTED = (
    "a CSV with the columns mouse, day, volume_mm3 or pid, arm, t_weeks, diam_mm, vol_mm3 or patient, day, psa_ng_ml, "
    "abiraterone_on"
)


def read_sizes(data: Path) -> tuple[Path, list[TumourRecord] | list[MarkerRecord], list[Remark]]:
    """The table, its records and what was assumed; ``data`` is the table or a folder that has one. InputError: there is none,
    there are several, or a cell of it is wrong.
    """
    if not data.exists():
        raise InputError(data, problem="no such file or folder", expected=EXPECTED)
    found = [(path, mark) for path in (sorted(data.glob("*.csv")) if data.is_dir() else [data]) for mark in _marks(path)]
    if len(found) != 1:
        named = ", ".join(path.name for path, _ in found)
        raise InputError(data, problem=f"more than one: {named}" if found else "no table of tumour sizes", expected=EXPECTED)
    ((path, mark),) = found
    records, remarks = MARKS[mark](path)
    if not records:
        raise InputError(path, problem="no row below the header", expected="a reading a row")
    return path, records, remarks


def _marks(path: Path) -> list[str]:
    """The first mark of a header among the first five lines."""
    for line in read_text(path, EXPECTED).splitlines()[:5]:
        names = {cell.strip().lower() for cell in line.replace(";", ",").split(",")}
        here = [mark for mark in MARKS if mark in names]
        if here:
            return here[:1]
    return []
