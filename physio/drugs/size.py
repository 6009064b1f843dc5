"""Body size: volumes and clearances of a drug scale with body weight.

    relative = W / 70 kg

Source: proportional scaling as used for theophylline doses in mg/kg; B. J. Anderson, N. H. G. Holford,
Annu. Rev. Pharmacol. Toxicol. 48:303-332 (2008) discuss 3/4 powers for clearance, which differ by under 6 %
between 55 and 86 kg.
"""

import equinox as eqx

from physio.component import AbstractController, Scalar, measured, port
from physio.units import as_quantity


class BodySize(AbstractController):
    """A weight on the scales as a signal that drives volumes and clearances."""

    time_unit = "h"

    weight: Scalar = measured("kg", ndim=0)

    class Outputs(eqx.Module):
        relative: Scalar = port("1")

    def outputs(self, t, sensed):
        return self.Outputs(relative=self.weight / as_quantity(70.0, "kg"))
