"""The place a dose waits in before it reaches the blood: gut, muscle or skin.

    dA/dt = inflow - absorption     A   amount not yet absorbed   [mg]

Of a dose D given at time t, F D arrives at t + lag. What never arrives, (1 - F) D, does not enter the body.
F and the volume behind the depot are not identifiable apart from oral data alone.
Source: M. Rowland, T. N. Tozer, Clinical Pharmacokinetics and Pharmacodynamics, 4th ed. (2011).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractDosedStore, Scalar, parameter, port, state
from physio.priors import LogitNormal, LogNormal


class Depot(AbstractDosedStore):
    """Amount waiting to be absorbed, with lag time and bioavailability."""

    time_unit = "h"

    bioavailability: Scalar = parameter(
        "1", LogitNormal(0.8, sd=0.8), source="assumed: an oral drug with a modest first pass"
    )
    lag: Scalar = parameter("h", LogNormal(0.25, cv=0.5), source="assumed: disintegration and gastric emptying")

    class State(eqx.Module):
        amount: Scalar = state("mg")

    class Flows(eqx.Module):
        drug: Scalar = port("mg/h", fills="amount")

    class Outputs(eqx.Module):
        amount: Scalar = port("mg")

    def rest(self):
        return self.State(amount=jnp.zeros_like(self.lag))

    def outputs(self, t, state, sensed):
        return self.Outputs(amount=state.amount)

    def rates(self, t, state, sensed, net, out):
        return self.State(amount=net.drug)

    def receive(self, amount):
        return self.bioavailability * amount, self.lag
