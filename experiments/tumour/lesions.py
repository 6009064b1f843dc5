"""Diameters of lesions under treatment: a course of three regimes shared by a population, fitted in folds by person."""

from collections.abc import Callable

import numpy as np

from calibration.errors import InputError
from calibration.tumours.records import TumourRecord
from experiments.problems.lesion_folds import LEAST, forecasts, long_enough
from experiments.report.wording import people
from experiments.tumour.told import ENDS, HIDDEN, Forecasts, Told, Words

FOLDS, DRAWS, FEWEST = 5, 2000, 30
WORDS = Words("person", "people", "diameter", "best change of the diameter")
ASSUMED = (
    ("Assumed", "A lesion shrinks, stands or grows from scan to scan; treatment goes on as in the record, doses are not read"),
    ("Assumed", "A reading of 0 is below 3 mm; in errors it counts as 0 mm. A reading may repeat the last exactly, as many do"),
    ("Population", f"fitted {FOLDS} times, each time to the whole records of people whose forecast it is not used for"),
)  # fmt: skip


def of_lesions(records: list[TumourRecord], table: object, say: Callable[[str], None]) -> Forecasts:
    """Of everybody with six readings or more; InputError, which names the ``table``, where a population cannot be fitted."""
    several = sum(len(r.time) > 1 for r in records)
    if several < FEWEST:
        said = f"{people(several)} with two readings or more: a population of lesions cannot be fitted"
        raise InputError(table, problem=said, expected=f"{FEWEST} people or more")
    asked = long_enough(records)
    say(f"fitting {FOLDS} populations of other people")
    draws = forecasts(records, folds=FOLDS, draws=DRAWS).draws if asked else np.empty((HIDDEN, DRAWS, 0))
    told = [_told(record, draws[..., i]) for i, record in enumerate(asked)]
    short = [r.person for r in records if len(r.time) < LEAST]
    return Forecasts(WORDS, told, short, list(ASSUMED), [])


def _told(record: TumourRecord, draws: np.ndarray) -> Told:
    """The band begins at the last known reading; the best change is of what is known and what is drawn (hidden, draws)."""
    known = len(record.time) - HIDDEN
    size = np.concatenate([np.full((3, 1), record.size[known - 1]), np.quantile(draws, ENDS, axis=1)], axis=1)
    first = record.size[0]
    if first == 0.0 or known < 2:
        return Told(record, record.time[known - 1 :], size, np.full(3, np.nan), np.nan)
    best = np.minimum(record.size[1:known].min(), draws.min(axis=0))
    change = 100.0 * (np.quantile(best, ENDS) / first - 1.0)
    return Told(record, record.time[known - 1 :], size, change, float(100.0 * (record.size[1:].min() / first - 1.0)))
