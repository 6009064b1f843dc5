"""Where data sets lie that are not part of the project."""

import os
from pathlib import Path


def shared_data(name: str, given: Path | str | None) -> Path | None:
    """``given``, or the folder ``name`` under SOMAGRAD_DATA or beside the checkout; None where there is none."""
    if given:
        return Path(given)
    beside = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    found = Path(os.environ.get("SOMAGRAD_DATA", beside)) / name
    return found if found.is_dir() else None
