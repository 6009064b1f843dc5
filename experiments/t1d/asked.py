"""The chosen days of everybody fitted at once, by every family, and asked three what-ifs.

    20 % less carbohydrate, boluses as they were
    the bolus of the largest meal that has one, 15 min earlier
    half an hour of exercise at 17:00, by the family that has exercise alone

Every day is a lane of one problem, so that one compiled program a family serves all people. Glucose is that of plasma [mg/dL].

For real people the sensor's drift holds what the models cannot explain. What it has beyond a sensor's own may have been in
plasma: its variance is added to that of glucose, of the day as it was and with the change, and not to that of their difference.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from calibration.diabetes.answers import Answer, compared, weights
from calibration.diabetes.day_problem import EXACT, DayProblem, Doubt
from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.fitting import DayFits, fit_days
from calibration.diabetes.inputs import Bout, DayInputs
from calibration.diabetes.sensor import STEP, Sensor
from calibration.diabetes.support import Support, support
from calibration.diabetes.time_below import TimeBelow, time_below_normal
from calibration.diabetes.traces import trace_of
from calibration.diabetes.window import ROOM, Window
from calibration.diabetes.what_if import AbstractChange, BolusMoved, Carbohydrate, Exercise, bolus_of
from calibration.records.diary import DAY
from experiments.report.wording import count

LEVEL = 0.9
REAL, VIRTUAL = Sensor(gain_sd=0.04, sd=12.0, phi=0.9, white=3.0), Sensor()
UNLIKELY = 0.05  # weight of families that the day speaks against
LESS, EARLIER, EXERCISE_AT, EXERCISE_FOR = 0.8, -15.0, 17 * 60.0, 30.0


class Question(NamedTuple):
    """``of`` gives the change to ask of a day; ValueError where there is nothing to change."""

    name: str
    of: Callable[[Window], AbstractChange]


class Told(NamedTuple):
    """What a question came to: glucose of the recorded day by the same families, of the changed day, and the difference,
    (times, 1) each; ``refused``: why it was not asked.
    """

    name: str
    families: tuple[str, ...]
    recorded: Answer
    changed: Answer
    difference: Answer
    below: TimeBelow
    below_recorded: TimeBelow
    support: Support
    refused: str


class Twin(NamedTuple):
    """One fitted day: ``lane`` of all ``fits``; ``minute`` (times,) of the day since midnight; ``weight`` (families,)."""

    window: Window
    lane: int
    minute: np.ndarray
    recorded: Answer
    below: TimeBelow
    weight: np.ndarray
    told: list[Told]


QUESTIONS = (
    Question("20 % less carbohydrate", lambda day: Carbohydrate(LESS)),
    Question("bolus of the largest meal 15 min earlier", lambda day: _earlier(day.inputs)),
    Question("30 min of exercise at 17:00", lambda day: Exercise(Bout((EXERCISE_AT - day.clock) % DAY, EXERCISE_FOR))),
)


def fitted(
    days: Sequence[Window], families: Sequence[AbstractFamily], virtual: bool, say: Callable[[str], None]
) -> tuple[list[DayFits], list[Twin]]:
    """Fit and ask; ``say`` is told what is being done."""
    sensor, doubt = (VIRTUAL, EXACT) if virtual else (REAL, Doubt())
    inputs = [day.inputs for day in days]
    trace = trace_of([day.diary for day in days], [day.start for day in days], days[0].minutes, sensor)
    fits = []
    for family in families:
        say(f"fitting {count(len(days), 'day')} by {family.label}")
        fits.append(fit_days(DayProblem.of(family, inputs, trace, sensor=sensor, doubt=doubt, meals=ROOM)))
    say("asking what-ifs")
    told, recorded = _asked(days, fits, sensor.sd**2 - VIRTUAL.sd**2)
    weight, at = weights(fits), np.asarray(trace.at)[_opens(days) :]
    twins = []
    for lane, day in enumerate(days):
        own = _lane(recorded, lane)
        below = _below(at[:, lane], own)
        answers = [of(lane, at[:, lane]) for of in told]
        twins.append(Twin(day, lane, at[:, lane] + day.clock, own, below, weight[:, lane], answers))
    return fits, twins


def _asked(
    days: Sequence[Window], fits: Sequence[DayFits], fault: float
) -> tuple[list[Callable[[int, np.ndarray], Told]], Answer]:
    """For every question a function of the lane and its times; and the recorded day by all families. ``fault`` is the variance
    of plasma glucose that no model explains [mg2/dL2].
    """
    inputs = [day.inputs for day in days]
    found: list = [None] * len(QUESTIONS)
    made = [_changed(question, days) for question in QUESTIONS]
    knowing = [tuple(i for i, fit in enumerate(fits) if _known(changes, fit.problem.family)) for changes, _ in made]
    everybody, whole, weight = tuple(range(len(fits))), None, weights(fits)
    for group in dict.fromkeys((everybody, *knowing)):
        members = [q for q, own in enumerate(knowing) if own == group]
        if not group:
            continue
        some = [fits[i] for i in group]
        result = compared(some, inputs, [[_apply(c, d) for c, d in zip(made[q][0], inputs, strict=True)] for q in members])
        recorded = _of_the_day(days, _wider(result.recorded, fault))
        whole = recorded if group == everybody else whole
        labels = tuple(fit.problem.family.label for fit in some)
        for place, q in enumerate(members):
            answers = (_wider(result.changed[place], fault), result.differences[place])
            answers = (recorded, *(_of_the_day(days, answer) for answer in answers))
            found[q] = _teller(QUESTIONS[q].name, labels, weight[list(group)].sum(0), answers, *made[q], inputs)
    return [teller for teller in found if teller is not None], whole


def _changed(question: Question, days: Sequence[Window]) -> tuple[list[AbstractChange | None], list[str]]:
    changes, refused = [], []
    for day in days:
        try:
            change = question.of(day)
            change(day.inputs)
        except ValueError as problem:
            changes.append(None)
            refused.append(str(problem))
        else:
            changes.append(change)
            refused.append("")
    return changes, refused


def _known(changes: Sequence[AbstractChange | None], family: AbstractFamily) -> bool:
    return all(change is None or change.known_to(family) for change in changes)


def _apply(change: AbstractChange | None, day: DayInputs) -> DayInputs:
    return day if change is None else change(day)


def _teller(name, labels, weight, answers, changes, refused, inputs) -> Callable[[int, np.ndarray], Told]:
    def of(lane: int, at: np.ndarray) -> Told:
        recorded, other, difference = (_lane(a, lane) for a in answers)
        day = inputs[lane]
        judged = support(recorded, difference, 0, day, _apply(changes[lane], day))
        if weight[lane] < UNLIKELY:
            said = f"{' and '.join(labels)} explains this day far worse than equations that cannot be asked this"
            judged = judged._replace(beyond=(*judged.beyond, said))
        below = (_below(at, answer) for answer in (other, recorded))
        return Told(name, labels, recorded, other, difference, *below, judged, refused[lane])

    return of


def _wider(answer: Answer, variance: float) -> Answer:
    return answer._replace(sd=np.sqrt(answer.sd**2 + variance))


def _opens(days: Sequence[Window]) -> int:
    """The first sample of the days themselves."""
    return int(round(days[0].lead / STEP))


def _of_the_day(days: Sequence[Window], answer: Answer) -> Answer:
    first = _opens(days)
    return answer._replace(mean=answer.mean[first:], sd=answer.sd[first:])


def _lane(answer: Answer, lane: int) -> Answer:
    one = slice(lane, lane + 1)
    return Answer(answer.mean[:, one], answer.sd[:, one], answer.good[one], answer.learned[one], answer.lowest)


def _below(at: np.ndarray, answer: Answer) -> TimeBelow:
    return time_below_normal(at, answer.mean[:, 0], answer.sd[:, 0], level=LEVEL)


def _earlier(day: DayInputs) -> AbstractChange:
    """The bolus of the largest meal that has one."""
    for meal in sorted((m for m in day.meals if m.minute >= day.opens), key=lambda meal: -meal.grams):
        try:
            bolus_of(day, meal.number)
        except ValueError:
            continue
        return BolusMoved(meal.number, EARLIER)
    raise ValueError("no bolus of the day belongs to a meal")
