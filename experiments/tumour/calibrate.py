"""``somagrad calibrate tumour``: a table of tumour sizes to a page and a table of forecasts.

    tumours.html    the page
    forecasts.csv   every hidden reading with its forecast, interval, and the last known one carried forward

What was detected and assumed is printed. Nothing is written before all is computed.
"""

import time
from pathlib import Path

from calibration.errors import InputError
from calibration.tumours.layouts import read_sizes
from experiments.jax_setup import keep_compiled_programs
from experiments.records import write_texts
from experiments.report.parts import csv_text
from experiments.report.wording import WARNING, count
from experiments.tumour.lesions import LEAST as LEAST_OF_LESIONS, of_lesions
from experiments.tumour.mice import LEAST as LEAST_OF_MICE, of_mice
from experiments.tumour.page import render
from experiments.tumour.score import scored
from experiments.tumour.table import HEADER, rows

OK, FAILED = 0, 3
PAGE, TABLE = "tumours.html", "forecasts.csv"


def calibrate(data: Path, out: Path) -> int:
    """The exit status; bad input raises before anything is written."""
    print(WARNING)
    table, records, remarks = read_sizes(data)
    print(f"{table}: {count(len(records), 'tumour')}, {count(len(remarks), 'remark')}")
    for remark in remarks:
        print(remark)
    lesions = records[0].unit == "mm"
    least = LEAST_OF_LESIONS if lesions else LEAST_OF_MICE
    if not any(len(r.time) >= least and r.seen.any() for r in records):
        raise InputError(table, problem=f"no tumour with {least} readings", expected=f"{least} readings or more of one tumour")
    warning = keep_compiled_programs()
    if warning:
        print(warning)
    began = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - began:5.0f} s  {what}", flush=True)

    found = of_lesions(records, table, say) if lesions else of_mice(records, say)
    for name, said in found.assumed:
        print(f"{name.lower()}: {said}")
    page = render(table.stem, records, remarks, found, scored(found.told, zeros=lesions))
    say("writing")
    write_texts(out, {TABLE: csv_text(HEADER, rows(found.told)), PAGE: page})
    failed = [t.record.person for t in found.told if not t.good]
    for name in failed:
        print(f"failed  {name}: no forecast could be made")
    return FAILED if failed else OK
