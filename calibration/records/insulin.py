"""Doses: without an amount, in the wrong unit, in the wrong list; a pump's rates, which hold until the next.

Nobody's usual dose is above 60 U, nor do pumps run above 35 U/h: a column whose median is past that is in mU and refused. One
dose above 150 U is a slip: left out, and its hours are doubtful.
"""

import numpy as np

from calibration.errors import InputError
from calibration.records.diary import DAY, Diary, Entries, Remark, Span

USUAL_DOSE, MOST_DOSE = 60.0, 150.0  # U
MOST_RATE = 35.0 / 60.0  # U/min
ACTS = 360.0  # min in which a rapid dose of unknown size leaves glucose unexplained
LOGGED = 12 * 60.0  # min: a long-acting dose this near means that the day's has been logged


def in_units(entries: Entries, kind: str, values: np.ndarray, most: float, unit: str) -> None:
    """Refuse a column that is in thousandths of its unit."""
    given = values[values > 0.0]
    if given.size and np.median(given) > most:
        at = np.flatnonzero(values > most)[0]
        problem = f"{values[at]:g} {unit}, and a median of {np.median(given):g} in the column: these look like mU"
        raise InputError(entries.file[at], int(entries.row[at]), kind, problem, f"{unit}, usually less than {most:g}")


def sound_boluses(diary: Diary) -> Diary:
    """Boluses of a known and possible size; those of unknown size make the next hours doubtful."""
    doses = diary.boluses
    in_units(doses, "bolus", doses.value, USUAL_DOSE, "U")
    remarks, spans = [], []
    for at in np.flatnonzero(~(doses.value <= MOST_DOSE)):
        size = "no dose" if np.isnan(doses.value[at]) else f"a dose of {doses.value[at]:g} U"
        file, row = doses.file[at], int(doses.row[at])
        remarks.append(Remark(file, row, f"a bolus with {size}", f"left out, and the {ACTS / 60:g} h after it doubtful"))
        spans.append(Span(doses.minute[at], doses.minute[at] + ACTS, f"a bolus of unknown size, {file}:{row}"))
    zero = doses.value == 0.0
    for file in dict.fromkeys(doses.file[zero]):
        rows = doses.row[zero & (doses.file == file)]
        remarks.append(Remark(file, int(rows[0]), f"a bolus of 0 U ({len(rows)} rows)", "nothing was given: left out"))
    kept = doses.where((doses.value <= MOST_DOSE) & ~zero)
    return diary.adding(*remarks, boluses=kept, doubtful=(*diary.doubtful, *spans))


def long_acting_apart(diary: Diary) -> Diary:
    """Boluses as large as the person's long-acting doses and three times the usual bolus.

    Where no long-acting dose is logged within 12 h, it is that dose, in the wrong list; where one is, it stays a bolus.
    Without any long-acting dose, one over 20 U and four times the usual is remarked and stays.
    """
    doses, basal = diary.boluses, diary.long_acting
    if not len(doses):
        return diary
    usual = float(np.median(doses.value))
    if len(basal):
        low, high = max(0.9 * basal.value.min(), 3.0 * usual), 1.1 * basal.value.max()
        alike = (doses.value >= low) & (doses.value <= high)
    else:
        alike = (doses.value > 20.0) & (doses.value > 4.0 * usual)
    moved = np.zeros(len(doses), dtype=bool)
    remarks = []
    for at in np.flatnonzero(alike):
        said = f"a bolus of {doses.value[at]:g} U, {doses.value[at] / usual:.1f} times the usual {usual:g} U"
        if len(basal):
            apart = np.abs(basal.minute - doses.minute[at]).min()
            moved[at] = apart > LOGGED
            said += f", of the size of a long-acting dose, the nearest of which is {apart / 60:.1f} h away"
        assumption = "a long-acting dose in the wrong list: moved" if moved[at] else "kept as a bolus"
        remarks.append(Remark(doses.file[at], int(doses.row[at]), said, assumption))
    both = [np.concatenate([getattr(basal, name), getattr(doses, name)[moved]]) for name in basal.__dataclass_fields__]
    together = Entries(*both)
    together = together.where(np.argsort(together.minute, kind="stable"))
    return diary.adding(*remarks, boluses=doses.where(~moved), long_acting=together)


def sound_basal(diary: Diary) -> Diary:
    """A pump's rates that a pump can run; a remark where the record holds no basal insulin at all."""
    rates = diary.basal
    in_units(diary.long_acting, "long-acting", diary.long_acting.value, MOST_DOSE, "U")
    in_units(rates, "basal", 60.0 * rates.value, 60.0 * MOST_RATE, "U/h")
    wild = rates.value > MOST_RATE
    held = "left out: the rate before it holds"
    remarks = [
        Remark(rates.file[at], int(rates.row[at]), f"a rate of {60.0 * rates.value[at]:g} U/h", held)
        for at in np.flatnonzero(wild)
    ]
    if not len(rates) and not len(diary.long_acting):
        file = next((e.file[0] for e in (diary.boluses, diary.glucose, diary.meals) if len(e)), diary.person)
        remarks.append(Remark(file, None, "no basal insulin in the record", BASAL_LATENT))
    return diary.adding(*remarks, basal=rates.where(~wild))


BASAL_LATENT = "a constant basal that is not recorded, and a steady state before the first meal or bolus"


def basal_units(diary: Diary, start: float, end: float) -> float:
    """Insulin [U] that the pump gave between two minutes, each rate held until the next; nan where a rate is unknown."""
    rates = diary.basal
    inner = rates.minute[(rates.minute > start) & (rates.minute < end)]
    edges = np.concatenate([[start], inner, [end]])
    at = np.searchsorted(rates.minute, edges[:-1], side="right") - 1
    return float(np.sum(np.where(at >= 0, rates.value[at] if len(rates) else np.nan, np.nan) * np.diff(edges)))


def daily_basal(diary: Diary) -> np.ndarray:
    """[U] of each whole day between the first and the last of the pump's entries."""
    if not len(diary.basal):
        return np.empty(0)
    first, last = int(diary.basal.minute[0] // DAY) + 1, int(diary.basal.minute[-1] // DAY)
    return np.array([basal_units(diary, day * DAY, (day + 1) * DAY) for day in range(first, last)])
