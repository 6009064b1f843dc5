"""``somagrad calibrate scans``: segmentations, a tissue map and doses to a page, a table of numbers and a map of cells.

    scans.html       the page
    numbers.csv      every number of it with its interval
    density.nii.gz   cells at the last scan as a share of what fits, on the scans' grid; zero beyond the box that was computed

Nothing is written before all is computed.
"""

from importlib.util import find_spec
from math import isnan
from pathlib import Path

from calibration.errors import InputError
from calibration.fit import FitStatus
from calibration.tumours.grid_support import warning
from calibration.tumours.map_file import map_file
from calibration.tumours.outline_error import OutlineError
from calibration.tumours.scans import read_tissue
from experiments.jax_setup import keep_compiled_programs
from experiments.progress import stopwatch
from experiments.records import write_bytes, write_texts
from experiments.report.parts import csv_text
from experiments.report.wording import WARNING, count
from experiments.scans.page import render, stated
from experiments.scans.tables import read_doses, read_scans
from experiments.scans.told import Told, told

OK, FAILED = 0, 3
PAGE, TABLE, DENSITY = "scans.html", "numbers.csv", "density.nii.gz"
HEADER = ("what", "value", "5 %", "95 %", "unit")


def calibrate(scans: Path, tissue: Path, doses: Path | None, out: Path, outline: float) -> int:
    """The exit status; bad input raises before anything is written. ``outline`` is the SD of an outline [mm]."""
    print(WARNING)
    if find_spec("nibabel") is None:
        raise InputError("nibabel", problem="is not installed", expected="the extra 'imaging': pip install 'somagrad[imaging]'")
    if not 0.0 < outline <= 10.0:
        raise InputError("--outline", problem=f"{outline:g} mm", expected="above 0 and at most 10 mm")
    read, calendar = read_scans(scans)
    given = [] if doses is None else read_doses(doses, calendar)
    print(f"{scans}: {count(len(read), 'scan')}; {count(len(given), 'dose')}")
    if slow := keep_compiled_programs():
        print(slow)
    say = stopwatch()
    found = told(read, read_tissue(tissue), given, OutlineError(sd=outline), say)
    for number in found.numbers:
        print(f"{number.name}: {stated(number)}")
    narrow = warning(found.fit)
    if narrow:
        print(f"warning: {narrow}")
    page, density = render(scans.stem, found, calendar.dated), map_file(found.density, found.scans[-1])
    say("writing")
    write_texts(out, {TABLE: csv_text(HEADER, _rows(found)), PAGE: page})
    write_bytes(out / DENSITY, density)
    print(out / DENSITY)
    status = FitStatus(int(found.fit.status[0]))
    if status in (FitStatus.SOLVE_FAILED, FitStatus.SINGULAR):
        print(f"failed  {status.reason}")
        return FAILED
    return OK


def _rows(found: Told) -> list[list]:
    """Numbers, and what became of the hidden scan; an empty interval is not quantified."""
    ends = lambda low, high: ["", ""] if isnan(low) else [float(low), float(high)]
    rows = [[n.name, float(n.value), *ends(n.low, n.high), n.unit] for n in found.numbers]
    if found.ahead is not None:
        ahead, (forecast, carried) = found.ahead, found.ahead.dice
        rows += [
            ["last volume, forecast", float(ahead.volume[0]), *ends(*ahead.volume[1:]), "mm3"],
            ["last volume, carried forward", ahead.carried, "", "", "mm3"],
            ["last volume, segmented", ahead.read, "", "", "mm3"],
            ["Dice, forecast", forecast, "", "", "1"],
            ["Dice, carried forward", carried, "", "", "1"],
        ]
    return rows

