"""A well-stirred compartment of a drug.

    dA/dt = inflow - outflow        A   amount          [mg]
    c     = A / V                   c   concentration   [mg/L]

Concentrations alone give V only when the amount that entered is known (an intravenous dose, or bioavailability).
Source: M. Rowland, T. N. Tozer, Clinical Pharmacokinetics and Pharmacodynamics, 4th ed. (2011).
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractStore, Scalar, parameter, port, state
from physio.priors import LogNormal


class Compartment(AbstractStore):
    """Central or peripheral space; an intravenous dose arrives here whole and at once."""

    time_unit = "h"

    volume: Scalar = parameter("L", LogNormal(35.0, cv=0.4), source="0.5 L/kg at 70 kg, a small lipophilic drug")

    class State(eqx.Module):
        amount: Scalar = state("mg")

    class Flows(eqx.Module):
        drug: Scalar = port("mg/h", fills="amount")

    class Outputs(eqx.Module):
        concentration: Scalar = port("mg/L")

    def rest(self):
        return self.State(amount=jnp.zeros_like(self.volume))

    def outputs(self, t, state, sensed):
        return self.Outputs(concentration=state.amount / self.volume)

    def rates(self, t, state, sensed, net, out):
        return self.State(amount=net.drug)
