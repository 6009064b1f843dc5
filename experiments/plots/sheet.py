"""Figures in one style: an empty sheet with panels, and the words that pictures share."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind readers
BLUE, ORANGE, GREEN, PURPLE, GREY, PALE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666", "#DDDDDD"
_STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "font.size": 9,
    "text.parse_math": False,
}
# every function that draws is decorated: matplotlib looks up most of the style when something is drawn
in_style = rc_context(_STYLE)


def sheet(rows: int = 1, columns: int = 1, *, width: float = 3.6, height: float = 2.8) -> tuple[Figure, np.ndarray]:
    """``(figure, axes (rows, columns))``; ``width`` and ``height`` of one panel in inches."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def panels(count: int, *, width: float = 3.0, height: float = 2.5) -> tuple[Figure, list[Axes]]:
    """A sheet of ``count`` panels, at most four in a row; places left over stay blank."""
    if count < 1:
        raise ValueError("nothing to draw: no panel was asked for")
    columns = min(count, 4)
    figure, axes = sheet(-(-count // columns), columns, width=width, height=height)
    for spare in axes.ravel()[count:]:
        spare.set_visible(False)
    return figure, list(axes.ravel()[:count])
