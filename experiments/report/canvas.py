"""Small matplotlib figures turned into inline SVG that follows the page's light or dark theme.

A figure is drawn in stand-in colours; ``markup`` replaces each by a CSS variable of the page, so that one drawing is
readable on both backgrounds. Text stays text. Numbers are rounded to what a screen can show.
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
from matplotlib.path import Path
from matplotlib.patches import PathPatch

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
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-3, 5),
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
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
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
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        sketch = Drawing()
        sketch.axes = figure.add_subplot()
        yield sketch
        sketch.svg = markup(figure, alt)


def markup(figure: Figure, alt: str) -> str:
    """The figure as one svg element with role, alt text, page colours and ids of its own."""
    stream = BytesIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = stream.getvalue().decode()
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", body, flags=re.S)
    body = body.replace("xlink:href", "href")
    body = _own_ids(body, f"f{next(_numbers)}-")
    body = re.sub(r"-?\d+\.\d{2,}", _rounded, body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    for name, stand_in in COLOURS.items():
        body = body.replace(stand_in, f"var(--{name})")
    width, height = (72 * side for side in figure.get_size_inches())
    body = re.sub(r">\s+<", "><", body).strip()
    return f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {width:g} {height:g}">{body}</svg>'


def _rounded(match: re.Match) -> str:
    return f"{float(match.group()):.2f}".rstrip("0").rstrip(".") or "0"


def _own_ids(body: str, prefix: str) -> str:
    """Drop ids that nothing refers to, and keep the others apart from those of the page's other drawings."""
    used = set(re.findall(r"(?:href=\"|url\()#([\w-]+)", body))
    body = re.sub(r' id="([\w-]+)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", body)
    return re.sub(r"(href=\"|url\()#", rf"\1#{prefix}", body)


def thin(*lists: Sequence[float] | None) -> list[np.ndarray | None]:
    """The same at most 200 places of each list; None stays None."""
    length = len(next(values for values in lists if values is not None))
    if length > MOST_POINTS:
        places = np.unique(np.linspace(0, length - 1, MOST_POINTS).round().astype(int))
    else:
        places = np.arange(length)
    return [None if values is None else np.array(values, float)[places] for values in lists]


def curve(axes: Axes, row: dict, colour: str, dash: str = "-", band: bool = True) -> None:
    """A row of the table ``series``: its line, and its interval as a band."""
    t, value, lo, hi = thin(row["t"], row["value"], row["lo"], row["hi"])
    if band and lo is not None and hi is not None:
        axes.fill_between(t, lo, hi, color=COLOURS[colour], alpha=0.22, linewidth=0)
    axes.plot(t, value, color=COLOURS[colour], linestyle=dash)


def bars(axes: Axes, points: Sequence[tuple[tuple, tuple]], colour: str, width: float, alpha: float = 1.0) -> None:
    """Straight lines from point to point as one path: small however many there are."""
    if points:
        vertices = np.array(points, float).reshape(-1, 2)
        codes = np.tile([Path.MOVETO, Path.LINETO], len(points))
        _add(axes, Path(vertices, codes), facecolor="none", edgecolor=COLOURS[colour], linewidth=width, alpha=alpha)


def dots(axes: Axes, x: Sequence[float], y: Sequence[float], colour: str, size: float = 3.6, alpha: float = 1.0) -> None:
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
