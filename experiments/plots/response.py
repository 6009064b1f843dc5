"""A waterfall of response: the best change of every person's tumour, from the worst to the best.

Lines are those of RECIST 1.1, E. A. Eisenhauer et al., Eur. J. Cancer 45:228 (2009): response from -30 % on and progression
from +20 % on, in sums of diameters. RECIST counts +20 % from the smallest sum; here all changes are from the first reading.
"""

from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet
from experiments.report.wording import count

RESPONSE, PROGRESSION = -30.0, 20.0  # %
MOST_NAMES = 40


class Responses(NamedTuple):
    """``best`` (people,) change [%]; ``low`` and ``high`` (people,) hold ``level`` of it, nan where there is no interval;
    ``read`` (people,) what was read in the end, nan where it was not or is what ``best`` says.
    """

    names: tuple[str, ...]
    best: np.ndarray
    low: np.ndarray
    high: np.ndarray
    read: np.ndarray
    level: float = 0.9


@in_style
def response_figure(
    found: Responses, what: str = "best change of the sum of diameters", who: tuple[str, str] = ("person", "people")
) -> Figure:
    """Bars in order of ``best``; ``what`` names the change and ``who`` has it, one and many. ValueError: nobody, shapes that
    differ, a change that is no number or below -100 %, an interval whose ends are exchanged.
    """
    _check(found)
    order = np.argsort(-found.best, kind="stable")
    best, low, high, read = (part[order] for part in (found.best, found.low, found.high, found.read))
    few = len(order) <= MOST_NAMES
    figure, axes = sheet(width=6.4 if few else 8.4, height=3.2)
    ax, place = axes[0, 0], np.arange(len(order))
    for here, colour, said in (
        (best >= PROGRESSION, ORANGE, f"{PROGRESSION:+g} % or more"),
        ((best < PROGRESSION) & (best > RESPONSE), GREY, "between"),
        (best <= RESPONSE, BLUE, f"{RESPONSE:g} % or less".replace("-", "−")),
    ):
        if here.any():
            width = 0.8 if few else 1.0
            ax.bar(place[here], best[here], width=width, color=colour, alpha=0.7, label=f"{said}: {int(here.sum())}")
    known = np.isfinite(low)
    if known.any():
        width, alpha = (1.2, 1.0) if few else (0.6, 0.35)
        said = f"{100 * found.level:g} % interval"
        ax.vlines(place[known], low[known], high[known], color="black", linewidth=width, alpha=alpha, label=said)
    if np.isfinite(read).any():
        marker, size, inside = ("D", 3.5, "white") if few else (".", 2.0, "black")
        ax.plot(place, read, marker, color="black", markersize=size, markerfacecolor=inside, label="as read")
    for line in (RESPONSE, PROGRESSION):
        ax.axhline(line, color=GREY, linewidth=0.8, linestyle="--")
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set_xlim(-0.6, len(order) - 0.4)
    if few:
        ax.set_xticks(place, [found.names[i] for i in order], rotation=90 if len(order) > 12 else 0)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(count(len(order), *who) + (", from the worst to the best" if len(order) > 1 else ""))
    ax.set_ylabel(fill(f"{what} [%]", 32))
    ax.legend(ncols=5, loc="lower left", bbox_to_anchor=(-0.1, 1.0), borderaxespad=0.2, columnspacing=1.2)
    return figure


def _check(found: Responses) -> None:
    shape = (len(found.names),)
    if not found.names:
        raise ValueError("nobody's change was given; a waterfall needs one or more")
    for name in ("best", "low", "high", "read"):
        part = getattr(found, name)
        if part.shape != shape:
            raise ValueError(f"{name} has shape {part.shape}; {shape} is that of the names")
    for name, value in zip(found.names, found.best, strict=True):
        if not (np.isfinite(value) and value >= -100.0):
            raise ValueError(f"{name}: a best change of {value:g} %; a number of -100 % or more is needed")
    known = np.isfinite(found.low)
    if (known != np.isfinite(found.high)).any() or (found.low[known] > found.high[known]).any():
        raise ValueError("an interval has one end or its ends are exchanged; low <= high, or nan for both, is needed")
