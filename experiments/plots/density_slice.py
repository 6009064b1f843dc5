"""A slice of a labelled brain with the density of tumour cells on it, and the outline of a plan."""

from typing import NamedTuple

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.plots.sheet import BLUE, GREEN, ORANGE, PURPLE, in_style, sheet

FAINTEST = 0.01  # density below which nothing is drawn on the tissue
_DARKEST, _LIGHTEST = 0.35, 0.82
_EDGES = (GREEN, ORANGE, PURPLE)


class Slice(NamedTuple):
    """``label`` (rows, columns) of whole numbers, 0 outside the head; ``density`` (rows, columns) from 0 to 1, of what fits;
    ``plan`` (rows, columns) true inside, or None; ``spacing`` between rows and between columns [mm]; ``tissues`` name the
    labels from 1 on; ``edges`` are up to three more masks with their names, drawn as outlines.
    """

    label: np.ndarray
    density: np.ndarray
    plan: np.ndarray | None
    spacing: tuple[float, float]
    tissues: tuple[str, ...]
    edges: tuple[tuple[str, np.ndarray], ...] = ()


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
    across, up = ((np.arange(n) + 0.5) * step for n, step in ((columns, shown.spacing[1]), (rows, shown.spacing[0])))
    handles = [Patch(color=grey, label=name) for grey, name in zip(greys[1:], shown.tissues, strict=True)]
    for (name, mask), colour in zip(_outlines(shown), (BLUE, *_EDGES) if shown.plan is not None else _EDGES, strict=False):
        if mask.any() and not mask.all():
            ax.contour(across, up, mask.astype(float), levels=[0.5], colors=colour, linewidths=1.6)
        area = mask.sum() * shown.spacing[0] * shown.spacing[1] / 100.0
        handles.append(Line2D([], [], color=colour, linewidth=1.6, label=f"{name}, {area:.3g} cm2"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3 if shown.edges else 4))
    ax.set_aspect("equal")
    ax.set_xlabel("across [mm]")
    ax.set_ylabel("up [mm]")
    ax.set_title(title or f"cells below {FAINTEST:g} are not drawn")
    return figure


def _outlines(shown: Slice) -> list[tuple[str, np.ndarray]]:
    """The plan first, where there is one."""
    return [*([] if shown.plan is None else [("plan", shown.plan)]), *shown.edges]


def _check(shown: Slice) -> None:
    shape = shown.label.shape
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"labels of shape {shape}; a slice has rows and columns")
    for name, other in [("density", shown.density), *_outlines(shown)]:
        if other.shape != shape:
            raise ValueError(f"the {name} has shape {other.shape} and the labels {shape}; take both from one grid")
    if shown.label.dtype.kind not in "iu" or shown.label.min() < 0 or shown.label.max() > len(shown.tissues):
        raise ValueError(f"labels must be whole numbers from 0 to {len(shown.tissues)}, as many as tissues are named")
    if not ((shown.density >= 0.0) & (shown.density <= 1.0)).all():
        raise ValueError("a density lies outside 0 to 1 or is no number; divide by the density that fits")
    for name, mask in _outlines(shown):
        if mask.dtype.kind != "b":
            raise ValueError(f"a {name} must be true inside and false outside; choose one label of a mask of many")
    if len(shown.edges) > len(_EDGES):
        raise ValueError(f"{len(shown.edges)} outlines beside the plan; {len(_EDGES)} can be told apart")
    if not all(np.isfinite(step) and step > 0.0 for step in shown.spacing):
        raise ValueError(f"a spacing of {shown.spacing} mm; two numbers above 0 are needed")
