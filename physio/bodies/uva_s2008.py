"""The simulator of type 1 diabetes of the universities of Virginia and Padova in its version of 2008: 13 states.

    food -> stomach -> glucose -> interstitium           interstitium.glucose [mg/dL] is what a sensor sees
                          ^
    pump -> depot  -> insulin                            basal delivery is ``depot.basal``

``physio.bodies.meals`` makes the schedule of a day. Only equations are those of the simulator; its virtual people are not part
of this: the medians are those of the published normal subject, with the production of published type 2 diabetes and
an assumed basal insulin. ``balanced`` makes any person fast at rest.

Source: B. P. Kovatchev, M. Breton, C. Dalla Man, C. Cobelli, J. Diabetes Sci. Technol. 3:44-55 (2009); structure also in
C. Dalla Man, D. M. Raimondo, R. A. Rizza, C. Cobelli, J. Diabetes Sci. Technol. 1:323-330 (2007).
"""

from physio.body import Body
from physio.component import AbstractPart
from physio.metabolism.body_weight import BodyWeight
from physio.metabolism.glucose_kinetics import GlucoseKinetics, SmoothGlucoseKinetics
from physio.metabolism.insulin_depot import InsulinDepot
from physio.metabolism.insulin_kinetics import DeliveredInsulin
from physio.metabolism.interstitial_glucose import InterstitialGlucose
from physio.metabolism.stomach import SmoothStomach, Stomach

VERSION = "uva-s2008-1"


def uva_s2008() -> Body:
    """One person at the medians, fasting at rest: inputs ``food`` [mg/min] and ``insulin`` [U/min], events of ``stomach``."""
    return balanced(_wired(Stomach(), GlucoseKinetics()))


def smooth_uva_s2008() -> Body:
    """The same without corners, for derivatives: a day of two meals of 90 g differs by less than 0.05 mg/dL."""
    return balanced(_wired(SmoothStomach(), SmoothGlucoseKinetics()))


def balanced(body: Body) -> Body:
    """The body whose basal insulin and production hold ``glucose.fasting`` and ``insulin.basal``."""
    glucose, insulin = body.parts["glucose"], body.parts["insulin"]
    level = insulin.basal
    sensed = glucose.Sensed(appearance=0.0 * glucose.brain, utilisation=0.0 * level, suppression=level)
    return body.with_values({
        "glucose.production": glucose.constant_production(sensed),
        "depot.basal": insulin.basal_source(),
        "interstitium.initial": glucose.fasting,
    })  # fmt: skip


def _wired(stomach: AbstractPart, glucose: AbstractPart) -> Body:
    return Body(
        {
            "size": BodyWeight(),
            "stomach": stomach,
            "depot": InsulinDepot(),
            "insulin": DeliveredInsulin(),
            "glucose": glucose,
            "interstitium": InterstitialGlucose(),
        },
        time="min",
        inputs={"food": "mg/min", "insulin": "U/min"},
        senses={
            "stomach.food": "input.food",
            "stomach.weight": "size.weight",
            "depot.delivery": "input.insulin",
            "depot.weight": "size.weight",
            "insulin.source": "depot.absorption",
            "glucose.appearance": "stomach.appearance",
            "glucose.utilisation": "insulin.utilisation",
            "glucose.suppression": "insulin.suppression",
            "interstitium.plasma": "glucose.glucose",
        },
    )
