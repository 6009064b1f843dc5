"""CRPS of predictions against that of another, person by person."""

import numpy as np
from matplotlib.figure import Figure

from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet


@in_style
def crps_figure(scores: np.ndarray, others: np.ndarray, name: str, other: str, unit: str) -> Figure:
    """Mean CRPS of each person (people,), lower is better; people without a score (nan) are counted in the title."""
    known = np.isfinite(scores) & np.isfinite(others)
    figure, axes = sheet(width=3.6, height=3.4)
    ax = axes[0, 0]
    a, b = scores[known], others[known]
    top = 1.08 * max(a.max(initial=0.0), b.max(initial=0.0), 1e-12)
    ax.plot([0.0, top], [0.0, top], color=GREY, linewidth=0.8, linestyle="--")
    better = a <= b
    ax.plot(b[better], a[better], "o", color=BLUE, markersize=4, alpha=0.7)
    ax.plot(b[~better], a[~better], "D", color=ORANGE, markersize=4, alpha=0.7)
    ax.set_xlim(0.0, top), ax.set_ylim(0.0, top)
    ax.set_aspect("equal")
    ax.set_xlabel(f"CRPS of {other} [{unit}]")
    ax.set_ylabel(f"CRPS of {name} [{unit}]")
    missing = f", {int((~known).sum())} without a score" if not known.all() else ""
    ax.set_title(f"{name} better for {int(better.sum())} of {scores.size}{missing}")
    return figure
