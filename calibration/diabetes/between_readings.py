"""What is eaten, delivered and done between two readings of a sensor, as one segment of a solve.

Within a step of 5 min what enters is spread evenly over the step, so that nothing but readings stops a solver:

    level of an input = integral of the input over the step / length of the step

Totals are kept; a minute's bolus moves by less than half a step, which absorption over an hour hardly tells. What the diary
says of a meal's amount is believed up to a factor exp(spread m), m standard normal and new with each meal.
"""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.diabetes.day_problem import GUESSED_SD
from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.inputs import DayInputs
from physio.protocol import Timed
from physio.schedule import ragged
from physio.solve.plan import Plan


class BetweenReadings(eqx.Module):
    """Events of many days, arrays (slots, days).

    ``start``, ``duration``  [min]
    ``amount``, ``channel``  as in a schedule
    ``spread``               sd of the logarithm of the amount, 0 for what is not a meal in doubt
    """

    start: Array
    duration: Array
    amount: Array
    channel: Array
    spread: Array
    channels: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, family: AbstractFamily, days: Sequence[DayInputs], grams: float) -> "BetweenReadings":
        """``grams``: sd of the logarithm of a meal's amount; one whose amount is guessed has 0.7."""
        made = [day.schedule(family, False) for day in days]
        schedule = Timed(jnp.zeros(1), ragged([s for s, _ in made])).widened(len(days)).schedule
        spread = np.zeros(schedule.time.shape)
        for lane, (day, (_, numbers)) in enumerate(zip(days, made, strict=True)):
            doubt = {meal.number: GUESSED_SD if meal.guessed else grams for meal in day.meals if meal.number >= 0}
            spread[: len(numbers), lane] = [doubt.get(number, 0.0) for number in numbers]
        arrays = schedule.time, schedule.duration, schedule.amount, schedule.channel, jnp.asarray(spread)
        return cls(*arrays, schedule.channels)

    def meal_begins(self, begin: Array, end: Array) -> Array:
        """(days,): whether a meal in doubt begins from ``begin`` on and before ``end`` (days,)."""
        return ((self.spread > 0.0) & (self.start >= begin) & (self.start < end)).any(0)

    def plan(self, begin: Array, end: Array, m: Array, more: dict[str, Array]) -> Plan:
        """From ``begin`` to ``end`` (days,) [min]: events at the beginning, inputs all along, and ``more`` of some inputs."""
        amount = self.amount * jnp.exp(self.spread * m)
        length = end - begin
        inside = jnp.maximum(jnp.minimum(self.start + self.duration, end) - jnp.maximum(self.start, begin), 0.0)
        share = jnp.where(length > 0.0, inside / jnp.where(length > 0.0, length, 1.0), 0.0)
        now = (self.start >= begin) & (self.start < end)
        levels, events = dict(more), {}
        for index, name in enumerate(self.channels):
            mine = self.channel == index
            if name.startswith("input."):
                known = name.removeprefix("input.")
                levels[known] = levels.get(known, 0.0) + jnp.where(mine, amount * share, 0.0).sum(0)
            else:
                events[name] = jnp.where(mine & now, amount, 0.0).sum(0)
        none = jnp.zeros_like(length)
        rows = [begin, end, *events.values(), *(none for _ in events), *levels.values()]
        table = jnp.stack([jnp.broadcast_to(row, length.shape) for row in rows])[:, None]
        first = jnp.zeros((1, *length.shape), jnp.int32)
        return Plan(table, first, end[None], (None,) * len(events), tuple(events), tuple(levels))
