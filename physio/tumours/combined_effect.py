"""Two drugs on the growth of a tumour, as a factor of its rate: the surface of MuSyC between two concentrations.

    growth rate = untreated rate * E(c1, c2),      E falls from 1 to E1, E2 and E3, which are negative where cells die

Equations and sources: ``physio.tumours.combinations``. A factor drives a parameter, such as ``tumour.rate``.
"""

import equinox as eqx

from physio.component import AbstractController, Scalar, parameter, port
from physio.priors import LogNormal, Normal
from physio.tumours.combinations import Hill, MuSyC

ASSUMED = "assumed: replaced by what each drug does alone"
NO_SYNERGY = "no interaction unless data say so; spread assumed"


class CombinedEffect(AbstractController):
    """Rate under both drugs relative to none; ``both`` has the effect of the first drug unless told otherwise."""

    time_unit = "d"

    most1: Scalar = parameter("1", Normal(-0.5, 0.3), source=f"E1, {ASSUMED}")
    most2: Scalar = parameter("1", Normal(-0.3, 0.3), source=f"E2, {ASSUMED}")
    both: Scalar = parameter("1", Normal(-0.5, 0.3), source=f"E3, that of the stronger drug: {NO_SYNERGY}")
    half1: Scalar = parameter("mg/L", LogNormal(1.0, cv=0.5), source=f"C1, {ASSUMED}")
    half2: Scalar = parameter("mg/L", LogNormal(1.0, cv=0.5), source=f"C2, {ASSUMED}")
    steepness1: Scalar = parameter("1", LogNormal(1.0, cv=0.3), source=f"h1, {ASSUMED}")
    steepness2: Scalar = parameter("1", LogNormal(1.0, cv=0.3), source=f"h2, {ASSUMED}")
    alpha12: Scalar = parameter("1", LogNormal(1.0, cv=0.5), source=NO_SYNERGY)
    alpha21: Scalar = parameter("1", LogNormal(1.0, cv=0.5), source=NO_SYNERGY)
    gamma12: Scalar = parameter("1", LogNormal(1.0, cv=0.2), source=NO_SYNERGY)
    gamma21: Scalar = parameter("1", LogNormal(1.0, cv=0.2), source=NO_SYNERGY)

    class Sensed(eqx.Module):
        first: Scalar = port("mg/L")
        second: Scalar = port("mg/L")

    class Outputs(eqx.Module):
        factor: Scalar = port("1")

    def outputs(self, t, sensed):
        surface = MuSyC(
            Hill(1.0, self.most1, self.half1, self.steepness1),
            Hill(1.0, self.most2, self.half2, self.steepness2),
            self.both,
            self.alpha12,
            self.alpha21,
            self.gamma12,
            self.gamma21,
        )
        return self.Outputs(factor=surface.effect(sensed.first, sensed.second))
