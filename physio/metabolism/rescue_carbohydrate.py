"""Rescue carbohydrate: who sees low glucose eats something sweet, waits, and eats again where it has not helped.

    dm/dt = -m / tau                       m   taken and not yet swallowed     [mg]
    ds/dt = 1                              s   since the last was taken        [min]
    food  = planned + m / tau              food, planned                       [mg/min]

    at the instant at which G < threshold and s > wait:     m = m + amount,   s = 0

G [mg/dL] is what is seen, such as glucose under a sensor. Nobody eats in the first ``wait`` minutes of a run, or twice within
them. What was taken is m and what was swallowed. Not in it: alarms that are slept through, and fear, which eats more.

Source: American Diabetes Association, Standards of Care in Diabetes, Diabetes Care 47 (Suppl. 1):S111-S125 (2024): glucose
below 70 mg/dL, again after 15 min where it is still low; 15 g are the usual rule.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractTriggeredPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity

ADA = "Standards of Care 2024; spread assumed"


class RescueCarbohydrate(AbstractTriggeredPart):
    """Somebody who treats low glucose; all that is eaten passes through here."""

    time_unit = "min"
    crosses = "1"

    amount: Scalar = parameter("mg", LogNormal(15e3, cv=0.2), source="15 g, the association's rule of 15; spread assumed")
    threshold: Scalar = parameter("mg/dL", LogNormal(70.0, cv=0.1), source=f"level 1 hypoglycaemia, {ADA}")
    wait: Scalar = parameter("min", LogNormal(15.0, cv=0.2), source=f"until glucose is looked at again, {ADA}")
    swallowing: Scalar = parameter("min", LogNormal(1.5, cv=0.3), source="tau, assumed: eaten within 3 min, at 5 g/min")

    class State(eqx.Module):
        mouth: Scalar = state("mg")
        since: Scalar = state("min")
        taken: Scalar = state("mg")

    class Sensed(eqx.Module):
        food: Scalar = port("mg/min")
        glucose: Scalar = port("mg/dL")

    class Outputs(eqx.Module):
        food: Scalar = port("mg/min")
        taken: Scalar = port("mg")

    def rest(self):
        none = as_quantity(jnp.zeros_like(self.amount), "mg")
        return self.State(mouth=none, since=as_quantity(jnp.zeros_like(self.wait), "min"), taken=none)

    def outputs(self, t, state, sensed):
        return self.Outputs(food=sensed.food + state.mouth / self.swallowing, taken=state.taken)

    def rates(self, t, state, sensed, out):
        return self.State(mouth=-state.mouth / self.swallowing, since=jnp.ones_like(state.since), taken=0.0 * sensed.food)

    def crossing(self, t, state, sensed):
        # both must hold: whichever comes last is the crossing
        return jnp.minimum(1.0 - sensed.glucose / self.threshold, state.since / self.wait - 1.0)

    def jump(self, t, state, sensed):
        return self.State(mouth=state.mouth + self.amount, since=0.0 * state.since, taken=state.taken + self.amount)
