"""Two sensors in one trace, and one trace in two people's files.

Within a file two sensors of different people show as a zigzag: up and down again by more than glucose can change between
neighbours a few minutes apart, hundreds of times a day, where one sensor's noise does it three times at most. Two sensors that
agree (one person wearing both) are not found, and need not be.

Between files the same trace shows as rows equal in time and value: chance gives about one a day.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np

from calibration.records.diary import DAY, Diary, Entries, Remark, Span

NEAR = 10.0  # min between neighbours
JUMP = 25.0  # mg/dL, twice within 2 x NEAR and in opposite directions
PER_DAY, SHARE = 8, 0.05  # zigzags a day, and their share of its readings, from which a day is called mixed
SHARED_PER_DAY, SHARED_SHARE = 20, 0.2


def mixed_spans(glucose: Entries) -> tuple[list[Span], list[Remark]]:
    """Days on which readings jump between two levels; days up to three apart make one span."""
    if len(glucose) < 3:
        return [], []
    step, jump = np.diff(glucose.minute), np.diff(glucose.value)
    zigzag = (step[:-1] <= NEAR) & (step[1:] <= NEAR) & (jump[:-1] * jump[1:] < 0.0)
    zigzag &= (np.minimum(np.abs(jump[:-1]), np.abs(jump[1:])) > JUMP) & (np.abs(jump[:-1] + jump[1:]) < JUMP)
    # Two sensors in phase: their readings stand at the same minute.
    zigzag |= (step[:-1] == 0.0) & (np.abs(jump[:-1]) > JUMP)
    day = (glucose.minute // DAY).astype(np.int64)
    count, total = np.bincount(day[1:-1][zigzag], minlength=day[-1] + 1), np.bincount(day)
    mixed = np.flatnonzero((count >= PER_DAY) & (count >= SHARE * total))
    spans, remarks = [], []
    for run in np.split(mixed, np.flatnonzero(np.diff(mixed) > 3) + 1):
        if not run.size:
            continue
        first = np.flatnonzero(zigzag & (day[1:-1] == run[0]))[0] + 1
        file, row, seen = glucose.file[first], int(glucose.row[first]), int(count[run].sum())
        near = f"{glucose.value[first - 1]:.0f} and {glucose.value[first]:.0f} mg/dL within {step[first - 1]:.0f} min"
        said = f"readings jump between two levels ({near}, {seen} times in the {run[-1] - run[0] + 1} days from here)"
        why = f"two sensors mixed in one trace, {file}:{row}"
        held = "two sensors in one trace: no day of the span is used, and whose trace goes on after it cannot be told"
        remarks.append(Remark(file, row, said, held))
        spans.append(Span(float(run[0] * DAY), float((run[-1] + 1) * DAY), why))
    return spans, remarks


def part_shared_traces(diaries: Mapping[str, Diary]) -> dict[str, Diary]:
    """The people, each shared trace left with the one whose file holds little else; both know of each other."""
    people = dict(diaries)
    names = sorted(people)
    keys = {name: _keys(people[name]) for name in names}
    for place, one in enumerate(names):
        for two in names[place + 1 :]:
            found = _shared(keys[one], keys[two])
            if found is None:
                continue
            days, share_one, share_two = found
            if min(share_one, share_two) > 0.95:
                for name, other in ((one, two), (two, one)):
                    people[name] = _same_record(people[name], other, days)
            else:
                owner, other = (one, two) if share_one >= share_two else (two, one)
                people[other] = _without(people[other], people[owner], keys[owner], days, max(share_one, share_two))
                people[owner] = _also_in(people[owner], other, days)
                keys[other] = _keys(people[other])
    return people


def _keys(diary: Diary) -> np.ndarray:
    """A number for each reading that is equal where time and value are: seconds and hundredths of mg/dL."""
    seconds = np.round((diary.midnight.toordinal() * DAY + diary.glucose.minute) * 60.0).astype(np.int64)
    return seconds * 100_000 + np.round(diary.glucose.value * 100.0).astype(np.int64)


def _day(keys: np.ndarray) -> np.ndarray:
    """Ordinal of the calendar day."""
    return keys // 100_000 // 86_400


def _shared(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, float, float] | None:
    """(ordinals of first and last shared day, shared part of each person's readings between them); None: only chance."""
    both = np.intersect1d(one, two)
    if both.size < SHARED_PER_DAY:
        return None
    days, count = np.unique(_day(both), return_counts=True)
    least = np.minimum(*(np.array([(_day(keys) == day).sum() for day in days]) for keys in (one, two)))
    days = days[(count >= SHARED_PER_DAY) & (count >= SHARED_SHARE * least)]
    if not days.size:
        return None
    ends = days[[0, -1]]
    within = lambda keys: ((_day(keys) >= ends[0]) & (_day(keys) <= ends[1])).sum()
    return ends, within(both) / within(one), within(both) / within(two)


def _dates(days: np.ndarray) -> str:
    return f"{date.fromordinal(int(days[0]))} to {date.fromordinal(int(days[1]))}"


def _without(diary: Diary, owner: Diary, theirs: np.ndarray, days: np.ndarray, share: float) -> Diary:
    keys = _keys(diary)
    shared = np.isin(keys, theirs) & (_day(keys) >= days[0]) & (_day(keys) <= days[1])
    first = np.flatnonzero(shared)[0]
    said = f"{shared.sum()} readings equal those of {owner.person} in time and value, {_dates(days)}"
    assumption = f"they are {owner.person}'s, whose file holds little else ({share:.0%}): left out here"
    remark = Remark(diary.glucose.file[first], int(diary.glucose.row[first]), said, assumption)
    shares = tuple(sorted({*diary.shares_with, owner.person}))
    return diary.adding(remark, glucose=diary.glucose.where(~shared), shares_with=shares)


def _also_in(diary: Diary, other: str, days: np.ndarray) -> Diary:
    said = f"the file of {other} holds readings of this one, {_dates(days)}"
    remark = Remark(diary.glucose.file[0], None, said, "kept here; the two never on two sides of a split")
    return diary.adding(remark, shares_with=tuple(sorted({*diary.shares_with, other})))


def _same_record(diary: Diary, other: str, days: np.ndarray) -> Diary:
    start = (int(days[0]) - diary.midnight.toordinal()) * DAY
    end = (int(days[1]) + 1 - diary.midnight.toordinal()) * DAY
    said = f"all readings of {_dates(days)} are those of {other} too"
    remark = Remark(diary.glucose.file[0], None, said, "whose they are cannot be told: no day of the span is used")
    span = Span(float(start), float(end), f"the same readings as {other}")
    shares = tuple(sorted({*diary.shares_with, other}))
    return diary.adding(remark, doubtful=(*diary.doubtful, span), shares_with=shares)
