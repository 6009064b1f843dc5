"""Dated segmentations, a tissue map and doses of one person to a problem whose unknowns those scans can tell.

    box      around all masks, and ``MARGIN`` mm more: some widths of a front
    days     from the first scan, which is day 0
    seed     near the centroid of the first mask, 3 mm wide, R / (2 sqrt(D rho)) of prior medians before it, R the radius of a
             sphere of that mask; with two scans or more this age is unknown and that is its median
    unknown  D and rho, grey over white D where there is grey matter, the seed's place, its age or, with one scan, its radius
             and height; radiosensitivity and a drug's kill where a scan lies after a dose of it

What is seen is a contour of 20 % of cells, with the errors of ``OutlineError``. Doses of a drug count in units of its median
dose, in which the prior of its kill is. Doses on the day of a scan come after it.
"""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from calibration.tumours.image_problem import Course, ImageProblem, parameter_info
from calibration.tumours.outline_error import OutlineError, radius
from calibration.tumours.scans import Scan, Tissue, check_scans, check_tissue
from calibration.tumours.sight import Contour
from calibration.tumours.start import AGE, Seed
from physio.fields import Stabilised, Strang
from physio.tumours.infiltration import GREY, Brain
from physio.tumours.treated_field import RADIATION

MARGIN = 20.0    # mm
_PLACE, _SIZE = ("seed.x", "seed.y", "seed.z"), ("seed.radius", "seed.peak")
# longest step [d], and the largest D [mm2/d] that it holds, times the age over its median before the first scan
_LONGEST, _FASTEST = 1.0, 2.0


class Dose(NamedTuple):
    """``radiation`` [Gy], or a drug by name in any one unit."""

    day: datetime.date
    channel: str
    amount: float


class ScannedField(NamedTuple):
    """``problem`` on the voxels of ``box``, three slices of the scans' grid; doses after the last scan are ``planned``."""

    problem: ImageProblem
    box: tuple[slice, slice, slice]
    planned: tuple[Dose, ...]


def scanned_field(
    scans: Sequence[Scan],
    tissue: Tissue,
    doses: Sequence[Dose] = (),
    error: OutlineError = OutlineError(),
    margin: float = MARGIN,
) -> ScannedField:
    """InputError where scans, tissue map and doses do not belong together."""
    check_scans(scans, [dose.day for dose in doses])
    check_tissue(tissue, scans[0])
    spacing = scans[0].spacing
    box = _box(np.any([scan.mask for scan in scans], axis=0), spacing, margin)
    brain = Brain.of(tissue.labels[box], spacing)
    seen = [dose for dose in doses if dose.day < scans[-1].day]
    start, age = _start(scans, box)
    seed = (*_PLACE, AGE) if len(scans) > 1 else (*_PLACE, *_SIZE)
    course = Course(
        -age,
        tuple(_days(scan.day, scans[0]) for scan in scans),
        tuple((dose.channel, _days(dose.day, scans[0]), dose.amount / _unit(doses, dose.channel)) for dose in seen),
    )
    grey = ("grey_ratio",) if (tissue.labels[box] == GREY).any() else ()
    kills = tuple(f"{drug}.kill" for drug in course.drugs)
    sensitivity = ("radiosensitivity",) if any(dose.channel == RADIATION for dose in seen) else ()
    problem = ImageProblem(
        brain,
        start,
        jnp.asarray(np.stack([scan.mask[box] for scan in scans]), jnp.float64),
        jnp.asarray([error.voxel_sd(scan) for scan in scans]).reshape(-1, 1, 1, 1),
        None,
        course,
        ("white", "growth", *grey, *sensitivity, *kills, *seed),
        min(_LONGEST, min(spacing) ** 2 / _FASTEST),
        Strang(Stabilised(5)),
        Contour(brain.domain, error.width(spacing)),
    )
    return ScannedField(problem, box, tuple(dose for dose in doses if dose.day >= scans[-1].day))


def _box(mask: np.ndarray, spacing: tuple[float, ...], margin: float) -> tuple[slice, slice, slice]:
    ends = [(where.min(), where.max() + 1) for where in np.nonzero(mask)]
    more = [int(np.ceil(margin / h)) for h in spacing]
    return tuple(slice(max(low - k, 0), min(high + k, n)) for (low, high), k, n in zip(ends, more, mask.shape, strict=True))


def _start(scans: Sequence[Scan], box: tuple[slice, ...]) -> tuple[Seed, float]:
    """A seed, and how long before the first scan [d]."""
    first = scans[0]
    centre = [(where.mean() + 0.5) * h for where, h in zip(np.nonzero(first.mask[box]), first.spacing, strict=True)]
    speed = 2.0 * np.sqrt(parameter_info("white").prior.median * parameter_info("growth").prior.median)
    age = float(np.ceil(radius(first.volume) / speed))
    return Seed(tuple(map(float, centre)), typical_age=age if len(scans) > 1 else None), age


def _days(day: datetime.date, first: Scan) -> float:
    return float((day - first.day).days)


def _unit(doses: Sequence[Dose], channel: str) -> float:
    """1 Gy, or the median dose of a drug."""
    return 1.0 if channel == RADIATION else float(np.median([dose.amount for dose in doses if dose.channel == channel]))
