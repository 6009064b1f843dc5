"""Virtual people whose tumours are segmented with errors of the outline: do intervals hold?

Made by Heun's method on cells half as wide, from a seed of about 3 mm, and scanned first when the tumour has the radius at
which it is found, 5 to 9 mm, whenever that is; the edge at 20 % of cells is moved by a smooth normal displacement of 1 mm with
a correlation length of 5 mm, another one at each scan. Fitted by ``scanned_field``, which knows neither age nor displacements,
on voxels of 1.5 mm with three scans in 60 days; the last scan is forecast from the first two, and the first is fitted alone.

Numbers of a person are drawn from the priors of the fit, and again where D is above 0.5 mm2/d, where the tumour is not found in
300 days, or where its radius is above 17 mm at the last scan.
"""

import dataclasses
import datetime
import time
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from calibration.fit import Fit, FitStatus
from calibration.tumours.grid_support import cell_means, finer, warning
from calibration.tumours.image_problem import Course, ImageProblem
from calibration.tumours.log_interval import log_intervals
from calibration.tumours.one_scan import ratios
from calibration.tumours.outline_error import OutlineError, radius
from calibration.tumours.scan_fit import cells_of, dice, edge_speed, fitted, hiding, volumes
from calibration.tumours.scanned_field import scanned_field
from calibration.tumours.scans import Scan, Tissue
from calibration.tumours.start import Seed
from experiments.problems.brain_labels import cropped, white_places
from physio.fields import Heun
from physio.tumours.infiltration import Brain

SPACING, SIZE, DAYS = 1.5, 32, (0.0, 30.0, 60.0)
ERROR = OutlineError(sd=1.0, reach=5.0)
LEVEL = 0.9
MADE = ("white", "growth", "grey_ratio", "seed.x", "seed.y", "seed.z", "seed.radius", "seed.peak")
FITTED = (*MADE[:6], "seed.age")
TOLD, ALONE = ("D", "rho", "D / rho", "speed"), ("D / rho", "rho T")
_THRESHOLD, _AGE = 0.2, 60.0
_EVERY, _LAST = 10.0, 36    # d, and how many times: the last scan is two months before the end
_AFTER = tuple(int(day / _EVERY) for day in DAYS)
_MIDDLE = (SIZE * SPACING / 2.0,) * 3
_PREDICTED = eqx.filter_jit(lambda problem, z: problem.predict(z)[0])


class Outlined(NamedTuple):
    """One person: rows of ``TOLD`` as (truth, low, high), ``sure`` where scans tell them; the hidden last ``volume`` as it was,
    median, low and high, and ``carried`` forward [mm3]; Dice of the forecast and of the mask before; ``alone`` rows of
    ``ALONE``, and ``edge`` one of the speed of the visible edge.
    """

    told: np.ndarray
    alone: np.ndarray
    edge: np.ndarray
    sure: np.ndarray
    volume: np.ndarray
    dice: tuple[float, float]
    carried: float
    converged: bool
    warned: bool
    seconds: float


def outlined_people(labels: np.ndarray, count: int, seed: int, error: OutlineError = ERROR) -> list[Outlined]:
    """``labels`` on ``SPACING``; ``error`` is that of the segmentations, the fit assumes ``ERROR``."""
    random = np.random.default_rng(seed)
    places = white_places(labels, SIZE, count, random)
    return [_person(np.array(cropped(labels, place, SIZE)), error, random) for place in places]


def segmented_people(labels: np.ndarray, count: int, seed: int, error: OutlineError = ERROR) -> list[list[Scan]]:
    """Scans of people, who are fitted by nobody."""
    random = np.random.default_rng(seed)
    crops = [np.array(cropped(labels, place, SIZE)) for place in white_places(labels, SIZE, count, random)]
    return [_scanned(crop, error, random)[3] for crop in crops]


def _scanned(labels: np.ndarray, error: OutlineError, random: np.random.Generator):
    """D and rho, the age at the first scan [d], cells on the finer grid, and scans."""
    truth, age, cells = _made(labels, random)
    return truth, age, cells, [_segmented(c, labels, day, error, random) for c, day in zip(cells, DAYS, strict=True)]


def _person(labels: np.ndarray, error: OutlineError, random: np.random.Generator) -> Outlined:
    truth, age, cells, scans = _scanned(labels, error, random)
    tissue = Tissue(labels, scans[0].spacing, scans[0].affine, "tissue")
    began = time.perf_counter()
    alone = alone_fitted(scans[0], tissue)
    problem = _alike(scans, tissue, Seed(_MIDDLE, typical_age=_AGE), FITTED)
    fit, known = fitted(problem), fitted(hiding(problem))
    told = log_intervals(fit, told_of, LEVEL)
    value = told_of(dict(zip(("white", "growth"), truth, strict=True)))
    rows = np.asarray([(float(value[name]), told[name].low, told[name].high) for name in TOLD])
    inside = labels >= 2
    seen, before = (scan.mask & inside for scan in (scans[-1], scans[-2]))
    volume = seen.sum() * SPACING**3
    drawn = volumes(known, jax.random.key(int(random.integers(2**31))))[:, -1]
    drawn = drawn + ERROR.volume_sd(float(np.nanmedian(drawn))) * random.normal(size=len(drawn))
    forecast = (cells_of(known)[-1] > _THRESHOLD) & inside
    return Outlined(
        rows, _alone_rows(alone, truth, age), edge_row(fit, cells, random), _sure(fit, told),
        np.asarray([volume, *np.nanquantile(drawn, (0.5, 0.05, 0.95))]),
        (dice(forecast, seen), dice(before, seen)), before.sum() * SPACING**3,
        all(int(f.status[0]) == FitStatus.CONVERGED for f in (fit, known, alone)), warning(fit) is not None,
        time.perf_counter() - began,
    )  # fmt: skip


def _alike(scans: list[Scan], tissue: Tissue, start: Seed, names: tuple[str, ...]) -> ImageProblem:
    """One start for all people: a program is compiled once."""
    problem = scanned_field(scans, tissue, (), ERROR, margin=1e3).problem
    return dataclasses.replace(problem, start=start, course=problem.course._replace(begin=-_AGE), names=names)


def alone_fitted(first: Scan, tissue: Tissue) -> Fit:
    """One scan, at a made-up age."""
    return fitted(_alike([first], tissue, Seed(_MIDDLE), MADE))


def edge_row(fit: Fit, cells: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Truth, low and high; ``cells`` on the finer grid."""
    days, size = np.asarray(DAYS), (cells > _THRESHOLD).sum((1, 2, 3)) * (SPACING / 2.0) ** 3
    drawn = edge_speed(volumes(fit, jax.random.key(int(random.integers(2**31)))), days)
    return np.asarray([edge_speed(size[None], days)[0], *np.nanquantile(drawn, (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))])


def _alone_rows(fit: Fit, truth: tuple[float, float], age: float) -> np.ndarray:
    white, growth = truth
    found = ratios(fit, LEVEL)
    return np.asarray([(x, found[n].low, found[n].high) for n, x in zip(ALONE, (white / growth, growth * age), strict=True)])


def told_of(value):
    """Numbers of a front by name: D [mm2/d], rho [1/d], D / rho [mm2], speed [mm/d]."""
    white, growth = value["white"], value["growth"]
    return {"D": white, "rho": growth, "D / rho": white / growth, "speed": 2.0 * jnp.sqrt(white * growth)}


def _sure(fit: Fit, told: dict) -> np.ndarray:
    """Which of ``TOLD`` scans tell: posterior SD of the logarithm at most half the prior's."""
    sigma = [fit.problem.info_table()[name].prior.sigma for name in ("white", "growth")]
    both = np.hypot(*sigma)
    prior = np.asarray([*sigma, both, 0.5 * both])
    return np.asarray([np.log(told[name].high / told[name].low) / (2.0 * 1.6449) for name in TOLD]) <= 0.5 * prior


def _made(labels: np.ndarray, random: np.random.Generator) -> tuple[tuple[float, float], float, np.ndarray]:
    """D and rho, the age at the first scan [d], and cells at the scans on the finer grid."""
    brain = Brain.of(labels, (SPACING,) * 3)
    course = Course(0.0, tuple(_EVERY * k for k in range(1, _LAST + 1)))
    empty = jnp.zeros((_LAST, *labels.shape))
    problem = ImageProblem(brain, Seed(_MIDDLE, doubt=1.0), empty, 1.0, None, course, MADE, 0.5, Heun())
    fine = finer(problem, 2, 0.18)
    while True:
        z = jnp.asarray(random.normal(size=(len(MADE), 1)))
        white, growth = (float(v) for v in problem.values(z)[:2, 0])
        found = random.uniform(5.0, 9.0)
        if white > 0.5:
            continue
        size = np.asarray([radius(float((c > _THRESHOLD).sum()) * SPACING**3) for c in np.asarray(_PREDICTED(problem, z))])
        first = int(np.argmax(size >= found))
        if size[first] < found or first + _AFTER[-1] >= _LAST or size[first + _AFTER[-1]] > 17.0:
            continue
        return (white, growth), course.scans[first], np.asarray(_PREDICTED(fine, z))[[first + k for k in _AFTER]]


def _segmented(cells: np.ndarray, labels: np.ndarray, day: float, error: OutlineError, random: np.random.Generator) -> Scan:
    """The edge moved by a random field, in voxels of the coarse grid."""
    fine = SPACING / 2.0
    seen = cells > _THRESHOLD
    away = distance_transform_edt(seen, sampling=fine) - distance_transform_edt(~seen, sampling=fine)
    away -= 0.5 * fine * np.sign(away)
    # white noise smoothed by l / sqrt 2 has the correlation exp(-r^2 / (2 l^2))
    smooth = error.reach / np.sqrt(2.0) / fine
    moved = gaussian_filter(random.normal(size=cells.shape), smooth, mode="wrap") * (4.0 * np.pi * smooth**2) ** 0.75
    mask = np.asarray(cell_means(jnp.asarray(away + error.sd * moved), 2)) > 0.0
    affine = np.diag([SPACING, SPACING, SPACING, 1.0])
    date = datetime.date(2024, 1, 1) + datetime.timedelta(day)
    return Scan(date, mask & (labels > 0), (SPACING,) * 3, affine, f"day {day:g}")
