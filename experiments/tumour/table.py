"""Every forecast as a row of ``forecasts.csv``, with its interval, the last known size and what was read."""

from collections.abc import Sequence

from experiments.tumour.told import Told

HEADER = (
    "person", "arm", "known readings", "time", "time unit", "forecast", "5 %", "95 %", "last carried forward", "read", "unit",
)  # fmt: skip


def rows(told: Sequence[Told]) -> list[list]:
    """Of the hidden readings of all good forecasts; a size of 0 is below detection, as in the file."""
    found = []
    for one in (t for t in told if t.good):
        record = one.record
        for time, three, size in zip(one.ahead.time, one.ahead.three.T, one.ahead.read, strict=True):
            numbers = [*map(float, three), float(record.size[one.known - 1]), float(size)]
            found.append([record.person, record.arm, one.known, float(time), record.time_unit, *numbers, record.unit])
    return found
