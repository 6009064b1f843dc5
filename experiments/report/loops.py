"""Pressure-volume loops of the left ventricle: estimated in each arm, and true."""

import numpy as np

from experiments.report import canvas, cohort
from experiments.report.parts import Key, Panel, Picture, download
from experiments.report.results import TRUTH, Study, by, spread
from experiments.report.wording import axis, common_level, count, listed

VOLUME, PRESSURE = "lv volume", "lv pressure"
COLOURS = ("blue", "orange", "green", "purple")
HEADER = [
    "patient",
    "arm",
    *(f"{name}{edge}" for name in ("volume_mL", "pressure_mmHg") for edge in ("", "_lo", "_hi")),
]
MOST_LOOPS = 6
MOST_MOMENTS = 100


def picture(study: Study) -> Picture | None:
    loops = _loops(study)
    if not loops:
        return None
    chosen = _chosen(list(loops))
    arms = [arm for arm in dict.fromkeys(arm for name in chosen for arm in loops[name]) if arm != TRUTH]
    panels = []
    for name in chosen:
        who = cohort.GROUP_NAMES[cohort.group(name)]
        panels.append(Panel(f"{name} · {who}", _draw(name, loops[name], arms), True))
    rows = [
        row for name in chosen for arm in (*arms, TRUTH) if arm in loops[name] for row in loops[name][arm]
    ]
    banded = all(row["lo"] and row["hi"] for row in rows if row["arm"] != TRUTH)
    level = common_level(rows)
    band = f"with the {level} interval of both as a band" if banded else "whose interval is not quantified"
    ids = count(len(chosen), *cohort.PEOPLE)
    return Picture(
        title="Pressure-volume loops of the left ventricle",
        panels=panels,
        sentence=f"One beat of {ids} as estimated from noisy readings, {band}, at rest and on each "
        "treatment, beside the true loop at rest (dashed); the treatments' effects are averages of other "
        "people, so how a given person would respond is not known.",
        download=download("virtual-cohort-loops", HEADER, _cells(loops, chosen), study.name, "series"),
        keys=[
            *(
                Key("▬", COLOURS[i % 4], arm + (f", {level} band" if banded else ""))
                for i, arm in enumerate(arms)
            ),
            *([Key("┅", "ink", "truth at rest")] if any(TRUTH in loops[name] for name in chosen) else []),
        ],
        synthetic=True,
        width=290,
    )


def _loops(study: Study) -> dict[str, dict]:
    """patient -> arm -> (volume row, pressure row)."""
    pairs = by(
        [row for row in study.tables["series"] if row["variable"] in (VOLUME, PRESSURE)], "patient", "arm"
    )
    found: dict[str, dict] = {}
    for (patient, arm), rows in pairs.items():
        named = {row["variable"]: row for row in rows}
        if len(named) == 2 and len(named[VOLUME]["value"]) == len(named[PRESSURE]["value"]):
            found.setdefault(patient, {})[arm] = (named[VOLUME], named[PRESSURE])
    return found


def _chosen(names: list[str]) -> list[str]:
    """At most six, two of them of the other circulation when there are any."""
    other = [name for name in names if cohort.group(name) == cohort.OTHER]
    same = [name for name in names if cohort.group(name) == cohort.SAME]
    few = spread(other, min(len(other), max(2, MOST_LOOPS - len(same))))
    return spread(same, MOST_LOOPS - len(few)) + few


def _draw(name: str, loop: dict, arms: list[str]) -> str:
    here = [arm for arm in arms if arm in loop]
    alt = f"Synthetic person {name}: left-ventricular pressure over volume, {listed(here) or 'no estimate'}"
    alt += ", true loop dashed." if TRUTH in loop else "."
    with canvas.drawing(alt, 3.6, 2.9) as sketch:
        axes = sketch.axes
        for arm in here:
            colour = COLOURS[arms.index(arm) % 4]
            volume, pressure = loop[arm]
            if all(row[edge] for row in (volume, pressure) for edge in ("lo", "hi")):
                canvas.swath(axes, _band(volume, pressure), colour)
            axes.plot(*_closed(volume, pressure), color=canvas.COLOURS[colour], linewidth=1.5)
        if TRUTH in loop:
            axes.plot(*_closed(*loop[TRUTH]), color=canvas.COLOURS["ink"], linewidth=1.2, dashes=(4, 2.5))
        shown = next(iter(loop.values()))
        axes.set(xlabel=axis("volume", shown[0]["unit"]), ylabel=axis("pressure", shown[1]["unit"]))
    return sketch.svg


def _closed(volume: dict, pressure: dict) -> list[np.ndarray]:
    values = canvas.thin(volume["value"], pressure["value"], most=MOST_MOMENTS)
    return [np.append(value, value[:1]) for value in values]


def _band(volume: dict, pressure: dict) -> list[np.ndarray]:
    """The loop's interval: hulls of the boxes [lo, hi] x [lo, hi] of neighbouring moments."""
    v0, v1, p0, p1 = canvas.thin(
        volume["lo"], volume["hi"], pressure["lo"], pressure["hi"], most=MOST_MOMENTS
    )
    boxes = np.stack([np.stack([v0, v1, v1, v0], -1), np.stack([p0, p0, p1, p1], -1)], -1)
    return [_hull(np.vstack([box, after])) for box, after in zip(boxes, np.roll(boxes, -1, 0), strict=True)]


def _hull(points: np.ndarray) -> np.ndarray:
    """Convex hull, counter-clockwise (A. M. Andrew, Inf. Process. Lett. 9:216, 1979)."""
    ordered = sorted(map(tuple, points))
    halves = []
    for side in (ordered, ordered[::-1]):
        half: list[tuple] = []
        for point in side:
            while len(half) > 1 and _turn(half[-2], half[-1], point) <= 0:
                half.pop()
            half.append(point)
        halves += half[:-1]
    return np.array(halves)


def _turn(a: tuple, b: tuple, c: tuple) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cells(loops: dict, chosen: list[str]) -> list[list]:
    cells = []
    for name in chosen:
        for arm, rows in loops[name].items():
            columns = [
                row[key] or [None] * len(row["value"]) for row in rows for key in ("value", "lo", "hi")
            ]
            places = canvas.thin(range(len(columns[0])), most=MOST_MOMENTS)[0].astype(int)
            cells += [[name, arm, *(column[place] for column in columns)] for place in places]
    return cells
