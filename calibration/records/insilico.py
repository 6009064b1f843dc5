"""The layout of t1d_counterfactual_insilico: virtual people with one sensor day each, and what-if days with known truth.

    train_day.csv         subject, t_min, cgm_mg_dL, carbs_g, bolus_U (in [t, t + 5)), basal_U_per_min, meal_label
    scenario_inputs.csv   subject, scenario, label, carbs_t_min, carbs_g, bolus_t_min, bolus_U, basal_U_per_min
    subjects.csv          subject, body_weight_kg, day_start; of the rest nothing is read

A diary takes glucose and basal from the first, and meals and boluses with their exact minutes from scenario ``base`` of the
second (where it is absent: from the first, each at the beginning of its 5 min). A meal's carbohydrate is eaten at 5 g/min.
The truth of a scenario is read by ``read_truth`` alone: nothing that builds a twin may call it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.assemble import assembled
from calibration.records.cells import Table, number, read_table
from calibration.records.diary import Diary, Remark
from calibration.records.glucose_unit import to_mg_dl
from calibration.records.raw import RawEntry, Record

TRAIN, INPUTS, SUBJECTS, TRUTH = "train_day.csv", "scenario_inputs.csv", "subjects.csv", "truth.csv"
NO_DATE = datetime(2000, 1, 1)  # the tables have no date; this one is a day like any other
BASE = "base"


@dataclass(frozen=True)
class Truth:
    """What happened in one scenario: minute (n,) since the first midnight; interstitial and plasma glucose (n,) [mg/dL]."""

    minute: np.ndarray
    interstitial: np.ndarray
    plasma: np.ndarray


def records(folder: Path) -> list[Record]:
    """Every subject's day as it was recorded."""
    people = _people(folder)
    train = read_table(folder / TRAIN, "subject")
    inputs = folder / INPUTS
    names = ("t_min", "cgm_mg_dL", "carbs_g", "bolus_U", "basal_U_per_min")
    cells = {name: dict(table_cells) for name, table_cells in ((n, train.cells(train.column(n))) for n in names)}
    value = lambda name, row: number(train.file, row, name, cells[name][row], _UNITS[name])
    readings: dict[str, list] = {}
    for row, subject in train.cells(train.column("subject")):
        if subject not in people:
            raise InputError(train.file, row, "subject", f"{subject!r} is not in {SUBJECTS}", "one of its subjects")
        record, begin = people[subject]
        entry = RawEntry(TRAIN, row, begin + timedelta(minutes=value("t_min", row)), np.nan)
        if cells["cgm_mg_dL"][row]:
            readings.setdefault(subject, []).append(entry._replace(value=value("cgm_mg_dL", row)))
        rates = record.kinds["basal"]
        rate = value("basal_U_per_min", row)
        if not rates or rates[-1].value != rate:
            rates.append(entry._replace(value=rate))
        if not inputs.is_file():
            for name, kind in (("carbs_g", "meals"), ("bolus_U", "boluses")):
                if cells[name][row] and value(name, row) > 0.0:
                    record.kinds[kind].append(entry._replace(value=value(name, row)))
    for subject, entries in readings.items():
        record = people[subject][0]
        to_mg_dl(train.file, "cgm_mg_dL", [(entry.row, entry.value) for entry in entries], "mg/dL", record.remarks)
        record.kinds["glucose"] = entries
    if inputs.is_file():
        for subject, scenario, kind, entry in _events(inputs, people):
            if scenario == BASE and kind != "basal":
                people[subject][0].kinds[kind].append(entry)
    for record, begin in people.values():
        said = f"no date, only minutes since {begin:%H:%M}"
        record.remarks.append(Remark(TRAIN, None, said, f"the day is called {NO_DATE:%Y-%m-%d}"))
        if not inputs.is_file():
            said, held = "doses and food by 5 min only", "each at the beginning of its 5 min"
            record.remarks.append(Remark(TRAIN, None, said, held))
    return [record for record, _ in people.values()]


def read_what_ifs(folder: Path | str) -> dict[str, dict[str, Diary]]:
    """By subject and scenario: what is eaten and given on each what-if day, without any glucose."""
    folder = Path(folder)
    begins = _people(folder)
    days: dict[tuple[str, str], Record] = {}
    for subject, scenario, kind, entry in _events(folder / INPUTS, begins):
        record = days.setdefault((subject, scenario), Record(subject, weight_kg=begins[subject][0].weight_kg))
        rates = record.kinds["basal"]
        if kind != "basal":
            record.kinds[kind].append(entry)
        elif not rates or rates[-1].value != entry.value:
            rates.append(entry)
    found: dict[str, dict[str, Diary]] = {}
    for (subject, scenario), record in days.items():
        found.setdefault(subject, {})[scenario] = assembled([record])[0]
    return found


def read_truth(folder: Path | str) -> dict[str, dict[str, Truth]]:
    """By subject and scenario: what really happened. For benchmarks that score, and for nothing else."""
    folder = Path(folder)
    people = _people(folder)
    file = next((path for path in (folder / f"{TRUTH}.gz", folder / TRUTH) if path.is_file()), folder / TRUTH)
    table = read_table(file, "subject")
    names = ("subject", "scenario", "t_min", "ig_mg_dL", "plasma_mg_dL")
    columns = [[text for _, text in table.cells(table.column(name))] for name in names]
    rows: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(*columns[:2], strict=True)):
        rows.setdefault(key, []).append(place)
    try:
        minute, tissue, plasma = (np.array(texts, dtype=np.float64) for texts in columns[2:])
    except ValueError as problem:
        raise InputError(file, problem=str(problem), expected="numbers in min and mg/dL") from None
    found: dict[str, dict[str, Truth]] = {}
    for (subject, scenario), at in rows.items():
        begin = (people[subject][1] - NO_DATE).total_seconds() / 60.0
        found.setdefault(subject, {})[scenario] = Truth(minute[at] + begin, tissue[at], plasma[at])
    return found


_UNITS = {"t_min": "min", "cgm_mg_dL": "mg/dL", "carbs_g": "g", "bolus_U": "U", "basal_U_per_min": "U/min"}


def _people(folder: Path) -> dict[str, tuple[Record, datetime]]:
    """An empty record for each subject, and the time at which its minutes begin."""
    table = read_table(folder / SUBJECTS, "subject")
    weights, starts = (dict(table.cells(table.column(name))) for name in ("body_weight_kg", "day_start"))
    people = {}
    for row, subject in table.cells(table.column("subject")):
        try:
            clock = datetime.strptime(starts[row], "%H:%M")
        except ValueError:
            raise InputError(table.file, row, "day_start", f"{starts[row]!r}", "a time such as 06:00") from None
        weight = number(table.file, row, "body_weight_kg", weights[row], "kg")
        people[subject] = (Record(subject, weight_kg=weight), NO_DATE.replace(hour=clock.hour, minute=clock.minute))
    return people


def _events(file: Path, people: dict) -> Iterator[tuple[str, str, str, RawEntry]]:
    """(subject, scenario, kind, entry) of every row's meal, bolus and basal rate; amounts of 0 are no events."""
    table: Table = read_table(file, "subject")
    cells = {name: dict(table.cells(table.column(name))) for name in table.header}
    for row, subject in table.cells(table.column("subject")):
        if subject not in people:
            raise InputError(file, row, "subject", f"{subject!r} is not in {SUBJECTS}", "one of its subjects")
        begin, scenario, label = people[subject][1], cells["scenario"][row], cells["label"][row]
        for kind, when, amount in (("meals", "carbs_t_min", "carbs_g"), ("boluses", "bolus_t_min", "bolus_U")):
            value = number(file, row, amount, cells[amount][row], _UNITS[amount]) if cells[amount][row] else 0.0
            if value > 0.0:
                time = begin + timedelta(minutes=number(file, row, when, cells[when][row], "min"))
                yield subject, scenario, kind, RawEntry(file.name, row, time, value, label)
        rate = number(file, row, "basal_U_per_min", cells["basal_U_per_min"][row], "U/min")
        yield subject, scenario, "basal", RawEntry(file.name, row, begin, rate)
