"""Long-acting insulin under the skin: it is bound where a pen puts it, and becomes soluble over a day.

    dB/dt = -B / onset                               B, S    injected, and ready to become soluble   [U]
    dS/dt = B / onset - ln 2 S / half_life           R       release                                 [U/min]
    R     = ln 2 S / half_life                       u       what a pump delivers                    [U/min]
    delivery = u + R

What is released is soluble insulin like any other: the depot of rapid insulin takes it from there, as ``delivery``. Injected is
what is still there and what was released; a unit is a unit of effect, so nothing is lost. After one injection of D at t = 0,
with a = 1 / onset and b = ln 2 / half_life,

    B = D exp(-a t),     S = D a / (a - b) [exp(-b t) - exp(-a t)]

Insulins differ in two times: glargine precipitates, degludec forms chains of hexamers, detemir binds to itself and to albumin.
``half_life`` can be told from plasma insulin after the last injection, ``onset`` hardly from glucose. Not in it: that more
units last longer, and that days differ. Where ``onset`` is half_life / ln 2 the second form is 0 / 0.

Source: bound insulin before the stages of the rapid ones, as glargine in J. Wong et al., J. Diabetes Sci. Technol. 2:658-671
(2008), here linear and with an onset; times of three insulins in ``physio.bodies.pen``.
"""

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractEventPart, Scalar, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity

DAY = 1440.0    # min


class LongActingDepot(AbstractEventPart):
    """Where a pen puts long-acting insulin; glargine of 100 U/mL unless told otherwise."""

    time_unit = "min"

    onset: Scalar = parameter("min", LogNormal(30.0, cv=0.3), source="assumed: 30 % of a day's glargine is absorbed in 6 h")
    half_life: Scalar = parameter("min", LogNormal(726.0, cv=0.2), source="12.1 h of glargine, Heise 2015; spread assumed")

    class State(eqx.Module):
        bound: Scalar = state("U")
        ready: Scalar = state("U")

    class Sensed(eqx.Module):
        delivery: Scalar = port("U/min")

    class Events(eqx.Module):
        injection: Scalar = port("U")
        ready: Scalar = port("U")

    class Outputs(eqx.Module):
        release: Scalar = port("U/min")
        delivery: Scalar = port("U/min")

    def rest(self):
        none = as_quantity(jnp.zeros_like(self.onset), "U")
        return self.State(bound=none, ready=none)

    def outputs(self, t, state, sensed):
        release = jnp.log(2.0) * state.ready / self.half_life
        return self.Outputs(release=release, delivery=sensed.delivery + release)

    def rates(self, t, state, sensed, out):
        freed = state.bound / self.onset
        return self.State(bound=-freed, ready=freed - out.release)

    def jump(self, t, event, state, sensed):
        return self.State(bound=state.bound + event.injection, ready=state.ready + event.ready)

    def accustomed(self, units, since):
        """State of a person ``since`` [min] after the last of endless daily injections of ``units`` [U]."""
        a, b = 1.0 / self.onset, jnp.log(2.0) / self.half_life
        # all injections before: a geometric series
        early, late = (jnp.exp(-k * since) / -jnp.expm1(-k * DAY) for k in (a, b))
        return self.State(bound=units * early, ready=units * a / (a - b) * (late - early))
