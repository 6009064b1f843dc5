"""Glucose in plasma and fast tissues, and in slow tissues: production by the liver, use, and loss in the urine.

    dGp/dt = EGP + Ra - F_cns - E - k1 Gp + k2 Gt          Gp, Gt   glucose in plasma, in slow tissues       [mg/kg]
    dGt/dt = -U_id + k1 Gp - k2 Gt                         Ra       appearance from the gut                  [mg/kg/min]
    EGP    = max(kp1 - kp2 Gp - kp3 Id, 0)                 Id       delayed insulin, acts on the liver       [pmol/L]
    U_id   = (Vm0 + Vmx X) Gt / (Km0 + Gt)                 X        insulin action on use                    [pmol/L]
    E      = ke1 max(Gp - ke2, 0)                          E        loss in the urine, above 180 mg/dL or so [mg/kg/min]
    G      = Gp / VG                                       G        plasma glucose                           [mg/dL]

``PortalGlucoseKinetics`` has one term more, EGP = max(kp1 - kp2 Gp - kp3 Id - kp4 Ipo, 0), with the insulin Ipo [pmol/kg]
in the portal vein of somebody who secretes some. In the exact classes a pool that is empty stays empty.

From plasma glucose alone VG, k1 and k2 are not identifiable, and of kp1, kp2 and Vm0 only the level at rest; Vmx and kp3
trade off unless insulin moved in more than one way. ``fasting`` is where a person starts and no law: it is
steady where kp1 is ``constant_production()``.

Source: C. Dalla Man, R. A. Rizza, C. Cobelli, IEEE Trans. Biomed. Eng. 54:1740-1749 (2007); without portal insulin
C. Dalla Man, D. M. Raimondo, R. A. Rizza, C. Cobelli, J. Diabetes Sci. Technol. 1:323-330 (2007).
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from physio.component import AbstractPlainPart, Scalar, parameter, port, state
from physio.metabolism.smooth import softly_positive
from physio.priors import LogNormal
from physio.units import as_quantity

NORMAL = "normal subject of Dalla Man 2007; spread assumed"
TYPE_2 = "type 2 diabetes, Dalla Man 2007, as nearest to type 1; spread assumed"
# widths of the smooth corners
FLUX_MG_KG_MIN, AMOUNT_MG_KG = 0.02, 2.0


class AbstractGlucoseKinetics(AbstractPlainPart):
    """What all share; they differ in what slows the liver and in how corners are made."""

    time_unit = "min"

    volume: Scalar = parameter("dL/kg", LogNormal(1.88, cv=0.15), source=f"VG, {NORMAL}")
    to_tissue: Scalar = parameter("1/min", LogNormal(0.065, cv=0.2), source=f"k1, {NORMAL}")
    from_tissue: Scalar = parameter("1/min", LogNormal(0.079, cv=0.2), source=f"k2, {NORMAL}")
    production: Scalar = parameter("mg/kg/min", LogNormal(3.09, cv=0.2), source=f"kp1, {TYPE_2}")
    effectiveness: Scalar = parameter("1/min", LogNormal(0.0021, cv=0.3), source=f"kp2, {NORMAL}")
    liver_sensitivity: Scalar = parameter("mg*L/kg/min/pmol", LogNormal(0.009, cv=0.4), source=f"kp3, {NORMAL}")
    brain: Scalar = parameter("mg/kg/min", LogNormal(1.0, cv=0.1), source=f"Fcns, {NORMAL}")
    uptake: Scalar = parameter("mg/kg/min", LogNormal(2.5, cv=0.3), source=f"Vm0, {NORMAL}")
    uptake_sensitivity: Scalar = parameter("mg*L/kg/min/pmol", LogNormal(0.047, cv=0.4), source=f"Vmx, {NORMAL}")
    half_uptake: Scalar = parameter("mg/kg", LogNormal(225.59, cv=0.2), source=f"Km0, {NORMAL}")
    excretion: Scalar = parameter("1/min", LogNormal(0.0005, cv=0.3), source=f"ke1, {NORMAL}")
    threshold: Scalar = parameter("mg/kg", LogNormal(339.0, cv=0.1), source=f"ke2, {NORMAL}")
    fasting: Scalar = parameter("mg/dL", LogNormal(130.0, cv=0.15), source="Gb: assumed, type 1 diabetes under basal insulin")

    class State(eqx.Module):
        plasma: Scalar = state("mg/kg")
        tissue: Scalar = state("mg/kg")

    class Sensed(eqx.Module):
        appearance: Scalar = port("mg/kg/min")
        utilisation: Scalar = port("pmol/L")
        suppression: Scalar = port("pmol/L")

    class Outputs(eqx.Module):
        glucose: Scalar = port("mg/dL")
        change: Scalar = port("mg/dL/min")

    @abc.abstractmethod
    def slowed(self, state, sensed):
        """By how much glucose and insulin slow the liver [mg/kg/min]."""

    @abc.abstractmethod
    def positive(self, x, width):
        """x, but not below zero."""

    @abc.abstractmethod
    def kept(self, amount, rate):
        """The rate of an amount that cannot become negative."""

    def rest(self):
        plasma = self.fasting * self.volume
        # k2 Gt + Vm0 Gt / (Km0 + Gt) = k1 Gp
        inward = self.to_tissue * plasma
        linear = self.from_tissue * self.half_uptake + self.uptake - inward
        root = jnp.sqrt(linear**2 + 4.0 * self.from_tissue * inward * self.half_uptake)
        return self.State(plasma=plasma, tissue=0.5 * (root - linear) / self.from_tissue)

    def outputs(self, t, state, sensed):
        rate = self.kept(state.plasma, self._plasma_rate(state, sensed))
        return self.Outputs(glucose=state.plasma / self.volume, change=rate / self.volume)

    def rates(self, t, state, sensed, out):
        exchange = self.to_tissue * state.plasma - self.from_tissue * state.tissue
        tissue = exchange - self.used(state, sensed.utilisation)
        return self.State(plasma=out.change * self.volume, tissue=self.kept(state.tissue, tissue))

    def used(self, state, utilisation):
        """Use that insulin can raise [mg/kg/min]."""
        capacity = self.uptake + self.uptake_sensitivity * utilisation
        return capacity * state.tissue / (self.half_uptake + state.tissue)

    def lost(self, state):
        """Loss in the urine [mg/kg/min]."""
        width = as_quantity(jnp.full_like(state.plasma, AMOUNT_MG_KG), "mg/kg")
        return self.excretion * self.positive(state.plasma - self.threshold, width)

    def constant_production(self, sensed):
        """The kp1 that holds ``rest()`` without a meal, with insulin at the levels sensed and no action on use."""
        state = self.rest()
        exchange = self.to_tissue * state.plasma - self.from_tissue * state.tissue
        return self.brain + self.lost(state) + exchange + self.slowed(state, sensed)

    def _plasma_rate(self, state, sensed):
        width = as_quantity(jnp.full_like(state.plasma, FLUX_MG_KG_MIN), "mg/kg/min")
        produced = self.positive(self.production - self.slowed(state, sensed), width)
        exchange = self.to_tissue * state.plasma - self.from_tissue * state.tissue
        return produced + sensed.appearance - self.brain - self.lost(state) - exchange


class GlucoseKinetics(AbstractGlucoseKinetics):
    """Somebody who secretes no insulin, with the corners of the simulator."""

    def slowed(self, state, sensed):
        return self.effectiveness * state.plasma + self.liver_sensitivity * sensed.suppression

    def positive(self, x, width):
        return jnp.maximum(x, 0.0)

    def kept(self, amount, rate):
        return jnp.where(amount >= 0.0, rate, 0.0)


class SmoothGlucoseKinetics(AbstractGlucoseKinetics):
    """The same with corners 0.02 mg/kg/min and 2 mg/kg wide, and none at an empty pool."""

    def slowed(self, state, sensed):
        return self.effectiveness * state.plasma + self.liver_sensitivity * sensed.suppression

    def positive(self, x, width):
        return softly_positive(x, width)

    def kept(self, amount, rate):
        return rate


class PortalGlucoseKinetics(AbstractGlucoseKinetics):
    """Somebody who secretes insulin, which reaches the liver first."""

    production: Scalar = parameter("mg/kg/min", LogNormal(2.7, cv=0.2), source=f"kp1, {NORMAL}")
    portal_sensitivity: Scalar = parameter("mg/min/pmol", LogNormal(0.0618, cv=0.4), source=f"kp4, {NORMAL}")
    fasting: Scalar = parameter("mg/dL", LogNormal(95.0, cv=0.08), source="Gb, normal subject of Dalla Man 2007; 80-110 mg/dL")

    class Sensed(eqx.Module):
        appearance: Scalar = port("mg/kg/min")
        utilisation: Scalar = port("pmol/L")
        suppression: Scalar = port("pmol/L")
        portal: Scalar = port("pmol/kg")

    def slowed(self, state, sensed):
        by_glucose = self.effectiveness * state.plasma
        return by_glucose + self.liver_sensitivity * sensed.suppression + self.portal_sensitivity * sensed.portal

    def positive(self, x, width):
        return jnp.maximum(x, 0.0)

    def kept(self, amount, rate):
        return jnp.where(amount >= 0.0, rate, 0.0)
