"""A meal in somebody whose pancreas secretes insulin: the oral glucose model of Dalla Man, Rizza and Cobelli of 2007.

    drink -> stomach -> glucose <-> secretion -> insulin -> glucose

Twelve states and the meal that the stomach remembers. The published initial state is not at rest (glucose drifts to about
90 mg/dL); ``balanced`` makes one that is.

Source: C. Dalla Man, R. A. Rizza, C. Cobelli, IEEE Trans. Biomed. Eng. 54:1740-1749 (2007).
"""

from physio.body import Body
from physio.component import AbstractPart
from physio.metabolism.body_weight import BodyWeight
from physio.metabolism.glucose_kinetics import PortalGlucoseKinetics
from physio.metabolism.insulin_kinetics import SecretedInsulin
from physio.metabolism.insulin_secretion import Secretion, SignedSecretion
from physio.metabolism.stomach import GrindingStomach

VERSION = "dalla-man-2007-1"


def dalla_man() -> Body:
    """The normal subject as the paper writes it, at the paper's numbers."""
    return _wired(Secretion())


def signed_dalla_man() -> Body:
    """The same with secretion held back while glucose falls, as in BioModels BIOMD0000000379."""
    return _wired(SignedSecretion())


def balanced(body: Body) -> Body:
    """The body whose secretion and production hold ``glucose.fasting`` and ``insulin.basal``."""
    glucose, insulin, secretion = (body.parts[name] for name in ("glucose", "insulin", "secretion"))
    basal = insulin.basal_source()
    level = insulin.basal
    sensed = glucose.Sensed(
        appearance=0.0 * glucose.brain, utilisation=0.0 * level, suppression=level, portal=basal / secretion.transfer
    )
    return body.with_values({
        "glucose.production": glucose.constant_production(sensed),
        "secretion.basal": basal,
        "secretion.threshold": glucose.fasting,
    })  # fmt: skip


def _wired(secretion: AbstractPart) -> Body:
    body = Body(
        {
            "size": BodyWeight(),
            "stomach": GrindingStomach(),
            "glucose": PortalGlucoseKinetics(),
            "secretion": secretion,
            "insulin": SecretedInsulin(),
        },
        time="min",
        inputs={"food": "mg/min"},
        senses={
            "stomach.food": "input.food",
            "stomach.weight": "size.weight",
            "glucose.appearance": "stomach.appearance",
            "glucose.utilisation": "insulin.utilisation",
            "glucose.suppression": "insulin.suppression",
            "glucose.portal": "secretion.portal",
            "secretion.glucose": "glucose.glucose",
            "secretion.change": "glucose.change",
            "insulin.source": "secretion.secretion",
        },
    )
    return body.with_values({"size.weight": 78.0})
