"""Ranks of simulation-based calibration: a histogram and the distance of the ECDF from the diagonal, with their bands."""

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from calibration.diagnostics.ranks import Uniformity
from experiments.plots.sheet import BLUE, GREY, ORANGE, PALE, in_style, sheet


@in_style
def ranks_figure(found: Uniformity) -> Figure:
    """One row of two panels an unknown; blue lies in the band, orange leaves it."""
    figure, axes = sheet(len(found.names), 2, width=3.4, height=2.1)
    inside = found.within()
    bins = len(found.expected)
    tail = 0.5 * (1.0 - found.level) / (bins * len(found.names))
    for row, name in enumerate(found.names):
        histogram, curve = axes[row]
        colour = BLUE if inside[row] else ORANGE
        share = found.expected / found.total
        low, high = stats.binom.ppf(tail, found.total, share), stats.binom.isf(tail, found.total, share)
        edges = np.linspace(0.0, found.draws, bins + 1)
        histogram.stairs(high, edges, baseline=low, fill=True, color=PALE)
        histogram.stairs(found.counts[:, row], edges, color=colour, linewidth=1.4)
        histogram.set_ylim(0.0, 1.15 * max(high.max(), found.counts[:, row].max()))
        histogram.set_ylabel("replicates")
        histogram.set_title(f"{name}: chi-square p {found.p_values[row]:.2g}")
        even = (found.at + 1) / (found.draws + 1)
        curve.fill_between(even, found.low - even, found.high - even, color=PALE, linewidth=0)
        curve.plot(even, found.share[:, row] - even, color=colour, linewidth=1.4)
        curve.axhline(0.0, color=GREY, linewidth=0.6)
        curve.set_ylabel("ECDF - uniform")
    axes[-1, 0].set_xlabel(f"rank of the truth among {found.draws} draws")
    axes[-1, 1].set_xlabel("rank / draws")
    failed = f"{found.failed} failed and counted; " if found.failed else ""
    words = f"{found.total} replicates, {failed}grey: {100 * found.level:g} % band over all"
    figure.suptitle(words, fontsize=8.5, color=GREY, x=0.01, ha="left")
    return figure
