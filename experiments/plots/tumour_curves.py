"""Sizes of tumours over time, what was forecast of the last ones, and the last known size carried forward beside it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.sheet import BLUE, GREEN, GREY, ORANGE, in_style, panels

MOST = 12


class Band(NamedTuple):
    """A forecast: ``time``, ``middle``, ``low`` and ``high`` (times,), in the units of the axes."""

    time: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Course(NamedTuple):
    """One tumour: ``time`` and ``size`` (readings,) in order of time, a size of 0 was below detection; the forecast knew the
    first ``known`` readings. ``given``: from when to when a drug was.
    """

    name: str
    time: np.ndarray
    size: np.ndarray
    known: int
    forecast: Band
    given: tuple[tuple[float, float], ...] = ()


@in_style
def tumour_curves_figure(courses: Sequence[Course], *, time_unit: str, size: str, level: float = 0.9) -> Figure:
    """A panel for each of up to twelve tumours. ``size`` names the axis with its unit, such as "volume [mm3]"; the band holds
    ``level`` of new readings. ValueError: too many or no tumours, or numbers that do not belong together.
    """
    if not 1 <= len(courses) <= MOST:
        raise ValueError(f"{len(courses)} tumours; one to {MOST} can be read beside each other")
    for course in courses:
        _check(course)
    width, height = (4.2, 3.0) if len(courses) == 1 else (2.5, 2.2)
    figure, axes = panels(len(courses), width=width, height=height)
    for ax, course in zip(axes, courses, strict=True):
        _draw(ax, course, f"forecast, {100 * level:g} %")
        ax.set_title(course.name)
    columns = min(len(courses), 4)
    for place, ax in enumerate(axes):
        if place % columns == 0:
            ax.set_ylabel(size)
        if place + columns >= len(axes):
            ax.set_xlabel(f"time [{time_unit}]")
    named = {line.get_label(): line for ax in axes for line in ax.lines if not line.get_label().startswith("_")}
    figure.legend(handles=list(named.values()), loc="outside lower center", ncols=min(columns + 1, 4))
    return figure


def _check(course: Course) -> None:
    name, time, size = course.name, course.time, course.size
    if time.ndim != 1 or time.shape != size.shape or len(time) == 0:
        raise ValueError(f"{name}: times {time.shape} and sizes {size.shape}; one size a time is needed")
    if not (np.isfinite(time).all() and np.isfinite(size).all() and (size >= 0.0).all() and (np.diff(time) > 0.0).all()):
        raise ValueError(f"{name}: sizes of 0 or more at times that increase are needed; 0 is below detection")
    if not 1 <= course.known <= len(time):
        raise ValueError(f"{name}: {course.known} readings are known of {len(time)}; one to {len(time)} can be")
    band = course.forecast
    if len({part.shape for part in band}) > 1 or len(band.time) == 0:
        raise ValueError(f"{name}: the forecast's time, middle, low and high differ in shape or are empty")
    if not ((band.low <= band.middle) & (band.middle <= band.high)).all():
        raise ValueError(f"{name}: low <= middle <= high is needed at every time of the forecast")


def _draw(ax: Axes, course: Course, said: str) -> None:
    band, seen = course.forecast, course.size > 0.0
    before = np.arange(len(course.time)) < course.known
    ax.fill_between(band.time, band.low, band.high, color=BLUE, alpha=0.22, linewidth=0)
    ax.plot(band.time, band.middle, color=BLUE, linewidth=1.4, label=said)
    last = [course.time[course.known - 1], max(band.time[-1], course.time[-1])]
    carried = 2 * [course.size[course.known - 1]]
    if last[0] < last[1]:
        ax.plot(last, carried, color=ORANGE, linewidth=1.2, linestyle="--", label="last one carried forward")
    ax.plot(course.time[before & seen], course.size[before & seen], "o", color="black", markersize=3.5, label="known")
    if (~before).any():
        ax.plot(course.time[~before & seen], course.size[~before & seen], "o", color="black", markersize=4.5,
                markerfacecolor="white", label="hidden from the forecast")  # fmt: skip
    if not seen.all():
        ax.plot(course.time[~seen], course.size[~seen], "v", color=GREY, markersize=5, markerfacecolor="none", clip_on=False,
                label="below detection")  # fmt: skip
    for span in course.given:
        ax.plot(span, (1.0, 1.0), color=GREEN, linewidth=4.0, solid_capstyle="butt", clip_on=False, label="drug given",
                transform=ax.get_xaxis_transform())  # fmt: skip
    ax.set_ylim(bottom=0.0)
