"""What fitted days say of days that did not happen: glucose with an interval, averaged over families of models.

    sd^2 = J Sigma J' ,     J = d glucose / dz at the fit,  Sigma the covariance of z

Families are weighed by their evidence, tempered by the misfit of the best: where none explains the day, small differences of
cost say little. The interval contains what is not known of the person, of the meals and of the sensor's gain, what the model
could not explain, how far families disagree, and, where a day has exercise, how published people differ in what it does to
them.

Two days of one person share the person: the difference of two answers has J = J of one day - J of the other, and is often known
far better than either.
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

    ``learned`` (days,): by how much the data narrowed the answer, 1 - (sd / prior sd)^2 on average over the day, of what a
    recorded day can teach, which the effect of exercise is not. No interval goes below ``lowest`` [mg/dL], what a person
    survives.
    """

    mean: np.ndarray
    sd: np.ndarray
    good: np.ndarray
    learned: np.ndarray
    lowest: float = _LOWEST

    def interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Equal-tailed."""
        reach = ndtri(0.5 + 0.5 * level) * self.sd
        return np.maximum(self.mean - reach, self.lowest), self.mean + reach

    def chance_below(self, bound: float) -> np.ndarray:
        """(times, days): the chance that glucose is below ``bound`` [mg/dL]."""
        return ndtr((bound - self.mean) / self.sd)


def answer(fits: Sequence[DayFits], days: Sequence[DayInputs]) -> Answer:
    """Glucose in plasma that each fitted day's person would have had with the inputs ``days`` instead; one fit of all days for
    every family.
    """
    return _averaged(fits, [_of_family(fit, [days])[0] for fit in fits])


class Compared(NamedTuple):
    """``recorded`` is the day as it was; for each list of changed days, glucose and its difference from the day as it was."""

    recorded: Answer
    changed: list[Answer]
    differences: list[Answer]


def compared(fits: Sequence[DayFits], days: Sequence[DayInputs], others: Sequence[Sequence[DayInputs]]) -> Compared:
    """``days`` and all lists of changed days in one solve."""
    parts = [_of_family(fit, [days, *others]) for fit in fits]
    found = [_averaged(fits, list(of_families)) for of_families in zip(*parts, strict=True)]
    return Compared(found[0], found[1 : len(others) + 1], found[len(others) + 1 :])


def change(fits: Sequence[DayFits], days: Sequence[DayInputs], changed: Sequence[DayInputs]) -> Answer:
    """By how much glucose would have differed on the ``changed`` days from that of ``days``."""
    return compared(fits, days, [changed]).differences[0]


def weights(fits: Sequence[DayFits]) -> np.ndarray:
    """(families, days), summing to 1."""
    evidence = np.stack([fit.log_evidence for fit in fits])
    best = evidence.argmax(0)
    misfit = np.stack([fit.misfit for fit in fits])[best, np.arange(best.size)]
    known = np.isfinite(evidence)
    apart = np.where(known, evidence - np.where(known, evidence, -1e300).max(0), 0.0) / misfit
    raw = np.where(known, np.exp(apart), 0.0)
    return raw / np.maximum(raw.sum(0), 1e-300)


def _averaged(fits: Sequence[DayFits], parts: Sequence[Answer]) -> Answer:
    # a family that could not solve the other day has no say in it
    weight = weights(fits) * np.stack([p.good for p in parts])
    weight = weight / np.maximum(weight.sum(0), 1e-300)
    mean = sum(w * p.mean for w, p in zip(weight, parts, strict=True))
    spread = sum(w * (p.sd**2 + (p.mean - mean) ** 2) for w, p in zip(weight, parts, strict=True))
    learned = sum(w * p.learned for w, p in zip(weight, parts, strict=True))
    return Answer(mean, np.sqrt(spread), weight.sum(0) > 0.0, learned, parts[0].lowest)


def _of_family(fit: DayFits, lists: Sequence[Sequence[DayInputs]]) -> list[Answer]:
    """Of every list of days, then of every later list less the first."""
    problem, times = fit.problem, len(lists)
    events = problem.with_inputs([day for days in lists for day in days])
    # lane by lane in the order of the lists
    problem = problem.picked(np.tile(np.arange(problem.lanes), times)) if times > 1 else problem
    z = jnp.tile(fit.z, times)
    if any(day.exercise for days in lists for day in days):
        z = jnp.concatenate([z, jnp.zeros((len(problem.family.exercise), z.shape[1]))])
    found = (np.asarray(a) for a in _linear(problem, z, events))
    mean, slopes, status = (np.split(a, times, axis=-1) for a in found)
    known = np.asarray(fit.covariance)
    answers = [_told(*each, known, _LOWEST) for each in zip(mean, slopes, status, strict=True)]
    for i in range(1, times):
        both = np.maximum(status[0], status[i])
        answers.append(_told(mean[i] - mean[0], slopes[i] - slopes[0], both, known, -np.inf))
    return answers


def _told(mean: np.ndarray, slopes: np.ndarray, status: np.ndarray, known: np.ndarray, lowest: float) -> Answer:
    good = (status == Status.OK) & (np.abs(known) < np.inf).all((0, 1)) & (np.abs(mean) < np.inf).all(0)
    clean, exercise = np.split(np.where(good, slopes, 0.0), [known.shape[0]])
    variance = np.einsum("atl,abl,btl->tl", clean, np.where(good, known, 0.0), clean)
    prior = (clean**2).sum(0)
    learned = 1.0 - np.minimum(variance.sum(0) / np.maximum(prior.sum(0), 1e-300), 1.0)
    variance = variance + (exercise**2).sum(0)
    return Answer(np.where(good, mean, 0.0), np.sqrt(np.maximum(variance, 1e-12)), good, learned, lowest)


@compiled_once
def _linear(problem: DayProblem, z: Array, events: Events) -> tuple[Array, Array, Array]:
    count = len(problem.names)

    def of(z):
        predicted = problem.predict(z[:count], events, z[count:] if z.shape[0] > count else None)
        return predicted.plasma, predicted.status

    return lane_jacobian(of, jnp.nan_to_num(z), has_aux=True)
