"""Adaptive dosing: the drug stops when the marker has fallen to half of its baseline and comes back when it is there again.

    stop    at the instant at which m <= stop while the drug is given            m   marker relative to its baseline
    resume  at the instant at which m >= resume while it is not

The drug is given from the start. ``AdaptiveDosing`` is that rule, exactly, as if the marker were read at every moment; a clinic
reads it every month, and is later. ``SmoothAdaptiveDosing`` is a rule near it whose dose x moves within ``lag``:

    dx/dt = (g - x) / lag,     g = 1 / (1 + exp(-steep [log m - x log stop - (1 - x) log resume]))

What the marker is compared with depends on the dose, which makes two branches as the exact rule has. With steep without bound
and lag to 0 they are the same. Solutions of the smooth rule have derivatives with respect to its thresholds where times of
switching are searched for; those of the exact rule are lost when a switch comes or goes.

Source: J. Zhang, J. J. Cunningham, J. S. Brown, R. A. Gatenby, Nat. Commun. 8:1816 (2017): off at 50 % of the baseline, on at
the baseline.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from physio.component import AbstractPlainPart, AbstractTriggeredPart, Scalar, parameter, port, state
from physio.priors import LogitNormal, LogNormal
from physio.units import as_quantity

TRIAL = "Zhang 2017; spread assumed"


class AbstractDosing(AbstractPlainPart):
    """What both rules keep and tell; ``given`` counts the days with drug."""

    time_unit = "d"

    stop: eqx.AbstractVar[Scalar]

    class State(eqx.Module):
        dose: Scalar = state("1")
        given: Scalar = state("d")

    class Sensed(eqx.Module):
        marker: Scalar = port("1")

    class Outputs(eqx.Module):
        dose: Scalar = port("1")
        given: Scalar = port("d")

    def rest(self):
        return self.State(dose=jnp.ones_like(self.stop), given=as_quantity(jnp.zeros_like(self.stop), "d"))

    def outputs(self, t, state, sensed):
        return self.Outputs(dose=state.dose, given=state.given)


class AdaptiveDosing(AbstractDosing, AbstractTriggeredPart):
    """All or nothing, at the instants of crossing."""

    crosses = "1"

    stop: Scalar = parameter("1", LogitNormal(0.5, sd=0.2), source=f"half the baseline, {TRIAL}")
    resume: Scalar = parameter("1", LogNormal(1.0, cv=0.05), source=f"the baseline, {TRIAL}")

    def rates(self, t, state, sensed, out):
        return self.State(dose=as_quantity(jnp.zeros_like(state.dose), "1/d"), given=state.dose)

    def crossing(self, t, state, sensed):
        down, up = 1.0 - sensed.marker / self.stop, sensed.marker / self.resume - 1.0
        return state.dose * down + (1.0 - state.dose) * up

    def jump(self, t, state, sensed):
        return self.State(dose=1.0 - state.dose, given=state.given)


class SmoothAdaptiveDosing(AbstractDosing):
    """The same rule with a dose that moves smoothly."""

    stop: Scalar = parameter("1", LogitNormal(0.5, sd=0.2), source=f"half the baseline, {TRIAL}")
    resume: Scalar = parameter("1", LogNormal(1.0, cv=0.05), source=f"the baseline, {TRIAL}")
    steep: Scalar = parameter("1", LogNormal(40.0, cv=0.2), source="assumed: a tenth of the way at 5 % from a threshold")
    lag: Scalar = parameter("d", LogNormal(2.0, cv=0.2), source="assumed: short beside a month of a clinic")

    def rates(self, t, state, sensed, out):
        asked = state.dose * jnp.log(self.stop) + (1.0 - state.dose) * jnp.log(self.resume)
        goal = jax.nn.sigmoid(self.steep * (jnp.log(sensed.marker) - asked))
        return self.State(dose=(goal - state.dose) / self.lag, given=state.dose)
