"""The effect of two drugs over both doses, and what it has beyond a meaning of "no interaction", as contours."""

from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots.sheet import in_style, sheet

# black lines are read on all of it
LIGHT = ListedColormap(colormaps["YlGnBu"](np.linspace(0.0, 0.6, 256)))


class Surface(NamedTuple):
    """``first`` (n,) and ``second`` (m,) doses that increase, ``effect`` (m, n) as a fraction, and ``excess`` (m, n) of it over
    ``reference``, such as "Bliss"; nan where there is none. Labels name drug and unit.
    """

    first: np.ndarray
    second: np.ndarray
    effect: np.ndarray
    excess: np.ndarray
    reference: str
    first_label: str
    second_label: str


@in_style
def dose_surface_figure(surface: Surface) -> Figure:
    """Colour: the effect; lines: the excess, full above 0 and dashed below it. Doses without a 0 stand on logarithmic axes.
    ValueError: fewer than two doses of a drug, doses that do not increase, shapes that differ, an effect that is no number.
    """
    _check(surface)
    figure, axes = sheet(width=4.6, height=3.6)
    ax = axes[0, 0]
    image = ax.pcolormesh(surface.first, surface.second, surface.effect, cmap=LIGHT, shading="gouraud")
    figure.colorbar(image, ax=ax, label="effect of both [fraction]")
    for drug, axis in ((surface.first, "x"), (surface.second, "y")):
        if drug[0] > 0.0:
            getattr(ax, f"set_{axis}scale")("log")
    _contours(ax, surface)
    ax.set_xlabel(surface.first_label)
    ax.set_ylabel(surface.second_label)
    return figure


def _contours(ax: Axes, surface: Surface) -> None:
    known = surface.excess[np.isfinite(surface.excess)]
    title = f"lines: excess over {surface.reference}"
    if known.size == 0 or np.ptp(known) < 1e-9:
        said = f"{known.mean():.2g} everywhere".replace("-", "−") if known.size else "not known"
        ax.set_title(f"{title}, {said}")
        return
    levels = MaxNLocator(7).tick_values(known.min(), known.max())
    inside = levels[(levels > known.min()) & (levels < known.max())]
    lines = ax.contour(surface.first, surface.second, surface.excess, levels=inside, colors="black", linewidths=0.9,
                       linestyles=["--" if level < 0.0 else "-" for level in inside])  # fmt: skip
    ax.clabel(lines, fmt=lambda level: f"{level:.3g}".replace("-", "−"), fontsize=7.5)
    ax.set_title(f"{title}, {known.min():.2g} to {known.max():.2g}".replace("-", "−"))


def _check(surface: Surface) -> None:
    for name in ("first", "second"):
        dose = getattr(surface, name)
        if dose.ndim != 1 or len(dose) < 2 or not ((np.diff(dose) > 0.0).all() and dose[0] >= 0.0):
            raise ValueError(f"doses of the {name} drug must be two or more, of 0 or more, and increase")
    shape = (len(surface.second), len(surface.first))
    for name in ("effect", "excess"):
        if getattr(surface, name).shape != shape:
            raise ValueError(f"{name} has shape {getattr(surface, name).shape}; {shape} is (second drug, first drug)")
    if not np.isfinite(surface.effect).all():
        raise ValueError("an effect is not a number; every pair of doses needs one")
