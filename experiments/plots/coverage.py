"""Coverage at several levels with people as clusters, and coverage of subgroups with Wilson intervals."""

from collections.abc import Hashable, Mapping

import numpy as np
from matplotlib.figure import Figure

from calibration.diagnostics.coverage import Coverage, Share
from experiments.plots.sheet import BLUE, GREY, ORANGE, PALE, in_style, sheet


@in_style
def coverage_figure(found: Mapping[float, Coverage]) -> Figure:
    """Nominal level -> coverage; the band is nominal +- 3 standard errors."""
    figure, axes = sheet(width=3.6, height=3.2)
    ax = axes[0, 0]
    ax.plot([0.0, 100.0], [0.0, 100.0], color=GREY, linewidth=0.8, linestyle="--")
    for level, c in found.items():
        low, high = c.band(level)
        right = low <= c.share <= high
        ax.plot([100 * level] * 2, [100 * low, 100 * high], color=PALE, linewidth=9, solid_capstyle="butt", zorder=1)
        ax.plot([100 * level], [100 * c.share], "o" if right else "D", color=BLUE if right else ORANGE, markersize=6, zorder=3)
        ax.annotate(f"{100 * c.share:.1f}", (100 * level, 100 * c.share), xytext=(9, -9), textcoords="offset points", fontsize=8)
    largest = max(found.values(), key=lambda c: c.counted)
    ax.set_xlim(0.0, 105.0), ax.set_ylim(0.0, 105.0)
    ax.set_xlabel("nominal level [%]")
    ax.set_ylabel("intervals that hold the truth [%]")
    ax.set_title(f"{largest.counted} intervals of {largest.people} people\ngrey: nominal ± 3 standard errors")
    return figure


@in_style
def subgroups_figure(found: Mapping[Hashable, Share], level: float) -> Figure:
    """Subgroup -> coverage of intervals of nominal ``level``; orange where the Wilson interval does not reach it."""
    figure, axes = sheet(width=4.6, height=1.0 + 0.36 * max(len(found), 2))
    ax = axes[0, 0]
    ax.axvline(100 * level, color=GREY, linewidth=0.8, linestyle="--")
    for row, share in enumerate(found.values()):
        if share.counted == 0 or not np.isfinite(share.share):
            ax.annotate("nothing counted", (0.02, row), xycoords=("axes fraction", "data"), va="center", color=GREY, fontsize=8)
            continue
        right = share.low <= level <= share.high
        colour, mark = (BLUE, "o") if right else (ORANGE, "D")
        ax.plot([100 * share.low, 100 * share.high], [row, row], color=colour, linewidth=1.4)
        ax.plot([100 * share.share], [row], mark, color=colour, markersize=5)
        ax.annotate(f"{share.counted} intervals", (1.0, row), xycoords=("axes fraction", "data"), xytext=(4, 0),
                    textcoords="offset points", va="center", fontsize=7.5, color=GREY)  # fmt: skip
    shares = [s.low for s in found.values() if np.isfinite(s.low)]
    ax.set_xlim(100 * max(0.0, min([*shares, level]) - 0.05), 101.0)
    ax.set_yticks(range(len(found)), [str(group) for group in found])
    ax.set_ylim(len(found) - 0.5, -0.5)
    inner = next((s.level for s in found.values()), 0.95)
    ax.set_xlabel(f"{100 * level:g} % intervals that hold the truth [%], {100 * inner:g} % Wilson intervals")
    return figure
