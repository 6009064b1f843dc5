"""Oral theophylline in one person of known weight.

One compartment, absorption and elimination of first order; volume and clearance scale with body weight. Bioavailability
is taken as complete and lag as none, so that V and CL are those of the absorbed dose.

Priors: clearance 0.65 +- 0.20 mL/min/kg and volume 0.50 +- 0.16 L/kg in healthy adults (pharmacokinetic tables of
Goodman and Gilman's textbook); absorption of a plain tablet is assumed with a wide spread.
"""

from physio.bodies.pharmacokinetics import oral
from physio.body import Body
from physio.component import placed
from physio.drugs.compartment import Compartment
from physio.drugs.size import BodySize
from physio.drugs.transfer import Absorption, LinearElimination
from physio.priors import LogNormal
from physio.wiring import times

VERSION = "theophylline-1"
TABLES = "Goodman and Gilman, healthy adults, at 70 kg"


def theophylline(weight_kg: float) -> Body:
    """The body at the medians of its priors; ``depot.drug`` takes doses [mg], ``central.concentration`` is in mg/L."""
    body = oral(
        1,
        central=placed(Compartment, source=TABLES, volume=LogNormal(35.0, cv=0.32)),
        elimination=placed(LinearElimination, source=TABLES, clearance=LogNormal(2.73, cv=0.31)),
        absorption=placed(Absorption, source="assumed: plain tablet", rate=LogNormal(1.5, cv=0.8)),
    ).wired(
        {"size": BodySize(weight=weight_kg)},
        drive={
            "central.volume": times("size.relative"),
            "elimination.clearance": times("size.relative"),
        },
    )
    return body.with_values({"depot.bioavailability": 1.0, "depot.lag": 0.0})
