"""Doses of a course searched by gradient: the risk of early progression over draws of one person's tumour made small.

    risk(u)        = superquantile of -T(u) over draws       u   dose of a fraction in each week [Gy], the same in all of a week
    spent(u)       = sum of u (1 + u / spared)               over fractions [Gy]; plain dose where spared is infinite
    equal dose     least risk at spent(u) of the standard course,    low <= u <= high
    equal control  least spent(u) whose risk is not above that of the standard course

T, the time to progression, is of ``calibration.tumours.radiation_course``. What is searched is w = u (1 + u / spared), in which
what is spent is a sum; SLSQP takes derivatives from JAX. Risk has many local minima, for of one sum of doses large fractions
kill more than small ones: starts are the standard course scaled, all orders of full weeks and points scattered in the bounds,
the best of them polished. The standard course is among the candidates, so no plan is worse than it on its own draws. The least
that can be spent is where the least risk passes that of the standard course, by bisection, from the side that controls.

Plain dose is what Chaudhuri 2023 spares, and that is not the whole of harm: late tissue, alpha/beta 3 Gy, minds large fractions
more than a tumour does. With ``spared`` 3 Gy the biologically effective dose of late tissue is spent instead.

Sources: A. Chaudhuri et al., Front. Artif. Intell. 6:1222612 (2023), the two questions; level, bounds and the definition of
progression are ours. D. Kraft, DFVLR-FB 88-28 (1988), SLSQP.
"""

import itertools
import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike
from scipy.optimize import minimize
from scipy.stats import qmc

from calibration.errors import InputError
from calibration.superquantile import superquantile
from calibration.tumours.radiation_course import fraction_days, time_to_progression
from physio.tumours.irradiated import IrradiatedTumour

LEVEL = 0.8
_HALVINGS = 10
_SCATTERED, _POLISHED = 128, 4


@dataclass(frozen=True)
class Course:
    """``each`` fractions a week for as many weeks as ``standard`` has doses [Gy], with bounds ``low`` and ``high`` [Gy].

    A week that was given already has low = high. ``spared`` [Gy] is alpha/beta of the tissue that is spared, infinite for plain
    dose. InputError where a bound is negative or does not hold the standard dose.
    """

    standard: tuple[float, ...] = (2.0,) * 6
    low: tuple[float, ...] = (0.0,) * 6
    high: tuple[float, ...] = (4.0,) * 6
    each: int = 5
    spared: float = math.inf

    def __post_init__(self):
        for week, (low, dose, high) in enumerate(zip(self.low, self.standard, self.high, strict=True), start=1):
            if not 0.0 <= low <= dose <= high:
                said = f"{dose:g} Gy between {low:g} and {high:g} Gy"
                raise InputError("course", week, "standard", said, "0 <= low <= standard <= high in every week")

    @property
    def days(self) -> np.ndarray:
        return fraction_days(len(self.standard), self.each)

    def doses(self, weekly: Array) -> Array:
        """Doses (fractions, ...) of weekly ones (weeks, ...)."""
        return jnp.repeat(jnp.asarray(weekly), self.each, axis=0)

    def weighed(self, weekly: ArrayLike) -> np.ndarray:
        """w (weeks,) of a fraction [Gy]."""
        weekly = np.asarray(weekly, float)
        return weekly * (1.0 + weekly / self.spared)

    def weekly(self, weighed: Array) -> Array:
        """Doses of w, the positive root, without a difference of near numbers."""
        return 2.0 * weighed / (1.0 + jnp.sqrt(1.0 + 4.0 * weighed / self.spared))

    def spent(self, weekly: ArrayLike) -> float:
        """What all fractions spend [Gy]."""
        return float(self.each * self.weighed(weekly).sum())


@dataclass(frozen=True)
class Plan:
    """``weekly`` doses of a fraction (weeks,) [Gy], what is ``spent`` [Gy] over all fractions, and ``risk`` [d]."""

    weekly: np.ndarray
    spent: float
    risk: float


@eqx.filter_jit
def risk_of(weekly: Array, course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Array:
    """Risk [d] of weekly doses (weeks,) over draws of a tumour: minus the mean of the earliest 1 - level of T."""
    return superquantile(-time_to_progression(jnp.asarray(course.days), course.doses(weekly), tumour), level)


@eqx.filter_jit
def risks_of(weekly: Array, course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Array:
    """Risks (courses,) [d] of several courses (weeks, courses)."""
    return jax.vmap(lambda u: risk_of(u, course, tumour, level), in_axes=1)(weekly)


@eqx.filter_jit
def _with_gradient(weighed: Array, course: Course, tumour: IrradiatedTumour, level: float) -> tuple[Array, Array]:
    return jax.value_and_grad(lambda w: risk_of(course.weekly(w), course, tumour, level))(weighed)


def standard_plan(course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Plan:
    """The standard course and its risk."""
    weekly = np.asarray(course.standard)
    return Plan(weekly, course.spent(weekly), float(risk_of(jnp.asarray(weekly), course, tumour, level)))


def equal_dose(course: Course, tumour: IrradiatedTumour, spent: float | None = None, level: float = LEVEL) -> Plan:
    """The least risk where so much is spent [Gy], as by the standard course by default; InputError where no bounds allow it."""
    low, high = course.weighed(course.low), course.weighed(course.high)
    share = course.spent(course.standard) / course.each if spent is None else spent / course.each
    if not low.sum() <= share <= high.sum():
        allowed = f"{course.each * low.sum():g} to {course.each * high.sum():g} Gy"
        raise InputError("plan", None, "spent", f"{course.each * share:g} Gy is outside the bounds", allowed)
    starts = _starts(course, share)
    risks = np.asarray(risks_of(course.weekly(starts), course, tumour, level))
    order = np.argsort(risks)[:_POLISHED]
    found = [(float(risks[order[0]]), starts[:, order[0]])]
    if spent is None:
        # itself, not a start that rounding has moved
        found.append((standard_plan(course, tumour, level).risk, course.weighed(course.standard)))
    for k in order:
        ended = minimize(
            lambda w: tuple(np.asarray(v) for v in _with_gradient(jnp.asarray(w), course, tumour, level)),
            starts[:, k],
            jac=True,
            method="SLSQP",
            bounds=list(zip(low, high, strict=True)),
            constraints={"type": "eq", "fun": lambda w: w.sum() - share, "jac": np.ones_like},
            options={"maxiter": 40, "ftol": 1e-6},
        )
        inside = _within(ended.x[:, None], low, high, share)[:, 0]
        found.append((float(risk_of(course.weekly(inside), course, tumour, level)), inside))
    risk, weighed = min(found, key=lambda pair: pair[0])
    return Plan(np.asarray(course.weekly(weighed)), float(course.each * weighed.sum()), risk)


def equal_control(course: Course, tumour: IrradiatedTumour, level: float = LEVEL) -> Plan:
    """The least that is spent at a risk not above that of the standard course."""
    standard = standard_plan(course, tumour, level)
    best, missed = standard, course.spent(course.low)
    for _ in range(_HALVINGS):
        tried = equal_dose(course, tumour, 0.5 * (missed + best.spent), level)
        if tried.risk <= standard.risk:
            best = tried
        else:
            missed = tried.spent
    return best


def random_courses(course: Course, count: int, seed: int, share: float | None = None) -> np.ndarray:
    """Weekly doses (weeks, courses) anywhere in the bounds, w summing to ``share`` [Gy], as the standard course by default."""
    low, high = course.weighed(course.low), course.weighed(course.high)
    share = course.weighed(course.standard).sum() if share is None else share
    anywhere = low[:, None] + (high - low)[:, None] * qmc.Sobol(len(low), seed=seed).random(count).T
    return np.asarray(course.weekly(_within(anywhere, low, high, share)))


def _starts(course: Course, share: float) -> np.ndarray:
    """Courses w (weeks, courses) that sum to ``share``: the standard one scaled, all orders of full weeks, scattered ones."""
    low, high, standard = (course.weighed(v) for v in (course.low, course.high, course.standard))
    span = standard.sum() - low.sum()
    scaled = low + (standard - low) * ((share - low.sum()) / span if span > 0.0 else 0.0)
    orders = itertools.permutations(range(len(low)))
    found = {tuple(np.round(_filled(order, low, high, share), 9)): order for order in orders}
    ordered = np.stack([scaled] + [_filled(found[k], low, high, share) for k in sorted(found)], axis=1)
    scattered = course.weighed(random_courses(course, _SCATTERED, 0, share))
    return _within(np.concatenate([ordered, scattered], axis=1), low, high, share)


def _filled(order: tuple[int, ...], low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """Weeks filled to their bounds in an order, as far as the sum goes."""
    weighed, left = low.copy(), share - low.sum()
    for week in order:
        added = min(left, high[week] - low[week])
        weighed[week], left = weighed[week] + added, left - added
    return weighed


def _within(weighed: np.ndarray, low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """The nearest points (weeks, points) within bounds that sum to ``share``: each moved by one amount, found by bisection."""
    low, high = low[:, None], high[:, None]
    least, most = (low - weighed).min(axis=0), (high - weighed).max(axis=0)
    for _ in range(60):
        moved = 0.5 * (least + most)
        over = np.clip(weighed + moved, low, high).sum(axis=0) > share
        least, most = np.where(over, least, moved), np.where(over, moved, most)
    return np.clip(weighed + least, low, high)
