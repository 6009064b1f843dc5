"""Insulin under the skin: a rapid analogue, infused or injected, that dissociates on its way to the blood.

    dS1/dt = u - (ka1 + kd) S1            S1, S2   not yet and already dissociated   [pmol/kg]
    dS2/dt = kd S1 - ka2 S2               u        delivery                          [pmol/kg/min]
    R      = ka1 S1 + ka2 S2              R        absorption into plasma            [pmol/kg/min]
    u      = basal + 6000 J / BW          J        delivery beside the basal rate    [U/min], negative while a pump pauses

A bolus is delivered over a minute by ``input.insulin``. From glucose alone kd, ka1 and ka2 are one scale of time.

Source: G. Nucci, C. Cobelli, Comput. Methods Programs Biomed. 62:249-257 (2000), model of two compartments; in the
simulator of B. P. Kovatchev et al., J. Diabetes Sci. Technol. 3:44-55 (2009).
"""

import equinox as eqx

from physio.component import AbstractPlainPart, Scalar, as_float, parameter, port, state
from physio.priors import LogNormal
from physio.units import as_quantity

ASSUMED = "assumed: a rapid analogue that peaks in plasma after about an hour"
PMOL_PER_U = 6000.0    # of the simulator


class InsulinDepot(AbstractPlainPart):
    """Where a pump or a pen delivers."""

    time_unit = "min"

    dissociation: Scalar = parameter("1/min", LogNormal(0.0164, cv=0.3), source=f"kd, {ASSUMED}")
    early: Scalar = parameter("1/min", LogNormal(0.0018, cv=0.4), source=f"ka1, {ASSUMED}")
    late: Scalar = parameter("1/min", LogNormal(0.0182, cv=0.3), source=f"ka2, {ASSUMED}")
    basal: Scalar = parameter("pmol/kg/min", LogNormal(1.2, cv=0.3), source="assumed: holds 50 pmol/L; 0.84 U/h at 70 kg")

    class State(eqx.Module):
        fresh: Scalar = state("pmol/kg")
        dissociated: Scalar = state("pmol/kg")

    class Sensed(eqx.Module):
        delivery: Scalar = port("U/min")
        weight: Scalar = port("kg")

    class Outputs(eqx.Module):
        absorption: Scalar = port("pmol/kg/min")

    def rest(self):
        fresh = self.basal / (self.early + self.dissociation)
        return self.State(fresh=fresh, dissociated=self.dissociation * fresh / self.late)

    def outputs(self, t, state, sensed):
        return self.Outputs(absorption=self.early * state.fresh + self.late * state.dissociated)

    def rates(self, t, state, sensed, out):
        units = as_quantity(as_float(PMOL_PER_U).astype(self.basal.dtype), "pmol/U")
        delivered = self.basal + units * sensed.delivery / sensed.weight
        passed = self.dissociation * state.fresh
        return self.State(
            fresh=delivered - self.early * state.fresh - passed,
            dissociated=passed - self.late * state.dissociated,
        )
