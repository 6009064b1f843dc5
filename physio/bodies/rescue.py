"""A body that eats when it sees low glucose: ``rescue`` stands between what is planned and what is eaten."""

from physio.body import Body
from physio.metabolism.rescue_carbohydrate import RescueCarbohydrate


def with_rescue(body: Body, food: str, glucose: str = "interstitium.glucose") -> Body:
    """``food`` is the port that takes what is eaten, ``stomach.food`` or ``gut.food``; ``glucose`` [mg/dL] what is seen.

    The gut takes it like any other food: sugar is no faster there. A stomach with a memory takes it for more of the meal that
    it remembers, and empties fast before the first.
    """
    planned = dict(body.wiring.senses)[food]
    return body.wired(
        {"rescue": RescueCarbohydrate()},
        senses={"rescue.food": planned, "rescue.glucose": glucose, food: "rescue.food"},
    )
