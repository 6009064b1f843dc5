"""Prediction distribution errors of a population: over time, and beside the normal distribution that they should have."""

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from calibration.population import Npde
from experiments.plots.sheet import BLUE, GREY, in_style, sheet


@in_style
def npde_figure(found: Npde, times: np.ndarray, *, time_unit: str) -> Figure:
    """``times`` (numbers, people)."""
    figure, axes = sheet(1, 2, width=3.9, height=2.9)
    over, beside = axes[0]
    known = np.isfinite(found.errors)
    errors = found.errors[known]
    over.axhspan(-1.96, 1.96, color="0.93", linewidth=0)
    over.axhline(0.0, color=GREY, linewidth=0.8)
    over.plot(np.broadcast_to(times, found.errors.shape)[known], errors, "o", color=BLUE, markersize=3, alpha=0.5)
    over.set_xlabel(f"time [{time_unit}]")
    over.set_ylabel("prediction distribution error")
    over.set_title(f"{errors.size} readings, {found.left_out} left out")
    if errors.size:
        ranked = np.sort(errors)
        line = stats.norm.ppf((np.arange(errors.size) + 0.5) / errors.size)
        beside.plot(line, ranked, "o", color=BLUE, markersize=3)
        beside.plot(line, line, color=GREY, linewidth=0.8)
    beside.set_xlabel("normal quantile")
    beside.set_ylabel("error")
    beside.set_title(f"mean 0, variance 1, normal: p = {found.p_values()['all']:.2g}")
    return figure
