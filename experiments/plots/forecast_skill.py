"""How far forecasts of glucose are off, by how far ahead they look, forecaster by forecaster."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.plots.sheet import BLUE, GREEN, GREY, ORANGE, PURPLE, in_style, sheet

STYLES = ((BLUE, "o"), (ORANGE, "D"), (GREEN, "s"), (PURPLE, "^"), (GREY, "v"))


class Skill(NamedTuple):
    """A forecaster's root mean square errors ``rmse`` (people, horizons) [mg/dL]; nan: no forecast of that person."""

    name: str
    rmse: np.ndarray


@in_style
def forecast_skill_figure(horizons: np.ndarray, skills: Sequence[Skill], title: str = "") -> Figure:
    """``horizons`` (horizons,) [min]. Lines: means over the people with a forecast; thin marks: the people, where there are many."""
    if not 1 <= len(skills) <= len(STYLES):
        raise ValueError(f"{len(skills)} forecasters; one to {len(STYLES)} can be told apart")
    figure, axes = sheet(width=5.0, height=3.2)
    ax = axes[0, 0]
    place = np.arange(len(horizons))
    for number, (skill, (colour, marker)) in enumerate(zip(skills, STYLES, strict=False)):
        # side by side, so that people of one forecaster do not hide those of another
        at = place + 0.14 * (number - 0.5 * (len(skills) - 1))
        known = np.isfinite(skill.rmse)
        if len(known) > 1:
            ax.plot(np.broadcast_to(at, skill.rmse.shape)[known], skill.rmse[known], "_", color=colour, markersize=6, alpha=0.5)
        mean = np.where(known, skill.rmse, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        missing = "" if known.all() else f" ({int(known.all(axis=1).sum())} of {len(known)} people at all horizons)"
        ax.plot(at, mean, marker=marker, color=colour, markersize=4.5, linewidth=1.4, label=f"{skill.name}{missing}")
    ax.set_xticks(place, [f"{horizon:g}" for horizon in horizons])
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("horizon [min]")
    ax.set_ylabel("RMSE [mg/dL]")
    ax.set_title(title or f"lines: mean of {len(skills[0].rmse)} people, thin marks: each of them")
    ax.legend(loc="upper left")
    return figure
