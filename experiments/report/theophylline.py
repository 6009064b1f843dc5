"""People after one dose of theophylline: held-out samples predicted, then dosing regimens compared."""

from experiments.report import canvas, regimens
from experiments.report.parts import Key, Panel, Picture, Section, download, present
from experiments.report.results import Study, by, known, spread
from experiments.report.sheets import fits_sheet, items_sheet
from experiments.report.wording import axis, common_level, count, drawn_of, outcome, percent, stated

SAMPLE_COLUMNS = ("patient", "time", "value", "held_out", "predicted", "lo", "hi", "inside")


def section(study: Study) -> Section:
    everybody, held = study.people(), _held_out(study)
    who = "synthetic people" if study.synthetic("all") else "real people"
    done = outcome(len(everybody), len(study.failed()))
    told = f"{len(everybody)} {who}, one dose of theophylline each: {done}. {_hits(held)}"
    of_all = [
        row for row in study.rows("items", arm=regimens.HELD_OUT, patient="all") if row["value"] is not None
    ]
    on_regimens = [row for row in study.tables["items"] if row["arm"] != regimens.HELD_OUT]
    return Section(
        name=study.name,
        title="Theophylline: predict what was held out, then compare doses",
        lead=f"{told} Each person is fitted alone, from their own samples; the fitted person then takes "
        "each regimen.",
        summary=told,
        findings=[(f"Prediction test: {row['quantity']}", stated(row)) for row in of_all],
        pictures=present(_fits(study), regimens.times(study), *regimens.courses(study)),
        sheets=present(
            fits_sheet("Fitted parameters of each person", study.tables["fits"]),
            items_sheet("Each person on each regimen", on_regimens),
        ),
        synthetic=study.synthetic("all"),
    )


def _held_out(study: Study) -> list[dict]:
    return [row for row in study.rows("observations", held_out=True) if row["inside"] is not None]


def _hits(held: list[dict]) -> str:
    if not held:
        return "No held-out sample was judged."
    inside = sum(row["inside"] for row in held)
    level = percent(held[0]["level"])
    return (
        f"{inside} of {len(held)} samples that were held out lie inside their {level} prediction intervals."
    )


def _fits(study: Study) -> Picture | None:
    samples, curves = (
        by(study.tables["observations"], "patient"),
        by(study.rows("series", arm=regimens.FIT), "patient"),
    )
    everybody = [name for name in study.people() if name in samples or name in curves]
    if not everybody:
        return None
    names = spread(everybody, regimens.MOST_PEOPLE)
    cells = [["sample", *(row[key] for key in SAMPLE_COLUMNS)] for row in study.tables["observations"]]
    for name in names:
        for row in curves.get(name, []):
            cells += [
                ["curve", name, t, None, None, value, lo, hi, None] for t, value, lo, hi in canvas.cells(row)
            ]
    level = common_level(study.tables["observations"] + study.rows("series", arm=regimens.FIT))
    held = count(len(study.rows("observations", held_out=True)), "sample")
    return Picture(
        title="Concentration after one dose, person by person",
        panels=[
            _fit(name, samples.get(name, []), curves.get(name, []), study.synthetic(name)) for name in names
        ],
        sentence=f"Each panel shows one person's fitted concentration (line) with its {level} "
        f"band{drawn_of(len(names), len(everybody))}; the fit used the round samples only, the {held} held "
        f"out are drawn with the {level} interval predicted for a measurement there, and nothing here knows "
        "other doses, meals or days than the one that was measured.",
        download=download(
            "theophylline-fits", ["kind", *SAMPLE_COLUMNS], cells, study.name, "{observations,series}"
        ),
        keys=[
            Key("▬", "blue", f"fit with {level} band"),
            Key("●", "ink", "sample used in the fit"),
            Key("◆", "green", "held out, inside its interval"),
            Key("✖", "orange", "held out, outside its interval"),
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
        axes.plot(
            [r["time"] for r in used],
            [r["value"] for r in used],
            "o",
            color=canvas.COLOURS["ink"],
            markersize=3.6,
        )
        for row in held:
            colour, marker = ("green", "D") if row["inside"] else ("orange", "X")
            if known(row, "lo", "hi"):
                canvas.bars(axes, [((row["time"], row["lo"]), (row["time"], row["hi"]))], colour, 1.4)
            axes.plot([row["time"]], [row["value"]], marker, color=canvas.COLOURS[colour], markersize=5.5)
        shown = (samples + curves)[0]
        axes.set(xlabel=axis("time", shown["time_unit"]), ylabel=axis("theophylline", shown["unit"]))
        axes.set_ylim(bottom=0)
    return Panel(f"person {name}", sketch.svg, synthetic)
