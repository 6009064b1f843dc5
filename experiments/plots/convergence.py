"""Convergence counts with Wilson intervals, and what one hit costs, person by person."""

import numpy as np
from matplotlib.figure import Figure

from calibration.diagnostics.starts import Convergence
from experiments.plots.sheet import BLUE, GREEN, ORANGE, PURPLE, in_style, sheet

MARKS = ((BLUE, "o"), (GREEN, "s"), (PURPLE, "^"), (ORANGE, "D"))


@in_style
def convergence_figure(found: list[Convergence], people: list[str], level: float = 0.95) -> Figure:
    """One mark for every person and threshold; a person no start of whom arrived has an infinite running time."""
    figure, axes = sheet(1, 2, width=3.6, height=0.9 + 0.42 * max(len(people), 3))
    share, cost = axes[0]
    finite = [t for c in found for t in c.expected_running_time[: len(people)] if np.isfinite(t)]
    edge = 3.0 * max(finite, default=10.0)
    for k, c in enumerate(found):
        colour, mark = MARKS[k % len(MARKS)]
        rows = np.arange(len(people)) + 0.22 * (k - 0.5 * (len(found) - 1))
        shares = [c.share(person, level) for person in range(len(people))]
        middle = np.asarray([s.share for s in shares])
        reach = np.asarray([[s.share - s.low, s.high - s.share] for s in shares]).T
        label = f"within {c.delta:g}"
        share.errorbar(100 * middle, rows, xerr=100 * np.maximum(reach, 0.0), fmt=mark, color=colour, markersize=4, label=label)
        times = c.expected_running_time[: len(people)]
        known = np.isfinite(times)
        cost.plot(times[known], rows[known], mark, color=colour, markersize=4)
        cost.plot(np.full((~known).sum(), edge), rows[~known], ">", color=colour, markersize=6, markerfacecolor="none")
    share.set_xlabel(f"starts that arrive [%], {100 * level:g} % intervals")
    share.set_xlim(-2, 102)
    cost.set_xscale("log")
    lowest = min(finite, default=1.0)
    cost.set_xlim(0.5 * lowest, 1.5 * edge)
    never = any(not np.isfinite(t) for c in found for t in c.expected_running_time[: len(people)])
    cost.set_xlabel("iterations to a hit, all starts counted" + (" (▷ none)" if never else ""))
    for ax in (share, cost):
        ax.set_yticks(range(len(people)), people if ax is share else [])
        ax.set_ylim(len(people) - 0.5, -0.5)
        ax.grid(axis="x", color="0.9")
    figure.legend(loc="outside upper left", ncols=len(found), title="cost above the best", alignment="left")
    return figure
