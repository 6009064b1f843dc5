"""Virtual people with a tumour under radiation: scanned, planned from the scans, and followed on their own truth.

The truth of a person is a draw of the priors of ``IrradiatedTumour``; readings are true volumes with the error of a scan. Two
protocols: planned before the course, from scans three weeks and one day before it, all weeks free; or planned again after two
standard weeks with a scan at the end of each, the four that are left free.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from calibration.tumours.radiation_course import time_to_progression
from calibration.tumours.radiation_plan import (
    Course, Plan, equal_control, equal_dose, random_courses, risks_of, standard_plan,
)  # fmt: skip
from calibration.tumours.scanned_tumour import ERROR, PRIORS, ScannedTumour, draws_of, from_prior, seen_volumes
from experiments.problems.keys import keys_of
from physio.bodies.tumours import fractions, irradiated
from physio.solve import Tsit5, solve
from physio.tumours.irradiated import IrradiatedTumour
from physio.tumours.linear_quadratic import biologically_effective_dose

SEED = 23
BEFORE = np.array([-21.0, -1.0])
DURING = np.array([-21.0, -1.0, 6.0, 13.0])
GIVEN_WEEKS = 2
PRIOR_DRAWS, RANDOM_COURSES = 1024, 2048
TRIED = 65536    # draws of the prior, of which four scans leave few
LATE_RATIO = 3.0    # Gy, late tissue, Fowler 1989


@dataclass(frozen=True)
class Person:
    """The truth, its start that before the first fraction, and what scans say."""

    truth: IrradiatedTumour
    scanned: ScannedTumour


class Planned(NamedTuple):
    """Plans of one person: standard, equal dose, equal control; ``seconds`` from scans to plans; ``effective`` draws of the
    prior that count, and ``k_hat`` of their weights.
    """

    plans: list[Plan]
    seconds: float
    effective: float
    k_hat: float


@dataclass(frozen=True)
class Followed:
    """Plans of people: ``time`` (3, people) [d] to progression of the truth under the standard course, the plan of equal dose
    and that of equal control; ``spent`` (3, people) [Gy]; ``late`` (3, people) [Gy] biologically effective dose of late tissue;
    ``risk`` (3, people) [d] over draws; ``seconds`` a person, from scans to both plans; ``effective`` draws (people,)
    and ``k_hat`` (people,) of their weights.
    """

    time: np.ndarray
    spent: np.ndarray
    late: np.ndarray
    risk: np.ndarray
    seconds: np.ndarray
    effective: np.ndarray
    k_hat: np.ndarray


def people(count: int, scans: np.ndarray = BEFORE) -> list[Person]:
    """So many people; the same truth whatever the scans."""
    names = [str(i) for i in range(count)]
    course = Course()
    days, dose = jnp.asarray(course.days), course.doses(jnp.asarray(course.standard))
    made = []
    truths, errors = keys_of(SEED, "radiation, truth", names), keys_of(SEED, "radiation, scans", names)
    for truth_key, error_key in zip(truths, errors, strict=True):
        truth = from_prior(jax.random.normal(truth_key, (len(PRIORS),)))
        volume, first = seen_volumes(jnp.asarray(scans), days, dose, truth)
        seen = np.asarray(volume * jnp.exp(ERROR * jax.random.normal(error_key, volume.shape)))
        known = np.asarray(days) < max(scans.max(), 1.0)
        scanned = ScannedTumour(scans, seen, np.asarray(days)[known], np.asarray(dose)[known])
        made.append(Person(eqx.tree_at(lambda t: t.start, truth, first), scanned))
    return made


def replanned(course: Course) -> Course:
    """The same after weeks that were given as the standard has them."""
    given = course.standard[:GIVEN_WEEKS]
    return replace(course, low=given + course.low[GIVEN_WEEKS:], high=given + course.high[GIVEN_WEEKS:])


def solver_error(cohort: list[Person]) -> float:
    """Largest relative difference of volumes after the standard course, closed form against the solver."""
    course = Course()
    truth = jax.tree.map(lambda *v: jnp.stack(v), *(person.truth for person in cohort))
    days, dose = jnp.asarray(course.days), course.doses(jnp.asarray(course.standard))
    after = seen_volumes(days[-1:] + 2.0, days, dose, truth)[0][0]
    body = irradiated().with_values({f"tumour.{name}": getattr(truth, name) for name in PRIORS})
    path = solve(body, fractions(days, dose), at=days[-1:] + 2.0, lanes=len(cohort), method=Tsit5(1e-10, 1e-10))
    return float(jnp.abs(path["tumour.volume"][0] / after - 1.0).max())


def planned(cohort: list[Person], course: Course) -> list[Planned]:
    """All people, one after another; the first is planned twice, so that no seconds are those of compilation."""
    keys = keys_of(SEED, "radiation, draws", [str(i) for i in range(len(cohort))])
    _planned(cohort[0], course, keys[0])
    return [_planned(person, course, key) for person, key in zip(cohort, keys, strict=True)]


def one_plan(cohort: list[Person], course: Course) -> list[Planned]:
    """The same for everybody, from draws of the prior: without any scan."""
    (key,) = keys_of(SEED, "radiation", ["prior"])
    plans = _plans(from_prior(jax.random.normal(key, (len(PRIORS), PRIOR_DRAWS))), course)
    return [Planned(plans, 0.0, float(PRIOR_DRAWS), -np.inf)] * len(cohort)


def follow(
    cohort: list[Person], course: Course, known: list[Planned], until: Callable[..., jax.Array] = time_to_progression
) -> Followed:
    """What becomes of the plans; ``until`` as ``time_to_progression`` is the time to progression of a truth."""
    return _stacked([_outcome(person, course, plans, until) for person, plans in zip(cohort, known, strict=True)])


def search_error(cohort: list[Person], course: Course) -> float:
    """Most days by which the best of many random courses of equal dose beats the search on own draws of a person; 0 if none."""
    keys = keys_of(SEED, "radiation, draws", [str(i) for i in range(len(cohort))])
    tumours = [draws_of(person.scanned, key, tried=TRIED).tumour for person, key in zip(cohort, keys, strict=True)]
    weekly = jnp.asarray(random_courses(course, RANDOM_COURSES, SEED))
    best = [float(risks_of(weekly, course, tumour).min()) for tumour in tumours]
    return max(0.0, *(equal_dose(course, tumour).risk - risk for tumour, risk in zip(tumours, best, strict=True)))


def _plans(tumour: IrradiatedTumour, course: Course) -> list[Plan]:
    return [plan(course, tumour) for plan in (standard_plan, equal_dose, equal_control)]


def _planned(person: Person, course: Course, key: jax.Array) -> Planned:
    began = time.perf_counter()
    known = draws_of(person.scanned, key, tried=TRIED)
    plans = _plans(known.tumour, course)
    return Planned(plans, time.perf_counter() - began, known.effective, known.k_hat)


def _outcome(person: Person, course: Course, known: Planned, until: Callable[..., jax.Array]) -> tuple[np.ndarray, ...]:
    """In the order of ``Followed``."""
    weekly = jnp.asarray(np.stack([p.weekly for p in known.plans], axis=-1))
    progressed = until(jnp.asarray(course.days), course.doses(weekly), person.truth)
    late = biologically_effective_dose(weekly, LATE_RATIO, course.each).sum(axis=0)
    spent, risk = ([getattr(p, name) for p in known.plans] for name in ("spent", "risk"))
    return tuple(np.asarray(v) for v in (progressed, spent, late, risk, *known[1:]))


def _stacked(rows: list[tuple[np.ndarray, ...]]) -> Followed:
    return Followed(*(np.stack(column, axis=-1) for column in zip(*rows, strict=True)))
