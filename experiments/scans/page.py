"""A person's page: what was read and assumed, numbers with intervals, the last scan forecast, a plan."""

from calibration.fit import FitStatus
from calibration.tumours.grid_support import warning
from calibration.tumours.scan_fit import dice
from calibration.tumours.scanned_field import MARGIN
from experiments.report.page import record_page
from experiments.report.parts import Section, Sheet
from experiments.report.wording import NOT_QUANTIFIED, count, listed, number, percent
from experiments.scans.pictures import CUBIC, forecast_picture, slices_picture, volume_picture
from experiments.scans.told import LEVEL, PLAN_MARGIN, Number, Told

COVERAGE = (
    "of 90 % intervals 84 to 97 % held, by the number, on virtual people whose outlines err like this, and 77 to 84 % of "
    "those of an edge's speed: slow edges come out too fast; fewer may hold where the model is wrong"
)


def render(name: str, told: Told, dated: bool) -> str:
    """``dated``: days are dates, and not counted from any first one."""
    sections = [_record(told, dated), _numbers(told)]
    if told.ahead is not None:
        sections.append(_ahead(told))
    if told.plan is not None:
        sections.append(_plan(told))
    return record_page(name, "scans", sections)


def _record(told: Told, dated: bool) -> Section:
    scans, doses, error = told.scans, told.doses, told.error
    last = f"; {count(len(told.field.planned), 'dose')} on or after the day of the last scan, which no scan shows"
    given = [f"{channel}: {count(sum(d.channel == channel for d in doses), 'dose')}" for channel in _channels(told)]
    shape, spacing = told.field.problem.brain.domain.grid.shape, scans[0].spacing
    course = told.field.problem.course
    age = f"the seed is {number(-course.begin)} d old at the first scan" if len(scans) == 1 else (
        f"how old the tumour is at the first scan is unknown, {number(-course.begin)} d in the median"
    )  # fmt: skip
    findings = [
        ("Scans", f"{count(len(scans), 'segmentation')}" + (f" in {told.days[-1]:g} d" if len(scans) > 1 else "")),
        ("Doses", (listed(given) if given else "none") + (last if told.field.planned else "")),
        ("Computed on", f"{shape[0]} x {shape[1]} x {shape[2]} voxels of {spacing[0]:g} x {spacing[1]:g} x {spacing[2]:g} mm, "
         f"{MARGIN:g} mm around all masks"),
        ("Assumed", f"A segmentation ends where cells are {percent(float(told.field.problem.sight.threshold))} of what fits"),
        ("Assumed", f"Outlines err by {number(error.sd)} mm, alike over {number(error.reach)} mm, anew at each scan"),
        ("Assumed", f"The tumour grew from a seed of 3 mm; {age}"),
        ("Assumed", "Cells wander, divide and die of doses; tissue does not move, and rates stay the same"),
    ]  # fmt: skip
    if any(drug != "radiation" for drug in _channels(told)):
        findings.append(("Assumed", "Doses of a drug count in units of its median dose; how fast it is lost is a median"))
    # days are told from the first scan
    rows = [
        [f"{scan.day}, day {day:g}" if dated else f"day {day:g}", scan.file.rpartition("/")[2], f"{number(v / CUBIC)} cm3"]
        for scan, day, v in zip(scans, told.days, told.volume, strict=True)
    ]
    return Section(
        name="record",
        title="What was read, and what was assumed",
        lead="Segmentations say where a tumour can be seen. A model of cells that wander and divide is fitted to them.",
        summary=f"{count(len(scans), 'scan')}, {count(len(doses), 'dose')}.",
        findings=findings,
        pictures=[slices_picture(told)],
        sheets=[Sheet("Every scan", ["day", "file", "volume in grey and white matter, as segmented"], rows)],
    )


def _numbers(told: Told) -> Section:
    """One scan tells ratios only."""
    one = len(told.scans) == 1
    status, narrow = FitStatus(int(told.fit.status[0])), warning(told.fit)
    findings = [(n.name, stated(n) + ("; mostly what was assumed" if n.assumed else "")) for n in told.numbers]
    findings.append(("Fit", f"{status.reason}; {told.fit.method}"))
    findings.append(("Intervals", COVERAGE))
    if narrow:
        findings.append(("Warning", narrow))
    first = told.numbers[0 if one else -1]
    lead = (
        "One scan tells how far cells have spread for how often they divide, and never how fast: D, rho, a speed or a date "
        "need a second one."
        if one
        else "Outlines tell best how the visible edge moves; D and rho apart are told by its shape, which they hardly show."
    )
    return Section(
        name="numbers",
        title="What the scans tell of the tumour",
        lead=lead,
        summary=f"{first.name} {stated(first)}.",
        findings=findings,
        pictures=[] if one else [volume_picture(told)],
    )


def _ahead(told: Told) -> Section:
    ahead, (forecast, carried) = told.ahead, told.ahead.dice
    volume = stated(Number("", "cm3", *(ahead.volume / CUBIC)))
    off = [100.0 * abs(v / ahead.read - 1.0) for v in (ahead.volume[0], ahead.carried)]
    inside = "inside" if ahead.volume[1] <= ahead.read <= ahead.volume[2] else "outside"
    return Section(
        name="forecast",
        title="The last scan, forecast from the earlier ones",
        lead="The last scan is hidden, forecast, and compared; the mask before it carried forward stands beside the forecast.",
        summary=f"volume {volume}, segmented {number(ahead.read / CUBIC)} cm3; Dice {number(forecast)}, carried forward "
        f"{number(carried)}, both {NOT_QUANTIFIED}.",
        findings=[
            ("Volume as forecast", volume),
            ("As segmented", f"{number(ahead.read / CUBIC)} cm3, {inside} the interval"),
            ("The one before carried forward", f"{number(ahead.carried / CUBIC)} cm3; {NOT_QUANTIFIED}"),
            ("Off by", f"{number(off[0])} % (forecast) and {number(off[1])} % (carried forward); {NOT_QUANTIFIED}"),
            ("Dice with the last mask", f"{number(forecast)} (forecast), {number(carried)} (carried); {NOT_QUANTIFIED}"),
        ],
        pictures=[forecast_picture(told)],
    )  # fmt: skip


def _plan(told: Told) -> Section:
    margin, equal = told.plan
    voxel = told.field.problem.brain.domain.grid.cell
    return Section(
        name="plan",
        title="A plan of equal volume",
        lead=f"All tissue within {PLAN_MARGIN:g} mm of the last mask, and as many voxels where the fit has most cells. Neither "
        "is advice: which of them would hold a recurrence is not known here.",
        summary=f"{number(float(margin.sum()) * voxel / CUBIC)} cm3 each; they share {number(100.0 * dice(margin, equal))} % "
        f"(Dice), {NOT_QUANTIFIED}.",
        findings=[
            ("Volume of each", f"{number(float(margin.sum()) * voxel / CUBIC)} cm3"),
            ("Dice of both", f"{number(dice(margin, equal))}; {NOT_QUANTIFIED}"),
        ],
    )  # fmt: skip


def stated(n: Number) -> str:
    """A number with unit and interval, or "not quantified"."""
    unit = "" if n.unit == "1" else f" {n.unit}"
    interval = f"{number(n.low)} to {number(n.high)} ({percent(LEVEL)})" if n.low == n.low else NOT_QUANTIFIED
    return f"{number(n.value)}{unit}; {interval}"


def _channels(told: Told) -> list[str]:
    return list(dict.fromkeys(dose.channel for dose in told.doses))
