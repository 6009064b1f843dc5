"""Which days of which people are fitted."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from calibration.diabetes.window import LEAD, Window, window
from calibration.errors import InputError
from calibration.records.days import Day, Rules, days
from calibration.records.diary import Diary
from calibration.records.insilico import TRAIN


class Person(NamedTuple):
    """``days`` are all of the record, ``fitted`` those that are fitted, in the order of time."""

    diary: Diary
    days: list[Day]
    fitted: list[Window]


def is_virtual(folder: Path) -> bool:
    """Whether the people are simulated: their records are exact, and begin at rest."""
    return (folder / TRAIN).is_file()


def one_of(diaries: Sequence[Diary], person: str | None, folder: Path) -> list[Diary]:
    """Everybody, or the one named."""
    if person is None:
        return list(diaries)
    names = [d.person for d in diaries]
    if person not in names:
        raise InputError("--person", problem=f"{person!r} is not in {folder}", expected=f"one of {', '.join(names)}")
    return [diaries[names.index(person)]]


def chosen(diary: Diary, virtual: bool, most: int, on: date | None) -> Person:
    """The latest ``most`` days that can be used, or the one ``on`` a date."""
    found = days(diary, Rules(midnight=not virtual))
    usable = [day for day in found if not day.why and (on is None or day.date == on)][-most:]
    return Person(diary, found, [window(diary, day, 0.0 if virtual else LEAD) for day in usable])
