"""Bergman's minimal model with glucose that appears from the gut, for a day of somebody who takes insulin.

    dG/dt = -(SG + X) G + SG Gb + Ra / VG      G    plasma glucose                 [mg/dL]
    dX/dt = -p2 X + p2 SI (I - Ib)             X    remote insulin action          [1/min]
                                               Ra   appearance of glucose          [mg/kg/min]
                                               I    plasma insulin                 [mU/L]

The fewest equations that hold a meal and a bolus: no production of its own by the liver, no renal loss, no slow pool. At rest
G = Gb with I = Ib, and ``initial`` is where a person starts. Under constant Ra and I = Ib glucose approaches Gb + Ra / (SG VG)
with the rate SG. Ra and VG, and SI and the depot of insulin, are identifiable only as ratios from glucose alone.

Source: R. N. Bergman et al., Am. J. Physiol. 236:E667-E677 (1979); with meals C. Dalla Man, A. Caumo, C. Cobelli, IEEE Trans.
Biomed. Eng. 49:419-429 (2002).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal


class MinimalModelWithMeals(AbstractPlainPart):
    """Glucose and remote insulin action, with a gut and plasma insulin before them."""

    time_unit = "min"

    effectiveness: Scalar = parameter("1/min", LogNormal(0.014, cv=0.4), source="SG: assumed, lower than in health")
    action_rate: Scalar = parameter("1/min", LogNormal(0.025, cv=0.5), source="p2, 0.01-0.07 /min; spread assumed")
    sensitivity: Scalar = parameter("L/mU/min", LogNormal(5e-4, cv=0.6), source="SI in adults, 1e-4 to 2e-3; spread assumed")
    volume: Scalar = parameter("dL/kg", LogNormal(1.7, cv=0.15), source="VG, 1.7 dL/kg in Dalla Man 2002; spread assumed")
    basal_glucose: Scalar = parameter("mg/dL", LogNormal(130.0, cv=0.15), source="Gb: assumed, under basal insulin")
    initial: Scalar = parameter("mg/dL", LogNormal(130.0, cv=0.15), source="where a person starts, and no law: as Gb")
    basal_insulin: Scalar = parameter("mU/L", LogNormal(8.0, cv=0.3), source="Ib: assumed, about 50 pmol/L")

    class State(eqx.Module):
        glucose: Scalar = state("mg/dL")
        action: Scalar = state("1/min")

    class Sensed(eqx.Module):
        insulin: Scalar = port("mU/L")
        appearance: Scalar = port("mg/kg/min")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mg/dL")

    def rest(self):
        return self.State(glucose=self.initial, action=jnp.zeros_like(self.initial))

    def outputs(self, t, state, sensed):
        return self.Outputs(glucose=state.glucose)

    def rates(self, t, state, sensed, out):
        pulled = self.effectiveness * (self.basal_glucose - state.glucose) - state.action * state.glucose
        wanted = self.sensitivity * (sensed.insulin - self.basal_insulin)
        return self.State(
            glucose=pulled + sensed.appearance / self.volume,
            action=self.action_rate * (wanted - state.action),
        )
