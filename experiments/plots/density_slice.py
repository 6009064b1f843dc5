"""A slice of a labelled brain with the density of tumour cells on it, and the outline of a plan."""

from typing import NamedTuple

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.plots.sheet import BLUE, in_style, sheet

FAINTEST = 0.01  # density below which nothing is drawn on the tissue
_DARKEST, _LIGHTEST = 0.35, 0.82


class Slice(NamedTuple):
    """``label`` (rows, columns) of whole numbers, 0 outside the head; ``density`` (rows, columns) from 0 to 1, of what fits;
    ``plan`` (rows, columns) true inside; ``spacing`` between rows and between columns [mm]; ``tissues`` name the labels
    from 1 on.
    """

    label: np.ndarray
    density: np.ndarray
    plan: np.ndarray
    spacing: tuple[float, float]
    tissues: tuple[str, ...]


@in_style
def density_slice_figure(shown: Slice, title: str = "") -> Figure:
    """Rows run upwards. ValueError: shapes that differ, a label without a name, a density outside 0 to 1, a spacing of 0 or
    less, a plan of more than true and false.
    """
    _check(shown)
    rows, columns = shown.label.shape
    high, wide = (count * step for count, step in zip(shown.label.shape, shown.spacing, strict=True))
    figure, axes = sheet(width=5.4, height=4.2)
    ax = axes[0, 0]
    place = {"origin": "lower", "extent": (0.0, wide, 0.0, high), "interpolation": "nearest"}
    greys = [(1.0, 1.0, 1.0), *(3 * (grey,) for grey in np.linspace(_DARKEST, _LIGHTEST, len(shown.tissues)))]
    ax.imshow(shown.label, cmap=ListedColormap(greys), vmin=-0.5, vmax=len(greys) - 0.5, **place)
    cells = np.ma.masked_less(shown.density, FAINTEST)
    image = ax.imshow(cells, cmap="inferno_r", vmin=0.0, vmax=1.0, alpha=0.75, **place)
    figure.colorbar(image, ax=ax, label="tumour cells [fraction of what fits]")
    if shown.plan.any() and not shown.plan.all():
        across, up = ((np.arange(n) + 0.5) * step for n, step in ((columns, shown.spacing[1]), (rows, shown.spacing[0])))
        ax.contour(across, up, shown.plan.astype(float), levels=[0.5], colors=BLUE, linewidths=1.6)
    handles = [Patch(color=grey, label=name) for grey, name in zip(greys[1:], shown.tissues, strict=True)]
    area = shown.plan.sum() * shown.spacing[0] * shown.spacing[1] / 100.0
    handles.append(Line2D([], [], color=BLUE, linewidth=1.6, label=f"plan, {area:.3g} cm2"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
    ax.set_aspect("equal")
    ax.set_xlabel("across [mm]")
    ax.set_ylabel("up [mm]")
    ax.set_title(title or f"cells below {FAINTEST:g} are not drawn")
    return figure


def _check(shown: Slice) -> None:
    shape = shown.label.shape
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"labels of shape {shape}; a slice has rows and columns")
    for name in ("density", "plan"):
        other = getattr(shown, name).shape
        if other != shape:
            raise ValueError(f"the {name} has shape {other} and the labels {shape}; take both from one grid")
    if shown.label.dtype.kind not in "iu" or shown.label.min() < 0 or shown.label.max() > len(shown.tissues):
        raise ValueError(f"labels must be whole numbers from 0 to {len(shown.tissues)}, as many as tissues are named")
    if not ((shown.density >= 0.0) & (shown.density <= 1.0)).all():
        raise ValueError("a density lies outside 0 to 1 or is no number; divide by the density that fits")
    if shown.plan.dtype.kind != "b":
        raise ValueError("a plan must be true inside and false outside; choose one label of a mask of many")
    if not all(np.isfinite(step) and step > 0.0 for step in shown.spacing):
        raise ValueError(f"a spacing of {shown.spacing} mm; two numbers above 0 are needed")
