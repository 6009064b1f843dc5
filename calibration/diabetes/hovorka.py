"""The family of the Cambridge simulator, with exercise.

Sensitivities are those of a person whose basal insulin is the published 5.2 mU/L; who needs more is less sensitive in
proportion, or a liver that stops at 1 / SIE = 19 mU/L would have stopped before breakfast.
"""

from typing import ClassVar

import equinox as eqx

from calibration.diabetes.family import AbstractFamily
from physio.bodies.hovorka import exercising, held_at, sensed_hovorka
from physio.bodies.intraday import with_intraday_sensitivity
from physio.bodies.meals import eating_time, swallowed
from physio.body import Body
from physio.metabolism.glucose_by_mass import MG_DL_PER_MMOL_L

MU_PER_U = 1000.0
SENSITIVITIES = ("action.transport", "action.disposal", "action.liver")


def _hourly() -> Body:
    return with_intraday_sensitivity(sensed_hovorka(), *SENSITIVITIES)


class Hovorka(AbstractFamily):
    """Ten states of the person, two of exercise."""

    label: ClassVar[str] = "Hovorka 2004"
    unknowns: ClassVar[tuple[str, ...]] = (
        "glucose.fasting", "glucose.volume", "glucose.exchange", "glucose.use",
        "action.transport", "action.disposal", "action.liver",
        "action.transport_rate", "action.disposal_rate", "action.liver_rate",
        "gut.available", "gut.transit", "depot.transit", "depot.volume", "depot.elimination", "interstitium.rate",
    )  # fmt: skip
    exercise: ClassVar[tuple[str, ...]] = (
        "exercise.uptake_time", "exercise.muscle_uptake", "exercise.liver_production", "exercise.insulin_gain",
        "exercise.oxygen_rate",
    )  # fmt: skip
    plasma: ClassVar[str] = "mass.glucose"
    tissue: ClassVar[str] = "interstitium.glucose"
    fasting: ClassVar[str] = "glucose.fasting"
    pool: ClassVar[str] = "glucose.accessible"
    followed: ClassVar[tuple[str, ...]] = (
        "glucose.fasting", "glucose.volume", "glucose.use", "action.transport", "action.disposal", "action.liver",
        "gut.transit", "depot.transit",
    )  # fmt: skip
    body: Body = eqx.field(default_factory=_hourly)

    def resting(self, values, weight, basal):
        known = {**values, "size.weight": weight, "depot.basal": MU_PER_U * basal / weight}
        body = self.body.with_values(known)
        share = self.prior("action.basal").median / body.parts["depot"].rest().insulin
        body = body.with_values({name: share * body.value(name) for name in SENSITIVITIES})
        return held_at(body, body.value("glucose.fasting"))

    def beginning(self, body, glucose):
        return body.with_values({"glucose.fasting": glucose / MG_DL_PER_MMOL_L, "interstitium.initial": glucose})

    def eaten(self, at, grams, by_mouthful):
        return swallowed(at, grams, eating_time(grams))

    def exercised(self, at, minutes, oxygen, muscle):
        return exercising(at, minutes, oxygen, muscle)
