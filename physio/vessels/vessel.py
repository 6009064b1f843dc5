"""A compliant vessel, or all arteries or veins together.

    dV/dt = Q_in - Q_out         V   stressed volume, above the unstressed one     [mL]
    P     = V / C                P   pressure                                      [mmHg]

The unstressed volume drops out of every flow and is left out. With Q_in = 0 the pressure falls as exp(-t / RC): R and
C are identifiable together only when a flow is measured too.

Source: O. Frank (1899), the windkessel; N. Westerhof et al., Med. Biol. Eng. Comput. 47:131-141 (2009).
"""

import equinox as eqx

from physio.component import AbstractStore, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity


class Vessel(AbstractStore):
    """Stressed volume and the pressure it makes."""

    compliance: Scalar = parameter(
        "mL/mmHg", LogNormal(1.4, cv=0.3), source="systemic arteries: tau / R with tau = 1.5 s at rest"
    )

    class State(eqx.Module):
        volume: Scalar = state("mL")

    class Flows(eqx.Module):
        blood: Scalar = port("mL/s", fills="volume")

    class Outputs(eqx.Module):
        pressure: Scalar = port("mmHg")

    def rest(self):
        return self.State(volume=self.compliance * as_quantity(10.0, "mmHg"))

    def outputs(self, t, state, sensed):
        return self.Outputs(pressure=state.volume / self.compliance)

    def rates(self, t, state, sensed, net, out):
        return self.State(volume=net.blood)
