"""``somagrad calibrate tumour``: a table of tumour sizes or of a marker to a page and a table of forecasts.

    tumours.html    the page
    forecasts.csv   every hidden reading with its forecast, interval, and the last known one carried forward

What was detected and assumed is printed. Nothing is written before all is computed.
"""

from pathlib import Path

from calibration.errors import InputError
from calibration.tumours.layouts import read_sizes
from calibration.tumours.psa import MarkerRecord
from experiments.jax_setup import keep_compiled_programs
from experiments.progress import stopwatch
from experiments.records import write_texts
from experiments.report.parts import csv_text
from experiments.report.wording import WARNING, count
from experiments.tumour import lesions, men, mice
from experiments.tumour.page import render
from experiments.tumour.score import scored
from experiments.tumour.table import HEADER, rows

OK, FAILED = 0, 3
PAGE, TABLE = "tumours.html", "forecasts.csv"


def calibrate(data: Path, out: Path) -> int:
    """The exit status; bad input raises before anything is written."""
    print(WARNING)
    table, records, remarks = read_sizes(data)
    marked = records if isinstance(records[0], MarkerRecord) else []
    records = [man.sizes() for man in marked] or records
    kind = men if marked else lesions if records[0].unit == "mm" else mice
    words = kind.WORDS
    print(f"{table}: {count(len(records), words.one, words.many)}, {count(len(remarks), 'remark')}")
    for remark in remarks:
        print(remark)
    if not any(len(r.time) >= kind.LEAST and r.seen.any() for r in records):
        said = f"no {words.one} with {kind.LEAST} readings"
        raise InputError(table, problem=said, expected=f"{kind.LEAST} readings or more of one {words.one}")
    if slow := keep_compiled_programs():
        print(slow)
    say = stopwatch()
    if kind is men:
        found = men.of_men(marked, say)
    else:
        found = lesions.of_lesions(records, table, say) if kind is lesions else mice.of_mice(records, say)
    for name, said in found.assumed:
        print(f"{name.lower()}: {said}")
    page = render(table.stem, records, remarks, found, scored(found.told, zeros=words.zeros, share=words.share))
    say("writing")
    write_texts(out, {TABLE: csv_text(HEADER, rows(found.told)), PAGE: page})
    failed = [t.record.person for t in found.told if not t.good]
    for name in failed:
        print(f"failed  {name}: no forecast could be made")
    return FAILED if failed else OK
