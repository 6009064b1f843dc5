"""Last readings of lesions forecast from a population of other people, and from curves fitted to single records.

Folds go by person and by name alone. A population is fitted to the whole records of all people outside a fold, those with few
readings included; of the people of the fold it sees what comes before the hidden readings. Hidden readings are used for scores
and for nothing else; their times are known, as those of planned scans are.
"""

import time
import zlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from calibration.fit import FitStatus
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.tumours.curve_problem import curve_problem
from calibration.tumours.curves import AbstractCurve
from calibration.tumours.lesion_course import LIMIT, LesionCourse, fit_course, forecast_draws, log_density, scans
from calibration.tumours.records import SPHERE, TumourRecord
from experiments.problems.keys import keys_of

HIDDEN, LEAST = 2, 6
NORMAL = 6163223.04    # mm3: what the published protocol divides volumes by
SEED = 7
_METHOD = LevenbergMarquardt(iterations=200, ftol=1e-8)


class Forecasts(NamedTuple):
    """``draws`` (hidden, draws, people) [mm]; ``score`` mean log density of whole records that no fit saw, a reading."""

    draws: np.ndarray
    score: float
    searched: int
    courses: list[LesionCourse]


def volume(diameter: np.ndarray) -> np.ndarray:
    """Normalised volume of a diameter [mm]."""
    return SPHERE * np.asarray(diameter) ** 3 / NORMAL


def long_enough(records: list[TumourRecord]) -> list[TumourRecord]:
    """Those with enough readings."""
    return [r for r in records if len(r.time) >= LEAST]


def fold_of(record: TumourRecord, folds: int) -> int:
    return zlib.crc32(record.person.encode()) % folds


def forecasts(records: list[TumourRecord], *, folds: int, regimes: int = 3, draws: int = 4000) -> Forecasts:
    """Of all that are ``long_enough``, each from the other folds."""
    asked, most = long_enough(records), max(len(r.time) for r in records)
    out = np.zeros((HIDDEN, draws, len(asked)))
    course, courses, score, readings, searched = LesionCourse.start(regimes), [], 0.0, 0, 0
    for fold in range(folds):
        others = [r for r in records if fold_of(r, folds) != fold and len(r.time) > 1]
        course, ended = fit_course(scans(others, most), course)
        own = [r for r in records if fold_of(r, folds) == fold and len(r.time) > 1]
        score += float(log_density(course, scans(own, most)).sum())
        readings += sum(len(r.time) - 1 for r in own)
        here = [i for i, r in enumerate(asked) if fold_of(r, folds) == fold]
        courses.append(course)
        searched += ended
        if not here:
            continue
        people = [asked[i] for i in here]
        weeks = np.stack([np.diff(r.time[-HIDDEN - 1 :]) for r in people], axis=-1)
        keys = keys_of(SEED, "lesions", [r.person for r in people])
        found = forecast_draws(course, scans([r.first(-HIDDEN) for r in people], most), jnp.asarray(weeks), keys, draws)
        out[:, :, here] = np.asarray(found)
    return Forecasts(out, score / readings, searched, courses)


class CurveFits(NamedTuple):
    """``predicted`` (hidden, people) [mm]; share whose best start converged; seconds with nothing left to compile, and those of
    compilation.
    """

    predicted: np.ndarray
    converged: float
    seconds: float
    compiled: float


def fit_curve(curve: AbstractCurve, asked: list[TumourRecord], starts: int) -> CurveFits:
    """Each record alone, volumes of its visible readings with equal weights, the best of ``starts``."""
    problem = curve_problem(curve, [r.first(-HIDDEN) for r in asked], limit=LIMIT, power=3.0)
    keys = keys_of(SEED, curve.label, [r.person for r in asked])
    later = jnp.asarray(np.stack([r.time[-HIDDEN:] - r.time[0] for r in asked], axis=-1))
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        fit, _ = multistart(problem, _METHOD, keys, starts=starts, redraws=0)
        sizes = np.asarray(jax.block_until_ready(problem.sizes(fit.z, later)))
        seconds.append(time.perf_counter() - began)
    converged = float((fit.status == FitStatus.CONVERGED).mean())
    return CurveFits(np.cbrt(np.clip(sizes, 0.0, None)), converged, seconds[1], seconds[0] - seconds[1])
