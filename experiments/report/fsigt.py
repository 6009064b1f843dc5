"""One real glucose tolerance test: the fit, the insulin sensitivity, and whether the minimum was found."""

import math

from experiments.report import canvas
from experiments.report.parts import Key, Panel, Picture, Section, download, present
from experiments.report.results import Study, by, known
from experiments.report.sheets import fits_sheet, items_sheet
from experiments.report.wording import axis, common_level, count, number, outcome, stated

NAMES = {"SI": "insulin sensitivity SI", "SG": "glucose effectiveness SG"}
ENDED_WELL = ("ok", "converged")
CURVES = ("glucose", "insulin", "remote insulin action")


def section(study: Study) -> Section:
    everybody, failed = study.people(), study.failed()
    kind = "synthetic" if study.synthetic("all") else "real"
    tests = count(len(everybody), f"{kind} glucose tolerance test")
    lead = f"{tests}: {outcome(len(everybody), len(failed))}."
    findings = [
        (f"{NAMES[row['quantity']]}, {row['arm']}", stated(row))
        for quantity in NAMES
        for row in study.rows("items", quantity=quantity)
    ]
    widest = [text for name, text in findings if "unknown" in name and name.startswith(NAMES["SI"])]
    told = f"{lead} Insulin sensitivity, with the basal values unknown too: {widest[0]}." if widest else lead
    return Section(
        name=study.name,
        title="Glucose tolerance test: how sensitive to insulin is this person?",
        lead=f"{lead} The minimal model of glucose is fitted to the glucose samples with the measured "
        "insulin as its input.",
        summary=told,
        findings=findings,
        pictures=present(_fit(study), _forest(study), _waterfall(study)),
        sheets=present(
            fits_sheet("Fitted parameters", study.tables["fits"]),
            items_sheet("Every stated quantity", study.tables["items"]),
        ),
        synthetic=study.synthetic("all"),
    )


def _fit(study: Study) -> Picture | None:
    panels, cells = [], []
    for variable in CURVES:
        curves = study.rows("series", variable=variable)
        samples = [
            row for row in study.rows("observations", quantity=variable) if known(row, "time", "value")
        ]
        if curves or samples:
            panels.append(_course(study, variable, curves, samples))
            cells += [
                ["sample", variable, "", r["time"], r["value"], r["predicted"], r["lo"], r["hi"]]
                for r in samples
            ]
            for row in curves:
                cells += [["curve", variable, row["arm"], t, None, *rest] for t, *rest in canvas.cells(row)]
    if not panels:
        return None
    glucose = study.rows("observations", quantity="glucose")
    unused = count(sum(row["held_out"] for row in glucose), "early sample")
    level = common_level(glucose + study.tables["series"])
    return Picture(
        title="Glucose, insulin, and the insulin action between them",
        panels=panels,
        sentence=f"The line is the fitted glucose with its {level} band and the bars are {level} intervals "
        "for each measurement, the fit used the filled samples and took the insulin as measured, and it "
        f"does not know the {unused} drawn hollow (before the bolus had mixed), the error of the insulin "
        "assay, or any other test.",
        download=download(
            "fsigt-fit",
            ["kind", "variable", "arm", "time", "measured", "fitted", "lo", "hi"],
            cells,
            study.name,
            "{observations,series}",
        ),
        keys=[
            Key("▬", "blue", f"fitted, with {level} band where one is known"),
            Key("●", "ink", "sample used"),
            Key("○", "ink", "sample not used in the fit"),
        ],
        synthetic=study.synthetic("all"),
        width=300,
    )


def _course(study: Study, variable: str, curves: list[dict], samples: list[dict]) -> Panel:
    banded = all(row["lo"] and row["hi"] for row in curves)
    alt = f"{variable.capitalize()} over time: {count(len(samples), 'sample')}, {count(len(curves), 'curve')}"
    alt += " with band." if banded else "; interval not quantified."
    with canvas.drawing(alt, 3.9, 2.7) as sketch:
        axes = sketch.axes
        for row, dash in zip(curves, ("-", "--", ":", "-.") * len(curves), strict=False):
            canvas.curve(axes, row, "blue", dash)
        ranged = [row for row in samples if known(row, "lo", "hi")]
        canvas.bars(axes, [((r["time"], r["lo"]), (r["time"], r["hi"])) for r in ranged], "muted", 1.0)
        for held, face in ((False, "ink"), (True, "paper")):
            here = [row for row in samples if row["held_out"] is held]
            at = [[row["time"] for row in here], [row["value"] for row in here]]
            axes.plot(
                *at, "o", color=canvas.COLOURS["ink"], markerfacecolor=canvas.COLOURS[face], markersize=4
            )
        shown = (curves + samples)[0]
        axes.set(xlabel=axis("time", shown["time_unit"]), ylabel=axis(variable, shown["unit"]))
    title = variable if banded or not curves else f"{variable} (interval not quantified)"
    return Panel(title, sketch.svg, study.synthetic("all"))


def _forest(study: Study) -> Picture | None:
    groups = by([row for row in study.tables["items"] if row["quantity"] in NAMES], "quantity")
    panels, cells = [], []
    for quantity, rows in groups.items():
        alt = f"{NAMES[quantity]} by what is assumed of the basal values: "
        alt += "; ".join(f"{row['arm']} {stated(row)}" for row in rows) + "."
        with canvas.drawing(alt, 4.0, 0.7 + 0.45 * len(rows)) as sketch:
            axes = sketch.axes
            for place, row in enumerate(rows):
                if known(row, "lo", "hi"):
                    canvas.bars(axes, [((row["lo"], place), (row["hi"], place))], "blue", 2.2)
                if known(row, "value"):
                    axes.plot([row["value"]], [place], "o", color=canvas.COLOURS["blue"], markersize=5.5)
            axes.set_yticks(range(len(rows)), [row["arm"].replace(" (", "\n(") for row in rows])
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.set_xlabel(axis(quantity, rows[0]["unit"]))
            axes.locator_params(axis="x", nbins=5)
            axes.margins(x=0.08)
        panels.append(Panel(NAMES[quantity], sketch.svg, study.synthetic("all")))
        cells += [
            [r[k] for k in ("quantity", "arm", "unit", "value", "lo", "hi", "level", "method")] for r in rows
        ]
    if not panels:
        return None
    level = common_level([row for rows in groups.values() for row in rows])
    return Picture(
        title="With the basal values taken as given, and with them unknown",
        panels=panels,
        sentence=f"Each row is the estimate and {level} interval from the same glucose samples when the "
        "basal glucose and insulin are taken as given or estimated along with the rest; one test of one "
        "person cannot tell how either would differ on another day.",
        download=download(
            "fsigt-sensitivity",
            ["quantity", "arm", "unit", "value", "lo", "hi", "level", "method"],
            cells,
            study.name,
            "items",
        ),
        keys=[Key("●", "blue", f"estimate, bar = {level} interval")],
        synthetic=study.synthetic("all"),
        width=330,
    )


def _waterfall(study: Study) -> Picture | None:
    starts = study.tables["starts"]
    ended = sorted((row for row in starts if row["cost"] is not None), key=lambda row: row["cost"])
    if not ended:
        return None
    best = ended[0]["cost"]
    near = sum(row["cost"] <= best + 1e-3 * abs(best) for row in ended)
    lost = len(starts) - len(ended)
    alt = f"Final cost of {count(len(ended), 'start')} in rising order; {near} within 0.1 % of the lowest."
    with canvas.drawing(alt, 4.0, 2.4) as sketch:
        axes = sketch.axes
        for ok, marker in ((True, "o"), (False, "x")):
            here = [
                (n, row["cost"])
                for n, row in enumerate(ended, start=1)
                if (row["status"] in ENDED_WELL) is ok
            ]
            if here:
                colour = canvas.COLOURS["blue" if ok else "orange"]
                axes.plot(*zip(*here, strict=True), marker, color=colour, markersize=4)
        if best > 0 and math.log10(ended[-1]["cost"] / best) > 1:
            axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, best - 0.01 * abs(best)), max(high, best + 0.01 * abs(best)))
        axes.set(xlabel="start, in order of its final cost (count)", ylabel="final cost (that of the fit)")
    keys = [Key("●", "blue", "start that ended well")]
    if any(row["status"] not in ENDED_WELL for row in ended):
        keys.append(Key("✕", "orange", "start that stopped early"))
    return Picture(
        title="Did the fit find its minimum?",
        panels=[Panel(f"{count(len(starts), 'start')}, sorted", sketch.svg, study.synthetic("all"))],
        sentence=f"{near} of {count(len(starts), 'start')}, all fitted to the same samples, end within 0.1 "
        f"% of the lowest cost ({number(best)}, interval not quantified: a cost is no estimate) and {lost} "
        "ended without a cost; a flat step at the left speaks for a global minimum but cannot prove one.",
        download=download(
            "fsigt-starts",
            ["start", "cost", "iterations", "status", "reason"],
            [[row[key] for key in ("start", "cost", "iterations", "status", "reason")] for row in starts],
            study.name,
            "starts",
        ),
        keys=keys,
        synthetic=study.synthetic("all"),
        width=300,
    )
