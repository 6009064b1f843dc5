"""Histogram of PIT values of readings: flat where predictions are as sure as they should be."""

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from experiments.plots.sheet import BLUE, GREY, PALE, in_style, sheet


@in_style
def pit_figure(pit: np.ndarray, name: str, *, bins: int = 10, level: float = 0.99) -> Figure:
    """``pit`` of any shape, nan where a reading is absent or could not be predicted; the band treats readings as independent."""
    known = pit[np.isfinite(pit)]
    count = known.size
    figure, axes = sheet(width=3.8, height=2.7)
    ax = axes[0, 0]
    edges = np.linspace(0.0, 1.0, bins + 1)
    seen = np.histogram(known, edges)[0]
    tail = 0.5 * (1.0 - level) / bins
    low, high = stats.binom.ppf(tail, count, 1.0 / bins), stats.binom.isf(tail, count, 1.0 / bins)
    ax.axhspan(low, high, color=PALE, linewidth=0)
    ax.axhline(count / bins, color=GREY, linewidth=0.8, linestyle="--")
    ax.stairs(seen, edges, color=BLUE, linewidth=1.4)
    ax.set_ylim(0.0, 1.15 * max(high, seen.max(initial=1)))
    ax.set_xlim(0.0, 1.0)
    ax.set_xlabel("share of predictive draws below the reading (PIT)")
    ax.set_ylabel("readings")
    ax.set_title(f"{name}: {count} readings; grey: {100 * level:g} % band")
    return figure
