"""A day in the fewest equations: the minimal model between a stomach and a depot of insulin.

    food -> stomach -> glucose <- depot <- pump

``physio.bodies.meals`` makes the schedule. ``resting`` sets basal insulin to what the basal delivery of the depot holds.
"""

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


def resting(body: Body) -> Body:
    """The body whose basal insulin is that of its depot at rest."""
    return body.with_values({"glucose.basal_insulin": body.parts["depot"].rest().insulin})
