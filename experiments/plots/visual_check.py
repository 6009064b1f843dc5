"""A visual predictive check: percentiles of the readings over time, among those of replicated studies."""

import numpy as np
from matplotlib.figure import Figure

from calibration.population import VisualCheck
from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet


@in_style
def visual_check_figure(check: VisualCheck, *, time_unit: str, unit: str) -> Figure:
    """Bands hold a percentile of replicated studies with the probability of the check; points are the readings' own."""
    figure, axes = sheet(1, 1, width=5.2, height=3.2)
    ax = axes[0, 0]
    for row, percent in enumerate(check.percents):
        colour = BLUE if percent == 50.0 else GREY
        ax.fill_between(check.centre, check.low[row], check.high[row], color=colour, alpha=0.25, linewidth=0)
        ax.plot(check.centre, check.middle[row], color=colour, linewidth=1.0)
        out = (check.observed[row] < check.low[row]) | (check.observed[row] > check.high[row])
        known = np.isfinite(check.observed[row])
        ax.plot(check.centre[known & ~out], check.observed[row][known & ~out], "o", color="black", markersize=4)
        ax.plot(check.centre[known & out], check.observed[row][known & out], "D", color=ORANGE, markersize=5)
        where = np.flatnonzero(np.isfinite(check.middle[row]))
        if where.size:
            ax.annotate(
                f"{percent:g} %",
                (check.centre[where[-1]], check.middle[row][where[-1]]),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    ax.set_xlabel(f"time [{time_unit}]")
    ax.set_ylabel(f"percentiles of readings [{unit}]")
    ax.set_title(f"{100 * check.level:g} % bands of replicates; {100 * check.outside():.0f} % of the points outside")
    return figure
