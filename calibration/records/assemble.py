"""From raw entries to diaries: every check in one order, the same for all layouts."""

from datetime import datetime, time

import numpy as np

from calibration.records.checks import holes, in_order, near_in_time, one_a_time, without_repeats
from calibration.records.diary import Diary, Entries, Remark
from calibration.records.insulin import long_acting_apart, sound_basal, sound_boluses
from calibration.records.raw import EPOCH, RawEntry, Record, minutes_since
from calibration.records.sensors import mixed_spans, part_shared_traces


def assembled(records: list[Record]) -> list[Diary]:
    """One diary a person. Together, because a trace may stand in two people's files."""
    diaries = part_shared_traces({record.person: _ordered(record) for record in records})
    return [_checked(diaries[record.person]) for record in records]


def _ordered(record: Record) -> Diary:
    """Entries near each other in time, in order, each once."""
    kinds, remarks = near_in_time(record.kinds)
    remarks = [*record.remarks, *remarks]
    times = [min(entry.time for entry in entries) for entries in kinds.values() if entries]
    midnight = min(times).date() if times else EPOCH.date()
    found = {}
    for kind, raws in kinds.items():
        entries, moved = in_order(_entries(raws, datetime.combine(midnight, time())), kind)
        entries, dropped = without_repeats(entries, kind)
        remarks += moved + dropped
        found[kind] = entries
    return Diary(record.person, midnight, **found, remarks=tuple(remarks), weight_kg=record.weight_kg)


def _entries(raws: list[RawEntry], midnight: datetime) -> Entries:
    text = lambda cells: np.array([*cells, None], dtype=object)[:-1]
    return Entries(
        minute=minutes_since(midnight, raws),
        value=np.array([raw.value for raw in raws], dtype=np.float64),
        label=text(raw.label for raw in raws),
        file=text(raw.file for raw in raws),
        row=np.array([raw.row for raw in raws], dtype=np.int64),
    )


def _checked(diary: Diary) -> Diary:
    """Glucose of one sensor, doses of a known and possible size, meals with what is not known of them said."""
    spans, remarks = mixed_spans(diary.glucose)
    glucose, dropped = one_a_time(diary.glucose, "glucose", last=False)
    basal, replaced = one_a_time(diary.basal, "basal", last=True)
    diary = diary.adding(*remarks, *dropped, *replaced, *holes(glucose), *_unmeasured_meals(diary.meals), glucose=glucose,
                         basal=basal, doubtful=(*diary.doubtful, *spans))  # fmt: skip
    return long_acting_apart(sound_boluses(sound_basal(diary)))


def _unmeasured_meals(meals: Entries) -> list[Remark]:
    return [
        Remark(meals.file[at], int(meals.row[at]), "a meal without an amount of carbohydrate", "eaten, amount unknown (nan)")
        for at in np.flatnonzero(np.isnan(meals.value))
    ]
