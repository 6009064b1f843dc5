"""A heart chamber: a store of blood whose stiffness follows the activation.

    dV/dt = Q_in - Q_out                     V     volume                       [mL]
    E     = E_B + E_A a(t)                   a     activation, 0 to 1
    P     = P_0 + E (V - V_0)                P     pressure                     [mmHg]

E_A + E_B is the end-systolic elastance, E_B the diastolic one. From pressures and an ejection fraction alone E_A and
V_0 move together: a catheter and an image are needed for both.

Source: H. Suga, K. Sagawa, Circ. Res. 35:117-126 (1974); parameter form of F. Regazzoni et al., J. Comput. Phys.
457:111083 (2022).
"""

import equinox as eqx

from physio.component import AbstractStore, Scalar, parameter, port, state
from physio.priors import LogNormal, Normal


class Chamber(AbstractStore):
    """Volume of one chamber and the pressure it makes."""

    active_elastance: Scalar = parameter(
        "mmHg/mL", LogNormal(2.5, cv=0.3), source="left ventricle, Korakianitis and Shi 2006; spread assumed"
    )
    passive_elastance: Scalar = parameter(
        "mmHg/mL", LogNormal(0.1, cv=0.3), source="left ventricle, Korakianitis and Shi 2006; spread assumed"
    )
    unstressed: Scalar = parameter("mL", LogNormal(10.0, cv=0.3), source="Korakianitis and Shi 2006; spread assumed")
    offset: Scalar = parameter("mmHg", Normal(0.0, 1.0), source="0 in Regazzoni 2022, 1 in Shi and Hose")

    class State(eqx.Module):
        volume: Scalar = state("mL")

    class Flows(eqx.Module):
        blood: Scalar = port("mL/s", fills="volume")

    class Sensed(eqx.Module):
        activation: Scalar = port("1")

    class Outputs(eqx.Module):
        pressure: Scalar = port("mmHg")

    def rest(self):
        return self.State(volume=3.0 * self.unstressed)

    def outputs(self, t, state, sensed):
        elastance = self.passive_elastance + self.active_elastance * sensed.activation
        return self.Outputs(pressure=self.offset + elastance * (state.volume - self.unstressed))

    def rates(self, t, state, sensed, net, out):
        return self.State(volume=net.blood)
