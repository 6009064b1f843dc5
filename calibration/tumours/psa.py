"""Men under adaptive doses: their readings of a marker, and the tumour of two kinds of cells that is fitted to them.

    the body ``calendar`` of ``physio.bodies.prostate_cancer``, the drug as it was given between readings

Unknowns of a man: the marker at the first reading, how full the tumour is, its resistant share, growth, cost, turnover, and how
many cells a dividing one takes with it under the drug. Growth and killing scatter more between these men than priors of the
parts say, for markers fall by a factor of 100 in a month: wider ones stand here. Errors are of one size in each man, a tenth of
his highest reading, so that the cost is that of the marker over its maximum.

Start, share, cost and turnover go together; what a fit is for is the course, and not single numbers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.problem import Problem
from calibration.records.cells import number, read_table
from calibration.tumours.records import TumourRecord, table_of, unit_column
from physio.bodies.prostate_cancer import calendar
from physio.body import Body
from physio.component import placed
from physio.noise import Additive
from physio.observe import AtTimes, Observation, readings
from physio.priors import LogitNormal, LogNormal
from physio.protocol import Timed
from physio.schedule import Schedule, nothing, ragged, switch
from physio.solve import Tsit5
from physio.tumours.resistance import CostAndTurnover

WIDE = "assumed, wide: markers of these men fall by up to a factor of 100 in a month"
FREE = (
    "marker.baseline", "tumour.burden", "tumour.resistant", "tumour.rate", "tumour.cost", "tumour.turnover", "tumour.killing",
)  # fmt: skip
ERROR = 0.1
_METHOD = Tsit5(rtol=1e-6, atol=1e-9)


@dataclass(frozen=True)
class MarkerRecord:
    """Readings of one man: ``day``, ``level`` [ng/mL], and whether the drug was given from each to the next."""

    person: str
    day: np.ndarray
    level: np.ndarray
    on: np.ndarray

    @property
    def relative(self) -> np.ndarray:
        """Readings over the highest of them."""
        return self.level / self.level.max()

    def sizes(self) -> TumourRecord:
        """The readings without the drug."""
        return TumourRecord(self.person, "", self.day, self.level, "d", "ng/mL")

    def doses(self) -> Schedule:
        """The drug as it was given; after the last reading as it was then."""
        edges = np.flatnonzero(np.diff(self.on)) + 1
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(self.day)]])
        until = np.append(self.day, np.inf)
        found = nothing()
        for first, last in zip(starts, ends, strict=True):
            if self.on[first]:
                found = found + switch("dose", self.day[first], until[last])
        return found


def read_psa(data: Path) -> list[MarkerRecord]:
    """A table, or ``psa_adaptive_arm.csv`` in a folder: patient, day, psa_ng_ml, abiraterone_on. InputError where days do not
    ascend within a man, where all his readings are 0, and where the unit of the marker is another.
    """
    path = table_of(data, "psa_adaptive_arm.csv")
    table = read_table(path, "patient")
    who, day, on = (table.column(name) for name in ("patient", "day", "abiraterone_on"))
    psa = unit_column(table, "psa_ng_ml", "psa")
    people: dict[str, list[tuple[float, float, float]]] = {}
    first: dict[str, int] = {}
    for row, cells in table.rows:
        if len(cells) != len(table.header):
            expected = f"{len(table.header)}: {','.join(table.header)}"
            raise InputError(path, row, problem=f"{len(cells)} cells", expected=expected)
        if not cells[who].strip():
            raise InputError(path, row, "patient", "empty", "whose reading this is")
        own = people.setdefault(cells[who].strip(), [])
        first.setdefault(cells[who].strip(), row)
        at = number(path, row, "day", cells[day].strip(), "d")
        if own and at <= own[-1][0]:
            raise InputError(path, row, "day", f"{at:g} after {own[-1][0]:g}", "days that ascend within a man, each once")
        if cells[on].strip() not in ("0", "1"):
            raise InputError(path, row, "abiraterone_on", f"{cells[on]!r}", "0 or 1")
        own.append((at, number(path, row, "psa_ng_ml", cells[psa].strip(), "ng/mL"), float(cells[on])))
    for person, rows in people.items():
        if not any(level > 0.0 for _, level, _ in rows):
            raise InputError(path, first[person], "psa_ng_ml", f"all 0 in {person}", "a reading above 0 ng/mL of each man")
    return [MarkerRecord(person, *np.asarray(rows).T) for person, rows in people.items()]


def twin() -> Body:
    """The body with priors wide enough for these men."""
    tumour = placed(
        CostAndTurnover,
        source=WIDE,
        burden=LogitNormal(0.6, sd=1.0),
        resistant=LogitNormal(0.01, sd=2.0),
        rate=LogNormal(0.04, cv=1.5),
        cost=LogitNormal(0.5, sd=1.3),
        turnover=LogitNormal(0.3, sd=1.3),
        killing=LogNormal(2.5, cv=1.0),
    )
    return calendar(tumour).with_values({"marker.half_life": 2.2})


def marker_problem(men: list[MarkerRecord], known: list[int] | None = None) -> Problem:
    """``known``: how many readings of each man count, all by default."""
    most = max(len(m.day) for m in men)
    known = known or [len(m.day) for m in men]
    pad = lambda v: np.pad(v, (0, most - len(v)), mode="edge")
    at, level = (np.stack([pad(getattr(m, name)) for m in men], axis=-1) for name in ("day", "level"))
    present = np.arange(most)[:, None] < np.asarray(known)
    # what a man's error is must not depend on what is hidden
    highest = np.asarray([m.level[:k].max() for m, k in zip(men, known, strict=True)])
    assay = Observation(Additive(ERROR * highest), AtTimes(), "psa", "marker.level", "ng/mL")
    protocol = Timed(at, ragged([m.doses() for m in men]), method=_METHOD)
    return Problem(twin(), FREE, protocol=protocol, observations=[assay], readings=[readings(level, present)])
