"""Two policies on the twins of men: time to progression under doses by the marker and under the drug throughout."""

import numpy as np

from experiments.plots.progression import Arm, progression_figure
from experiments.problems.psa_twins import HORIZON, PROGRESSED, Policies
from experiments.report.canvas import of_figure
from experiments.report.parts import Panel, Picture, Section, Sheet, download
from experiments.report.wording import NOT_QUANTIFIED, count, listed, number, percent
from experiments.tumour.told import ENDS, LEVEL, stated

NAMES = ("adaptive doses", "drug throughout")
LATE = f"after {HORIZON:g} d"
PROGRESSION = (
    f"Progression is a marker above {PROGRESSED:g} times that at the first reading, as fitted; in the ratio whoever has none "
    f"in {HORIZON:g} d counts as {HORIZON:g} d"
)


def policies_section(found: Policies, people: list[str], errors: np.ndarray) -> Section:
    """``errors`` (men,) of fits to all readings [% of the highest]. A man with a draw that could not be solved is left out and
    named.
    """
    solved = found.solved.all(axis=0)
    lost = [name for name, good in zip(people, solved, strict=True) if not good]
    section = Section(
        name="policies",
        title="Two policies on the fitted twins",
        lead="What the model says of doses by the marker, which stop at half of the first marker and come back at all of it, "
        "and of the drug throughout. These are courses of a model and no trial: nobody had both.",
        summary="no twin could be solved.",
        findings=[
            ("Assumed", PROGRESSION),
            *([("Left out", f"{listed(lost)}: draws that could not be solved")] if lost else []),
        ],
        sheets=[Sheet("Every man", ["man", "error of the fit", *NAMES, "days without drug"], _rows(found, people, errors))],
    )
    if solved.any():
        kept = found.of(solved)
        adaptive, always, ratio = kept.medians()
        section.summary = f"adaptive over throughout {_said(ratio)}."
        section.findings += [
            ("Median time to progression, adaptive", _days(adaptive)),
            ("Median time to progression, drug throughout", _days(always)),
            ("Adaptive over throughout", _said(ratio)),
            ("Days without drug until progression, adaptive", _share(np.median(kept.free, axis=1))),
            *((f"Without progression in {HORIZON:g} d, {name}", _said(100.0 * (days >= HORIZON).mean(axis=1), "% of men"))
              for name, days in zip(NAMES, (kept.adaptive, kept.always), strict=True)),
            ("Intervals", f"of {len(adaptive)} draws of every man's numbers; these men are taken as they are; how wrong the "
             f"model is, is {NOT_QUANTIFIED}"),
        ]  # fmt: skip
        section.pictures = [_picture(kept, [name for name, good in zip(people, solved, strict=True) if good])]
    return section


def _picture(found: Policies, people: list[str]) -> Picture:
    middle = [np.quantile(days, 0.5, axis=0, method="inverted_cdf") for days in (found.adaptive, found.always)]
    arms = [Arm(name, days, days < HORIZON) for name, days in zip(NAMES, middle, strict=True)]
    figure = progression_figure(arms, time_unit="d", level=LEVEL)
    who = count(len(people), "twin")
    cells = [[name, *map(float, pair)] for name, pair in zip(people, np.stack(middle, axis=1), strict=True)]
    alt = "Shares of twins without progression over time under adaptive doses and under the drug throughout, with bands."
    return Picture(
        title="Time to progression",
        panels=[Panel("", of_figure(figure, alt))],
        sentence=f"Kaplan-Meier over men: {who}, each once, at the median of his draws. Bands hold {percent(LEVEL)} and tell "
        "how few men there are; how sure each man's own time is stands in the table. Both curves are of the same men: bands "
        "that overlap do not tell whether the policies differ. Medians in the picture are of its steps and "
        f"{NOT_QUANTIFIED} but by the bands; those above are of draws. Ticks: no progression in {HORIZON:g} d.",
        download=download("policies", ["man", *(f"{name} [d]" for name in NAMES)], cells, "", ""),
        width=640,
    )


def _rows(found: Policies, people: list[str], errors: np.ndarray) -> list[list[str]]:
    rows = []
    for i, (name, error) in enumerate(zip(people, errors, strict=True)):
        fit = f"{number(float(error))} %; {NOT_QUANTIFIED}" if np.isfinite(error) else NOT_QUANTIFIED
        solved = found.solved[:, i].all()
        told = [_days(found.adaptive[:, i]), _days(found.always[:, i]), _share(found.free[:, i])]
        rows.append([name, fit, *(told if solved else 3 * [NOT_QUANTIFIED])])
    return rows


def _said(draws: np.ndarray, unit: str = "") -> str:
    return stated(np.quantile(draws, ENDS), unit)


def _share(draws: np.ndarray) -> str:
    """In percent; rounded, for days with drug are an integral."""
    return _said(np.round(100.0 * draws, 2), "%")


def _days(draws: np.ndarray) -> str:
    """Days (draws,) with their interval, whose ends are draws: no mean with whoever has not progressed at the horizon."""
    ends = np.quantile(draws, ENDS, method="inverted_cdf")
    if (ends >= HORIZON).all():
        return f"{LATE}; all of the interval too ({percent(LEVEL)})"
    value, low, high = (LATE if days >= HORIZON else f"{number(float(days))} d" for days in ends)
    return f"{value}; {low} to {high} ({percent(LEVEL)})"
