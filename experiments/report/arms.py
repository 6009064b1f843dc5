"""What each treatment does to each virtual person."""

from experiments.report import canvas, cohort
from experiments.report.cohort import BASELINE
from experiments.report.parts import Key, Panel, Picture, download
from experiments.report.results import TRUTH, Study, known, spread
from experiments.report.wording import axis, common_level, count

QUANTITIES = ("cardiac output", "mean arterial pressure")
CHANGE = "change in "
NOT_ARMS = (BASELINE, "coverage", TRUTH, None)


def picture(study: Study) -> Picture | None:
    """Changes with their own intervals where the tables hold them; else both states, each with its own."""
    estimates = [
        row
        for row in study.tables["items"]
        if row["method"] != TRUTH and row["value"] is not None and cohort.group(row["patient"]) == cohort.SAME
    ]
    arms = [arm for arm in dict.fromkeys(row["arm"] for row in estimates) if arm not in NOT_ARMS]
    at = {(row["arm"], row["quantity"], row["patient"]): row for row in estimates}
    panels, cells, changes = [], [], False
    for quantity in QUANTITIES:
        for arm in arms:
            change = [row for row in estimates if row["arm"] == arm and row["quantity"] == CHANGE + quantity]
            changes = changes or bool(change)
            people = [who for *what, who in at if what == [arm, quantity] and (BASELINE, quantity, who) in at]
            both = [(at[BASELINE, quantity, who], at[arm, quantity, who]) for who in people]
            drawn = [(None, row) for row in change] or both
            if drawn:
                name = CHANGE + quantity if change else quantity
                panels.append(Panel(f"{arm}: {name}", _draw(arm, name, drawn, study), True))
                cells += [_cells(row) for pair in drawn for row in pair if row is not None]
    if not panels:
        return None
    level = common_level([row for row in estimates if row["arm"] in arms])
    order = "change and" if changes else "value before and on treatment, each with"
    return Picture(
        title="What the treatments do, person by person",
        panels=panels,
        sentence="Each row is one synthetic person of the same circulation, sorted, with the estimated "
        f"{order} its {level} interval; the fitted person and the scenario's effect sizes with their spreads "
        "were used, and nobody was ever measured on treatment, nor are the body's reflexes in the model.",
        download=download(
            "virtual-cohort-arms",
            ["patient", "arm", "quantity", "unit", "value", "lo", "hi", "level"],
            cells,
            study.name,
            "items",
        ),
        keys=[
            Key("●", "blue", f"{'change' if changes else 'on treatment'}, bar = {level} interval"),
            *([Key("●", "ink", "truth")] if changes and _truths(study) else []),
            *([] if changes else [Key("●", "muted", f"before, bar = {level} interval")]),
        ],
        synthetic=True,
        width=380,
    )


def _truths(study: Study) -> dict[tuple, float]:
    rows = study.rows("items", method=TRUTH)
    return {
        (row["arm"], row["quantity"], row["patient"]): row["value"]
        for row in rows
        if row["value"] is not None
    }


def _draw(arm: str, name: str, pairs: list[tuple], study: Study) -> str:
    ordered = sorted(pairs, key=lambda pair: (pair[0] or pair[1])["value"])
    drawn = spread(ordered, cohort.MOST_PEOPLE)
    unit = drawn[0][1]["unit"]
    alt = f"{name.capitalize()} on {arm} for {count(len(drawn), *cohort.PEOPLE)}, with intervals."
    with canvas.drawing(alt, 3.9, 3.3) as sketch:
        axes = sketch.axes
        if name.startswith(CHANGE):
            axes.axvline(0, color=canvas.COLOURS["ink"], linewidth=0.9)
        for side, colour in ((0, "muted"), (1, "blue")):
            rows = [(y, pair[side]) for y, pair in enumerate(drawn, start=1) if pair[side] is not None]
            whole = [(y, row) for y, row in rows if known(row, "lo", "hi")]
            canvas.bars(axes, [((row["lo"], y), (row["hi"], y)) for y, row in whole], colour, 0.8, 0.35)
            canvas.dots(axes, [row["value"] for _, row in rows], [y for y, _ in rows], colour, 2.4)
        truths = _truths(study) if name.startswith(CHANGE) else {}
        true = [
            (truths[key], y)
            for y, (_, r) in enumerate(drawn, 1)
            if (key := (arm, name, r["patient"])) in truths
        ]
        canvas.dots(axes, [x for x, _ in true], [y for _, y in true], "ink", 1.6)
        axes.set(xlabel=axis(name, unit), ylabel="synthetic people, sorted (count)")
        axes.set_ylim(0, len(drawn) + 1)
    return sketch.svg


def _cells(row: dict) -> list:
    return [row[key] for key in ("patient", "arm", "quantity", "unit", "value", "lo", "hi", "level")]
