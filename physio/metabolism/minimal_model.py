"""Bergman's minimal model of glucose disappearance after an intravenous glucose bolus.

    dG/dt = -(SG + X) G + SG Gb           G   plasma glucose            [mg/dL],  G(0) = G0
    dX/dt = -p2 X + p2 SI (I(t) - Ib)     X   remote insulin action     [1/min],  X(0) = 0
                                          I   plasma insulin, measured  [uU/mL]

SG is glucose effectiveness, SI insulin sensitivity. I - Ib is not clipped: insulin below basal lets glucose rise.
SI and Ib trade off: a basal insulin that is 4 uU/mL lower takes a third off SI (Pacini and Bergman's test), so the
basal values are parameters with priors like any other. The model holds from about 8 min on, when the bolus has mixed.

Source: R. N. Bergman et al., Am. J. Physiol. 236:E667-E677 (1979); G. Pacini, R. N. Bergman, Comput. Methods Programs
Biomed. 23:113-122 (1986).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal


class MinimalModel(AbstractPlainPart):
    """Glucose and remote insulin action, driven by measured insulin."""

    time_unit = "min"

    effectiveness: Scalar = parameter(
        "1/min", LogNormal(0.021, cv=0.4), source="SG in healthy adults, 0.01-0.04 /min; spread assumed"
    )
    action_rate: Scalar = parameter(
        "1/min", LogNormal(0.025, cv=0.7), source="p2 in healthy adults, 0.01-0.07 /min; spread assumed"
    )
    sensitivity: Scalar = parameter(
        "mL/uU/min", LogNormal(5e-4, cv=0.8), source="SI in healthy adults, 1e-4 to 2e-3 mL/uU/min; spread assumed"
    )
    initial_glucose: Scalar = parameter(
        "mg/dL", LogNormal(280.0, cv=0.2), source="G0 after 0.3 g/kg: 250-350 mg/dL; spread assumed"
    )
    basal_glucose: Scalar = parameter(
        "mg/dL", LogNormal(90.0, cv=0.08), source="Gb fasting, healthy: 75-105 mg/dL (95 %)"
    )
    basal_insulin: Scalar = parameter(
        "uU/mL", LogNormal(9.0, cv=0.4), source="Ib fasting, healthy: 4-19 uU/mL (95 %)"
    )

    class State(eqx.Module):
        glucose: Scalar = state("mg/dL")
        action: Scalar = state("1/min")

    class Sensed(eqx.Module):
        insulin: Scalar = port("uU/mL")

    class Outputs(eqx.Module):
        concentration: Scalar = port("mg/dL")

    def rest(self):
        return self.State(glucose=self.initial_glucose, action=jnp.zeros_like(self.initial_glucose))

    def outputs(self, t, state, sensed):
        return self.Outputs(concentration=state.glucose)

    def rates(self, t, state, sensed, out):
        glucose = (
            -(self.effectiveness + state.action) * state.glucose + self.effectiveness * self.basal_glucose
        )
        excess = sensed.insulin - self.basal_insulin
        action = -self.action_rate * state.action + self.action_rate * self.sensitivity * excess
        return self.State(glucose=glucose, action=action)
