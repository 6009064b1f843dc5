"""Castrate-resistant cancer of the prostate under abiraterone: by a calendar, or by its marker.

    dose -> tumour -> marker -> (adaptive) dose

``calendar`` takes the dose from ``input.dose``, 1 while the drug is given: holidays are gaps between switches.
``adaptive`` stops at half the baseline and resumes at it, exactly; ``smoothly_adaptive`` by a rule with derivatives.
"""

from physio.body import Body
from physio.component import AbstractPlainPart
from physio.tumours.adaptive_dosing import AdaptiveDosing, SmoothAdaptiveDosing
from physio.tumours.marker import Marker
from physio.tumours.resistance import AbstractResistance, CostAndTurnover

VERSION = "prostate-cancer-1"


def _marked(tumour: AbstractResistance, parts: dict[str, AbstractPlainPart], dose: str, **wires) -> Body:
    senses = {"tumour.dose": dose, "marker.relative": "tumour.relative", **wires.pop("senses", {})}
    return Body({"tumour": tumour, "marker": Marker(), **parts}, time="d", senses=senses, **wires)


def calendar(tumour: AbstractResistance = CostAndTurnover()) -> Body:
    """Doses by a schedule."""
    return _marked(tumour, {}, "input.dose", inputs={"dose": "1"})


def adaptive(tumour: AbstractResistance = CostAndTurnover()) -> Body:
    """Doses by the marker, switched at the instants of crossing."""
    return _marked(tumour, {"policy": AdaptiveDosing()}, "policy.dose", senses={"policy.marker": "marker.relative"})


def smoothly_adaptive(tumour: AbstractResistance = CostAndTurnover()) -> Body:
    """Doses by the marker, smoothly."""
    return _marked(tumour, {"policy": SmoothAdaptiveDosing()}, "policy.dose", senses={"policy.marker": "marker.relative"})
