"""Tumour models against printed tables and closed forms.

    printed        Gompertz, linear-quadratic, Claret and Simeoni tables to the last digit that is printed
    integrated     largest relative error of the same equations solved at a tolerance of 1e-11
    fields         speeds of fronts, observed orders and mass of ``experiments.problems.tumour_fronts``

Each group of rows is a function that gives figures, targets and its largest relative error; ``GROUPS`` lists them.
"""

import time
from pathlib import Path

from experiments.benchmarks.contract import Figure, Result, Target
from experiments.problems.tumour_fronts import rows
from experiments.problems.tumour_tables import agrees, error, integrated, printed

# of laws that a quick run solves
FEW = ("Gompertz", "Claret", "radiation")


def run(data: Path | None, quick: bool) -> Result:
    """``quick``: three of the bodies are solved, and one front."""
    began = time.perf_counter()
    figures, targets, worst = [], [], []
    for group in GROUPS:
        more, asked, achieved = group(quick)
        figures += more
        targets += asked
        worst.append(achieved)
    return Result(
        "tumour-closed-forms",
        figures,
        targets,
        "float64",
        time.perf_counter() - began,
        max(worst),
        "largest relative error against a closed form; compile_s is the whole run, nearly all of it compilation",
    )


def _printed(quick: bool) -> tuple[list[Figure], list[Target], float]:
    table = printed()
    targets = [Target(r.figure, f"{r.printed} {r.unit}, all digits", r.value, agrees(r)) for r in table]
    return [Figure("rows of printed tables", len(table), "1")], targets, 0.0


def _integrated(quick: bool) -> tuple[list[Figure], list[Target], float]:
    bodies = [row for row in integrated() if not quick or row.name in FEW]
    errors = [error(row) for row in bodies]
    targets = [
        Target.at_most(f"{row.name}, integrated against its closed form", e, 1e-9, "")
        for row, e in zip(bodies, errors, strict=True)
    ]
    return [Figure("bodies integrated", len(bodies), "1")], targets, max(errors)


def _fields(quick: bool) -> tuple[list[Figure], list[Target], float]:
    """Errors of grids are told by their orders."""
    return *rows(quick), 0.0


GROUPS = (_printed, _integrated, _fields)
