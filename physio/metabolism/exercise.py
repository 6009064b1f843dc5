"""Exercise: working muscle takes up more glucose, insulin acts more, and the liver produces more.

    dv/dt     = 5/3 (O - v)                          O   oxygen uptake asked for, of the maximum       [%]
    dP/dt     = (P_inf(v) - P) / tau                 v   oxygen uptake, of the maximum                 [%]
    P_inf     = 0.006 v^2 + 1.2264 v - 10.1958       P   uptake of glucose that exercise adds          [mg/min]
    uptake    = 1 + P m / P_b                        m   share of muscle that works                    [1]
    insulin   = 1 + 2.4 m                            P_b = 35 mg/min, of muscle at rest
    liver     = 1 + P m / H_b                        H_b = 155 mg/min, of the liver at rest

Three dimensionless signals that drive other parts; all are 1 while m = 0. P_inf is an empirical parabola that crosses zero at
8 % of maximal uptake, so that the first minutes of exercise lower uptake a little. Lipolysis, adrenaline and the hours of
higher sensitivity after exercise are not in it.

Source: P. J. Lenart, R. S. Parker, IFAC Proc. Vol. 35:265-270 (2002); M. Hernandez-Ordonez, D. U. Campos-Delgado, J. Biomech.
41:2226-2235 (2008); in type 1 diabetes N. Resalat et al., PLoS ONE 14:e0217301 (2019).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_number, as_quantity

LENART = "Lenart and Parker 2002; spread assumed"


class Exercise(AbstractPlainPart):
    """Signals of exercise, from oxygen uptake and working muscle."""

    time_unit = "min"

    uptake_time: Scalar = parameter("min", LogNormal(30.0, cv=0.3), source=f"tau, {LENART}")
    muscle_uptake: Scalar = parameter("mg/min", LogNormal(35.0, cv=0.2), source=f"P_b, {LENART}")
    liver_production: Scalar = parameter("mg/min", LogNormal(155.0, cv=0.2), source=f"H_b, {LENART}")
    insulin_gain: Scalar = parameter("1", LogNormal(2.4, cv=0.3), source=f"of insulin per share of muscle, {LENART}")
    oxygen_rate: Scalar = parameter("1/min", LogNormal(5.0 / 3.0, cv=0.2), source="Hernandez-Ordonez 2008; spread assumed")

    class State(eqx.Module):
        oxygen: Scalar = state("%")
        uptake: Scalar = state("mg/min")

    class Sensed(eqx.Module):
        oxygen: Scalar = port("%")
        muscle: Scalar = port("1")

    class Outputs(eqx.Module):
        uptake: Scalar = port("1")
        insulin: Scalar = port("1")
        liver: Scalar = port("1")

    def rest(self):
        idle = as_quantity(jnp.zeros_like(self.insulin_gain), "%")
        return self.State(oxygen=idle, uptake=self.plateau(idle))

    def plateau(self, oxygen):
        """P_inf [mg/min] of oxygen uptake [%]."""
        v = as_number(oxygen, "%")
        return as_quantity(0.006 * v**2 + 1.2264 * v - 10.1958, "mg/min")

    def outputs(self, t, state, sensed):
        added = state.uptake * sensed.muscle
        return self.Outputs(
            uptake=1.0 + added / self.muscle_uptake,
            insulin=1.0 + self.insulin_gain * sensed.muscle,
            liver=1.0 + added / self.liver_production,
        )

    def rates(self, t, state, sensed, out):
        return self.State(
            oxygen=self.oxygen_rate * (sensed.oxygen - state.oxygen),
            uptake=(self.plateau(state.oxygen) - state.uptake) / self.uptake_time,
        )
