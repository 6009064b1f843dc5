"""Everything that turns measurements into a person: problems, calibrators, and the fit they all return."""

from pathlib import Path

import physio

if Path(physio.__file__).resolve().parents[1] != Path(__file__).resolve().parents[1]:
    raise ImportError(
        f"another distribution's `physio` is imported from {physio.__file__}: install somagrad in a fresh environment"
    )
