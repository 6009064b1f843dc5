"""Local time of items that are stored in UTC, each with the offset of the place or without.

What uploads glucose often knows the person's offset, and what uploads insulin often does not: read each by its own, a bolus
would be hours away from its meal's glucose. So a collection that never states an offset takes that of the nearest item of the
other.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records.diary import Remark


def utc_and_offset(file: Path, row: int, item: dict) -> tuple[datetime, float]:
    """UTC of an item, without zone, and the offset it states [min]; 0 where it states none."""
    text = str(item.get("dateString") or item.get("created_at") or item.get("timestamp") or "")
    name = "date" if "date" in item else "created_at"
    try:
        told = datetime.fromisoformat(text) if text else None
        if "date" in item:
            stamp = datetime.fromtimestamp(float(item["date"]) / 1000.0, UTC)
        elif told is None:
            raise ValueError(text)
        else:
            stamp = told if told.tzinfo else told.replace(tzinfo=UTC)
        zone = told.utcoffset() if told is not None else None
        offset = float(item["utcOffset"]) if "utcOffset" in item else (zone or timedelta(0)).total_seconds() / 60.0
        if not zone and abs(offset) > 14 * 60.0:
            raise ValueError(offset)
        # A zone in the text counts more than an offset of 0 beside it.
        offset = zone.total_seconds() / 60.0 if zone and not offset else offset
        return stamp.astimezone(UTC).replace(tzinfo=None), offset
    except (ValueError, TypeError, OverflowError, OSError):
        beside = f" beside utcOffset {item['utcOffset']!r}" if "utcOffset" in item else ""
        said = f"{item.get('date', text)!r}{beside} is not a time"
        raise InputError(file, row, name, said, "ms since 1970, or ISO 8601; utcOffset in min") from None


def local_times(
    collections: dict[Path, dict[int, tuple[datetime, float]]], remarks: list[Remark]
) -> dict[Path, dict[int, datetime]]:
    """Local time of every row of every file, from its UTC and stated offset."""
    stated = {file: any(offset for _, offset in rows.values()) for file, rows in collections.items()}
    knowing = sorted(moment for file, rows in collections.items() if stated[file] for moment in rows.values())
    known = np.array([utc for utc, _ in knowing], dtype="datetime64[s]").astype(np.int64)
    offsets = np.array([offset for _, offset in knowing])
    found = {}
    for file, rows in collections.items():
        local = {row: utc + timedelta(minutes=offset) for row, (utc, offset) in rows.items()}
        if rows and not stated[file] and knowing:
            at = np.array([utc for utc, _ in rows.values()], dtype="datetime64[s]").astype(np.int64)
            after = np.clip(np.searchsorted(known, at), 1, len(known) - 1) if len(known) > 1 else np.zeros(len(at), dtype=int)
            before = np.maximum(after - 1, 0)
            nearest = np.where(at - known[before] <= known[after] - at, before, after)
            local = {
                row: utc + timedelta(minutes=float(offsets[place]))
                for (row, (utc, _)), place in zip(rows.items(), nearest, strict=True)
            }
            assumption = "each item takes the offset of the nearest one in the other file"
            remarks.append(Remark(file.name, None, "all times are UTC, those of the other file are not", assumption))
        found[file] = local
    if not knowing:
        file = next(iter(collections))
        remarks.append(Remark(file.name, None, "all times are UTC", "read as local: days are cut at UTC midnight"))
    elif len(set(offsets)) > 1:
        said = f"offsets from UTC of {min(offsets):g} to {max(offsets):g} min"
        remarks.append(Remark(next(iter(collections)).name, None, said, "each time read as local by its own"))
    return found
