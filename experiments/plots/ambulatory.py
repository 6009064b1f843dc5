"""The ambulatory glucose profile: percentiles of all days of a person over the time of day."""

import numpy as np
from matplotlib.figure import Figure

from calibration.diabetes.glucose_profile import AmbulatoryProfile, Ranges
from calibration.records.diary import DAY
from experiments.plots.glucose_days import draw_target, time_of_day
from experiments.plots.sheet import BLUE, in_style, sheet


@in_style
def ambulatory_figure(profile: AmbulatoryProfile, ranges: Ranges | None = None) -> Figure:
    """Percentiles over the day, named at the right; ``ranges``, shares of the time, in the title."""
    figure, axes = sheet(width=5.6, height=3.2)
    ax = axes[0, 0]
    # a day is a circle: the line ends at the midnight at which it began
    minute = np.append(profile.minute, profile.minute[0] + DAY)
    glucose = np.concatenate([profile.glucose, profile.glucose[:, :1]], axis=1)
    for low, high, alpha in ((0, 4, 0.18), (1, 3, 0.32)):
        ax.fill_between(minute, glucose[low], glucose[high], color=BLUE, alpha=alpha, linewidth=0)
    ax.plot(minute, glucose[2], color=BLUE, linewidth=1.6)
    draw_target(ax)
    time_of_day(ax, 0.0, DAY)
    for percent, end in zip(profile.percent, _label_heights(glucose, 0.05 * np.ptp(ax.get_ylim())), strict=True):
        ax.annotate(f"{percent:g} %", (1.0, end), xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
                    va="center", fontsize=8)  # fmt: skip
    ax.set_xlabel(f"time of day ({profile.days.min()} or more days at each)")
    ax.set_ylabel("glucose [mg/dL]")
    if ranges is not None:
        low, high = ranges.below_54 + ranges.from_54_to_69, ranges.from_181_to_250 + ranges.above_250
        inside = f"{100 * ranges.from_70_to_180:.0f} % of the time in 70-180 mg/dL"
        ax.set_title(f"{inside}, {100 * low:.0f} % below, {100 * high:.0f} % above")
    return figure


def _label_heights(glucose: np.ndarray, gap: float) -> np.ndarray:
    """(percentiles,) [mg/dL]: where the percentiles are at the last time known, moved up until they are ``gap`` apart."""
    last = glucose[:, np.flatnonzero(np.isfinite(glucose[2]))[-1]]
    steps = gap * np.arange(last.size)
    return np.maximum.accumulate(last - steps) + steps
