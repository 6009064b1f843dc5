"""Insulin from under the skin into plasma, by two stages that pass on at one rate.

    dS1/dt = u - S1 / tau                    S1, S2   insulin under the skin   [mU/kg]
    dS2/dt = (S1 - S2) / tau                 u        delivery                 [mU/kg/min]
    dI/dt  = S2 / (tau VI) - ke I            I        plasma insulin           [mU/L]
    u      = basal + 1000 J / BW             J        delivery beside basal    [U/min]

At rest I = basal / (VI ke). From glucose alone VI and ke are not identifiable apart from insulin sensitivity.

Source: R. Hovorka et al., Physiol. Meas. 25:905-920 (2004).
"""

import equinox as eqx

from physio.component import AbstractPlainPart, Scalar, as_float, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity


class TwoStageDepot(AbstractPlainPart):
    """Depot and plasma; amounts per kg, so that rest does not depend on weight."""

    time_unit = "min"

    transit: Scalar = parameter("min", LogNormal(55.0, cv=0.25), source="tmaxI, Hovorka 2004; spread assumed")
    volume: Scalar = parameter("L/kg", LogNormal(0.12, cv=0.15), source="VI, Hovorka 2004; spread assumed")
    elimination: Scalar = parameter("1/min", LogNormal(0.138, cv=0.15), source="ke, Hovorka 2004; spread assumed")
    basal: Scalar = parameter("mU/kg/min", LogNormal(6.0 / 70.0, cv=0.3), source="assumed: 6 mU/min at 70 kg, holds 8 mmol/L")

    class State(eqx.Module):
        first: Scalar = state("mU/kg")
        second: Scalar = state("mU/kg")
        insulin: Scalar = state("mU/L")

    class Sensed(eqx.Module):
        delivery: Scalar = port("U/min")
        weight: Scalar = port("kg")

    class Outputs(eqx.Module):
        insulin: Scalar = port("mU/L")

    def rest(self):
        stage = self.basal * self.transit
        return self.State(first=stage, second=stage, insulin=self.basal / (self.volume * self.elimination))

    def outputs(self, t, state, sensed):
        return self.Outputs(insulin=state.insulin)

    def rates(self, t, state, sensed, out):
        units = as_quantity(as_float(1000.0).astype(self.basal.dtype), "mU/U")
        delivered = self.basal + units * sensed.delivery / sensed.weight
        absorbed = state.second / (self.transit * self.volume)
        return self.State(
            first=delivered - state.first / self.transit,
            second=(state.first - state.second) / self.transit,
            insulin=absorbed - self.elimination * state.insulin,
        )
