"""Type 1 diabetes as in the Cambridge simulator: gut, depot, three actions of insulin, two pools of glucose; with exercise.

    food -> gut -> glucose        pump -> depot -> action -> glucose        exercise drives action and liver

Ten states; ``glucose.glucose`` is in mmol/L. ``physio.bodies.meals.swallowed`` and ``insulin`` make the schedule of a day,
``exercising`` that of a bout of exercise. At 70 kg and 6 mU/min glucose rests at 8.07 mmol/L; ``at_rest`` finds the rest of
any person.

Where the multipliers of exercise act: those of muscle on the sensitivities of transport and disposal, that of the
liver on EGP0. One public implementation lets the last act on the sensitivity of the liver instead, which would make
exercise lower production.

Source: R. Hovorka et al., Physiol. Meas. 25:905-920 (2004); P. G. Jacobs et al., J. Diabetes Sci. Technol. 9:1175-1184 (2015)
for exercise.
"""

from jaxtyping import Array, ArrayLike

from physio.bodies.sensor_site import with_interstitium
from physio.body import Body
from physio.component import AbstractPart
from physio.metabolism.body_weight import BodyWeight
from physio.metabolism.exercise import Exercise
from physio.metabolism.glucose_by_mass import MG_DL_PER_MMOL_L, GlucoseByMass
from physio.metabolism.insulin_action import InsulinAction
from physio.metabolism.two_pool_glucose import ProducingTwoPoolGlucose, SmoothTwoPoolGlucose, TwoPoolGlucose
from physio.metabolism.two_stage_depot import TwoStageDepot
from physio.metabolism.two_stage_gut import TwoStageGut
from physio.schedule import Schedule, switch
from physio.wiring import times

VERSION = "hovorka-2004-1"


def hovorka() -> Body:
    """One person at the published values, at rest: inputs ``food`` [mg/min] and ``insulin`` [U/min]."""
    return at_rest(_wired(TwoPoolGlucose()))


def smooth_hovorka() -> Body:
    """The same without corners, and with a liver that takes up no glucose."""
    return at_rest(_wired(SmoothTwoPoolGlucose()))


def exercising_hovorka() -> Body:
    """One person with a liver that takes up no glucose, and inputs ``oxygen`` [%] and ``muscle`` [1] of exercise."""
    return at_rest(_wired(ProducingTwoPoolGlucose())).wired(
        {"exercise": Exercise()},
        inputs={"oxygen": "%", "muscle": "1"},
        senses={"exercise.oxygen": "input.oxygen", "exercise.muscle": "input.muscle"},
        drive={
            "action.transport": times("exercise.uptake", "exercise.insulin"),
            "action.disposal": times("exercise.uptake", "exercise.insulin"),
            "glucose.production": times("exercise.liver"),
        },
    )


def sensed_hovorka() -> Body:
    """The last with glucose in mg/dL, ``mass.glucose``, and a sensor under the skin, ``interstitium.glucose``."""
    body = exercising_hovorka().wired({"mass": GlucoseByMass()}, senses={"mass.glucose": "glucose.glucose"})
    return with_interstitium(body, "mass.glucose")


def exercising(at: ArrayLike, minutes: ArrayLike, oxygen: ArrayLike, muscle: ArrayLike) -> Schedule:
    """A bout at ``oxygen`` [%] of maximal uptake with a share ``muscle`` of all muscle."""
    return switch("oxygen", at, at + minutes, oxygen) + switch("muscle", at, at + minutes, muscle)


def at_rest(body: Body) -> Body:
    """The body that starts where its basal delivery holds it."""
    glucose, depot, action = (body.parts[name] for name in ("glucose", "depot", "action"))
    insulin = depot.rest().insulin
    settled = action.settled(insulin)
    rest = glucose.resting(settled.transport, settled.disposal, settled.liver)
    return body.with_values({
        "action.basal": insulin,
        "glucose.fasting": rest.accessible / glucose.volume,
        "glucose.deep_share": rest.deep / rest.accessible,
    })  # fmt: skip


def held_at(body: Body, fasting: Array) -> Body:
    """The body whose production by the liver holds ``fasting`` [mmol/L] under its basal delivery, with its sensor at rest there."""
    glucose, depot, action = (body.parts[name] for name in ("glucose", "depot", "action"))
    insulin = depot.rest().insulin
    settled = action.settled(insulin)
    share = settled.transport / (glucose.exchange + settled.disposal)
    return body.with_values({
        "action.basal": insulin,
        "glucose.fasting": fasting,
        "glucose.deep_share": share,
        "glucose.production": glucose.holding(fasting, share * settled.disposal, settled.liver),
        "interstitium.initial": MG_DL_PER_MMOL_L * fasting,
    })  # fmt: skip


def _wired(glucose: AbstractPart) -> Body:
    return Body(
        {
            "size": BodyWeight(),
            "gut": TwoStageGut(),
            "depot": TwoStageDepot(),
            "action": InsulinAction(),
            "glucose": glucose,
        },
        time="min",
        inputs={"food": "mg/min", "insulin": "U/min"},
        senses={
            "gut.food": "input.food",
            "gut.weight": "size.weight",
            "depot.delivery": "input.insulin",
            "depot.weight": "size.weight",
            "action.insulin": "depot.insulin",
            "glucose.appearance": "gut.appearance",
            "glucose.transport": "action.transport",
            "glucose.disposal": "action.disposal",
            "glucose.liver": "action.liver",
        },
    )
