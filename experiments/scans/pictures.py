"""Pictures of a person's page: slices with density and outlines, and volumes over time."""

from collections.abc import Sequence

import numpy as np

from calibration.tumours.scans import orientation
from experiments.plots.density_slice import FAINTEST, Slice, density_slice_figure
from experiments.plots.tumour_curves import Band, Course, tumour_curves_figure
from experiments.report.canvas import of_figure
from experiments.report.parts import Panel, Picture, download
from experiments.report.wording import percent
from experiments.scans.told import LEVEL, Told

TISSUES = ("CSF", "grey matter", "white matter")
SHOWN = 4    # scans that are drawn, the latest
CUBIC = 1e3    # mm3 in a cm3
_PAIRS = {"side": "RL", "front": "AP", "up": "SI"}


def slices_picture(told: Told) -> Picture:
    """The best fit at each scan with what was segmented there; with a plan, the one of equal volume on the last."""
    box, last = told.field.box, len(told.scans) - 1
    level = _level(told)
    panels = []
    for k in range(len(told.scans))[-SHOWN:]:
        plan = told.plan[1][box] if told.plan is not None and k == last else None
        edges = [("segmented", told.scans[k].mask[box])]
        panels.append(_panel(told, told.cells[k], plan, edges, level, f"day {told.days[k]:g}"))
    equal = " The plan: as many voxels as a margin around the last mask, where the fit has most cells." if told.plan else ""
    return Picture(
        title="Density of cells on the tissue map, and what was segmented",
        panels=panels,
        sentence="A horizontal slice through the largest area of the last mask, the front up, the person's right on the left. "
        f"Colours: the best fit; where it lies below {FAINTEST:g} nothing is drawn, and how sure it is in each voxel is not "
        f"quantified.{equal}",
        download=_slice_numbers(told, level),
        width=420,
    )


def forecast_picture(told: Told) -> Picture:
    """The hidden last scan: the forecast outline, the true one and the one before."""
    ahead = told.ahead
    edges = [("segmented", ahead.seen), ("forecast", ahead.forecast), ("mask before", ahead.before)]
    return Picture(
        title="The last scan, hidden and forecast",
        panels=[_panel(told, ahead.cells, None, edges, _level(told), f"day {told.days[-1]:g}")],
        sentence="Colours and the forecast outline, 20 % of cells, are of the best fit to the earlier scans.",
        download=_curve_numbers(told),
        width=420,
    )


def volume_picture(told: Told) -> Picture:
    """Volumes of all scans; the band is of new segmentations."""
    known = len(told.days) - (told.ahead is not None)
    course = Course("", told.days, told.volume / CUBIC, known, Band(told.days, *(told.band / CUBIC)))
    figure = tumour_curves_figure([course], time_unit="d", size="volume [cm3]", level=LEVEL)
    how = "of a forecast that has not seen the last scan" if told.ahead else "of the fit, which has seen all scans"
    return Picture(
        title="Volume in grey and white matter",
        panels=[Panel("", of_figure(figure, "Segmented volume over time with a band of the fit."))],
        sentence=f"The band holds {percent(LEVEL)} of new segmentations, {how}; between scans it is drawn straight.",
        download=_curve_numbers(told),
        width=520,
    )


def _panel(told: Told, cells: np.ndarray, plan, edges: Sequence, level: int, title: str) -> Panel:
    view = lambda volume: _across(told, volume, level)
    labels = view(told.tissue.labels[told.field.box]).astype(int)
    shown = Slice(
        labels, np.clip(view(cells), 0.0, 1.0), None if plan is None else view(plan), _spacing(told), TISSUES,
        tuple((name, view(mask)) for name, mask in edges),
    )  # fmt: skip
    alt = f"A slice of the tissue map with the density of tumour cells and outlines, {title}."
    return Panel("", of_figure(density_slice_figure(shown, title), alt))


def _axes(told: Told) -> tuple[dict[str, int], str]:
    """Which axis runs right to left, back to front, and up; and the letters of all."""
    letters = orientation(told.scans[0])
    return {name: next(k for k, c in enumerate(letters) if c in pair) for name, pair in _PAIRS.items()}, letters


def _level(told: Told) -> int:
    """The slice of the box with most of the last mask."""
    axes, _ = _axes(told)
    mask = told.scans[-1].mask[told.field.box]
    return int(mask.sum(axis=(axes["side"], axes["front"])).argmax())


def _across(told: Told, volume: np.ndarray, level: int) -> np.ndarray:
    """(rows, columns): rows towards the front, columns towards the person's left."""
    axes, letters = _axes(told)
    plane = np.take(volume, level, axis=axes["up"])
    plane = plane.T if axes["side"] < axes["front"] else plane
    plane = plane[::-1] if letters[axes["front"]] == "P" else plane
    return plane[:, ::-1] if letters[axes["side"]] == "R" else plane


def _spacing(told: Told) -> tuple[float, float]:
    axes, _ = _axes(told)
    return told.tissue.spacing[axes["front"]], told.tissue.spacing[axes["side"]]


def _slice_numbers(told: Told, level: int):
    cells = _across(told, told.cells[-1], level)
    mask = _across(told, told.scans[-1].mask[told.field.box], level)
    seen = np.argwhere(cells >= FAINTEST)
    rows = [[int(i), int(j), float(cells[i, j]), int(mask[i, j])] for i, j in seen]
    return download("slice", ["row", "column", "density at the last scan", "segmented"], rows, "", "")


def _curve_numbers(told: Told):
    rows = [[*map(float, row)] for row in np.column_stack([told.days, told.volume, told.band.T])]
    return download("volumes", ["day", "volume [mm3]", "fit or forecast", "5 %", "95 %"], rows, "", "")
