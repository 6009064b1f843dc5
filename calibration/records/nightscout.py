"""Nightscout's collections as JSON arrays: ``entries.json`` and, where present, ``treatments.json``.

    entries     type (sgv is read; mbg and cal are counted), sgv [mg/dL, always], date [ms since 1970, UTC], dateString,
                utcOffset [min]
    treatments  created_at or timestamp, utcOffset, eventType, insulin [U], carbs [g],
                Temp Basal: absolute or rate [U/h], duration [min]

Local time is UTC plus ``utcOffset``, or as the zone in the text says (``clocks.py``); where a site stores everything as UTC,
days are cut at UTC midnight and a remark says so.

A temporary basal holds for its duration or until the next; after it
the pump's own programme runs, which is in the profile and not read: rate unknown. Numbers below 39 are error codes of the
receiver, 39 is its Low and 401 its High. Treatments that name a long-acting insulin in ``insulinType`` or ``eventType`` are
long-acting doses. Rows are items of the array, counted from 1.
"""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.cells import number, read_text
from calibration.records.clocks import local_times, utc_and_offset
from calibration.records.diary import ABOVE, BELOW, Remark
from calibration.records.raw import RawEntry, Record

LOW, HIGH = 39, 401  # mg/dL: shown as Low from there down and High from there up
SLOW = ("long", "basal injection", "lantus", "glargine", "tresiba", "degludec", "levemir", "detemir", "toujeo", "basaglar")


def records(folder: Path) -> list[Record]:
    record = Record(folder.name)
    files = [file for file in (folder / "entries.json", folder / "treatments.json") if file.is_file()]
    items = {file: dict(enumerate(_items(file), start=1)) for file in files}
    items[files[0]] = _sensor(record, files[0], items[files[0]])
    items.update({file: _given(items[file]) for file in files[1:]})
    moments = {file: {row: utc_and_offset(file, row, item) for row, item in found.items()} for file, found in items.items()}
    times = local_times(moments, record.remarks)
    _glucose(record, files[0], items[files[0]], times[files[0]])
    for file in files[1:]:
        _treatments(record, file, items[file], times[file])
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


def _sensor(record: Record, file: Path, items: dict[int, dict]) -> dict[int, dict]:
    """Items that hold a sensor's glucose; what else there is becomes a remark."""
    kinds = {row: str(item.get("type", "sgv" if "sgv" in item else "none")) for row, item in items.items()}
    others = Counter(kind for kind in kinds.values() if kind != "sgv")
    record.remarks += [Remark(file.name, None, f"{n} items of type {name}", "not read") for name, n in others.items()]
    if not any(kind == "sgv" for kind in kinds.values()):
        raise InputError(file, problem="no item of type sgv", expected="sensor glucose")
    return {row: item for row, item in items.items() if kinds[row] == "sgv"}


def _glucose(record: Record, file: Path, items: dict[int, dict], times: dict) -> None:
    codes = []
    for row, item in items.items():
        value = _number(file, row, "sgv", item.get("sgv", ""), "mg/dL")
        if value < LOW:
            if value != int(value):
                raise InputError(file, row, "sgv", f"{value:g} looks like mmol/L", "mg/dL, as Nightscout stores it")
            codes.append(row)
            continue
        label = BELOW if value == LOW else ABOVE if value >= HIGH else ""
        held = {BELOW: LOW + 1.0, ABOVE: HIGH - 1.0}.get(label, value)
        record.kinds["glucose"].append(RawEntry(file.name, row, times[row], held, label))
    if len(codes) == len(items):
        raise InputError(file, codes[0], "sgv", "all values are below 39", "mg/dL, as Nightscout stores it")
    if codes:
        said = f"an error code of the receiver instead of glucose ({len(codes)} items)"
        record.remarks.append(Remark(file.name, codes[0], said, "left out"))


def _given(items: dict[int, dict]) -> dict[int, dict]:
    """Items of insulin, food or a temporary basal."""
    gives = lambda item: any(item.get(name) not in (None, "", 0) for name in ("insulin", "carbs"))
    return {row: item for row, item in items.items() if gives(item) or item.get("eventType") == "Temp Basal"}


def _treatments(record: Record, file: Path, items: dict[int, dict], times: dict) -> None:
    temporary = []
    for row, item in items.items():
        event = str(item.get("eventType", ""))
        entry = RawEntry(file.name, row, times[row], np.nan, event)
        amount = lambda name, unit, row=row, item=item: _number(file, row, name, item[name], unit)
        if event == "Temp Basal":
            name = "absolute" if item.get("absolute") is not None else "rate"
            held = amount("duration", "min") if item.get("duration") else 0.0
            if item.get(name) is not None:
                entry = entry._replace(value=amount(name, "U/h") / 60.0)
            elif held:
                said = "a temporary basal without a rate in U/h (a percentage of the profile)"
                record.remarks.append(Remark(file.name, row, said, "rate unknown while it lasts"))
            temporary.append((entry, held))
        if item.get("insulin"):
            named = f"{event} {item.get('insulinType', '')}".lower()
            to = "long_acting" if any(word in named for word in SLOW) else "boluses"
            record.kinds[to].append(entry._replace(value=amount("insulin", "U")))
            if event == "Combo Bolus":
                said = "a combination bolus, part of it given over time"
                record.remarks.append(Remark(file.name, row, said, "taken as given at once"))
        if item.get("carbs"):
            record.kinds["meals"].append(entry._replace(value=amount("carbs", "g")))
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
