"""What fitted days say of days that did not happen: glucose with an interval, averaged over families of models.

    sd^2 = J Sigma J' ,     J = d glucose / dz at the fit,  Sigma the covariance of z

Families are weighed by their evidence, tempered by the misfit of the best: where none explains the day, small differences of cost say
little. The interval contains what is not known of the person, of the meals and of the sensor's gain, what the model could not
explain, and how far families disagree.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.special import ndtr, ndtri

from calibration.compiled import compiled_once
from calibration.diabetes.day_problem import DayProblem
from calibration.diabetes.fitting import DayFits
from calibration.diabetes.inputs import DayInputs, Events
from physio.solve import Status
from physio.solve.lanes import lane_jacobian

_LOWEST = 10.0  # mg/dL


class Answer(NamedTuple):
    """Plasma glucose [mg/dL] (times, days) and its standard deviation; ``good`` (days,): a number could be given.

    ``learned`` (days,): by how much the data narrowed the answer, 1 - (sd / prior sd)^2 on average over the day.
    """

    mean: np.ndarray
    sd: np.ndarray
    good: np.ndarray
    learned: np.ndarray

    def interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Equal-tailed, never below what a person survives."""
        reach = ndtri(0.5 + 0.5 * level) * self.sd
        return np.maximum(self.mean - reach, _LOWEST), self.mean + reach

    def chance_below(self, bound: float) -> np.ndarray:
        """(times, days): the chance that glucose is below ``bound`` [mg/dL]."""
        return ndtr((bound - self.mean) / self.sd)


def answer(fits: Sequence[DayFits], days: Sequence[DayInputs], level: str = "plasma") -> Answer:
    """What each fitted day's person would have had with the inputs ``days`` instead; one fit of all days for every family.

    ``level``: ``plasma``, or ``told`` for what the sensor would tell, without its noise.
    """
    parts = [_of_family(fit, days, level) for fit in fits]
    # a family that could not solve the other day has no say in it
    weight = weights(fits) * np.stack([p.good for p in parts])
    weight = weight / np.maximum(weight.sum(0), 1e-300)
    mean = sum(w * p.mean for w, p in zip(weight, parts, strict=True))
    spread = sum(w * (p.sd**2 + (p.mean - mean) ** 2) for w, p in zip(weight, parts, strict=True))
    learned = sum(w * p.learned for w, p in zip(weight, parts, strict=True))
    return Answer(mean, np.sqrt(spread), weight.sum(0) > 0.0, learned)


def weights(fits: Sequence[DayFits]) -> np.ndarray:
    """(families, days), summing to 1."""
    evidence = np.stack([fit.log_evidence for fit in fits])
    best = evidence.argmax(0)
    misfit = np.stack([fit.misfit for fit in fits])[best, np.arange(best.size)]
    known = np.isfinite(evidence)
    apart = np.where(known, evidence - np.where(known, evidence, -1e300).max(0), 0.0) / misfit
    raw = np.where(known, np.exp(apart), 0.0)
    return raw / np.maximum(raw.sum(0), 1e-300)


def _of_family(fit: DayFits, days: Sequence[DayInputs], level: str) -> Answer:
    problem = fit.problem
    events = problem.with_inputs(days)
    mean, slopes, status = (np.asarray(a) for a in _linear(problem, fit.z, events, level))
    known = np.asarray(fit.covariance)
    good = (status == Status.OK) & (np.abs(known) < np.inf).all((0, 1)) & (np.abs(mean) < np.inf).all(0)
    clean = np.where(good, slopes, 0.0)
    variance = np.einsum("atl,abl,btl->tl", clean, np.where(good, known, 0.0), clean)
    prior = (clean**2).sum(0)
    learned = 1.0 - np.minimum(variance.sum(0) / np.maximum(prior.sum(0), 1e-300), 1.0)
    return Answer(np.where(good, mean, 0.0), np.sqrt(np.maximum(variance, 1e-12)), good, learned)


@compiled_once
def _linear(problem: DayProblem, z: Array, events: Events, level: str) -> tuple[Array, Array, Array]:
    def of(z):
        predicted = problem.predict(z, events)
        return getattr(predicted, level), predicted.status

    return lane_jacobian(of, jnp.nan_to_num(z), has_aux=True)
