"""``somagrad calibrate t1d``: a folder of records to a page a person and one table of what was learned.

    <person>.html   the page
    fits.csv        every unknown of every fitted day with its 90 % interval

What was detected, chosen and assumed is printed. Nothing is written before all is computed.
"""

import re
from datetime import date
from pathlib import Path

from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.s2008 import S2008
from calibration.errors import InputError
from calibration.records.days import Rules, summary
from calibration.records.folder import read_folder
from experiments.jax_setup import keep_compiled_programs
from experiments.progress import stopwatch
from experiments.records import write_texts
from experiments.report.wording import WARNING, count
from experiments.t1d.asked import fitted
from experiments.t1d.chosen import Person, chosen, is_virtual, one_of
from experiments.t1d.fits_table import as_csv, learned
from experiments.t1d.page import render
from experiments.t1d.skill import scored

OK, FAILED = 0, 3
FAMILIES = (S2008, Hovorka)
TABLE = "fits.csv"


def calibrate(folder: Path, out: Path, person: str | None, on: date | None, most: int) -> int:
    """The exit status; bad input raises before anything is written."""
    print(WARNING)
    virtual = is_virtual(folder)
    diaries = one_of(read_folder(folder), person, folder)
    begins = "the first entry" if virtual else "midnight"
    print(f"a day is 24 h from {begins}, {Rules().coverage:.0%} of it read, with a bolus and a meal")
    people = [chosen(diary, virtual, most, on) for diary in diaries]
    for somebody in people:
        _tell(somebody)
    days = [day for somebody in people for day in somebody.fitted]
    if not days:
        _nothing(folder, people, on)
    if slow := keep_compiled_programs():
        print(slow)
    say = stopwatch()
    fits, twins = fitted(days, [family() for family in FAMILIES], virtual, say)
    if not virtual:
        say("forecasting")
    skills = {} if virtual else scored(people)
    rows = learned(fits, twins)
    texts = {TABLE: as_csv(rows)}
    for somebody in (p for p in people if len(p.diary.glucose)):
        own = [twin for twin in twins if twin.window.diary is somebody.diary]
        texts[_file(somebody)] = render(somebody, own, fits, rows, skills.get(somebody.diary.person), virtual)
    say("writing")
    write_texts(out, texts)
    failed = [f"{t.window.day.person} {t.window.day.date}" for t in twins if not t.recorded.good[0]]
    for name in failed:
        print(f"failed  {name}: no family could be fitted to the day")
    return FAILED if failed else OK


def _tell(person: Person) -> None:
    name = person.diary.person
    print(f"{name}: {count(len(person.diary.remarks), 'remark')}; " + "; ".join(summary(person.days)))
    for day in person.fitted:
        print(f"{name}: {day.day.date} is fitted" + "".join(f"; {said}" for said in day.assumed))


def _nothing(folder: Path, people: list[Person], on: date | None) -> None:
    """Why there is no day to fit."""
    if on is None:
        raise InputError(folder, problem="no day can be used", expected="a day with readings, a bolus and a meal")
    there = [day for somebody in people for day in somebody.days if day.date == on]
    why = "; ".join(f"{day.person}: {', '.join(day.why)}" for day in there) or "no reading of that day"
    raise InputError("--day", problem=f"{on} cannot be used: {why}", expected="a day that can be used")


def _file(person: Person) -> str:
    return re.sub(r"[^\w.-]", "_", person.diary.person) + ".html"
