"""Whether a fitted day supports a question: what is known of the change, and how far it goes beyond what was recorded.

The data do not support a question where

    the day could not be fitted or the changed day not be solved;
    the change is nowhere of a sure sign: at no time does its 80 % interval leave out everything within 1 mg/dL of zero;
    the day taught less than half of it: 1 - (sd / prior sd)^2 of the change, on average over the day, is below 0.5.

What the record cannot have taught is said beside the answer: a question of meals on a day without one, of doses larger than
any, of exercise, whose effect on this person is that of published people, as wide as they differ.
"""

from typing import NamedTuple

import numpy as np

from calibration.diabetes.answers import Answer
from calibration.diabetes.inputs import DayInputs

LEVEL, LEARNED = 0.8, 0.5
NOTICED = 1.0  # mg/dL, above what the solver's tolerances change
FARTHEST = 1.5  # times the largest of the record
NOT_SUPPORTED = "the data do not support this question"


class Support(NamedTuple):
    """``why`` is empty where the data support the question; ``beyond`` says what the record cannot have taught of it."""

    why: tuple[str, ...]
    beyond: tuple[str, ...]

    @property
    def supported(self) -> bool:
        return not self.why

    def __str__(self) -> str:
        said = f"{NOT_SUPPORTED}: {'; '.join(self.why)}" if self.why else "the data support this question"
        return "; ".join((said, *self.beyond))


def support(recorded: Answer, difference: Answer, lane: int, day: DayInputs, changed: DayInputs) -> Support:
    """Of the day ``lane``: ``recorded`` is the answer of the day as it was, ``difference`` what the change does."""
    why = []
    if not (recorded.good[lane] and difference.good[lane]):
        why.append("the day could not be fitted, or not be solved with the change")
    else:
        low, high = (end[:, lane] for end in difference.interval(LEVEL))
        if not ((low > NOTICED) | (high < -NOTICED)).any():
            why.append(f"not even the sign of the change is sure at {100 * LEVEL:g} %")
        if difference.learned[lane] < LEARNED:
            why.append(f"the day taught {int(100 * difference.learned[lane])} % of it, less than {100 * LEARNED:g} %")
    return Support(tuple(why), tuple(beyond(day, changed)))


def beyond(day: DayInputs, changed: DayInputs) -> list[str]:
    """What the changed day holds of which the recorded day has none, or less."""
    said = []
    eaten, ate = ([m.grams for m in d.meals if m.grams > 0.0] for d in (day, changed))
    given, gave = ([b.units for b in d.boluses] for d in (day, changed))
    for name, unit, old, new in (("meal", "g", eaten, ate), ("bolus", "U", given, gave)):
        if sorted(old) == sorted(new):
            continue
        if not old:
            said.append(f"the day has no {name} that could have taught what one does")
        elif new and max(new) > FARTHEST * max(old):
            said.append(f"a {name} of {max(new):g} {unit}, where the largest of the day is {max(old):g} {unit}")
    rates, others = ({rate for _, rate in d.basal} for d in (day, changed))
    if rates != others and len(rates) == 1:
        said.append("basal insulin ran at one rate all day: what another does is told by boluses alone")
    if changed.exercise and not day.exercise:
        said.append("the record holds no exercise: its effect is that of published people, and the interval holds how they may differ")
    return said


def largest(difference: Answer, lane: int) -> int:
    """The time (its place) at which the change is largest."""
    return int(np.abs(difference.mean[:, lane]).argmax())
