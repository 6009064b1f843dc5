"""A day of a person with diabetes: what was read, predicted, eaten and injected, and the same day under what-ifs.

Minutes count from the midnight that begins the day; axes show the time of day. Glucose is in mg/dL, carbohydrate in g, insulin
in U. Bands hold 90 %. Dashed lines at 70 and 180 mg/dL are the target range of Battelino et al., Diabetes Care 42:1593 (2019).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from calibration.diabetes.glucose_profile import GlucoseTrace
from experiments.plots.sheet import BLUE, GREEN, GREY, ORANGE, PURPLE, in_style, sheet

TARGET = (70.0, 180.0)  # mg/dL


class Band(NamedTuple):
    """A prediction: ``minute``, ``middle``, ``low`` and ``high`` (times,) [min, mg/dL]; the ends hold 90 %."""

    minute: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Doses(NamedTuple):
    """Meals or boluses: ``minute`` (n,) [min] and ``amount`` (n,) [g or U]; nan where the amount is not known."""

    minute: np.ndarray
    amount: np.ndarray


class WhatIf(NamedTuple):
    """A change of the day: glucose under it, and its difference from the day as it was, which has a band of its own."""

    name: str
    glucose: Band
    difference: Band


@in_style
def day_figure(readings: GlucoseTrace, predicted: Band, meals: Doses, boluses: Doses, basal: Doses | None = None) -> Figure:
    """``basal``: rates [U/h], each from its minute to the next. Triangles: the sensor only said Low or High."""
    figure, axes = sheet(3, 1, width=6.4, height=1.5)
    axes[0, 0].get_gridspec().set_height_ratios((4.0, 1.0, 1.0))
    glucose, eaten, injected = axes[:, 0]
    draw_readings(glucose, readings)
    draw_band(glucose, predicted, BLUE, "predicted, 90 %")
    glucose.legend(ncols=4, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)
    glucose.set_ylabel("glucose [mg/dL]")
    draw_target(glucose)
    _bars(eaten, meals, ORANGE)
    eaten.set_ylabel("meals [g]")
    injected.set_ylabel("insulin [U]")
    if basal is not None:
        until = max(predicted.minute[-1], basal.minute[-1])
        at, rate = np.append(basal.minute, until), np.append(basal.amount, basal.amount[-1:])
        injected.step(at, rate, where="post", color=GREY, linewidth=1.2)
        injected.set_ylabel("insulin [U]\nline [U/h]")
    _bars(injected, boluses, PURPLE)
    for ax in axes[:, 0]:
        time_of_day(ax, predicted.minute[0], predicted.minute[-1])
    for ax in axes[:-1, 0]:
        ax.tick_params(labelbottom=False)
        ax.set_xlabel("")
    figure.align_ylabels()
    return figure


@in_style
def what_ifs_figure(as_it_was: Band, what_ifs: Sequence[WhatIf], readings: GlucoseTrace | None = None) -> Figure:
    """A column for each of up to three what-ifs: the day as it was in grey, the what-if in colour, and the difference below."""
    if not 1 <= len(what_ifs) <= 3:
        raise ValueError(f"{len(what_ifs)} what-ifs; one to three can be read beside each other")
    figure, axes = sheet(2, len(what_ifs), width=3.4, height=2.2)
    axes[0, 0].get_gridspec().set_height_ratios((3.0, 2.0))
    for (above, below), what_if, colour in zip(axes.T, what_ifs, (ORANGE, GREEN, PURPLE), strict=False):
        if readings is not None:
            draw_readings(above, readings)
        draw_band(above, as_it_was, GREY, "as it was")
        draw_band(above, what_if.glucose, colour, "what if, in colour")
        above.set_title(what_if.name)
        draw_target(above)
        draw_band(below, what_if.difference, colour, "difference")
        below.axhline(0.0, color=GREY, linewidth=0.8)
        for ax in (above, below):
            time_of_day(ax, as_it_was.minute[0], as_it_was.minute[-1], every=6.0)
        above.tick_params(labelbottom=False)
        above.set_xlabel("")
    for row, label in zip(axes, ("glucose [mg/dL]", "difference from the\nday as it was [mg/dL]"), strict=True):
        limits = np.asarray([ax.get_ylim() for ax in row])
        for ax in row:
            ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
        row[0].set_ylabel(label)
    named = [line for line in axes[0, 0].lines if not line.get_label().startswith("_")]
    figure.legend(handles=named, loc="outside lower center", ncols=min(len(named), 2 * len(what_ifs)))
    return figure


def draw_band(ax: Axes, band: Band, colour: str, name: str) -> None:
    ax.fill_between(band.minute, band.low, band.high, color=colour, alpha=0.22, linewidth=0)
    ax.plot(band.minute, band.middle, color=colour, linewidth=1.4, label=name)


def draw_readings(ax: Axes, readings: GlucoseTrace) -> None:
    """Dots; triangles where the sensor only said Low or High."""
    out = readings.below | readings.above
    ax.plot(readings.minute[~out], readings.glucose[~out], ".", color="black", markersize=3, label="read")
    for side, marker, name in ((readings.below, "v", "Low"), (readings.above, "^", "High")):
        if side.any():
            ax.plot(readings.minute[side], readings.glucose[side], marker, color="black", markersize=4, markerfacecolor="none",
                    label=f"sensor says {name}")  # fmt: skip


def draw_target(ax: Axes) -> None:
    for limit in TARGET:
        ax.axhline(limit, color=GREY, linewidth=0.8, linestyle="--")


def time_of_day(ax: Axes, start: float, end: float, every: float = 3.0) -> None:
    """A time axis from ``start`` to ``end`` [min] with a tick every so many hours."""
    ax.set_xlim(start, end)
    ax.xaxis.set_major_locator(MultipleLocator(60.0 * every))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda minute, _: f"{int(minute // 60) % 24:02d}:00"))
    ax.set_xlabel("time of day")


def _bars(ax: Axes, doses: Doses, colour: str) -> None:
    known = np.isfinite(doses.amount)
    ax.bar(doses.minute[known], doses.amount[known], width=10.0, color=colour)
    for minute in doses.minute[~known]:
        ax.annotate("?", (minute, 0.0), xytext=(0, 2), textcoords="offset points", ha="center", color=colour)
    ax.set_ylim(0.0, max(ax.get_ylim()[1], 1.0))
    ax.yaxis.set_major_locator(MaxNLocator(2))
