"""Twelve real people after one dose of theophylline: held-out samples predicted, dosing regimens compared."""

from experiments.report import canvas
from experiments.report.parts import Key, Panel, Picture, Section, download
from experiments.report.results import GROUPS, Study, by, known
from experiments.report.sheets import fits_sheet, items_sheet
from experiments.report.wording import axis, count, listed, number, people, percent, stated

FIT, HELD_OUT = "fit", "held-out"
IN_WINDOW = "time in "
CURVE = "concentration"
COLOURS = ("blue", "orange", "green", "purple")
SIGNS, MARKERS = "●◆■▲", "oDs^"


def section(study: Study) -> Section:
    everybody, failed = study.people(), study.failed()
    ok = len(everybody) - len(failed)
    who = "synthetic people" if study.synthetic("all") else "real people"
    hits = [row for row in study.rows("items", arm=HELD_OUT, patient="all") if row["value"] is not None]
    lead = f"{len(everybody)} {who}, one dose of theophylline each: {ok} ok, {len(failed)} with a failure."
    told = f"{lead} {_hits(study)}"
    regimens = _regimens(study)
    pictures = [_fits(study), _times(study, regimens), *(_course(study, name) for name in regimens)]
    return Section(
        name=study.name,
        title="Theophylline: predict what was held out, then compare doses",
        lead=f"{told} Each person is fitted alone, from their own samples; the fitted person then takes each regimen.",
        summary=told,
        findings=[(f"Held-out samples: {row['quantity']}", stated(row)) for row in hits],
        pictures=[picture for picture in pictures if picture],
        sheets=[
            sheet
            for sheet in (
                fits_sheet("Fitted parameters of each person", study.tables["fits"]),
                items_sheet("Each person on each regimen", [r for r in study.tables["items"] if r["arm"] != HELD_OUT]),
            )
            if sheet
        ],
        synthetic=study.synthetic("all"),
    )


def _held_out(study: Study) -> list[dict]:
    return [row for row in study.rows("observations", held_out=True) if row["inside"] is not None]


def _hits(study: Study) -> str:
    judged = _held_out(study)
    if not judged:
        return "No held-out sample was judged."
    inside = sum(row["inside"] for row in judged)
    level = percent(judged[0]["level"])
    return f"{inside} of {len(judged)} samples that were held out lie inside their {level} prediction intervals."


def _regimens(study: Study) -> list[str]:
    arms = [row["arm"] for row in study.tables["items"] if row["quantity"].startswith(IN_WINDOW)]
    arms += [row["arm"] for row in study.rows("series", variable=CURVE)]
    return [arm for arm in dict.fromkeys(arms) if arm not in (FIT, HELD_OUT, None)]


def _fits(study: Study) -> Picture | None:
    samples, curves = by(study.tables["observations"], "patient"), by(study.rows("series", arm=FIT), "patient")
    names = [name for name in study.people() if name in samples or name in curves]
    if not names:
        return None
    panels = [_fit(name, samples.get(name, []), curves.get(name, []), study.synthetic(name)) for name in names]
    rows = [
        ["sample", *(row[key] for key in ("patient", "time", "value", "held_out", "predicted", "lo", "hi", "inside"))]
        for row in study.tables["observations"]
    ]
    for row in study.rows("series", arm=FIT):
        t, value, lo, hi = canvas.thin(row["t"], row["value"], row["lo"], row["hi"])
        none = [""] * len(t)
        for at, middle, low, high in zip(t, value, none if lo is None else lo, none if hi is None else hi, strict=True):
            rows.append(["curve", row["patient"], at, "", "", middle, low, high, ""])
    level = _level(study.tables["observations"] + study.rows("series", arm=FIT))
    held = count(len(study.rows("observations", held_out=True)), "sample")
    return Picture(
        title="Concentration after one dose, person by person",
        panels=panels,
        sentence=f"Each panel shows one person's fitted concentration (line) with its {level} band; the fit used the "
        f"filled samples only, the {held} held out are drawn with the {level} interval predicted for a measurement "
        "there, and nothing here knows other doses, meals or days than the one that was measured.",
        download=download(
            "theophylline-fits",
            ["kind", "patient", "time_h", "value", "held_out", "predicted", "lo", "hi", "inside"],
            rows,
            study.name,
            "{observations,series}",
        ),
        keys=[
            Key("▬", "blue", f"fit with {level} band"),
            Key("●", "ink", "sample used in the fit"),
            Key("◆", "green", "held out, inside its interval"),
            Key("✕", "orange", "held out, outside its interval"),
        ],
        synthetic=study.synthetic("all"),
        width=255,
    )


def _fit(name: str, samples: list[dict], curves: list[dict], synthetic: bool) -> Panel:
    used = [row for row in samples if not row["held_out"] and known(row, "time", "value")]
    held = [row for row in samples if row["held_out"] and known(row, "time", "value")]
    inside = sum(bool(row["inside"]) for row in held)
    alt = (
        f"Person {name}: fitted concentration with band, {count(len(used), 'sample')} used, "
        f"{inside} of {len(held)} held-out samples inside their intervals."
    )
    with canvas.drawing(alt, 3.4, 2.35) as sketch:
        axes = sketch.axes
        for row in curves:
            canvas.curve(axes, row, "blue")
        axes.plot([r["time"] for r in used], [r["value"] for r in used], "o", color=canvas.COLOURS["ink"], markersize=3.6)
        for row in held:
            colour = "green" if row["inside"] else "orange"
            if known(row, "lo", "hi"):
                canvas.bars(axes, [((row["time"], row["lo"]), (row["time"], row["hi"]))], colour, 1.4)
            marker = "D" if row["inside"] else "X"
            axes.plot([row["time"]], [row["value"]], marker, color=canvas.COLOURS[colour], markersize=5.5)
        shown = (samples + curves)[0]
        axes.set(xlabel=axis("time", shown["time_unit"]), ylabel=axis("theophylline", shown["unit"]))
        axes.set_ylim(bottom=0)
    return Panel(f"person {name}", sketch.svg, synthetic)


def _times(study: Study, regimens: list[str]) -> Picture | None:
    rows = [r for r in study.tables["items"] if r["quantity"].startswith(IN_WINDOW) and r["patient"] not in GROUPS]
    shown = [row for row in rows if known(row, "value")]
    if not shown:
        return None
    quantity, unit = shown[0]["quantity"], shown[0]["unit"]
    names = list(dict.fromkeys(row["patient"] for row in rows))
    alt = f"{quantity.capitalize()} of {people(len(names))} under {count(len(regimens), 'regimen')}, with intervals."
    with canvas.drawing(alt, 4.6, 0.9 + 0.36 * len(names)) as sketch:
        axes = sketch.axes
        for index, regimen in enumerate(regimens):
            shift = 0.24 * (index - (len(regimens) - 1) / 2)
            colour = COLOURS[index % len(COLOURS)]
            here = [(names.index(row["patient"]) + shift, row) for row in shown if row["arm"] == regimen]
            whole = [(y, row) for y, row in here if known(row, "lo", "hi")]
            canvas.bars(axes, [((row["lo"], y), (row["hi"], y)) for y, row in whole], colour, 1.6)
            at = [[row["value"] for _, row in here], [y for y, _ in here]]
            axes.plot(*at, MARKERS[index % 4], color=canvas.COLOURS[colour], markersize=4)
        axes.set_yticks(range(len(names)), [f"person {name}" for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set(xlabel=axis(quantity, unit), ylabel="")
        axes.grid(axis="y", visible=False)
        if unit == "%":
            axes.set_xlim(-2, 102)
    missing = len(rows) - len(shown)
    lost = f" ({count(missing, 'result')} missing, see the failures)" if missing else ""
    header = ["patient", "arm", "quantity", "unit", "value", "lo", "hi", "level", "method", "status", "reason"]
    return Picture(
        title=f"Which regimen keeps whom in the window: {quantity}",
        panels=[Panel("everybody", sketch.svg, study.synthetic("all"))],
        sentence=f"Each mark is one person's {quantity} over the simulated days with its {_level(shown)} interval{lost}, "
        "computed from the person's fit to one dose; it does not know whether they would take the doses, eat, smoke or "
        "fall ill, nor change that drug handling from day to day.",
        download=download(
            "theophylline-regimens", header, [[row[k] for k in header] for row in rows], study.name, "items"
        ),
        keys=[Key(SIGNS[i % 4], COLOURS[i % len(COLOURS)], name) for i, name in enumerate(regimens)],
        synthetic=study.synthetic("all"),
        width=430,
    )


def _course(study: Study, regimen: str) -> Picture | None:
    rows = study.rows("series", arm=regimen, variable=CURVE)
    if not rows:
        return None
    colour = COLOURS[_regimens(study).index(regimen) % len(COLOURS)]
    window = _window(study)
    panels = []
    top = max((v for row in rows for v in (row["hi"] or row["value"]) if v is not None), default=1.0)
    for row in rows:
        alt = f"Person {row['patient']} on {regimen}: concentration from {number(row['t'][0])} to "
        alt += f"{number(row['t'][-1])} {row['time_unit']} with its interval."
        with canvas.drawing(alt, 3.0, 1.9) as sketch:
            for edge in window:
                sketch.axes.axhline(edge, color=canvas.COLOURS["ink"], linewidth=0.9, linestyle=(0, (4, 3)))
            canvas.curve(sketch.axes, row, colour)
            sketch.axes.set(xlabel=axis("time", row["time_unit"]), ylabel=axis("theophylline", row["unit"]))
            sketch.axes.set_ylim(0, 1.04 * max([top, *window]))
            sketch.axes.set_xticks([t for t in range(0, int(row["t"][-1]) + 1, 12)] or [0])
        panels.append(Panel(f"person {row['patient']}", sketch.svg, row["synthetic"]))
    drawn = [(row, *canvas.thin(row["t"], row["value"], row["lo"], row["hi"])) for row in rows]
    cells = [
        [row["patient"], t[i], value[i], "" if lo is None else lo[i], "" if hi is None else hi[i]]
        for row, t, value, lo, hi in drawn
        for i in range(len(t))
    ]
    level = _level(rows)
    edges = [Key("┅", "ink", f"edges of the window, {listed([number(edge) for edge in window])} {rows[0]['unit']}")]
    return Picture(
        title=f"Concentration on {regimen}",
        panels=panels,
        sentence=f"Each panel shows one fitted person's predicted concentration on {regimen} with its {level} band, "
        "computed from the fit to one measured dose; no sample was taken on this regimen, so nothing here is checked "
        "against a measurement.",
        download=download(
            "theophylline-" + regimen.replace(" ", "-"), ["patient", "time_h", "value", "lo", "hi"], cells, study.name, "series"
        ),
        keys=[Key("▬", colour, f"predicted, with {level} band"), *(edges if window else [])],
        synthetic=study.synthetic("all"),
        width=210,
    )


def _window(study: Study) -> list[float]:
    """The edges that the quantity's name states: "time in 10-20 mg/L" gives 10 and 20."""
    for row in study.tables["items"]:
        if row["quantity"].startswith(IN_WINDOW):
            words = row["quantity"].removeprefix(IN_WINDOW).split(" ")[0].split("-")
            try:
                return [float(word) for word in words]
            except ValueError:
                return []
    return []


def _level(rows: list[dict]) -> str:
    levels = [row["level"] for row in rows if row["level"] is not None]
    return percent(levels[0] if levels else None)
