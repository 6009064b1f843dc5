"""Neutropenia under an oral drug: two compartments, and neutrophils whose precursors the drug keeps from dividing."""

from physio.blood.neutrophils import Neutrophils
from physio.bodies.pharmacokinetics import oral
from physio.body import Body
from physio.drugs.linear_effect import LinearEffect

VERSION = "neutropenia-1"


def neutropenia() -> Body:
    """Doses [mg] go to ``depot.drug`` and arrive whole and at once; ``marrow.count`` is the count of neutrophils [1/nL]."""
    body = oral(2).wired(
        {"effect": LinearEffect(), "marrow": Neutrophils()},
        senses={"effect.concentration": "central.concentration", "marrow.prevented": "effect.prevented"},
    )
    return body.with_values({"depot.bioavailability": 1.0, "depot.lag": 0.0})
