"""How often the intervals hold the truth: people of the circulation that fits them, and of the other."""

from experiments.report import canvas, cohort
from experiments.report.parts import Key, Panel, Picture, download
from experiments.report.results import Study, known
from experiments.report.wording import axis, count, number, percent, rule, stated

ARM = "coverage"
POOLED = "pooled"
UNIDENTIFIED = "share not identified"


def rows_of(study: Study, group: str) -> list[dict]:
    """Coverage rows of a group, pooled first."""
    rows = [row for row in study.rows("items", arm=ARM, patient=group) if row["quantity"] != UNIDENTIFIED]
    return sorted(rows, key=lambda row: row["quantity"] != POOLED)


def findings(study: Study) -> list[tuple[str, str]]:
    """Pooled coverage and the share not identified, group by group."""
    told = []
    for group, who in cohort.GROUP_NAMES.items():
        for row in study.rows("items", arm=ARM, patient=group):
            if row["quantity"] == POOLED:
                told.append((f"Pooled coverage, {who}", judged(row)))
            elif row["quantity"] == UNIDENTIFIED:
                told.append((f"Share of unknowns not identified, {who}", stated(row)))
    return told


def judged(row: dict) -> str:
    """A coverage in words: its number, the band it was asked to lie in, and whether it does."""
    if not known(row, "value", "lo", "hi"):
        return stated(row)
    verdict = "inside" if row["lo"] <= row["value"] <= row["hi"] else "outside"
    band = f"{number(row['lo'])} to {number(row['hi'])}"
    nominal = f"around the nominal {percent(row['level'])} ({rule(row)})"
    return f"{number(row['value'])}, {verdict} the band {band} {nominal}"


def picture(study: Study) -> Picture | None:
    groups = {group: rows_of(study, group) for group in cohort.GROUP_NAMES}
    order = list(dict.fromkeys(row["quantity"] for rows in groups.values() for row in rows))
    if not order:
        return None
    shares = [
        n for rows in groups.values() for row in rows for n in (row["value"], row["lo"]) if n is not None
    ]
    edge = max(-0.02, min([0.72, *shares]) - 0.04)
    panels = [
        Panel(f"people of the {cohort.GROUP_NAMES[group]}", _draw(group, rows, order, edge), True)
        for group, rows in groups.items()
        if rows
    ]
    header = ["patient", "quantity", "value", "lo", "hi", "level", "method", "status", "reason"]
    return Picture(
        title="Do the intervals hold the truth as often as they say?",
        panels=panels,
        sentence="Each mark is the share of synthetic people whose interval holds the truth, from the fits "
        "to their made-up readings, with the band that chance allows around the nominal level (dashed) in "
        "grey; the difference between the two panels is what a wrong model costs, and how wrong it is for "
        "real people is not known.",
        download=download(
            "virtual-cohort-coverage",
            header,
            [[row[key] for key in header] for rows in groups.values() for row in rows],
            study.name,
            "items",
        ),
        keys=[
            Key("●", "blue", "inside the band"),
            Key("◆", "orange", "outside the band"),
            Key("▬", "muted", "nominal ± 3 standard errors, people as clusters"),
        ],
        synthetic=True,
        width=340,
    )


def _draw(group: str, rows: list[dict], order: list[str], edge: float) -> str:
    shown = [row for row in rows if row["value"] is not None]
    outside = [row for row in shown if known(row, "lo", "hi") and not row["lo"] <= row["value"] <= row["hi"]]
    alt = f"Coverage of {count(len(shown), 'quantity', 'quantities')}, {cohort.GROUP_NAMES[group]}; "
    alt += f"{len(outside)} outside the band" + "".join(
        f", {row['quantity']} {number(row['value'])}" for row in outside
    )
    places = {quantity: place for place, quantity in enumerate(order)}
    with canvas.drawing(alt + ".", 3.8, 0.8 + 0.25 * len(order)) as sketch:
        axes = sketch.axes
        for level in {row["level"] for row in rows if row["level"] is not None}:
            axes.axvline(level, color=canvas.COLOURS["ink"], linewidth=0.9, dashes=(4, 3))
        for row in rows:
            y = places[row["quantity"]]
            if known(row, "lo", "hi"):
                axes.barh(y, row["hi"] - row["lo"], 0.7, row["lo"], color=canvas.COLOURS["muted"], alpha=0.3)
            if row["value"] is None:
                axes.text(0.02, y, "no number", transform=axes.get_yaxis_transform(), va="center", fontsize=8)
            else:
                wrong = row in outside
                colour, marker = ("orange", "D") if wrong else ("blue", "o")
                axes.plot([row["value"]], [y], marker, color=canvas.COLOURS[colour], markersize=5)
        axes.set_yticks(range(len(order)), order)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(edge, 1.02)
        axes.set_xlabel(axis("coverage", "1"))
    return sketch.svg
