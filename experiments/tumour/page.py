"""One folder's page: what the record is, forecasts of hidden readings, response, and every forecast in a table.

Every number has its interval or the words "not quantified".
"""

from collections.abc import Sequence

import numpy as np

from calibration.records.diary import Remark
from calibration.tumours.records import TumourRecord
from experiments.report.page import record_page
from experiments.report.parts import Section, Sheet, present
from experiments.report.wording import NOT_QUANTIFIED, count, listed, number, percent
from experiments.tumour.pictures import curves_picture, response_picture
from experiments.tumour.score import Score
from experiments.tumour.told import LEVEL, Forecasts, Told, plain, stated

MOST_ROWS = 400


def render(
    name: str, records: Sequence[TumourRecord], remarks: Sequence[Remark], found: Forecasts, score: Score | None
) -> str:
    """``score`` None: there was nothing to compare."""
    good = [t for t in found.told if t.good]
    sections = [_record(records, remarks, found)]
    if good:
        sections.append(_forecasts(good, found, score))
    if any(np.isfinite(t.change).all() for t in good):
        sections.append(_response(good, found))
    return record_page(name, "tumours", [*sections, *found.more])


def _record(records: Sequence[TumourRecord], remarks: Sequence[Remark], found: Forecasts) -> Section:
    words, first = found.words, records[0]
    readings = sum(len(r.time) for r in records)
    unseen = sum(int((~r.seen).sum()) for r in records)
    times = np.concatenate([r.time for r in records])
    lost = [t.record.person for t in found.told if not t.good]
    who = count(len(records), words.one, words.many)
    findings = [
        ("Record", f"{who}, {count(readings, 'reading')} of the {words.what} [{plain(first.unit)}], "
         f"{number(float(times.min()))} to {number(float(times.max()))} {first.time_unit}; {unseen} below detection"),
        ("Forecast", f"the {words.hidden} of {count(sum(t.hidden > 0 for t in found.told), words.one, words.many)}; "
         f"not forecast, {words.short}: {len(found.short)}"),
        *found.assumed,
        *found.shared,
    ]  # fmt: skip
    if lost:
        findings.append(("Not forecast", f"{listed(lost)}: no number can be given"))
    said = [[f"{r.file}:{r.row}" if r.row else r.file, r.what, r.assumption] for r in remarks]
    sheets = [
        Sheet(f"Remarks on the file ({len(said)})", ["where", "what was found", "what was assumed"], said),
        Sheet(f"Not forecast: {words.short}", [words.one], [[name] for name in found.short]),
    ]
    return Section(
        name="record",
        title="What the record is, and what was assumed",
        lead=f"The {words.hidden} of every record are hidden and forecast {words.source}, so that the forecasts can be judged. "
        "Nothing is forecast beyond the record.",
        summary=f"{who}, {count(readings, 'reading')}; {count(len(remarks), 'remark')}.",
        findings=findings,
        sheets=[sheet for sheet in sheets if sheet.rows],
    )


def _forecasts(good: Sequence[Told], found: Forecasts, score: Score | None) -> Section:
    words = found.words
    unit = f"% of the highest reading of the {words.one}" if words.share else plain(good[0].record.unit)
    rows = [[one.record.person, one.record.arm, *row] for one in good for row in _rows(one)]
    note = f"The first {MOST_ROWS} of {len(rows)} rows; all are in forecasts.csv." if len(rows) > MOST_ROWS else ""
    header = [words.one, "arm", "time", "forecast and interval", "last carried forward", "read"]
    section = Section(
        name="forecasts",
        title="How far forecasts of hidden readings were off",
        lead="The last known reading carried forward stands beside every forecast: a forecast that is no better tells nothing "
        f"new. Intervals are those of {words.many} drawn again.",
        summary="nothing could be compared.",
        pictures=[curves_picture(good, words)],
        sheets=[Sheet("Every forecast", header, rows[:MOST_ROWS], note)] if rows else [],
    )
    if score is not None:
        section.summary = f"mean absolute error {stated(score.forecast, unit)}; carried forward {stated(score.carried, unit)}."
        section.findings = [
            ("Mean absolute error of the forecast", stated(score.forecast, unit)),
            ("Of the last one carried forward", stated(score.carried, unit)),
            ("The forecast is better by", stated(score.less, unit)),
            (f"Hidden readings inside their {percent(LEVEL)} intervals", stated(100.0 * score.within, "%")),
            ("Judged", count(score.people, words.one, words.many)),
        ]
    return section


def _rows(one: Told) -> list[list[str]]:
    record, unit = one.record, plain(one.record.unit)
    last = _read(float(record.size[one.known - 1]), unit)
    return [
        [f"{number(float(time))} {record.time_unit}", stated(three, unit), last, _read(float(size), unit)]
        for time, three, size in zip(one.ahead.time, one.ahead.three.T, one.ahead.read, strict=True)
    ]


def _response(good: Sequence[Told], found: Forecasts) -> Section:
    change = [t for t in good if np.isfinite(t.change).all()]
    smaller = sum(t.read <= -30.0 for t in change)
    who = f"{smaller} of {count(len(change), found.words.one, found.words.many)}"
    return Section(
        name="response",
        title="Response",
        lead=f"The {found.words.change} from the first reading, as forecast and as read.",
        summary=f"{who} read at −30 % or less.",
        findings=[("Read at −30 % or less", f"{who}; what a second reading would have said is {NOT_QUANTIFIED}")],
        pictures=present(response_picture(good, found.words)),
    )


def _read(size: float, unit: str) -> str:
    return f"{number(size)} {unit}" if size > 0.0 else "below detection"

