"""A day in the fewest equations: the minimal model between a stomach and a depot of insulin.

    food -> stomach -> glucose <- depot <- pump

``physio.bodies.meals`` makes the schedule. ``resting`` sets basal insulin to what the basal delivery of the depot holds.
"""

from physio.bodies.sensor_site import with_interstitium
from physio.body import Body
from physio.metabolism.body_weight import BodyWeight
from physio.metabolism.minimal_model_with_meals import MinimalModelWithMeals
from physio.metabolism.stomach import Stomach
from physio.metabolism.two_stage_depot import TwoStageDepot

VERSION = "bergman-day-1"


def bergman_day() -> Body:
    """One person at the medians, at rest: inputs ``food`` [mg/min] and ``insulin`` [U/min], events of ``stomach``."""
    return resting(Body(
        {"size": BodyWeight(), "stomach": Stomach(), "depot": TwoStageDepot(), "glucose": MinimalModelWithMeals()},
        time="min",
        inputs={"food": "mg/min", "insulin": "U/min"},
        senses={
            "stomach.food": "input.food",
            "stomach.weight": "size.weight",
            "depot.delivery": "input.insulin",
            "depot.weight": "size.weight",
            "glucose.insulin": "depot.insulin",
            "glucose.appearance": "stomach.appearance",
        },
    ))  # fmt: skip


def sensed_bergman_day() -> Body:
    """The same with a sensor under the skin: ``interstitium.glucose``."""
    return resting(with_interstitium(bergman_day(), "glucose.glucose"))


def resting(body: Body) -> Body:
    """The body that starts at basal glucose, with the insulin of its depot at rest as basal."""
    basal = body.value("glucose.basal_glucose")
    known = {"glucose.basal_insulin": body.parts["depot"].rest().insulin, "glucose.initial": basal}
    return body.with_values(known | ({"interstitium.initial": basal} if "interstitium" in body.parts else {}))
