"""Compartment models of a drug, assembled from depot, compartments and ways between them.

    depot --absorption--> central <--exchange--> peripheral, deep
                             |
                        elimination --> excreted

Doses go to ``depot.drug`` (oral) or ``central.drug`` (intravenous).
"""

from collections.abc import Mapping

from physio.body import Body
from physio.component import AbstractPart, Placed
from physio.drugs.compartment import Compartment
from physio.drugs.depot import Depot
from physio.drugs.excreted import Excreted
from physio.drugs.saturable import MichaelisMentenElimination
from physio.drugs.transfer import Absorption, Exchange, LinearElimination

ORAL_FLOW = {"absorption": ("depot.drug", "central.drug")}
ELIMINATION_FLOW = {"elimination": ("central.drug", "excreted.drug")}


def _assembled(parts: Mapping[str, AbstractPart | Placed], places: Mapping[str, Placed], flows) -> Body:
    return Body({**parts, **places}, time="h", flows=flows)


def intravenous(compartments: int = 1, **places: Placed) -> Body:
    """One, two or three compartments with linear elimination; ``places`` replaces parts by name."""
    parts, flows = {"central": Compartment(), "elimination": LinearElimination()}, dict(ELIMINATION_FLOW)
    if compartments not in (1, 2, 3):
        raise ValueError(f"compartments is {compartments}; there are models with 1, 2 and 3")
    for name in ("peripheral", "deep")[: compartments - 1]:
        parts |= {name: Compartment(), f"{name}_exchange": Exchange()}
        flows[f"{name}_exchange"] = ("central.drug", f"{name}.drug")
    return _assembled({**parts, "excreted": Excreted()}, places, flows)


def oral(compartments: int = 1, **places: Placed) -> Body:
    """The same with a depot before the central compartment."""
    given = {name: place for name, place in places.items() if name not in ("depot", "absorption")}
    depot = places.get("depot", Depot())
    absorption = places.get("absorption", Absorption())
    return intravenous(compartments, **given).wired({"depot": depot, "absorption": absorption}, flows=ORAL_FLOW)


def saturable(**places: Placed) -> Body:
    """One compartment with Michaelis-Menten elimination."""
    parts = {"central": Compartment(), "elimination": MichaelisMentenElimination(), "excreted": Excreted()}
    return _assembled(parts, places, ELIMINATION_FLOW)
