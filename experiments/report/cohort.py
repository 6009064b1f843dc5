"""Who is who among the virtual people, and how a cloud of them is drawn against the truth."""

from dataclasses import dataclass

import numpy as np

from experiments.report import canvas
from experiments.report.results import TRUTH, Study, spread
from experiments.report.wording import axis, count

BASELINE = "baseline"
SAME, OTHER = "all-same", "all-other"
GROUP_NAMES = {SAME: "same circulation", OTHER: "other circulation"}
PEOPLE = ("synthetic person", "synthetic people")
MOST_PEOPLE = 256


def group(patient: str) -> str:
    """Which circulation made a person: ids that begin with "o" are of the other one."""
    return OTHER if patient.startswith("o") else SAME


@dataclass
class Pair:
    """A person's true and estimated value of one thing."""

    patient: str
    truth: float
    value: float
    lo: float | None
    hi: float | None
    identified: bool

    @property
    def colour(self) -> str:
        if not self.identified or self.lo is None or self.hi is None:
            return "muted"
        return "blue" if self.lo <= self.truth <= self.hi else "orange"


def parameter_pairs(study: Study, parameter: str) -> list[Pair]:
    """Pairs from ``fits``, of people of the same circulation whose truth is defined."""
    rows = [row for row in study.rows("fits", parameter=parameter) if group(row["patient"]) == SAME]
    return [
        Pair(
            row["patient"],
            row["truth"],
            row["estimate"],
            row["lo"],
            row["hi"],
            row["identifiable"] is not False,
        )
        for row in rows
        if row["truth"] is not None and row["estimate"] is not None
    ]


def quantity_pairs(study: Study, arm: str) -> dict[tuple[str, str], list[Pair]]:
    """(quantity, group) -> pairs from ``items``, where rows of method "truth" hold the truth."""
    rows = study.rows("items", arm=arm)
    truth = {(row["patient"], row["quantity"]): row["value"] for row in rows if row["method"] == TRUTH}
    found: dict[tuple[str, str], list[Pair]] = {}
    for row in rows:
        true = truth.get((row["patient"], row["quantity"]))
        if row["method"] != TRUTH and true is not None and row["value"] is not None:
            pair = Pair(row["patient"], true, row["value"], row["lo"], row["hi"], True)
            found.setdefault((row["quantity"], group(row["patient"])), []).append(pair)
    return found


def scatter(pairs: list[Pair], name: str, unit: str, who: str) -> str:
    """Estimate with interval over truth; the svg."""
    inside, outside, grey = (sum(p.colour == colour for p in pairs) for colour in ("blue", "orange", "muted"))
    alt = (
        f"{name}, {who}: estimate against truth for {count(len(pairs), *PEOPLE)}; truth inside the interval "
    )
    alt += f"for {inside}, outside for {outside}, not identified or no interval for {grey}."
    drawn = spread(sorted(pairs, key=lambda pair: pair.truth), MOST_PEOPLE)
    with canvas.drawing(alt, 2.75, 2.6) as sketch:
        axes = sketch.axes
        everything = [n for p in drawn for n in (p.truth, p.value)]
        low, high = min(everything), max(everything)
        pad = 0.06 * (high - low or abs(high) or 1.0)
        axes.plot(
            [low - pad, high + pad],
            [low - pad, high + pad],
            color=canvas.COLOURS["ink"],
            linewidth=0.9,
            dashes=(4, 3),
        )
        for colour in ("muted", "blue", "orange"):
            here = [pair for pair in drawn if pair.colour == colour]
            ranged = [pair for pair in here if pair.lo is not None and pair.hi is not None]
            tint = 0.45 if colour == "orange" else 0.25
            canvas.bars(axes, [((p.truth, p.lo), (p.truth, p.hi)) for p in ranged], colour, 0.8, tint)
            canvas.dots(axes, [p.truth for p in here], [p.value for p in here], colour, 3.0)
        edges = [
            n for p in drawn if p.lo is not None and p.hi is not None for n in (p.lo, p.hi)
        ] or everything
        # A few endless intervals would squeeze everybody else: the axis follows the middle 98 % of the ends.
        axes.set_ylim(min(low, np.quantile(edges, 0.01)) - pad, max(high, np.quantile(edges, 0.99)) + pad)
        axes.set_xlim(low - pad, high + pad)
        axes.set(xlabel=axis("truth", unit), ylabel=axis("estimate", unit))
        axes.locator_params(nbins=5)
    return sketch.svg
