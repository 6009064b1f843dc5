"""Insulin in liver and plasma, and its delayed action on the use and on the production of glucose.

    dIl/dt = -(m1 + m3) Il + m2 Ip + S                  Il, Ip   insulin in liver, in plasma       [pmol/kg]
    dIp/dt = -(m2 + m4) Ip + m1 Il + R                  S, R     secretion, absorption from skin   [pmol/kg/min]
    dX/dt  = -p2U (X - (I - Ib))                        X        action on use                     [pmol/L]
    dI1/dt = -ki (I1 - I),   dId/dt = -ki (Id - I1)     Id       action on the liver, delayed      [pmol/L]
    I      = Ip / VI                                    I        plasma insulin                    [pmol/L]

The liver takes out the share HE of what passes: m3 = HE m1 / (1 - HE). It is constant in ``DeliveredInsulin`` (S = 0,
type 1 diabetes) and HE = m6 - m5 S in ``SecretedInsulin`` (R = 0). Below basal insulin X is negative.

From glucose alone VI and the m's are not identifiable. Ib is both where a person starts and the level at which X = 0.

Source: C. Dalla Man, R. A. Rizza, C. Cobelli, IEEE Trans. Biomed. Eng. 54:1740-1749 (2007).
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.priors import LogitNormal, LogNormal

NORMAL = "normal subject of Dalla Man 2007; spread assumed"


class AbstractInsulinKinetics(AbstractPlainPart):
    """What both share; they differ in where insulin comes from."""

    time_unit = "min"

    volume: Scalar = parameter("L/kg", LogNormal(0.05, cv=0.15), source=f"VI, {NORMAL}")
    to_plasma: Scalar = parameter("1/min", LogNormal(0.19, cv=0.2), source=f"m1, {NORMAL}")
    to_liver: Scalar = parameter("1/min", LogNormal(0.484, cv=0.2), source=f"m2, {NORMAL}")
    degradation: Scalar = parameter("1/min", LogNormal(0.194, cv=0.2), source=f"m4, {NORMAL}")
    use_rate: Scalar = parameter("1/min", LogNormal(0.0331, cv=0.3), source=f"p2U, {NORMAL}")
    liver_rate: Scalar = parameter("1/min", LogNormal(0.0079, cv=0.3), source=f"ki, {NORMAL}")
    basal: Scalar = parameter("pmol/L", LogNormal(50.0, cv=0.3), source="Ib: assumed, that which holds 130 mg/dL here")

    class State(eqx.Module):
        liver: Scalar = state("pmol/kg")
        plasma: Scalar = state("pmol/kg")
        utilisation: Scalar = state("pmol/L")
        delayed: Scalar = state("pmol/L")
        suppression: Scalar = state("pmol/L")

    class Sensed(eqx.Module):
        source: Scalar = port("pmol/kg/min")

    class Outputs(eqx.Module):
        insulin: Scalar = port("pmol/L")
        utilisation: Scalar = port("pmol/L")
        suppression: Scalar = port("pmol/L")

    @abc.abstractmethod
    def extraction(self, source):
        """m3 [1/min]."""

    @abc.abstractmethod
    def entering(self, source):
        """``(S, R)``: what enters liver and plasma."""

    @abc.abstractmethod
    def basal_liver(self):
        """Il of somebody with the insulin Ib [pmol/kg]."""

    @abc.abstractmethod
    def basal_source(self):
        """The source that holds Ib [pmol/kg/min]."""

    def rest(self):
        action = jnp.zeros_like(self.basal)
        return self.State(self.basal_liver(), self.basal * self.volume, action, self.basal, self.basal)

    def outputs(self, t, state, sensed):
        return self.Outputs(state.plasma / self.volume, state.utilisation, state.suppression)

    def rates(self, t, state, sensed, out):
        secreted, absorbed = self.entering(sensed.source)
        leaves = (self.to_plasma + self.extraction(sensed.source)) * state.liver
        return self.State(
            liver=self.to_liver * state.plasma - leaves + secreted,
            plasma=self.to_plasma * state.liver - (self.to_liver + self.degradation) * state.plasma + absorbed,
            utilisation=self.use_rate * (out.insulin - self.basal - state.utilisation),
            delayed=self.liver_rate * (out.insulin - state.delayed),
            suppression=self.liver_rate * (state.delayed - state.suppression),
        )


class DeliveredInsulin(AbstractInsulinKinetics):
    """All insulin comes from under the skin."""

    liver_loss: Scalar = parameter("1/min", LogNormal(0.285, cv=0.2), source=f"m3 at HE = 0.6 and m1 = 0.19/min, {NORMAL}")

    def extraction(self, source):
        return self.liver_loss

    def entering(self, source):
        return 0.0 * source, source

    def basal_liver(self):
        return self.to_liver * self.basal * self.volume / (self.to_plasma + self.liver_loss)

    def basal_source(self):
        plasma = self.basal * self.volume
        return (self.to_liver + self.degradation) * plasma - self.to_plasma * self.basal_liver()


class SecretedInsulin(AbstractInsulinKinetics):
    """All insulin comes from the pancreas, by way of the liver."""

    extraction_slope: Scalar = parameter("kg*min/pmol", LogNormal(0.0304, cv=0.2), source=f"m5, {NORMAL}")
    full_extraction: Scalar = parameter("1", LogitNormal(0.6471, sd=0.2), source=f"m6, {NORMAL}")
    basal: Scalar = parameter("pmol/L", LogNormal(25.0, cv=0.3), source=f"Ib, {NORMAL}")

    def extraction(self, source):
        share = self.full_extraction - self.extraction_slope * source
        return share * self.to_plasma / (1.0 - share)

    def entering(self, source):
        return source, 0.0 * source

    def basal_liver(self):
        return (self.to_liver + self.degradation) * self.basal * self.volume / self.to_plasma

    def basal_source(self):
        # m1 Il = (m2 Ip + S) (1 - m6 + m5 S)
        passes, back = self.to_plasma * self.basal_liver(), self.to_liver * self.basal * self.volume
        left = 1.0 - self.full_extraction
        linear = left + self.extraction_slope * back
        root = jnp.sqrt(linear**2 + 4.0 * self.extraction_slope * (passes - left * back))
        return 0.5 * (root - linear) / self.extraction_slope
