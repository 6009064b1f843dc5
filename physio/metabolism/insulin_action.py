"""Three remote actions of insulin: on transport of glucose, on its disposal, and on its production by the liver.

    dx/dt = k (S I - x)        x   x1, x2 [1/min], x3 [1];   S   sensitivity;   I   plasma insulin [mU/L]

At rest x = S I. With Ib what it starts from, rest is S Ib. Of glucose alone three sensitivities are too many: a
day of a sensor supports one.

Source: R. Hovorka et al., Physiol. Meas. 25:905-920 (2004); spreads of the sensitivities from the population of N. Resalat et
al., PLoS ONE 14:e0217301 (2019).
"""

import equinox as eqx

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal

RATE = "Hovorka 2004; spread assumed"
SENSITIVITY = "Hovorka 2004; spread of Resalat 2019"


class InsulinAction(AbstractPlainPart):
    """Each action follows insulin with its own delay."""

    time_unit = "min"

    transport: Scalar = parameter("L/mU/min", LogNormal(51.2e-4, cv=14.4 / 51.2), source=f"SIT, {SENSITIVITY}")
    disposal: Scalar = parameter("L/mU/min", LogNormal(8.2e-4, cv=3.2 / 8.2), source=f"SID, {SENSITIVITY}")
    liver: Scalar = parameter("L/mU", LogNormal(520e-4, cv=137.5 / 520.0), source=f"SIE, {SENSITIVITY}")
    transport_rate: Scalar = parameter("1/min", LogNormal(0.006, cv=0.3), source=f"ka1, {RATE}")
    disposal_rate: Scalar = parameter("1/min", LogNormal(0.06, cv=0.3), source=f"ka2, {RATE}")
    liver_rate: Scalar = parameter("1/min", LogNormal(0.03, cv=0.3), source=f"ka3, {RATE}")
    basal: Scalar = parameter("mU/L", LogNormal(5.176, cv=0.3), source="assumed: insulin of the depot at rest")

    class State(eqx.Module):
        transport: Scalar = state("1/min")
        disposal: Scalar = state("1/min")
        liver: Scalar = state("1")

    class Sensed(eqx.Module):
        insulin: Scalar = port("mU/L")

    class Outputs(eqx.Module):
        transport: Scalar = port("1/min")
        disposal: Scalar = port("1/min")
        liver: Scalar = port("1")

    def rest(self):
        return self.settled(self.basal)

    def settled(self, insulin):
        """The actions of insulin that never changed."""
        return self.State(self.transport * insulin, self.disposal * insulin, self.liver * insulin)

    def outputs(self, t, state, sensed):
        return self.Outputs(state.transport, state.disposal, state.liver)

    def rates(self, t, state, sensed, out):
        wanted = self.settled(sensed.insulin)
        return self.State(
            transport=self.transport_rate * (wanted.transport - state.transport),
            disposal=self.disposal_rate * (wanted.disposal - state.disposal),
            liver=self.liver_rate * (wanted.liver - state.liver),
        )
