"""The account of what has left the body, so that the sum over all stores is constant."""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractBoundary, Scalar, port, state


class Excreted(AbstractBoundary):
    """Amount eliminated since the start [mg]."""

    time_unit = "h"

    class State(eqx.Module):
        amount: Scalar = state("mg")

    class Flows(eqx.Module):
        drug: Scalar = port("mg/h", fills="amount")

    def rest(self):
        return self.State(amount=jnp.zeros(()))

    def outputs(self, t, state, sensed):
        return self.Outputs()

    def rates(self, t, state, sensed, net, out):
        return self.State(amount=net.drug)
