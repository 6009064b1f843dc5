"""Dosing regimens compared: time in the window person by person, and the concentrations behind it."""

import numpy as np
from matplotlib.ticker import MultipleLocator

from experiments.report import canvas
from experiments.report.parts import Key, Panel, Picture, download
from experiments.report.results import GROUPS, Study, known, spread
from experiments.report.wording import axis, common_level, count, drawn_of, listed, number, people

FIT, HELD_OUT = "fit", "held-out"
CURVE = "concentration"
IN_WINDOW = "time in "
MOST_PEOPLE, MOST_REGIMENS = 24, 4
COLOURS, SIGNS, MARKERS = ("blue", "orange", "green", "purple"), "●◆■▲", "oDs^"
ITEM_COLUMNS = (
    "patient",
    "arm",
    "quantity",
    "unit",
    "value",
    "lo",
    "hi",
    "level",
    "method",
    "status",
    "reason",
)


def _names(study: Study) -> list[str]:
    """The regimens, in the order of their rows; the first four are drawn."""
    arms = [row["arm"] for row in study.tables["items"] if row["quantity"].startswith(IN_WINDOW)]
    arms += [row["arm"] for row in study.rows("series", variable=CURVE)]
    return [arm for arm in dict.fromkeys(arms) if arm not in (FIT, HELD_OUT, None)][:MOST_REGIMENS]


def times(study: Study) -> Picture | None:
    """Time in the window of each person on each regimen."""
    arms = _names(study)
    rows = [
        r for r in study.tables["items"] if r["quantity"].startswith(IN_WINDOW) and r["patient"] not in GROUPS
    ]
    everybody = list(dict.fromkeys(row["patient"] for row in rows))
    chosen = spread(everybody, MOST_PEOPLE)
    shown = [
        row for row in rows if row["value"] is not None and row["patient"] in chosen and row["arm"] in arms
    ]
    if not shown:
        return None
    quantity, level = shown[0]["quantity"], common_level(shown)
    failed = sum(row["status"] != "ok" for row in rows)
    lost = f" ({count(failed, 'result')} failed: see the failures)" if failed else ""
    return Picture(
        title=f"Which regimen keeps whom in the window: {quantity}",
        panels=[Panel(people(len(chosen)), _dots(shown, chosen, arms), study.synthetic("all"))],
        sentence=f"Each mark is one person's {quantity} over the simulated days with its {level} "
        f"interval{lost}{drawn_of(len(chosen), len(everybody))}, computed from the person's fit to one "
        "dose; it does not know whether they would take the doses, eat, smoke or fall ill, nor how their "
        "handling of the drug changes from day to day.",
        download=download(
            "theophylline-regimens",
            list(ITEM_COLUMNS),
            [[r[k] for k in ITEM_COLUMNS] for r in rows],
            study.name,
            "items",
        ),
        keys=[Key(SIGNS[i], COLOURS[i], f"{name}, bar = {level} interval") for i, name in enumerate(arms)],
        synthetic=study.synthetic("all"),
        width=330,
    )


def _dots(rows: list[dict], names: list[str], arms: list[str]) -> str:
    quantity, unit = rows[0]["quantity"], rows[0]["unit"]
    alt = f"{quantity.capitalize()}: {people(len(names))}, {count(len(arms), 'regimen')}, with intervals."
    with canvas.drawing(alt, 4.1, 0.7 + 0.36 * len(names)) as sketch:
        axes = sketch.axes
        for index, arm in enumerate(arms):
            shift = 0.24 * (index - (len(arms) - 1) / 2)
            here = [(names.index(row["patient"]) + shift, row) for row in rows if row["arm"] == arm]
            whole = [(y, row) for y, row in here if known(row, "lo", "hi")]
            canvas.bars(axes, [((row["lo"], y), (row["hi"], y)) for y, row in whole], COLOURS[index], 1.6)
            at = [[row["value"] for _, row in here], [y for y, _ in here]]
            axes.plot(*at, MARKERS[index], color=canvas.COLOURS[COLOURS[index]], markersize=4)
        axes.set_yticks(range(len(names)), [f"person {name}" for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(axis(quantity, unit))
        axes.grid(axis="y", visible=False)
        if unit == "%":
            axes.set_xlim(-2, 102)
    return sketch.svg


def courses(study: Study) -> list[Picture]:
    """Concentration over the simulated days, one picture a regimen; all but the first are folded."""
    found = [(arm, study.rows("series", arm=arm, variable=CURVE)) for arm in _names(study)]
    tops = [np.nanmax(canvas.thin(row["hi"] or row["value"])[0]) for _, rows in found for row in rows]
    top = max(tops, default=1.0)
    return [_course(study, arm, rows, place, top) for place, (arm, rows) in enumerate(found) if rows]


def _course(study: Study, arm: str, rows: list[dict], place: int, top: float) -> Picture:
    chosen, window, level = spread(rows, MOST_PEOPLE), _window(study), common_level(rows)
    cells = [[row["patient"], *cell] for row in chosen for cell in canvas.cells(row)]
    keys = [Key("▬", COLOURS[place], f"predicted, with {level} band")]
    if window:
        edges = listed([number(edge) for edge in window])
        keys.append(Key("┅", "ink", f"edges of the window, {edges} {rows[0]['unit']}"))
    return Picture(
        title=f"Concentration on {arm}",
        panels=[_panel(row, arm, COLOURS[place], window, max([top, *window])) for row in chosen],
        sentence=f"Each panel shows one fitted person's predicted concentration on {arm} with its {level} "
        f"band{drawn_of(len(chosen), len(rows))}, computed from the fit to one measured dose; no sample was "
        "taken on this regimen, so nothing here is checked against a measurement.",
        download=download(
            "theophylline-" + arm.replace(" ", "-"),
            ["patient", "time", "value", "lo", "hi"],
            cells,
            study.name,
            "series",
        ),
        keys=keys,
        synthetic=study.synthetic("all"),
        width=210,
        folded=place > 0,
    )


def _panel(row: dict, arm: str, colour: str, window: list[float], top: float) -> Panel:
    span = f"{number(row['t'][0])} to {number(row['t'][-1])} {row['time_unit']}"
    alt = f"Person {row['patient']} on {arm}: concentration from {span}"
    alt += " with its interval." if row["lo"] and row["hi"] else ", interval not quantified."
    with canvas.drawing(alt, 3.0, 1.9) as sketch:
        axes = sketch.axes
        for edge in window:
            axes.axhline(edge, color=canvas.COLOURS["ink"], linewidth=0.9, dashes=(4, 3))
        canvas.curve(axes, row, colour)
        axes.set(xlabel=axis("time", row["time_unit"]), ylabel=axis("theophylline", row["unit"]))
        axes.set_ylim(0, 1.04 * top)
        if row["time_unit"] == "h" and row["t"][-1] <= 72:
            axes.xaxis.set_major_locator(MultipleLocator(12))
    return Panel(f"person {row['patient']}", sketch.svg, row["synthetic"])


def _window(study: Study) -> list[float]:
    """The edges that the quantity's name states: "time in 10-20 mg/L" gives 10 and 20."""
    for row in study.tables["items"]:
        if row["quantity"].startswith(IN_WINDOW):
            edges = row["quantity"].removeprefix(IN_WINDOW).split(" ")[0].split("-")
            try:
                return [float(edge) for edge in edges]
            except ValueError:
                return []
    return []
