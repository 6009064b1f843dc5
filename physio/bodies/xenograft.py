"""A xenograft in a mouse, untreated or under paclitaxel by vein.

    central <-> peripheral -> excreted          concentration in plasma damages dividing cells of the tumour

Doses [mg] go to ``central.drug``; ``tumour.weight`` is in g. Kinetics are assumed round numbers of a mouse of 25 g, of the size
of a clearance of 1 to 2 L/h/kg: replace them by those of the strain and the vehicle before a figure depends on them.
"""

from physio.body import Body
from physio.bodies.pharmacokinetics import intravenous
from physio.component import placed
from physio.drugs.compartment import Compartment
from physio.drugs.transfer import Exchange, LinearElimination
from physio.priors import LogNormal
from physio.tumours.simeoni import Simeoni

VERSION = "xenograft-1"
MOUSE = "assumed: paclitaxel in a mouse of 25 g"


def xenograft() -> Body:
    """At the published tumour of Simeoni 2004."""
    kinetics = intravenous(
        2,
        central=placed(Compartment, source=MOUSE, volume=LogNormal(0.02, cv=0.3)),
        peripheral=placed(Compartment, source=MOUSE, volume=LogNormal(0.03, cv=0.3)),
        elimination=placed(LinearElimination, source=MOUSE, clearance=LogNormal(0.04, cv=0.3)),
        peripheral_exchange=placed(Exchange, source=MOUSE, clearance=LogNormal(0.02, cv=0.3)),
    )
    return kinetics.wired({"tumour": Simeoni()}, senses={"tumour.concentration": "central.concentration"})
