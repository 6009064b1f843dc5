"""Time to progression under policies: Kaplan-Meier steps with their intervals, and ticks where somebody was last seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration.diagnostics.kaplan_meier import Survival, kaplan_meier
from experiments.plots.sheet import BLUE, GREEN, GREY, ORANGE, PURPLE, in_style, sheet

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


class Arm(NamedTuple):
    """People under one policy: ``time`` (people,) to progression, or to when they were last seen; ``progressed`` (people,)."""

    name: str
    time: np.ndarray
    progressed: np.ndarray


@in_style
def progression_figure(arms: Sequence[Arm], *, time_unit: str, level: float = 0.95) -> Figure:
    """Up to four policies in one picture; numbers at risk stand below. ValueError: too many or no policies, bad times."""
    if not 1 <= len(arms) <= len(COLOURS):
        raise ValueError(f"{len(arms)} policies; one to {len(COLOURS)} can be told apart")
    found = [_survival(arm, level) for arm in arms]
    end = max(float(arm.time.max()) for arm in arms)
    figure, axes = sheet(2, 1, width=5.2, height=2.0)
    axes[0, 0].get_gridspec().set_height_ratios((6.0, 0.4 + 0.6 * len(arms)))
    ax, table = axes[:, 0]
    for arm, survival, colour in zip(arms, found, COLOURS, strict=False):
        until = float(arm.time.max())
        _band(ax, survival, until, colour)
        time, share = np.append(survival.time, until), np.append(survival.share, survival.share[-1])
        said = f"{arm.name}, {_median(survival, time_unit)}"
        ax.step(time, 100 * share, where="post", color=colour, linewidth=1.4, label=said)
        last = np.sort(arm.time[~np.asarray(arm.progressed, bool)])
        held = survival.share[np.searchsorted(survival.time, last, side="right") - 1]
        ax.plot(last, 100 * held, "|", color=colour, markersize=7)
    ax.set_ylim(0.0, 104.0)
    ax.set_xlim(0.0, 1.02 * end if end > 0.0 else 1.0)
    ax.set_ylabel("without progression [%]")
    ax.set_xlabel(f"time [{time_unit}]")
    ax.set_title(f"bands: {100 * level:g} %; ticks: last seen without progression")
    ax.legend(loc="best")
    ticks = [tick for tick in ax.get_xticks() if 0.0 <= tick <= end]
    table.set_xlim(ax.get_xlim())
    for row, (arm, colour) in enumerate(zip(arms, COLOURS, strict=False)):
        for tick in ticks:
            table.text(tick, row, f"{int((arm.time >= tick).sum())}", ha="center", va="center", color=colour, fontsize=8)
    table.set_yticks(range(len(arms)), [arm.name for arm in arms])
    table.set_ylim(len(arms) - 0.5, -0.5)
    table.set_title("at risk", color=GREY, fontsize=8.5)
    table.tick_params(length=0, labelbottom=False, pad=10)
    for spine in table.spines.values():
        spine.set_visible(False)
    return figure


def _band(ax: Axes, survival: Survival, until: float, colour: str) -> None:
    """Each interval as far as the next event; none after the last person's."""
    known = np.isfinite(survival.low)
    time = np.append(survival.time[known], until if known.all() else survival.time[~known][0])
    low, high = (np.append(end[known], end[known][-1]) for end in (survival.low, survival.high))
    ax.fill_between(time, 100 * low, 100 * high, step="post", color=colour, alpha=0.18, linewidth=0)


def _survival(arm: Arm, level: float) -> Survival:
    try:
        return kaplan_meier(arm.time, arm.progressed, level)
    except ValueError as problem:
        raise ValueError(f"{arm.name}: {problem}") from None


def _median(survival: Survival, unit: str) -> str:
    median = survival.median()
    return f"median {median:.4g} {unit}" if np.isfinite(median) else "median not reached"
