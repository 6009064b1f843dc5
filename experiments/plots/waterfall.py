"""Sorted final costs of many starts: how many share the best, how many end elsewhere, how many never began."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from calibration.diagnostics.starts import DELTAS, waterfall
from calibration.multistart import Starts
from experiments.plots.sheet import BLUE, GREY, ORANGE, in_style, sheet

# below the floor a cost is the best one to rounding, and on a logarithmic axis zero must lie somewhere; above the ceiling it
# only
# matters that it is far
FLOOR, CEILING = 1e-6, 1e4


@in_style
def waterfall_figure(starts: Starts, person: int = 0, best: np.ndarray | None = None) -> Figure:
    """One person's starts; ``best`` (people,) is the best cost known, by default that of these starts."""
    above = waterfall(starts, best)[:, person]
    solved = np.isfinite(above)
    figure, axes = sheet(width=4.6, height=3.0)
    ax = axes[0, 0]
    shown = np.clip(above[solved], FLOOR, CEILING)
    number = np.arange(1, solved.sum() + 1)
    ax.plot(number, shown, "o-", color=BLUE, markersize=3.5, linewidth=0.8)
    far = above[solved] > CEILING
    ax.plot(number[far], shown[far], "^", color=ORANGE, markersize=7, label=f"above {CEILING:g}")
    for delta in DELTAS:
        count = int((above <= delta).sum())
        ax.axhline(delta, color=GREY, linewidth=0.8, linestyle="--")
        # on the right, where the lower starts are not
        ax.annotate(f"{count} of {above.size} within {delta:g}", (1.0, delta), xycoords=("axes fraction", "data"),
                    xytext=(4, 0), textcoords="offset points", va="center", color=GREY, fontsize=7.5)  # fmt: skip
    lost = int((~solved).sum())
    if lost:
        ax.axvspan(solved.sum() + 0.5, above.size + 0.5, color=ORANGE, alpha=0.18, linewidth=0)
        ax.annotate(f"{lost} not solved", (solved.sum() + 0.5, 0.98), xycoords=("data", "axes fraction"), xytext=(3, 0),
                    textcoords="offset points", va="top", color=ORANGE, fontsize=7.5)  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(FLOOR / 2.0, max(10.0 * DELTAS[-1], 3.0 * shown.max(initial=0.0)))
    if far.any():
        ax.legend(loc="upper left")
    ax.set_xlim(0.5, above.size + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    reference = "the best of these" if best is None else "the best known"
    ax.set_xlabel("start, from the lowest cost up")
    ax.set_ylabel(f"cost above {reference}\n(0 drawn at {FLOOR:g})")
    return figure
