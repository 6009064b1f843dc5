"""Twins of men under adaptive doses: fitted, asked for their last cycle, and given the drug by two policies.

A cycle begins where the drug comes back; the last one is hidden from where it does, and bands of it are stretched by what was
off in other men's (``calibration.tumours.stretched_bands``). Progression is a marker above 1.2 times its baseline, as in Strobl
2021; within the horizon or not.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from calibration.fit import Fit
from calibration.laplace import gauss_newton, laplace
from calibration.least_squares import LevenbergMarquardt
from calibration.multistart import multistart
from calibration.tumours.psa import MarkerRecord, marker_problem
from calibration.tumours.stretched_bands import off, stretched, stretches
from experiments.problems.keys import keys_of
from physio.bodies.prostate_cancer import adaptive, calendar
from physio.body import Body
from physio.schedule import nothing, switch
from physio.solve import Status, Tsit5, solve

SEED = 11
LEAST = 6    # readings before the last cycle
LEVEL = 0.9    # of bands
PROGRESSED = 1.2
HORIZON, STEP = 3650.0, 10.0    # d
_METHOD = LevenbergMarquardt(iterations=60, ftol=1e-7)


def fit_men(men: list[MarkerRecord], starts: int, known: list[int] | None = None) -> tuple[Fit, np.ndarray]:
    """The best of so many starts of every man, and predictions (readings, men) [ng/mL], of readings that were hidden too."""
    problem = marker_problem(men, known)
    keys = keys_of(SEED, "psa" if known is None else "psa, last cycle hidden", [m.person for m in men])
    fit, _ = multistart(problem, _METHOD, keys, starts=starts, redraws=0)
    (predicted,), _, _, _ = problem.predict(fit.z)
    return fit, np.asarray(predicted)


def new_readings(fit: Fit, men: list[MarkerRecord], draws: int) -> np.ndarray:
    """(draws, readings, men) [ng/mL] of every man's posterior, error of reading included, which may lead below 0; nan where the
    posterior has no spread or a draw could not be solved.
    """
    people = len(men)
    z = laplace(fit, gauss_newton).draws(keys_of(SEED, "posterior", [m.person for m in men]), draws)    # (draws, unknowns, men)
    wide = jnp.moveaxis(z, 0, -1).reshape(-1, people * draws)
    (level,), (spread,), status, _ = fit.problem.tiled(draws).predict(wide)
    keys = keys_of(SEED, "errors of reading", [m.person for m in men])
    noise = jax.vmap(lambda key: jax.random.normal(key, (len(level), draws)))(keys)    # (men, readings, draws)
    read = level + spread * jnp.moveaxis(noise, 0, 1).reshape(level.shape)
    read = jnp.where(status == Status.OK, read, jnp.nan).reshape(-1, people, draws)
    return np.array(jnp.moveaxis(read, -1, 0))


def last_cycle(man: MarkerRecord) -> int | None:
    """How many readings are known when the last cycle begins; None where there is no second one, where they are fewer than six
    or all 0.
    """
    begun = np.flatnonzero(np.diff(man.on) > 0) + 1
    known = int(begun[-1]) + 1 if begun.size else 0
    return known if LEAST <= known < len(man.day) and man.level[:known].any() else None


class LastCycles(NamedTuple):
    """Every man's last cycle hidden and forecast: how many readings are ``known`` (all of a man without one), new readings
    ``draws`` (draws, readings, men) [ng/mL], by how much the hidden ones are ``stretch``ed (men,), and how far ``off`` each
    man's hidden readings were in halves of his band before that.
    """

    known: list[int]
    draws: np.ndarray
    stretch: np.ndarray
    off: list[np.ndarray]

    @property
    def judged(self) -> list[tuple[np.ndarray, float]]:
        """``off`` and ``stretch`` of every man with a forecast of hidden readings."""
        pairs = zip(self.off, self.stretch.tolist(), strict=True)
        return [(d, q) for d, q in pairs if len(d) and np.isfinite(d).all()]

    @property
    def within(self) -> tuple[list[float], list[float]]:
        """Shares of each judged man's hidden readings inside his band, before it was stretched and after."""
        return [float(np.mean(d <= 1.0)) for d, _ in self.judged], [float(np.mean(d <= q)) for d, q in self.judged]


def last_cycles(men: list[MarkerRecord], starts: int, draws: int) -> LastCycles:
    """No man's numbers depend on his own hidden readings."""
    known = [last_cycle(m) or len(m.day) for m in men]
    read = new_readings(fit_men(men, starts, known)[0], men, draws)
    hidden = [slice(k, len(m.day)) for m, k in zip(men, known, strict=True)]
    each = [off(read[:, h, i], m.level[h], LEVEL) for i, (m, h) in enumerate(zip(men, hidden, strict=True))]
    stretch = stretches(each, LEVEL)
    for i, h in enumerate(hidden):
        read[:, h, i] = stretched(read[:, h, i], stretch[i])
    return LastCycles(known, np.maximum(read, 0.0), stretch, each)


def rmse(predicted: np.ndarray, seen: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - seen) ** 2)))


class Policies(NamedTuple):
    """Days to progression (draws, men) under both policies, ``HORIZON`` where none; the share of them without drug under
    adaptive doses; and which draws were ``solved`` under both. Numbers of others say nothing.
    """

    adaptive: np.ndarray
    always: np.ndarray
    free: np.ndarray
    solved: np.ndarray

    def of(self, men: np.ndarray) -> "Policies":
        """Of those men alone: ``men`` (men,) says who, or their places."""
        return Policies(*(part[:, men] for part in self))

    def medians(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Over men, each (draws,): days under adaptive doses, days under the drug throughout, one over the other. The lower one
        of two middle men, as in Kaplan-Meier: no mean with somebody who does not progress.
        """
        adaptive, always = (np.quantile(days, 0.5, axis=1, method="inverted_cdf") for days in (self.adaptive, self.always))
        return adaptive, always, adaptive / always


def policies(fit: Fit, men: list[MarkerRecord], draws: int) -> Policies:
    """Both policies on draws of every man's posterior."""
    z = laplace(fit, gauss_newton).draws(keys_of(SEED, "policies", [m.person for m in men]), draws)    # (draws, unknowns, men)
    count, unknowns, people = z.shape
    flat = jnp.moveaxis(z, 1, 0).reshape(unknowns, count * people)
    values = dict(zip(fit.problem.names, fit.problem.values(flat), strict=True))
    at = np.arange(0.0, HORIZON + STEP, STEP)

    def until(body: Body, schedule) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        path = solve(body.with_values(values), schedule, at=at, lanes=count * people, method=Tsit5(1e-5, 1e-8))
        over = np.asarray(path["marker.relative"]) > PROGRESSED
        first = np.where(over.any(0), over.argmax(0), len(at) - 1)
        given = np.asarray(path["policy.given"]) if "policy" in body.parts else None
        return at[first], np.asarray(path.status) == Status.OK, None if given is None else (first, given)

    by_marker, solved_a, (first, given) = until(adaptive(), nothing())
    always, solved_b, _ = until(calendar(), switch("dose", 0.0))
    free = 1.0 - given[first, np.arange(count * people)] / np.maximum(by_marker, STEP)
    shape = lambda v: v.reshape(count, people)
    return Policies(shape(by_marker), shape(always), shape(free), shape(solved_a & solved_b))
