"""Stamps: years far from the rest, rows out of order, rows repeated, holes in a sensor's trace.

Every check takes what a file holds and gives what is kept, with a remark for all that was dropped or moved.
"""

from collections import Counter

import numpy as np

from calibration.records.diary import DAY, Entries, Remark
from calibration.records.raw import EPOCH, RawEntry, minutes_since

FAR = 60.0  # days before the first or after the last sensor reading: no such entry can tell anything about a day with readings
NAMED = 20  # that many rows of a file are named one by one


def near_in_time(kinds: dict[str, list[RawEntry]]) -> tuple[dict[str, list[RawEntry]], list[Remark]]:
    """Entries not more than ``FAR`` days outside the sensor's trace, or outside all entries where there is no sensor."""
    anchor = kinds["glucose"] or [entry for entries in kinds.values() for entry in entries]
    if not anchor:
        return kinds, []
    low, high = _trunk(minutes_since(EPOCH, anchor) / DAY)
    kept, dropped = {}, []
    for kind, entries in kinds.items():
        days = minutes_since(EPOCH, entries) / DAY
        near = (days >= low - FAR) & (days <= high + FAR)
        kept[kind] = [entry for entry, stays in zip(entries, near, strict=True) if stays]
        dropped += [(kind, entry) for entry, stays in zip(entries, near, strict=True) if not stays]
    what = "the sensor's readings" if kinds["glucose"] else "the other entries"
    span = f"{np.datetime64(int(low), 'D')} to {np.datetime64(int(high), 'D')}"
    remarks, count = [], Counter()
    for kind, entry in sorted(dropped, key=lambda pair: (pair[1].file, pair[1].row)):
        count[entry.file] += 1
        if count[entry.file] <= NAMED:
            said = f"{kind} at {entry.time.isoformat()}, more than {FAR:g} days from {what} ({span})"
            remarks.append(Remark(entry.file, entry.row, said, "left out"))
    remarks += [
        Remark(file, None, f"{n - NAMED} more rows more than {FAR:g} days from {what}", "left out")
        for file, n in count.items()
        if n > NAMED
    ]
    return kept, remarks


def _trunk(days: np.ndarray) -> tuple[float, float]:
    """First and last time, without islands more than ``FAR`` days away that hold under 1 % of the entries."""
    days = np.sort(days)
    islands = np.split(days, np.flatnonzero(np.diff(days) > FAR) + 1)
    size = max(len(island) for island in islands)
    kept = [island for island in islands if len(island) == size or len(island) >= 0.01 * len(days)]
    return kept[0][0], kept[-1][-1]


def in_order(entries: Entries, kind: str) -> tuple[Entries, list[Remark]]:
    """Entries of all files by time; equal times stay in the order of the file, read from its old end."""
    remarks, turned = [], np.arange(len(entries))
    for file in dict.fromkeys(entries.file):
        at = np.flatnonzero(entries.file == file)
        steps = np.diff(entries.minute[at])
        rising, falling = (steps > 0).sum(), (steps < 0).sum()
        if falling > rising:
            turned[at] = at[::-1]
            remarks.append(Remark(file, None, f"{kind}: the newest row comes first", "read from the end"))
            steps, at = -steps[::-1], at[::-1]
        back = np.flatnonzero(steps < 0)
        if back.size:
            clock = back.size == 1 and -steps[back[0]] <= 60.0 and 60.0 <= entries.minute[at[back[0]]] % DAY <= 180.0
            why = ", as when clocks are put back" if clock else ""
            said = f"{kind}: earlier than the row before it ({back.size} such rows in the file{why})"
            remarks.append(Remark(file, int(entries.row[at[back[0] + 1]]), said, "put in the order of time"))
    entries = entries.where(turned)
    return entries.where(np.argsort(entries.minute, kind="stable")), remarks


def without_repeats(entries: Entries, kind: str) -> tuple[Entries, list[Remark]]:
    """Each entry once: rows equal in time, value and label are one."""
    seen: set[tuple] = set()
    keep = np.ones(len(entries), dtype=bool)
    for place, key in enumerate(zip(entries.minute, np.nan_to_num(entries.value, nan=-1.0), entries.label, strict=True)):
        keep[place] = key not in seen
        seen.add(key)
    return entries.where(keep), _dropped(entries, ~keep, f"{kind}: the same time and value again", "each kept once")


def one_a_time(entries: Entries, kind: str, last: bool) -> tuple[Entries, list[Remark]]:
    """One entry a time: the first of the file, or the last (a pump's rate is what was set last)."""
    if not len(entries):
        return entries, []
    same = np.diff(entries.minute) == 0.0
    drop = np.append(same, False) if last else np.append(False, same)
    apart = np.max(np.abs(np.diff(entries.value)[same]), initial=0.0)
    said = f"{kind}: another value at the same time, up to {apart:.4g} apart"
    return entries.where(~drop), _dropped(entries, drop, said, f"the {'last' if last else 'first'} of them kept")


def _dropped(entries: Entries, drop: np.ndarray, said: str, assumption: str) -> list[Remark]:
    """One remark a file, at the first row dropped."""
    remarks = []
    for file in dict.fromkeys(entries.file[drop]):
        rows = entries.row[drop & (entries.file == file)]
        remarks.append(Remark(file, int(rows[0]), f"{said} ({len(rows)} rows)", assumption))
    return remarks


def holes(glucose: Entries) -> list[Remark]:
    """One remark about the times without a reading: longer than four of the sensor's own steps, at least an hour."""
    if len(glucose) < 2:
        return []
    gaps = np.diff(glucose.minute)
    long = np.flatnonzero(gaps > max(60.0, 4.0 * float(np.median(gaps))))
    if not long.size:
        return []
    worst = long[np.argmax(gaps[long])]
    said = (
        f"{long.size} holes of over an hour in the sensor's trace, {gaps[long].sum() / 60.0:.0f} h in all, the longest "
        f"{gaps[worst] / 60.0:.1f} h before this row"
    )
    return [Remark(glucose.file[worst + 1], int(glucose.row[worst + 1]), said, "not filled; days with long ones are left out")]
