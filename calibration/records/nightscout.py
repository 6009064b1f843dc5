"""Nightscout's collections as JSON arrays: ``entries.json`` and, where present, ``treatments.json``.

    entries     type (sgv is read; mbg and cal are counted), sgv [mg/dL, always], date [ms since 1970, UTC], dateString,
                utcOffset [min]
    treatments  created_at or timestamp, utcOffset, eventType, insulin [U], carbs [g],
                Temp Basal: absolute or rate [U/h], duration [min]

Local time is UTC plus ``utcOffset``, else as the zone in ``dateString`` or ``created_at`` says; where a site stores everything
as UTC, days are cut at UTC midnight and a remark says so. A temporary basal holds for its duration or until the next; after it
the pump's own programme runs, which is in the profile and not read: rate unknown. Numbers below 39 are error codes of the
receiver, 39 is its Low and 401 its High. Treatments that name a long-acting insulin in ``insulinType`` or ``eventType`` are
long-acting doses. Rows are items of the array, counted from 1.
"""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.cells import number, read_text
from calibration.records.diary import ABOVE, BELOW, Remark
from calibration.records.raw import RawEntry, Record

LOW, HIGH = 39, 401  # mg/dL: shown as Low from there down and High from there up
SLOW = ("long", "basal injection", "lantus", "glargine", "tresiba", "degludec", "levemir", "detemir", "toujeo", "basaglar")


def records(folder: Path) -> list[Record]:
    record = Record(folder.name)
    entries = folder / "entries.json"
    zones: set[float | None] = set()
    _glucose(record, entries, _items(entries), zones)
    if not record.kinds["glucose"]:
        raise InputError(entries, problem="no item of type sgv", expected="sensor glucose")
    treatments = folder / "treatments.json"
    if treatments.is_file():
        _treatments(record, treatments, _items(treatments), zones)
    if zones == {0.0}:
        record.remarks.append(Remark(entries.name, None, "all times are UTC", "read as local: days are cut at UTC midnight"))
    elif len(zones) > 1:
        said = f"{len(zones)} offsets from UTC, {min(zones):g} to {max(zones):g} min"
        record.remarks.append(Remark(entries.name, None, said, "each time read as local by its own"))
    return [record]


def _items(file: Path) -> list[dict]:
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, InputError):
            raise
        line = getattr(problem, "lineno", None)
        raise InputError(file, line, problem=f"not JSON: {getattr(problem, 'msg', problem)}", expected="an array") from None
    if not isinstance(found, list):
        raise InputError(file, problem="not an array", expected="an array of objects")
    for place, item in enumerate(found, start=1):
        if not isinstance(item, dict):
            raise InputError(file, place, problem="not an object", expected="an array of objects")
    return found


def _number(file: Path, row: int, name: str, value: object, unit: str) -> float:
    return number(file, row, name, str(value).strip(), unit)


def _local(file: Path, row: int, item: dict, zones: set) -> datetime:
    text = str(item.get("dateString") or item.get("created_at") or item.get("timestamp") or "")
    try:
        if "date" in item:
            stamp = datetime.fromtimestamp(float(item["date"]) / 1000.0, UTC)
            zone = datetime.fromisoformat(text).utcoffset() if text and "utcOffset" not in item else None
        else:
            stamp = datetime.fromisoformat(text)
            zone = stamp.utcoffset()
            if zone is None:
                zones.add(0.0)
                return stamp
        offset = float(item["utcOffset"]) if "utcOffset" in item else (zone or timedelta(0)).total_seconds() / 60.0
        zones.add(offset)
        return (stamp.astimezone(UTC) + timedelta(minutes=offset)).replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError, OSError):
        said = f"{item.get('date', text)!r} is not a time"
        raise InputError(file, row, "date" if "date" in item else "created_at", said, "ms since 1970, or ISO 8601") from None


def _glucose(record: Record, file: Path, items: list[dict], zones: set) -> None:
    others, codes = Counter(), []
    for row, item in enumerate(items, start=1):
        kind = str(item.get("type", "sgv" if "sgv" in item else "none"))
        if kind != "sgv":
            others[kind] += 1
            continue
        value = _number(file, row, "sgv", item.get("sgv", ""), "mg/dL")
        if value < LOW:
            if value != int(value):
                raise InputError(file, row, "sgv", f"{value:g} looks like mmol/L", "mg/dL, as Nightscout stores it")
            codes.append(row)
            continue
        label = BELOW if value == LOW else ABOVE if value >= HIGH else ""
        held = {BELOW: LOW + 1.0, ABOVE: HIGH - 1.0}.get(label, value)
        record.kinds["glucose"].append(RawEntry(file.name, row, _local(file, row, item, zones), held, label))
    record.remarks += [Remark(file.name, None, f"{n} items of type {name}", "not read") for name, n in others.items()]
    if codes:
        if not record.kinds["glucose"]:
            raise InputError(file, codes[0], "sgv", "all values are below 39", "mg/dL, as Nightscout stores it")
        said = f"an error code of the receiver instead of glucose ({len(codes)} items)"
        record.remarks.append(Remark(file.name, codes[0], said, "left out"))


def _treatments(record: Record, file: Path, items: list[dict], zones: set) -> None:
    temporary = []
    for row, item in enumerate(items, start=1):
        event = str(item.get("eventType", ""))
        amounts = {name: item[name] for name in ("insulin", "carbs") if item.get(name) not in (None, "", 0)}
        if not amounts and event != "Temp Basal":
            continue
        entry = RawEntry(file.name, row, _local(file, row, item, zones), np.nan, event)
        if event == "Temp Basal":
            rate = item.get("absolute", item.get("rate"))
            held = _number(file, row, "duration", item.get("duration", 0), "min")
            value = np.nan if rate is None else _number(file, row, "absolute", rate, "U/h") / 60.0
            if rate is None and held:
                said = "a temporary basal without a rate in U/h (a percentage of the profile)"
                record.remarks.append(Remark(file.name, row, said, "rate unknown while it lasts"))
            temporary.append((entry._replace(value=value), held))
        if "insulin" in amounts:
            named = f"{event} {item.get('insulinType', '')}".lower()
            to = "long_acting" if any(word in named for word in SLOW) else "boluses"
            record.kinds[to].append(entry._replace(value=_number(file, row, "insulin", amounts["insulin"], "U")))
            if event == "Combo Bolus":
                said = "a combination bolus, part of it given over time"
                record.remarks.append(Remark(file.name, row, said, "taken as given at once"))
        if "carbs" in amounts:
            record.kinds["meals"].append(entry._replace(value=_number(file, row, "carbs", amounts["carbs"], "g")))
    _steps(record, file, temporary)


def _steps(record: Record, file: Path, temporary: list[tuple[RawEntry, float]]) -> None:
    """Rates from temporary ones: each until its end or the next one's beginning, unknown in between."""
    temporary.sort(key=lambda pair: pair[0].time)
    cut = []
    for place, (entry, held) in enumerate(temporary):
        after = temporary[place + 1][0] if place + 1 < len(temporary) else None
        end = entry.time + timedelta(minutes=held)
        if held == 0.0:  # cancels the one before: the programme runs
            entry = entry._replace(value=np.nan)
        record.kinds["basal"].append(entry)
        if after is not None and after.time < end:
            cut.append(after.row)
        elif held and (after is None or after.time > end):
            record.kinds["basal"].append(entry._replace(time=end, value=np.nan, label="programme of the pump"))
    if cut:
        said = f"a basal row begins before the one before it has ended ({len(cut)} such)"
        record.remarks.append(Remark(file.name, cut[0], said, "the later one holds from its beginning"))
    if temporary:
        said = "only temporary basal rates are recorded"
        record.remarks.append(Remark(file.name, None, said, "between them the rate is unknown (nan)"))
