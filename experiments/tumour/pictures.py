"""Pictures of one folder's page, with the numbers behind each."""

from collections.abc import Sequence

import numpy as np

from experiments.plots.response import Responses, response_figure
from experiments.plots.tumour_curves import MOST, Band, Course, tumour_curves_figure
from experiments.report.canvas import of_figure
from experiments.report.parts import Panel, Picture, download
from experiments.report.results import spread
from experiments.report.wording import drawn_of, percent
from experiments.tumour.told import LEVEL, Told, Words, plain


def curves_picture(told: Sequence[Told], words: Words) -> Picture:
    """Of good forecasts, evenly spaced in the order of the file; up to twelve in a drawing."""
    shown = spread(list(told), words.pictures)
    courses = [
        Course(f"{words.one} {t.record.person}", t.record.time, t.record.size, t.known, Band(t.time, *t.size), t.given)
        for t in shown
    ]
    record = shown[0].record
    size = f"{words.what} [{plain(record.unit)}]"
    sheets = [
        tumour_curves_figure(courses[first : first + MOST], time_unit=record.time_unit, size=size, level=LEVEL)
        for first in range(0, len(courses), MOST)
    ]
    alt = f"The {words.what} over time, the {words.hidden} forecast with a band, and the last known one carried forward."
    cells = [[t.record.person, *map(float, row)] for t in shown for row in np.column_stack([t.time, t.size.T])]
    return Picture(
        title=f"Forecast and read{drawn_of(len(shown), len(told))}",
        panels=[Panel("", of_figure(figure, alt)) for figure in sheets],
        sentence=f"The {words.hidden} of each (open dots) were hidden from its forecast; their times were known. The "
        f"band holds {percent(LEVEL)} of new readings, error of reading included; where it holds known readings it is that of "
        "the fit. Dashed: the last known one carried forward.",
        download=download("curves", [words.one, f"time [{record.time_unit}]", "forecast", "5 %", "95 %"], cells, "", ""),
        width=640,
    )


def response_picture(told: Sequence[Told], words: Words) -> Picture | None:
    """None where nobody's change is known."""
    known = [t for t in told if np.isfinite(t.change).all()]
    if not known:
        return None
    middle, low, high = np.stack([t.change for t in known], axis=1)
    names, read = tuple(t.record.person for t in known), np.asarray([t.read for t in known])
    figure = response_figure(Responses(names, middle, low, high, read, LEVEL), words.change, (words.one, words.many))
    cells = [[name, *map(float, (*t.change, t.read))] for name, t in zip(names, known, strict=True)]
    return Picture(
        title=words.change[:1].upper() + words.change[1:],
        panels=[Panel("", of_figure(figure, f"A waterfall of the {words.change}, with intervals and what was read."))],
        sentence=f"Bars: the {words.change} from the first reading, as forecast from known readings; lines hold "
        f"{percent(LEVEL)}; marks are what was read in the end. Dashed lines: −30 % and +20 %, those of RECIST, which are "
        "meant for sums of diameters of treated people and count growth from the smallest sum.",
        download=download("response", [words.one, "forecast [%]", "5 %", "95 %", "read [%]"], cells, "", ""),
        width=640,
    )
