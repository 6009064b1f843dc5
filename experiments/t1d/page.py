"""One person's page: what the record is, one fitted day, three what-ifs, what was learned, and the whole record.

Every number has its interval or the words "not quantified".
"""

from collections.abc import Sequence

from calibration.diabetes.fitting import DayFits
from calibration.diabetes.glucose_profile import ambulatory_profile, control, glucose_trace_of
from calibration.diabetes.support import largest
from calibration.diabetes.time_below import TimeBelow
from calibration.records.days import summary
from experiments.report.page import record_page
from experiments.report.parts import Section, Sheet
from experiments.report.wording import NOT_QUANTIFIED, count, listed, number, percent
from experiments.t1d.asked import LEVEL, Told, Twin
from experiments.t1d.chosen import Person
from experiments.t1d.fits_table import Learned
from experiments.t1d.pictures import LEARNED, ambulatory_picture, day_picture, posterior_picture, what_ifs_picture
from experiments.t1d.skill import Scored, skill_section

MISFIT = 1.3  # variance of innovations that chance hardly makes
LEVEL_SAID = percent(LEVEL)


def render(
    person: Person, twins: Sequence[Twin], fits: Sequence[DayFits], rows: Sequence[Learned], skill: Scored | None, virtual: bool
) -> str:
    """``twins`` are the person's; the latest good one is shown. Forecasts are of real people alone."""
    good = [twin for twin in twins if twin.recorded.good[0]]
    sections = [_record(person, twins, virtual)]
    if good:
        sections += [_day(good[-1], fits), _what_ifs(good[-1]), _learned(good[-1], fits, rows)]
    if not virtual:
        sections.append(skill_section(skill))
    sections.append(_whole(person))
    for section in sections:
        section.synthetic = virtual
    return record_page(person.diary.person, "type 1 diabetes", sections)


def _record(person: Person, twins: Sequence[Twin], virtual: bool) -> Section:
    diary, days = person.diary, person.days
    first, last = (diary.when(diary.glucose.minute[i]).date() for i in (0, -1))
    failed = [str(t.window.day.date) for t in twins if not t.recorded.good[0]]
    fitted = listed([str(t.window.day.date) for t in twins]) if twins else "none"
    assumed = list(dict.fromkeys(said for t in twins for said in t.window.assumed))
    findings = [
        ("Record", f"{count(len(diary.glucose), 'reading')}, {first} to {last}"),
        ("Days", summary(days)[0] + f"; fitted: {fitted}"),
        *(("Assumed", said) for said in assumed),
    ]
    if failed:
        findings.append(("Not fitted", f"{listed(failed)}: no number can be given"))
    believed = (
        "The person is simulated: the record is exact and is believed."
        if virtual
        else "Amounts and times of meals are doubted as people miscount. What the models cannot explain is taken for drift of "
        "the sensor in the fit and widens every band of glucose. A day is 24 h from midnight; the 6 h before it are fitted with it, "
        "for their food and insulin still act."
    )
    return Section(
        name="record",
        title="What the record is, and what was assumed",
        lead=f"A day is fitted from itself and from published people alone. {believed}",
        summary=f"{summary(days)[0]}; {count(len(diary.remarks), 'remark')}.",
        findings=findings,
        sheets=[sheet for sheet in _remarks(person) if sheet.rows],
    )


def _remarks(person: Person) -> list[Sheet]:
    remarks = person.diary.remarks
    found = [[f"{r.file}:{r.row}" if r.row else r.file, r.what, r.assumption] for r in remarks]
    return [
        Sheet("Why other days are not used", ["days and reason"], [[line] for line in summary(person.days)[1:]]),
        Sheet(f"Remarks on the files ({len(remarks)})", ["where", "what was found", "what was assumed"], found),
    ]


def _day(twin: Twin, fits: Sequence[DayFits]) -> Section:
    labels = [fit.problem.family.label for fit in fits]
    misfit = [float(fit.misfit[twin.lane]) for fit in fits]
    unexplained = [label for label, m in zip(labels, misfit, strict=True) if m > MISFIT]
    told = f"{listed(unexplained)} cannot explain this day, and its intervals are wider for it. " if unexplained else ""
    weights = ", ".join(f"{label} {100.0 * w:.0f} %" for label, w in zip(labels, twin.weight, strict=True))
    taught = float(twin.recorded.learned[0])
    return Section(
        name="day",
        title=f"The day {twin.window.day.date}",
        lead=f"{told}Families of models are averaged by how well each explains the day.",
        summary=f"time below 70 mg/dL {_share(twin.below)}.",
        findings=[
            ("Time below 70 mg/dL, plasma glucose", _share(twin.below)),
            ("Weights of the families", f"{weights}; {NOT_QUANTIFIED}"),
            ("What the day taught of itself", f"{number(100.0 * taught, 2)} % of the prior's variance; {NOT_QUANTIFIED}"),
        ],
        pictures=[day_picture(twin)],
    )


def _what_ifs(twin: Twin) -> Section:
    answered = [t for t in twin.told if not t.refused and t.support.supported]
    groups = dict.fromkeys(t.families for t in answered)
    alone = [t for t in twin.told if len(t.families) < len(twin.weight)]
    said = f" {listed([t.name for t in alone])}: by {listed(list(alone[0].families))} alone." if alone else ""
    return Section(
        name="what-ifs",
        title="The same day, had one thing been otherwise",
        lead=f"Each what-if changes one thing of the day and leaves everything else as it was.{said}",
        summary=f"the data support {len(answered)} of {len(twin.told)} questions.",
        findings=[(t.name, _answered(twin, t)) for t in twin.told],
        pictures=[what_ifs_picture(twin, [t for t in answered if t.families == group]) for group in groups],
    )


def _answered(twin: Twin, told: Told) -> str:
    if told.refused:
        return f"not asked: {told.refused}"
    if not told.support.supported:
        return _sentence(str(told.support))
    at = largest(told.difference, 0)
    low, high = (number(float(end[at, 0])) for end in told.difference.interval(LEVEL))
    mean, clock = number(float(told.difference.mean[at, 0])), _clock(twin.minute[at])
    parts = [
        f"largest change {mean} mg/dL at {clock}; {low} to {high} ({LEVEL_SAID})",
        f"time below 70 mg/dL {_share(told.below)}; as it was, {_share(told.below_recorded)}",
        *told.support.beyond,
    ]
    return " ".join(_sentence(part) for part in parts)


def _learned(twin: Twin, fits: Sequence[DayFits], rows: Sequence[Learned]) -> Section:
    own = [row for row in rows if row.date == str(twin.window.day.date)]
    named = {fit.problem.family.label: LEARNED.get(type(fit.problem.family), ())[:2] for fit in fits}
    shown = [row for row in own if row.unknown in named[row.family]]
    table = [[row.family, row.unknown, _interval(row)] for row in own]
    picture = posterior_picture(fits, twin)
    return Section(
        name="learned",
        title="What was learned of the person",
        lead="Sensitivity to insulin and how fast the gut delivers, by the day shown; all unknowns are in fits.csv.",
        summary=f"{count(len(shown), 'unknown')} shown, {len(own)} in the table.",
        findings=[(_named(row, named[row.family]), _interval(row)) for row in shown],
        pictures=[picture] if picture else [],
        sheets=[Sheet("All unknowns of this day", ["family", "unknown", "value and interval"], table)],
    )


def _named(row: Learned, addresses: Sequence[str]) -> str:
    what = "insulin sensitivity" if row.unknown == addresses[0] else "the gut"
    return f"{what} by {row.family}: {row.unknown}"


def _whole(person: Person) -> Section:
    trace = glucose_trace_of(person.diary)
    found = control(trace)
    ranges = found.ranges
    percents = (
        ("Time below 54 mg/dL", ranges.below_54),
        ("Time in 54-69 mg/dL", ranges.from_54_to_69),
        ("Time in 70-180 mg/dL", ranges.from_70_to_180),
        ("Time in 181-250 mg/dL", ranges.from_181_to_250),
        ("Time above 250 mg/dL", ranges.above_250),
    )
    findings = [(name, f"{number(100.0 * share)} %; {NOT_QUANTIFIED}") for name, share in percents]
    findings += [
        ("Mean of the readings", f"{number(found.mean)} mg/dL; {NOT_QUANTIFIED}"),
        ("Coefficient of variation", f"{number(found.variation)} %; {NOT_QUANTIFIED}"),
        ("Glucose management indicator", f"{number(found.gmi)} %; {NOT_QUANTIFIED}"),
    ]
    return Section(
        name="whole",
        title="The whole record",
        lead=f"{number(found.hours)} h of readings, {number(100.0 * found.coverage)} % of the time from the first to the last: "
        "shares of what was read, not estimates of what was not.",
        summary=f"{number(100.0 * ranges.from_70_to_180)} % of the time read in 70-180 mg/dL ({NOT_QUANTIFIED}).",
        findings=findings,
        pictures=[ambulatory_picture(ambulatory_profile(trace), found)],
    )


def _share(below: TimeBelow) -> str:
    """A share of the day in percent, with its interval."""
    value, low, high = (f"{100.0 * share:.1f}" for share in (below.expected, below.low, below.high))
    return f"{value} %; {low} to {high} % ({LEVEL_SAID})"


def _interval(row: Learned) -> str:
    unit = "" if row.unit == "1" else f" {row.unit}"
    return f"{number(row.value)}{unit}; {number(row.low)} to {number(row.high)} ({LEVEL_SAID})"


def _clock(minute: float) -> str:
    return f"{int(minute // 60) % 24:02d}:{int(minute % 60):02d}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
