"""Small matplotlib figures turned into inline SVG that follows the page's light or dark theme.

A figure is drawn in stand-in colours; ``markup`` replaces each by a CSS variable of the page, so that one
drawing is readable on both backgrounds. Text stays text. Coordinates are rounded to what a screen can show.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import BytesIO

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import (
    AutoLocator,
    FuncFormatter,
    LogFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    ScalarFormatter,
)

from experiments.report.wording import tick

# name of the page's colour -> the stand-in it is drawn with
COLOURS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "paper": "#040404",
    "blue": "#050505",
    "orange": "#060606",
    "green": "#070707",
    "purple": "#080808",
}
MOST_POINTS = 200
_RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.6,
    "xtick.bottom": False,
    "ytick.left": False,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "font.size": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.5,
}
_numbers = itertools.count(1)


class Drawing:
    """``axes`` to draw on and, after the ``with`` block, ``svg``."""

    axes: Axes
    svg: str


@contextmanager
def drawing(alt: str, width: float = 3.5, height: float = 2.5) -> Iterator[Drawing]:
    """One set of axes, ``width`` by ``height`` inches; ``alt`` is read out to those who do not see it."""
    with rc_context(_RC):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        sketch = Drawing()
        sketch.axes = figure.add_subplot()
        yield sketch
        _label(sketch.axes)
        _place(sketch.axes, width, height)
        sketch.svg = markup(figure, alt)


def _label(axes: Axes) -> None:
    """Plain numbers at the ticks, few enough to be read on a telephone."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
        if isinstance(axis.get_major_formatter(), ScalarFormatter | LogFormatter):
            axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
            if axis.get_scale() == "log":
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            elif isinstance(axis.get_major_locator(), AutoLocator):
                axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _place(axes: Axes, width: float, height: float) -> None:
    """Margins from the lengths of the labels: a layout engine would draw every figure a second time."""
    low, high = sorted(axes.get_ylim())
    labels = axes.yaxis.get_major_formatter().format_ticks(axes.get_yticks())
    shown = [text for text, at in zip(labels, axes.get_yticks(), strict=True) if low <= at <= high]
    longest = max((len(line) for text in shown for line in text.split("\n")), default=0)
    left = 0.1 + 0.062 * longest + (0.19 if axes.get_ylabel() else 0.0)
    axes.set_position([left / width, 0.42 / height, 1 - (left + 0.1) / width, 1 - 0.5 / height])
    axes.patch.set_visible(False)
    axes.figure.patch.set_visible(False)


def markup(figure: Figure, alt: str) -> str:
    """The figure as one svg element with role, alt text, page colours and ids of its own."""
    stream = BytesIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = stream.getvalue().decode()
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", body, flags=re.S)
    body = _own_ids(body.replace("xlink:href", "href"), f"f{next(_numbers)}-")
    body = re.sub(r"<[^>]+>", _short, body)
    width, height = (72 * side for side in figure.get_size_inches())
    body = re.sub(r">\s+<", "><", body).strip()
    size = f'viewBox="0 0 {width:g} {height:g}" style="max-width: {1.5 * width:.0f}px"'
    return f'<svg role="img" aria-label="{escape(alt)}" {size}>{body}</svg>'


def of_figure(figure: Figure, alt: str) -> str:
    """A finished figure of ``experiments.plots``, in its own colours."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
        return markup(figure, alt)


def _short(match: re.Match) -> str:
    """A tag in as few characters as the drawing needs; the text between tags is never touched."""
    tag = re.sub(r"-?\d+\.\d{2,}", _rounded, match.group())
    tag = re.sub(r"font(?:-size)?: ([\d.]+)px[^;\"]*(; font-family:[^;\"]*)?", r"font-size: \1px", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r" ?\n", " ", tag)
    tag = re.sub(r"(?<=[MLCQ]) (?=[-\d])| (?=[MLCQz][ \d-])", "", tag)
    for name, stand_in in COLOURS.items():
        tag = tag.replace(stand_in, f"var(--{name})")
    return tag


def _rounded(match: re.Match) -> str:
    value = float(match.group())
    return f"{value:.{1 if abs(value) >= 10 else 2}f}".rstrip("0").rstrip(".") or "0"


def _own_ids(body: str, prefix: str) -> str:
    """Drop ids that nothing refers to, and keep the others apart from those of the page's other drawings."""
    used = set(re.findall(r"(?:href=\"|url\()#([\w.-]+)", body))
    body = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", body)
    return re.sub(r"(href=\"|url\()#", rf"\1#{prefix}", body)


def thin(*lists: Sequence[float] | None, most: int = MOST_POINTS) -> list[np.ndarray | None]:
    """The same places of each list, at most ``most``; None stays None."""
    length = len(next(values for values in lists if values is not None))
    if length > most:
        places = np.unique(np.linspace(0, length - 1, most).round().astype(int))
    else:
        places = np.arange(length)
    return [None if values is None else np.array(values, float)[places] for values in lists]


def curve(axes: Axes, row: dict, colour: str, dash: str = "-", band: bool = True) -> None:
    """A row of the table ``series``: its line, and its interval as a band."""
    t, value, lo, hi = thin(row["t"], row["value"], row["lo"], row["hi"])
    if band and lo is not None and hi is not None:
        axes.fill_between(t, lo, hi, color=COLOURS[colour], alpha=0.22, linewidth=0)
    axes.plot(t, value, color=COLOURS[colour], linestyle=dash)


def cells(row: dict) -> list[list[float | None]]:
    """[t, value, lo, hi] of the points that ``curve`` draws."""
    t, *rest = thin(row["t"], row["value"], row["lo"], row["hi"])
    return [[t[i], *(None if values is None else values[i] for values in rest)] for i in range(len(t))]


def bars(
    axes: Axes, points: Sequence[tuple[tuple, tuple]], colour: str, width: float, alpha: float = 1.0
) -> None:
    """Straight lines from point to point as one path: small however many there are."""
    if points:
        vertices = np.array(points, float).reshape(-1, 2)
        codes = np.tile([Path.MOVETO, Path.LINETO], len(points))
        _add(
            axes,
            Path(vertices, codes),
            facecolor="none",
            edgecolor=COLOURS[colour],
            linewidth=width,
            alpha=alpha,
        )


def dots(
    axes: Axes, x: Sequence[float], y: Sequence[float], colour: str, size: float = 3.6, alpha: float = 1.0
) -> None:
    """Round dots as one path: lines of no length with round ends."""
    if len(x):
        ends = np.repeat(np.column_stack([x, y]).astype(float), 2, axis=0)
        codes = np.tile([Path.MOVETO, Path.LINETO], len(x))
        style = {"facecolor": "none", "edgecolor": COLOURS[colour], "linewidth": size, "capstyle": "round"}
        _add(axes, Path(ends, codes), **style, alpha=alpha)


def swath(axes: Axes, polygons: Sequence[np.ndarray], colour: str, alpha: float = 0.22) -> None:
    """The union of convex polygons, all turning the same way, in one even tint."""
    if len(polygons):
        path = Path.make_compound_path(*(Path(np.vstack([p, p[:1]]), closed=True) for p in polygons))
        _add(axes, path, facecolor=COLOURS[colour], edgecolor="none", linewidth=0, alpha=alpha)


def _add(axes: Axes, path: Path, **style: object) -> None:
    path.should_simplify = False
    axes.add_patch(PathPatch(path, **style))
    axes.autoscale_view()
