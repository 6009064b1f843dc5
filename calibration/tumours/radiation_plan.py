"""Doses of a course searched by gradient: the risk of early progression over draws of one person's tumour made small.

    risk(u)      = superquantile of -T(u) over draws         u   dose of a fraction in each week [Gy], the same in all of a week
    equal dose     least risk at  sum of doses <= that of the standard course,       low <= u <= high
    equal control  least sum of doses whose risk is not above that of the standard course

T, the time to progression, is of ``calibration.tumours.radiation_course``. The least risk at a dose is found by SLSQP with
derivatives from JAX. It has many local minima, for large fractions kill more than small ones of the same sum: starts are the
standard course scaled, and courses with as many full weeks as the sum allows, the best of them. The standard course is always
among the candidates, so no plan is worse than it on its own draws. The least dose is where the least risk at a dose passes that
of the standard course, by bisection, from the side that controls.

What is spared is the sum of doses, as in Chaudhuri 2023, and that is not the whole of harm: late tissue minds large fractions
more than a tumour does. ``late_dose`` says how much.

Sources: A. Chaudhuri et al., Front. Artif. Intell. 6:1222612 (2023), the two questions; level, bounds and the time to progression
are ours. D. Kraft, DFVLR-FB 88-28 (1988), SLSQP.
"""

import itertools
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.optimize import minimize

from calibration.errors import InputError
from calibration.superquantile import superquantile
from calibration.tumours.radiation_course import fraction_days, time_to_progression
from physio.tumours.irradiated import IrradiatedTumour
from physio.tumours.linear_quadratic import biologically_effective_dose

LEVEL = 0.8
LATE_RATIO = 3.0    # Gy, of late tissue
_HALVINGS = 8
_POLISHED = 3


@dataclass(frozen=True)
class Course:
    """``each`` fractions a week for as many weeks as ``standard`` has doses [Gy]; weekly bounds ``low`` and ``high`` [Gy].

    A week that was given already has low = high. InputError where a bound is negative or does not hold the standard dose.
    """

    standard: tuple[float, ...] = (2.0,) * 6
    low: tuple[float, ...] = (0.0,) * 6
    high: tuple[float, ...] = (4.0,) * 6
    each: int = 5

    def __post_init__(self):
        for week, (low, dose, high) in enumerate(zip(self.low, self.standard, self.high, strict=True), start=1):
            if not 0.0 <= low <= dose <= high:
                said = f"{dose:g} Gy between {low:g} and {high:g} Gy"
                raise InputError("course", week, "standard", said, "0 <= low <= standard <= high in every week")

    @property
    def total(self) -> float:
        """Sum of standard doses [Gy]."""
        return self.each * sum(self.standard)

    @property
    def days(self) -> np.ndarray:
        return fraction_days(len(self.standard), self.each)

    def doses(self, weekly: Array) -> Array:
        """Doses (fractions, ...) of weekly ones (weeks, ...)."""
        return jnp.repeat(jnp.asarray(weekly), self.each, axis=0)


@dataclass(frozen=True)
class Plan:
    """``weekly`` doses a fraction (weeks,) [Gy], their sum ``total`` [Gy] over all fractions, and ``risk`` [d]."""

    weekly: np.ndarray
    total: float
    risk: float


def late_dose(weekly: Array, each: int = 5) -> Array:
    """Biologically effective dose [Gy] of late tissue, alpha/beta 3 Gy."""
    return biologically_effective_dose(jnp.asarray(weekly), LATE_RATIO, each).sum(axis=0)


@eqx.filter_jit
def risk_of(weekly: Array, course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Array:
    """Risk [d] of weekly doses (weeks,) over draws of a tumour: minus the mean of the earliest 1 - level of T."""
    return superquantile(-time_to_progression(jnp.asarray(course.days), course.doses(weekly), tumour), level)


@eqx.filter_jit
def _risks(weekly: Array, course: Course, tumour: IrradiatedTumour, level: float) -> Array:
    """Of several courses (weeks, courses)."""
    draws = eqx.filter_vmap(lambda u: risk_of(u, course, tumour, level), in_axes=1)
    return draws(weekly)


@eqx.filter_jit
def _with_gradient(weekly: Array, course: Course, tumour: IrradiatedTumour, level: float) -> tuple[Array, Array]:
    return eqx.filter_value_and_grad(lambda u: risk_of(u, course, tumour, level))(weekly)


def standard_plan(course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Plan:
    """The standard course and its risk."""
    weekly = np.asarray(course.standard)
    return Plan(weekly, course.total, float(risk_of(jnp.asarray(weekly), course, tumour, level)))


def equal_dose(course: Course, tumour: IrradiatedTumour, total: float | None = None, level: float = LEVEL) -> Plan:
    """The least risk at a sum of doses [Gy], that of the standard course by default; InputError where bounds do not allow it."""
    low, high = np.asarray(course.low), np.asarray(course.high)
    total = course.total if total is None else total
    share = total / course.each
    if not low.sum() <= share <= high.sum():
        allowed = f"{course.each * low.sum():g} to {course.each * high.sum():g} Gy"
        raise InputError("plan", None, "total", f"{total:g} Gy is outside the bounds", allowed)
    starts = _starts(course, share)
    risks = np.asarray(_risks(jnp.asarray(starts), course, tumour, level))
    order = np.argsort(risks)[:_POLISHED]
    found = [(risks[order[0]], starts[:, order[0]])]
    for k in order:
        ended = minimize(
            lambda u: tuple(np.asarray(v) for v in _with_gradient(jnp.asarray(u), course, tumour, level)),
            starts[:, k],
            jac=True,
            method="SLSQP",
            bounds=list(zip(low, high, strict=True)),
            constraints={"type": "eq", "fun": lambda u: u.sum() - share, "jac": np.ones_like},
            options={"maxiter": 40, "ftol": 1e-4},
        )
        weekly = _within(ended.x, low, high, share)
        found.append((float(risk_of(jnp.asarray(weekly), course, tumour, level)), weekly))
    risk, weekly = min(found, key=lambda pair: pair[0])
    return Plan(weekly, float(course.each * weekly.sum()), float(risk))


def equal_control(course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Plan:
    """The least sum of doses whose risk is not above that of the standard course."""
    standard = standard_plan(course, tumour, level)
    best, asked = standard, course.each * sum(course.low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (asked + best.total)
        tried = equal_dose(course, tumour, middle, level)
        if tried.risk <= standard.risk:
            best = tried
        else:
            asked = middle
    return best


def _starts(course: Course, share: float) -> np.ndarray:
    """Courses (weeks, courses) of weekly doses that sum to ``share``: the standard one scaled, and orders of full weeks."""
    low, high, standard = (np.asarray(v) for v in (course.low, course.high, course.standard))
    scaled = [_within(low + (standard - low) * t, low, high, share) for t in (share / standard.sum(),)]
    found = {tuple(np.round(_filled(order, low, high, share), 12)) for order in itertools.permutations(range(len(low)))}
    return np.stack(scaled + [_within(np.asarray(u), low, high, share) for u in sorted(found)], axis=1)


def _filled(order: tuple[int, ...], low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """Weeks filled to their bounds in an order, as far as the sum goes."""
    weekly, left = low.copy(), share - low.sum()
    for week in order:
        added = min(left, high[week] - low[week])
        weekly[week], left = weekly[week] + added, left - added
    return weekly


def _within(weekly: np.ndarray, low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """The nearest doses within bounds that sum to ``share``: all moved by one amount, found by bisection."""
    least, most = (low - weekly).min(), (high - weekly).max()
    for _ in range(60):
        moved = 0.5 * (least + most)
        over = np.clip(weekly + moved, low, high).sum() > share
        least, most = (least, moved) if over else (moved, most)
    return np.clip(weekly + least, low, high)
