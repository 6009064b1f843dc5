"""The report of a run: one HTML file that needs nothing else, drawn from the result tables alone.

To give a new study a section: write a module with ``section(study) -> Section`` and list it in ``SECTIONS``.
"""

from pathlib import Path

from experiments.records import write_bytes
from experiments.report import fsigt, theophylline, virtual_cohort
from experiments.report.page import render
from experiments.report.results import load
from experiments.store import REPORT

# name of a study in the tables -> what draws it, in the page's order
SECTIONS = {
    "theophylline": theophylline.section,
    "fsigt": fsigt.section,
    "virtual-cohort": virtual_cohort.section,
}


def write(run_folder: Path | str) -> Path:
    """Write ``report.html`` into a run folder and return its path.

    A study without rows has no section. InputError when it is no run folder, DamagedResults when a recorded
    result is not as it was written; an earlier report then stays as it is.
    """
    results = load(run_folder)
    sections = [draw(results.studies[name]) for name, draw in SECTIONS.items() if name in results.studies]
    path = Path(run_folder) / REPORT
    write_bytes(path, render(results, sections).encode())
    return path
