"""Elimination by an enzyme that can be saturated (Michaelis and Menten 1913).

    flow = Vmax c / (Km + c)     Vmax   capacity                        [mg/h]
                                 Km     concentration of half capacity  [mg/L]

No steady state exists when doses arrive at Vmax or faster: amounts then grow without bound. With concentrations far
below Km only Vmax / Km can be seen.
"""

import equinox as eqx

from physio.component import AbstractLink, Scalar, parameter, port
from physio.priors import LogNormal


class MichaelisMentenElimination(AbstractLink):
    """Saturable elimination."""

    time_unit = "h"
    carries = "mg/h"

    capacity: Scalar = parameter(
        "mg/h", LogNormal(17.5, cv=0.4), source="phenytoin, 6 mg/kg/d at 70 kg: Rowland and Tozer (2011)"
    )
    half_saturation: Scalar = parameter(
        "mg/L", LogNormal(4.0, cv=0.5), source="phenytoin, about 4 mg/L: Rowland and Tozer (2011)"
    )

    class Up(eqx.Module):
        concentration: Scalar = port("mg/L")

    def flow(self, t, up, down):
        return self.capacity * up.concentration / (self.half_saturation + up.concentration)
