"""A gut of two stages that pass on at one rate: what is eaten appears in blood as t exp(-t / tau).

    dD1/dt = A food / M - D1 / tau        D1, D2   glucose in the two stages    [mmol]
    dD2/dt = (D1 - D2) / tau              food     intake of carbohydrate       [mg/min],   M its molar mass
    U      = D2 / (tau BW)                U        appearance in blood          [mmol/kg/min]

Appearance is fastest tau after a meal eaten at once. A and the volume of glucose are not identifiable apart.

Source: R. Hovorka et al., Physiol. Meas. 25:905-920 (2004).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, as_float, parameter, port, state
from physio.priors import LogitNormal, LogNormal
from physio.units import as_quantity

MG_PER_MMOL = 180.156    # glucose


class TwoStageGut(AbstractPlainPart):
    """Takes what is eaten over minutes; it remembers no meal."""

    time_unit = "min"

    available: Scalar = parameter("1", LogitNormal(0.8, sd=0.5), source="AG, Hovorka 2004; spread assumed")
    transit: Scalar = parameter("min", LogNormal(40.0, cv=0.3), source="tmaxG, Hovorka 2004; spread assumed")

    class State(eqx.Module):
        first: Scalar = state("mmol")
        second: Scalar = state("mmol")

    class Sensed(eqx.Module):
        food: Scalar = port("mg/min")
        weight: Scalar = port("kg")

    class Outputs(eqx.Module):
        appearance: Scalar = port("mmol/kg/min")
        unabsorbed: Scalar = port("mmol")

    def rest(self):
        empty = as_quantity(jnp.zeros_like(self.transit), "mmol")
        return self.State(first=empty, second=empty)

    def outputs(self, t, state, sensed):
        return self.Outputs(
            appearance=state.second / self.transit / sensed.weight, unabsorbed=state.first + state.second
        )

    def rates(self, t, state, sensed, out):
        eaten = sensed.food / as_quantity(as_float(MG_PER_MMOL).astype(self.transit.dtype), "mg/mmol")
        return self.State(
            first=self.available * eaten - state.first / self.transit,
            second=(state.first - state.second) / self.transit,
        )
