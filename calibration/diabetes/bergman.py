"""The family of the minimal model with a gut and a depot of insulin."""

from typing import ClassVar

import equinox as eqx

from calibration.diabetes.family import AbstractFamily
from physio.bodies.bergman_day import resting, sensed_bergman_day
from physio.bodies.intraday import with_intraday_sensitivity
from physio.bodies.meals import meal, meal_at_once
from physio.body import Body

MU_PER_U = 1000.0


def _hourly() -> Body:
    return with_intraday_sensitivity(sensed_bergman_day(), "glucose.sensitivity")


class Bergman(AbstractFamily):
    """The fewest equations."""

    label: ClassVar[str] = "minimal model"
    unknowns: ClassVar[tuple[str, ...]] = (
        "glucose.basal_glucose", "glucose.volume", "glucose.effectiveness", "glucose.action_rate", "glucose.sensitivity",
        "stomach.fastest", "stomach.slowest", "stomach.absorption", "stomach.available", "stomach.slowing",
        "depot.transit", "depot.volume", "depot.elimination", "interstitium.rate",
    )  # fmt: skip
    plasma: ClassVar[str] = "glucose.glucose"
    tissue: ClassVar[str] = "interstitium.glucose"
    fasting: ClassVar[str] = "glucose.basal_glucose"
    pool: ClassVar[str] = "glucose.glucose"
    followed: ClassVar[tuple[str, ...]] = (
        "glucose.basal_glucose", "glucose.effectiveness", "glucose.action_rate", "glucose.sensitivity",
        "stomach.fastest", "stomach.absorption", "depot.transit",
    )  # fmt: skip
    body: Body = eqx.field(default_factory=_hourly)

    def resting(self, values, weight, basal):
        return resting(self.body.with_values({**values, "size.weight": weight, "depot.basal": MU_PER_U * basal / weight}))

    def beginning(self, body, glucose):
        return body.with_values({"glucose.initial": glucose, "interstitium.initial": glucose})

    def eaten(self, at, grams, by_mouthful):
        return meal(at, grams) if by_mouthful else meal_at_once(at, grams)
