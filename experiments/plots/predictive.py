"""A posterior-predictive check of one person: readings among their replicates, and where test statistics fall."""

import numpy as np
from matplotlib.figure import Figure

from calibration.diagnostics.predictive import Predictive
from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet

LEVELS = (0.5, 0.9)


@in_style
def predictive_figure(check: Predictive, lane: int, times: np.ndarray, *, time_unit: str, unit: str) -> Figure:
    """``times`` (numbers,) of the readings; ``unit`` is that of the scale of errors. Bands are of new readings, error included."""
    solved = np.asarray(check.solved[:, lane])
    figure, axes = sheet(1, 2, width=3.9, height=2.9)
    ax, bars = axes[0]
    ax.set_xlabel(f"time [{time_unit}]")
    ax.set_ylabel(f"{check.name} [{unit}]")
    if not solved.any():
        bars.set_axis_off()
        ax.set_title("no draw could be solved", color=ORANGE)
        return figure
    made = np.asarray(check.replicated[:, :, lane])[solved]
    seen, below = np.asarray(check.seen[:, lane]), np.asarray(check.below[:, lane])
    observed = np.asarray(check.observed[:, lane])
    for level, alpha in zip(sorted(LEVELS, reverse=True), (0.18, 0.32), strict=True):
        low, high = np.quantile(made, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
        ax.fill_between(times, low, high, color=BLUE, alpha=alpha, linewidth=0, label=f"{100 * level:g} %")
    ax.plot(times, np.median(np.asarray(check.predicted[:, :, lane])[solved], axis=0), color=BLUE, linewidth=1.2)
    outer = np.quantile(made, [0.5 - 0.5 * max(LEVELS), 0.5 + 0.5 * max(LEVELS)], axis=0)
    out = seen & ((observed < outer[0]) | (observed > outer[1]))
    ax.plot(times[seen & ~out], observed[seen & ~out], "o", color="black", markersize=4, label="read")
    if out.any():
        ax.plot(times[out], observed[out], "D", color=ORANGE, markersize=5, label=f"outside {100 * max(LEVELS):g} %")
    if below.any():
        ax.plot(times[below], observed[below], "v", color=GREY, markersize=5, markerfacecolor="none", label="below this limit")
    ax.set_title(f"{int(solved.sum())} of {solved.size} draws solved")
    ax.legend(fontsize=7)
    shares = {name: float(p[lane]) for name, p in check.p_values().items()}
    rows = np.arange(len(shares))
    bars.axvspan(0.05, 0.95, color="0.93", linewidth=0)
    for row, share in zip(rows, shares.values(), strict=True):
        common = 0.05 <= share <= 0.95
        bars.plot([share], [row], "o" if common else "D", color=BLUE if common else ORANGE, markersize=6)
        bars.annotate(f"{share:.2f}", (share, row), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    bars.set_xlim(-0.03, 1.03)
    bars.set_yticks(rows, list(shares))
    bars.set_ylim(len(shares) - 0.5, -0.5)
    bars.set_xlabel("share of replicates with at least\nthe statistic of the readings")
    return figure
